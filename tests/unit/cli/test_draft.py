"""`suwen draft` and `suwen summarise` as they are called: forms, languages, clear errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from suwen import cli
from suwen.core.errors import SuwenError

SAID = (
    "Doctor: What brings you in?\nPatient: My left knee hurts.\nDoctor: Any fever?\nPatient: No.\n"
)
TABLE = 'ID,dialogue\n1,"Doctor: Any fever?\nPatient: No."\n2,"Doctor: Any cough?\nPatient: Yes."\n'


class Wired:
    """An application that keeps what it was asked."""

    def summarise(self, request: cli.SummaryRequest) -> cli.Written:
        self.asked = request
        return cli.Written("the summary\n", ("scan.pdf: no text layer",))


def suwen(*arguments: str, wired: object = None) -> Result:
    import typer.main

    from suwen.cli import draft, summarise

    app = typer.Typer()
    app.command("draft")(draft.command)
    app.command("summarise")(summarise.command)
    return CliRunner().invoke(app, list(arguments), obj=wired or Wired())


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.txt"
    path.write_text(SAID)
    return path


def test_a_talk_becomes_a_draft_in_either_language(talk: Path) -> None:
    english, chinese = (suwen("draft", str(talk), "--lang", lang).stdout for lang in ("en", "zh"))
    assert "Denies fever. [" in english
    assert "turn 4, patient" in english
    assert "否认：fever" in chinese
    assert "就诊记录草稿" in chinese


def test_a_table_gives_a_draft_a_row_or_the_one_asked_for(tmp_path: Path) -> None:
    table = tmp_path / "talks.csv"
    table.write_text(TABLE)
    lines = suwen("draft", str(table), "--format", "json").stdout.strip().splitlines()
    assert [json.loads(line)["talk"] for line in lines] == ["1", "2"]
    one = suwen("draft", str(table), "--row", "2", "--lang", "en").stdout
    assert "Reports cough." in one
    assert "fever" not in one
    assert "one talk" in str(suwen("draft", str(table), "--format", "fhir").exception)
    assert "no row 'x'" in str(suwen("draft", str(table), "--row", "x").exception)


def test_a_draft_is_written_to_a_file_on_request(talk: Path, tmp_path: Path) -> None:
    out = tmp_path / "draft.json"
    suwen("draft", str(talk), "--format", "fhir", "--out", str(out))
    assert json.loads(out.read_text())["entry"][0]["resource"]["status"] == "preliminary"
    lost = suwen("draft", str(talk), "--out", str(tmp_path / "no" / "draft.txt"))
    assert "could not be written" in str(lost.exception)


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "an empty file"),
        (b"\x00\x01\x02\xff\xfe\x00\x80", "no text"),
        (b"Cough for two days.", "nobody is named"),
        (b"Doctor: Hello.\nPatient: Hello.", "nothing for a note"),
        (b"dialogue,x\n,1\n", "a table without talks"),
    ],
)
def test_what_is_no_talk_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes, got: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    error = suwen("draft", str(path)).exception
    assert isinstance(error, SuwenError)
    assert got in str(error)
    assert "expected" in str(error)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in str(suwen("draft", str(tmp_path / "nowhere.txt")).exception)


def test_a_summary_is_asked_of_files_or_of_a_patient_never_of_both(tmp_path: Path) -> None:
    wired = Wired()
    done = suwen("summarise", str(tmp_path), "--lang", "zh", "--format", "markdown", wired=wired)
    assert wired.asked == cli.SummaryRequest(tmp_path, "", "zh", "markdown")
    assert done.stdout == "the summary\n"
    assert "scan.pdf" in done.stderr
    suwen("summarise", "--patient", "p1", wired=wired)
    assert wired.asked.patient == "p1"
    assert "nothing to summarise" in str(suwen("summarise").exception)
    both = suwen("summarise", str(tmp_path), "--patient", "p1").exception
    assert "both files and a patient" in str(both)


@pytest.mark.parametrize(
    ("option", "value", "got"),
    [("--lang", "fr", "the language 'fr'"), ("--format", "pdf", "the format 'pdf'")],
)
def test_an_unknown_language_or_form_is_refused(
    talk: Path, option: str, value: str, got: str
) -> None:
    assert got in str(suwen("draft", str(talk), option, value).exception)
    assert got in str(suwen("summarise", str(talk), option, value).exception)


def test_nothing_is_rewritten_where_no_model_is_set(talk: Path) -> None:
    assert "no language model is set" in str(suwen("summarise", str(talk), "--rewrite").exception)
