"""The command line: parse, call, print; one file a command, nothing heavy imported until used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    from suwen.core.codes import Language
    from suwen.core.nouns import Finding, Reference
    from suwen.gateway.devices.importing import Imported
    from suwen.health.alerts.trial import Desk
    from suwen.lifecycle.examples import Examples
    from suwen.lifecycle.run import ReplayResult
    from suwen.lifecycle.task import Task
    from suwen.records import Access, Person, Store


@dataclass(frozen=True)
class DiagnoseRequest:
    """What `suwen diagnose` was asked: points are x, y, z in mm (DICOM patient frame)."""

    folder: Path
    out: Path | None = None
    language: str = "en"
    points: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a diagnosis made: the stored report and the files written, with the printed summary."""

    patient: str
    report: str
    summary: tuple[str, ...]
    understood: tuple[str, ...]
    not_understood: tuple[str, ...]
    files: tuple[Path, ...]
    seconds: float
    finding_decisions: tuple[int, ...] = field(default=())


@dataclass(frozen=True)
class Answered:
    """What one task said of the files of a patient; `texts` holds the notes it points into."""

    patient: str
    findings: tuple[Finding, ...]
    texts: Mapping[Reference, str]
    not_understood: tuple[str, ...]
    decisions: tuple[int, ...]


@dataclass(frozen=True)
class SummaryRequest:
    """What `suwen summarise` was asked: notes of a file or folder, or of a patient of the store."""

    path: Path | None
    patient: str
    language: Language
    form: str
    rewrite: bool = False


@dataclass(frozen=True)
class ImportRequest:
    """What `suwen import` was asked: whose device export it is; `zone`: an IANA name, or empty."""

    path: Path
    patient: str
    zone: str = ""


@dataclass(frozen=True)
class AdviceRequest:
    """What `suwen advise` was asked: of files, or of a patient of the store."""

    path: Path | None
    patient: str
    language: Language
    form: str


@dataclass(frozen=True)
class Written:
    """A text, and why parts of what it was asked of are not in it."""

    text: str
    not_understood: tuple[str, ...] = ()


class Wiring(Protocol):
    """What the command line needs from the application above it."""

    def diagnose(self, request: DiagnoseRequest) -> Outcome:
        """Run the main job on a folder and write its outputs."""
        ...

    def demo(self, once: bool, port: int) -> None:
        """Diagnose the demo patients, then serve the workbench unless `once`."""
        ...

    def ask(self, task: str, path: Path) -> Answered:
        """Store what a file or folder of one patient holds, and answer one task on it."""
        ...

    def summarise(self, request: SummaryRequest) -> Written:
        """Return the notes of files or of a patient by problems."""
        ...

    def import_devices(self, request: ImportRequest) -> Imported:
        """Read the export of a device or an app and store its readings."""
        ...

    def advise(self, request: AdviceRequest) -> Written:
        """Return what guidelines advise a person."""
        ...

    def replay(self, decision: int) -> ReplayResult:
        """Run a logged finding again, as whoever holds the machine."""
        ...

    def acting(self) -> AbstractContextManager[Access]:
        """Open this store as whoever holds the machine."""
        ...

    def desk(self) -> AbstractContextManager[Desk]:
        """Open what whoever holds the machine works with: alerts, their rules, samples, wards."""
        ...

    def corrected(self, task: Task) -> Examples:
        """Return what people corrected in this store that whoever holds the machine may see."""
        ...

    def serve(self, host: str, port: int) -> None:
        """Serve the workbench until interrupted."""
        ...

    def opened(self) -> AbstractContextManager[tuple[Store, Person]]:
        """Open this store, and say as whom whoever holds the machine acts."""
        ...

    def gateway(self, url: str) -> tuple[str, ...]:
        """Store what devices publish to a broker until interrupted; return what came in."""
        ...


COMMANDS = (
    "diagnose",
    "run",
    "summarise",
    "draft",
    "import",
    "advise",
    "demo",
    "serve",
    "gateway",
    "devices",
    "doctor",
    "settings",
    "person",
    "keys",
    "audit",
    "replay",
    "train",
    "evaluate",
    "explain",
    "stress",
    "compress",
    "recalibrate",
    "curve",
    "terms",
    "alerts",
    "whatif",
    "card",
    "packs",
    "deidentify",
    "cohort",
    "reidentify",
)
"""Each is a module of this package with a `command` function, or an `app` with sub-commands."""
MODULES = {"import": "imports"}
"""Modules named otherwise than their command, which is a word of Python."""


def build() -> Callable[..., Any]:
    """Assemble the command line from the modules named in COMMANDS."""
    from importlib import import_module

    app = typer.Typer(
        name="suwen",
        help="Suwen: patient files in; explained, calibrated, replayable decision support out.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name in COMMANDS:
        module = import_module(f"suwen.cli.{MODULES.get(name, name)}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(module.command)
    return app
