"""The demo: the main job on the bundled synthetic patients, and on real nodules where data is."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import SecretStr

from suwen.app import demo_streams
from suwen.app.demo_alerts import furnish
from suwen.app.demo_patients import NAMES, real_nodule_folders, write_demo_folders
from suwen.app.demo_ward import live, monitors
from suwen.app.diagnose import diagnose_folder
from suwen.app.serve import run_server
from suwen.app.services import operator
from suwen.cli import DiagnoseRequest, Outcome
from suwen.core.codes import Language
from suwen.core.errors import Conflict, MissingExtra
from suwen.core.settings import settings
from suwen.lifecycle.data import DataFolders
from suwen.records import Person, Store
from suwen.server.held.auth import hash_password

REAL_NODULES = 3
ACCOUNTS: tuple[Person, ...] = (
    Person("li.na", "Dr. Li Na", "clinician", language="zh"),
    Person("j.smith", "Dr. Jane Smith", "clinician"),
    Person("nurse.wang", "Wang Min, RN", "nurse", language="zh"),
    Person("admin", "Administrator", "administrator"),
)


def run_demo(once: bool, port: int) -> None:
    """Diagnose the demo patients, print the reports' summaries, then serve unless `once`.

    Everything lies in `SUWEN_HOME/demo`; running it again finds the same patients. Their CTs are
    drawn, and a detector trained on people marks drawn vessels, so they are searched only where
    `SUWEN_SEARCH` asks for it; their nodules were pointed at.
    """
    home, own = settings().home / "demo", settings()
    search = own.search and "search" in own.model_fields_set
    chosen = own.model_copy(
        update={"home": home, "database_url": "", "master_key": "", "search": search}
    )
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    started = time.monotonic()
    _say("Suwen demo. Synthetic patients, labelled so; research and decision support only.\n")
    named: dict[str, str] = {}
    for folder, language in _folders(home):
        request = DiagnoseRequest(folder, home / "reports" / folder.name, language)
        _say(f"suwen diagnose {folder} --lang {language}")
        outcome = diagnose_folder(request, chosen)
        named[folder.name] = outcome.patient
        _print(outcome)
    _say(f"All reports after {time.monotonic() - started:.1f} s, in {home / 'reports'}\n")
    if once:
        return
    password = secrets.token_urlsafe(9)
    with ExitStack() as running:
        with Store.open(chosen) as store:
            accounts, patients = _open_accounts(store, password, list(named.values()))
            demo_streams.remember(store, ACCOUNTS[0], patients)
            found = monitors(store, ACCOUNTS[0], patients)
            furnish(store, ACCOUNTS[0], patients)
        try:
            url = running.enter_context(live(found, chosen.mqtt_topic))
            chosen = chosen.model_copy(update={"mqtt_url": SecretStr(url)})
        except MissingExtra as error:
            _say(f"No live monitors: {error}")
        run_server("127.0.0.1", port, chosen, lambda number: _invite(number, password, accounts))


def _folders(home: Path) -> list[tuple[Path, Language]]:
    """Return the patients' folders; the first report is English, the second Chinese, and so on."""
    found = write_demo_folders(home / "patients")
    data = DataFolders.from_settings()
    if data.have("imaging/lidc_voi"):
        found = [*found, *real_nodule_folders(data, home / "patients", REAL_NODULES)]
    languages: tuple[Language, Language] = ("en", "zh")
    return [(folder, languages[place % 2]) for place, folder in enumerate(found)]


def _open_accounts(
    store: Store, password: str, patients: Sequence[str]
) -> tuple[tuple[Person, ...], list[str]]:
    """Add the demo persons with this start's password, and put them on every care team.

    The last synthetic patient may sign in, too. Returns the persons, and the synthetic patients.
    """
    administrator = store.administer(Person("operator", "Operator", "administrator"))
    synthetic = list(patients[: len(NAMES)])
    own = Person("at.home", "At home (synthetic)", "patient", patient=synthetic[-1])
    accounts = (*ACCOUNTS, own)
    for person in accounts:
        try:
            store.add_person(person, hash_password(password))
        except Conflict:
            administrator.change_person(person.id, credential=hash_password(password))
    for patient in store.session(operator(store), "treatment").patients():
        for person in ACCOUNTS:
            if person.role != "administrator":
                administrator.share(patient.patient, person.id)
    return accounts, synthetic


def _invite(port: int, password: str, accounts: Sequence[Person]) -> None:
    _say(f"Workbench: http://127.0.0.1:{port}  (stop with Ctrl+C)")
    for person in accounts:
        _say(f"  {person.id:<12} {password}   {person.role}, {person.name}")


def _print(outcome: Outcome) -> None:
    for line in outcome.not_understood:
        _say(f"  not understood: {line}")
    for line in outcome.summary:
        _say(f"  {line}")
    _say(f"  {outcome.seconds:.1f} s, {len(outcome.files)} files in {outcome.files[0].parent}\n")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
