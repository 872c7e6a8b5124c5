"""Entry point of the `suwen` command."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from suwen import cli
from suwen.core.errors import SuwenError

if TYPE_CHECKING:
    from pathlib import Path

    from suwen.gateway.devices.importing import Imported
    from suwen.health.alerts.trial import Desk
    from suwen.lifecycle.examples import Examples
    from suwen.lifecycle.run import ReplayResult
    from suwen.lifecycle.task import Task
    from suwen.records import Access, Person, Store

COLLECTING = (100_000, 20, 20)
"""After how many objects, and how many smaller searches, garbage is searched for (`gc`).

What a diagnosis builds it mostly keeps: with Python's own numbers (700, 10, 10) the searches are a
tenth of a short one and find nothing. A program that goes on running keeps Python's: a gateway
that takes a million messages would hold 100 MiB that nobody looked for.
"""


class Application:
    """What the command line needs from above it; everything heavy is imported when it is used."""

    def diagnose(self, request: cli.DiagnoseRequest) -> cli.Outcome:
        """Run the main job on a folder and write its outputs."""
        gc.set_threshold(*COLLECTING)
        from suwen.app.diagnose import diagnose_folder

        gc.freeze()  # modules are kept for good
        return diagnose_folder(request)

    def demo(self, once: bool, port: int) -> None:
        """Diagnose the demo patients, then serve the workbench unless `once`."""
        from suwen.app.demo import run_demo

        run_demo(once=once, port=port)

    def ask(self, task: str, path: Path) -> cli.Answered:
        """Store what a file or folder of one patient holds, and answer one task on it."""
        from suwen.app.ask import ask

        return ask(task, path)

    def summarise(self, request: cli.SummaryRequest) -> cli.Written:
        """Return the notes of files or of a patient by problems."""
        from suwen.app.summary import summarise

        return summarise(request)

    def import_devices(self, request: cli.ImportRequest) -> Imported:
        """Read the export of a device or an app and store its readings."""
        from suwen.app.importing import import_devices

        return import_devices(request)

    def advise(self, request: cli.AdviceRequest) -> cli.Written:
        """Return what guidelines advise a person."""
        from suwen.app.advice import advise

        return advise(request)

    def replay(self, decision: int) -> ReplayResult:
        """Run a logged finding again, as whoever holds the machine."""
        from suwen.app.services import operator
        from suwen.core.settings import settings
        from suwen.lifecycle.run import replay
        from suwen.records import Store

        with Store.open(settings()) as store:
            access = store.session(operator(store), "treatment")
            return replay(store.log.decision(decision), access)

    @contextmanager
    def acting(self) -> Iterator[Access]:
        """Open this store as whoever holds the machine."""
        from suwen.app.services import operator
        from suwen.core.settings import settings
        from suwen.records import Store

        with Store.open(settings()) as store:
            yield store.session(operator(store), "treatment")

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """Open what whoever holds the machine works with: alerts, their rules, samples, wards."""
        from suwen.app.services import operator
        from suwen.core.settings import settings
        from suwen.health.alerts.trial import Desk
        from suwen.records import Store

        with Store.open(settings()) as store:
            yield Desk.of(store, operator(store), "treatment")

    def corrected(self, task: Task) -> Examples:
        """Return what people corrected in this store that whoever holds the machine may see."""
        from suwen.lifecycle.corrected import read

        with self.acting() as access:
            return read(task, access)

    def serve(self, host: str, port: int) -> None:
        """Serve the workbench until interrupted."""
        from suwen.app.serve import run_server

        def ready(number: int) -> None:
            sys.stdout.write(f"Workbench: http://{host}:{number}\n")
            sys.stdout.flush()

        run_server(host, port, ready=ready)

    @contextmanager
    def opened(self) -> Iterator[tuple[Store, Person]]:
        """Open this store, and say as whom whoever holds the machine acts."""
        from suwen.app.services import operator
        from suwen.core.settings import settings
        from suwen.records import Store

        with Store.open(settings()) as store:
            yield store, operator(store)

    def gateway(self, url: str) -> tuple[str, ...]:
        """Store what devices publish to a broker until interrupted; return what came in."""
        from suwen.app.gateway import run_gateway

        def ready() -> None:
            sys.stdout.write("Listening; Ctrl-C ends it.\n")
            sys.stdout.flush()

        return run_gateway(url, ready)


def main() -> None:
    """Run the command line; a SuwenError becomes one clear line and exit status 2."""
    wiring: cli.Wiring = Application()
    try:
        cli.build()(obj=wiring)
    except SuwenError as error:
        sys.stderr.write(f"suwen: {error}\n")
        sys.exit(2)
