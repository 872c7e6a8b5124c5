"""Durable jobs: results survive the process, errors keep their kind, disks hold no content."""

import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, signal, sys
from pathlib import Path
from suwen.app.jobs import DurableJobs, SealedJson
from suwen.core.errors import BadInput

home, kill = Path(sys.argv[1]), sys.argv[2]

def count(state):
    with (home / "trace").open("a") as file:
        file.write("x")
    return {"n": state["n"] + 1}

def refuse(state):
    raise BadInput("a bad file", "a good one", "choose another")

def work(payload, step):
    state = {"n": payload["n"]}
    for place in range(4):
        if kill == str(place):
            os.kill(os.getpid(), signal.SIGKILL)
        state = step(f"count {place}", count, state)
    return state

def failing(payload, step):
    return step("refuse", refuse, {})

flip = lambda data: bytes(byte ^ 0x5A for byte in data)
jobs = DurableJobs(
    f"sqlite:///{home / 'jobs.sqlite'}", "test", home / "lock",
    {"diagnose": work, "intake": failing}, SealedJson(flip, flip),
)
"""


def run(home: Path, script: str, kill: str = "never") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + script, str(home), kill],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


SUBMIT = """
job = jobs.unfinished() or jobs.submit("diagnose", {"n": 10, "person": {"id": "dr-li"}})
print(jobs.result(job)["n"], jobs.status(job).state, jobs.status(job).person)
jobs.close()
"""


def test_a_job_killed_between_steps_goes_on_and_repeats_no_finished_step(tmp_path):
    killed = run(tmp_path, SUBMIT, kill="2")
    assert killed.returncode == -signal.SIGKILL
    again = run(tmp_path, SUBMIT)
    assert again.stdout.split() == ["14", "done", "dr-li"], again.stderr
    assert (tmp_path / "trace").read_text() == "xxxx"


def test_what_a_job_was_given_cannot_be_read_in_its_database(tmp_path):
    done = run(tmp_path, SUBMIT.replace('"n": 10,', '"n": 10, "folder": "/data/ZHANG-SAN",'))
    assert done.returncode == 0, done.stderr
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("jobs.sqlite*"))
    assert b"diagnose" not in stored
    assert b"ZHANG-SAN" not in stored


def test_an_error_of_a_step_keeps_its_kind_and_advice(tmp_path):
    script = """
from suwen.core.errors import SuwenError
job = jobs.submit("intake", {"person": {"id": "dr-li"}})
try:
    jobs.result(job)
except SuwenError as error:
    print(type(error).__name__, error.todo)
print(jobs.status(job).state, jobs.status(job).error["code"], len(jobs.list()))
jobs.close()
"""
    done = run(tmp_path, script)
    assert done.stdout.splitlines() == [
        "BadInput choose another",
        "failed bad-input 1",
    ], done.stderr


def test_two_processes_never_run_the_same_jobs(tmp_path):
    script = """
import subprocess
from suwen.core.errors import Conflict
try:
    DurableJobs("sqlite://", "test", home / "lock", {}, SealedJson(flip, flip))
except Conflict as error:
    print(error.got)
jobs.close()
"""
    done = run(tmp_path, script)
    assert done.stdout.strip() == "another process is already running these jobs", done.stderr


def test_an_unknown_job_is_not_found(tmp_path):
    script = """
from suwen.core.errors import NotFound
try:
    jobs.status("nobody")
except NotFound as error:
    print(error.got)
jobs.close()
"""
    assert run(tmp_path, script).stdout.strip() == "no job of that id"
