"""A folder of mixed files de-identified: one subject key a patient, all or nothing.

DICOM, FHIR (JSON, NDJSON), HL7 v2, tables and notes are told by content. A file that cannot be
de-identified is refused with one error and the rest goes on. The output is written beside its place
and put there when everything is done, so an interrupted run leaves nothing that could be mistaken
for de-identified data. File names say nothing: they may hold names themselves.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from suwen.core.errors import BadInput, SuwenError
from suwen.privacy import tables, withheld
from suwen.privacy.appearing import appearing
from suwen.privacy.claims import Claims
from suwen.privacy.dicom import files as dicom
from suwen.privacy.dicom.profile import Options, methods, profile
from suwen.privacy.fhir import files as fhir
from suwen.privacy.fhir.reading import check
from suwen.privacy.files import SUFFIX, File, Kind, Refused, decoded, files
from suwen.privacy.hl7 import messages as hl7
from suwen.privacy.roster import Roster, claims
from suwen.privacy.subjects.person import Person

REPORT: Final = "report.json"
SHARED: Final = "shared"
"""Folder of what is about several patients or none in particular."""


@dataclass
class Outcome:
    """What became of a folder.

    Parameters
    ----------
    persons
        Who is behind each pseudonym, for the vault; never written into the output.
    written
        How many files of each kind.
    unassigned
        Numbers of notes whose patient is not known; they share no key with anybody.
    """

    persons: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    written: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    unassigned: list[int] = field(default_factory=list)
    actions: dict[Kind, Counter[str]] = field(
        default_factory=lambda: {kind: Counter() for kind in SUFFIX}
    )
    blanked: int = 0

    @property
    def withheld(self) -> int:
        """How many values went because they equal somebody's name or number."""
        return sum(told[withheld.COUNTED] for told in self.actions.values())

    def report(self, options: Options) -> dict[str, Any]:
        """Return what may be said of it without identity."""
        return {
            "profile": profile()["edition"],
            "methods": [{"code": code, "meaning": meaning} for code, meaning in methods(options)],
            "pseudonyms": sorted(self.persons),
            "written": dict(sorted(self.written.items())),
            "refused": [
                {"file": one.number, "code": one.error.code, "got": one.error.got}
                for one in self.refused
            ],
            "notes_without_a_known_patient": self.unassigned,
            "burned_in_boxes_blanked": self.blanked,
            "elements": {
                kind: dict(sorted(told.items())) for kind, told in self.actions.items() if told
            },
        }


def deidentify(
    source: Path,
    target: Path,
    secret: bytes,
    options: Options | None = None,
    *,
    keep: Callable[[Outcome], None] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Outcome:
    """De-identify the files of a folder into a new folder.

    Parameters
    ----------
    source, target
        Folder of files of one or several patients; folder to be made, absent or empty.
    secret
        Of the project: the subject keys are derived from it.
    options
        Options of the DICOM profile.
    keep
        Called once everything is done and before the folder appears: keeps who is who.
    columns
        Actions on columns of tables by header, before any guess.

    Raises
    ------
    BadInput
        The folders cannot be used, or no file could be de-identified.
    StorageUnavailable
        The output cannot be written; nothing is left of it.
    """
    options = options or Options()
    _check_places(source, target)
    with appearing(target, "the output") as part:
        outcome = _written(source, part, secret, options, columns or {})
        if keep is not None:
            keep(outcome)
    return outcome


def _written(
    source: Path, part: Path, secret: bytes, options: Options, columns: Mapping[str, str]
) -> Outcome:
    """Write the files and the report into a folder."""
    outcome, said = Outcome(), Claims(part)
    read = _who(source, outcome, said, columns)
    _Run(part, Roster(secret, said), options, columns, outcome).write(read)
    text = json.dumps(outcome.report(options), indent=1, ensure_ascii=False)
    (part / REPORT).write_text(text + "\n", encoding="utf-8")
    return outcome


def _check_places(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise BadInput("no such folder", "a folder of files", "correct the path")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BadInput("an output folder that holds something", "a new folder", "choose another")
    inside = source.resolve() in target.resolve().parents
    if inside or target.resolve() == source.resolve():
        raise BadInput("an output folder within the input", "one outside", "choose another place")


def _who(source: Path, outcome: Outcome, said: Claims, columns: Mapping[str, str]) -> list[File]:
    """Read every file once: return those that can be read; put what they say of whom in `said`."""
    read: list[File] = []
    for file in files(source):
        before = len(said)
        try:
            if isinstance(file, Refused):
                raise file.error
            for one in claims(file, columns):
                said.add(one)
            read.append(file)
        except SuwenError as error:
            said.cut(before)
            outcome.refused.append(Refused(file.number, file.path, error))
    return read


@dataclass(frozen=True)
class _Run:
    """The second pass over a folder: what each file is written by."""

    part: Path
    roster: Roster
    options: Options
    columns: Mapping[str, str]
    outcome: Outcome

    def write(self, read: Iterable[File]) -> None:
        """De-identify file by file; a bad one is left out with its reason."""
        self.outcome.persons = self.roster.told
        for file in read:
            try:
                owner, pieces = _FORMATS[file.kind](self, file)
                self._put(file, owner, pieces)
            except SuwenError as error:
                self.outcome.refused.append(Refused(file.number, file.path, error))
        if not self.outcome.written:
            refused = self.outcome.refused
            raise BadInput(
                "a folder without a file that could be de-identified",
                "DICOM, FHIR JSON, HL7 v2, tables or text",
                str(refused[0].error) if refused else "check the folder",
            )

    def verified(self, pieces: Iterable[str]) -> Iterator[bytes]:
        """Search text that is about to be written for everybody's whole names.

        Numbers went value by value; two of them side by side are no third.
        """
        for piece in pieces:
            if self.roster.names_anybody(piece):
                raise BadInput(
                    "an identifier that is still there after de-identification",
                    "none",
                    "report the file's structure to the maintainers; it was left out",
                )
            yield piece.encode()

    def _put(self, file: File, owner: Person | None, pieces: Iterable[bytes]) -> None:
        """Write a file piece by piece; nothing stays of one that cannot be written to its end."""
        folder = self.part / (owner.subject.pseudonym if owner else SHARED)
        folder.mkdir(exist_ok=True, mode=0o700)
        path = folder / f"{file.kind}-{file.number:05d}.{SUFFIX[file.kind]}"
        try:
            with path.open("xb") as out:
                out.writelines(pieces)
                out.flush()
                os.fsync(out.fileno())
        except SuwenError:
            path.unlink()
            if not any(folder.iterdir()):
                folder.rmdir()
            raise
        self.outcome.written[file.kind] += 1


Written = tuple[Person | None, Iterable[bytes]]
"""Whose a file is (None: nobody's alone), and its bytes."""


def _dicom(run: _Run, file: File) -> Written:
    owner = run.roster.owner(file)
    who = owner or run.roster.common
    done = dicom.deidentify(file.read(), who.subject, run.options, who.clean_text, who.known)
    run.outcome.actions["dicom"].update(done.actions)
    run.outcome.blanked += done.blanked
    return owner, [done.data]  # swept element by element


def _fhir(run: _Run, file: File) -> Written:
    told = fhir.Told(run.outcome.actions["fhir"])

    def pieces() -> Iterator[str]:
        cast, scrub = run.roster.cast(file), run.roster.without_anybody
        yield from fhir.pieces(file.read(), cast, told, check, scrub)
        told.actions.update({f"left out {kind}": count for kind, count in told.left_out.items()})

    return run.roster.owner(file), (piece.encode() for piece in pieces())


def _hl7(run: _Run, file: File) -> Written:
    text = decoded(file.read())
    told, scrub = run.outcome.actions["hl7"], run.roster.without_anybody
    pieces = hl7.pieces(text, run.roster.cast(file), told, scrub)
    return run.roster.owner(file), run.verified(pieces)


def _table(run: _Run, file: File) -> Written:
    """Write a table row by row; each cell is swept by itself, as figures of two are no number."""
    text = decoded(file.read())
    said, told = tables.said_of(text, run.columns), run.outcome.actions["table"]
    roster = run.roster
    rows = tables.pieces(text, roster.cast(file), said, told, roster.without_anybody)
    return roster.owner(file), (row.encode() for row in rows)


def _note(run: _Run, file: File) -> Written:
    text = decoded(file.read())
    person = run.roster.named_in(text)
    new = person.prose(text) if person else run.roster.note_of_nobody(file, text)
    if person is None:
        run.outcome.unassigned.append(file.number)
    return person, run.verified([new])


_FORMATS: Final[Mapping[Kind, Callable[[_Run, File], Written]]] = {
    "dicom": _dicom,
    "fhir": _fhir,
    "hl7": _hl7,
    "table": _table,
    "note": _note,
}
"""How a file of each kind is de-identified."""
