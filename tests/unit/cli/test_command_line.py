"""The command line: quick to answer, one clear line for an error, help for everything."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import suwen as suwen_package
from suwen.cli import COMMANDS, build

CLEAN = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(suwen_package.__file__).parents[1])}
"""An environment without settings of ours."""
HEAVY = ("numpy", "pydantic", "sqlalchemy", "torch", "onnxruntime", "pydicom", "fastapi", "dbos")


def suwen(
    *arguments: str, home: str = "/nonexistent", code: str = ""
) -> subprocess.CompletedProcess:
    program = f"from suwen.app.main import main\ntry:\n    main()\nfinally:\n    pass\n    {code}"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**CLEAN, "SUWEN_HOME": home, "COLUMNS": "100"},
    )


def test_help_imports_nothing_heavy():
    code = "import sys; print('heavy:', [name for name in %r if name in sys.modules])"
    done = suwen("--help", code=code % (HEAVY,))
    assert "heavy: []" in done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="module")
def told():
    """A function that runs the command line in this process and returns what it printed."""
    app = build()

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_help_names_every_command(told):
    shown = told("--help")
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(told, name):
    assert "Usage" in told(name, "--help")


def test_a_missing_folder_is_one_clear_line(tmp_path):
    done = suwen("diagnose", str(tmp_path / "nowhere"), home=str(tmp_path / "home"))
    assert done.returncode == 2
    assert done.stderr.startswith("suwen: no such folder; expected")
    assert "Traceback" not in done.stderr


def test_a_malformed_point_says_what_a_point_looks_like(tmp_path):
    done = suwen("diagnose", str(tmp_path), "--point=left lung", home=str(tmp_path / "home"))
    assert done.returncode == 2
    assert "three numbers x,y,z in mm" in done.stderr


def test_a_file_where_a_folder_belongs_is_said_so(tmp_path):
    (tmp_path / "note.txt").write_text("Cough.")
    done = suwen("diagnose", str(tmp_path / "note.txt"), home=str(tmp_path / "home"))
    assert done.returncode == 2
    assert done.stderr.startswith("suwen: a file, no folder; expected a folder")


def test_settings_prints_every_setting_with_its_help(tmp_path):
    shown = suwen("settings", home=str(tmp_path)).stdout
    assert f"SUWEN_HOME={tmp_path}" in shown
    assert "Folders searched for data sets" in shown


def test_a_new_person_is_listed_and_the_log_verifies(tmp_path):
    home = str(tmp_path / "home")
    program = "from suwen.app.main import main; main()"
    added = subprocess.run(
        [sys.executable, "-c", program, "person", "add", "li.na", "--role", "clinician"],
        input="correct horse battery\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**CLEAN, "SUWEN_HOME": home},
    )
    assert added.returncode == 0, added.stderr
    assert "li.na" in suwen("person", "list", home=home).stdout
    assert suwen("audit", "verify", home=home).stdout.startswith("intact: 1 entries")
    log = tmp_path / "log.jsonl"
    assert suwen("audit", "export", str(log), home=home).returncode == 0
    assert suwen("audit", "verify", str(log), home=home).returncode == 0
    since = suwen("audit", "verify", "--against", str(log), home=home)
    assert since.stdout.startswith("intact: 2 entries, of which 2 as exported"), since.stdout
    lines = log.read_text().splitlines()
    log.write_text("\n".join([lines[0].replace("clinician", "administrator"), *lines[1:]]) + "\n")
    tampered = suwen("audit", "verify", str(log), home=home)
    assert tampered.returncode == 1
    assert "line 1" in tampered.stdout
