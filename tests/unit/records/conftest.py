"""Stores to test on: the same tests run on SQLite and on a private PostgreSQL cluster."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from suwen.core.settings import Settings
from suwen.records import Access, Administration, Person, Store

DOCTOR = Person("dr-li", "Li Na", "clinician")
OTHER = Person("dr-chen", "Chen Wei", "clinician")
NURSE = Person("nurse-wu", "Wu Min", "nurse")
SCIENTIST = Person("data-zhao", "Zhao Lei", "scientist")
ADMIN = Person("it-sun", "Sun Yu", "administrator")


@dataclass
class Clinic:
    """A store with its people, and the resources the tests tell about."""

    home: Path
    url: str
    store: Store
    doctor_person = DOCTOR
    other_person = OTHER
    nurse_person = NURSE
    scientist_person = SCIENTIST
    admin_person = ADMIN

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, database_url=self.url)

    @property
    def doctor(self) -> Access:
        return self.store.session(DOCTOR, "treatment")

    @property
    def other(self) -> Access:
        return self.store.session(OTHER, "treatment")

    @property
    def admin(self) -> Administration:
        return self.store.administer(ADMIN)

    @staticmethod
    def pulse(name: str = "hr-1", value: float = 80, **more: Any) -> dict[str, Any]:
        return {
            "resourceType": "Observation",
            "id": name,
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": "2024-03-01T10:00:00+08:00",
            "valueQuantity": {
                "value": value,
                "unit": "/min",
                "system": "http://unitsofmeasure.org",
                "code": "/min",
            },
        } | more

    @staticmethod
    def wang() -> dict[str, Any]:
        return {
            "resourceType": "Patient",
            "id": "p1",
            "name": [{"family": "Wang", "given": ["Fang"]}],
            "birthDate": "1958-04-02",
            "gender": "female",
            "identifier": [{"system": "urn:mrn", "value": "MRN-7788"}],
        }


def _room() -> Path:
    """Return where a cluster fits that is thrown away: memory where there is enough of it."""
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3
    return memory if roomy else Path(tempfile.gettempdir())


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start a PostgreSQL cluster of our own; return a function that makes a database's URL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    binaries = found[-1].parent
    folder = _room() / f"suwen-pg-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o755)
    as_user: list[str] = []
    if os.geteuid() == 0:
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")

    def call(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd="/", timeout=60)

    data = str(folder / "data")
    call(str(binaries / "initdb"), "-D", data, "-U", "suwen", "-A", "trust", "-N")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    call(
        str(binaries / "pg_ctl"),
        "-D",
        data,
        "-w",
        "-l",
        str(folder / "log"),
        "-o",
        options,
        "start",
    )

    def database() -> str:
        """Make a schema: as private to a test as a database, and much faster to have."""
        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(f"host={folder} user=suwen dbname=postgres") as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        options = quote(f"-csearch_path={name}")
        return f"postgresql://suwen@/postgres?host={folder}&options={options}"

    try:
        yield database
    finally:
        call(str(binaries / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The database URL of a new store: empty for SQLite."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres")()


@pytest.fixture
def home() -> Iterator[Path]:
    """A SUWEN_HOME where waiting for the disk takes no time."""
    with tempfile.TemporaryDirectory(prefix="suwen-", dir=_room()) as folder:
        yield Path(folder) / "home"


@pytest.fixture
def clinic(home: Path, url: str) -> Iterator[Clinic]:
    with Store.open(Settings(home=home, database_url=url)) as store:
        yield Clinic(home, url, store)


@pytest.fixture
def sqlite_clinic(home: Path) -> Iterator[Clinic]:
    with Store.open(Settings(home=home)) as store:
        yield Clinic(home, "", store)
