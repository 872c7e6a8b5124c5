"""A folder of mixed files de-identified: one subject key a patient, all or nothing.

DICOM, FHIR (JSON, NDJSON), HL7 v2, tables and notes are told by content. A file that cannot be
de-identified is refused with one error and the rest goes on. The output is written beside its place
and put there when everything is done, so an interrupted run leaves nothing that could be mistaken
for de-identified data. File names say nothing: they may hold names themselves.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from suwen.core.dicom_guard import is_dicom
from suwen.core.errors import BadInput, StorageUnavailable, SuwenError
from suwen.privacy import dicom, fhir, hl7, people, tables
from suwen.privacy.deidentify import deidentify as deidentify_text
from suwen.privacy.dicom_profile import Options, methods, profile
from suwen.privacy.fhir_reading import check as check_fhir
from suwen.privacy.known import Known
from suwen.privacy.people import Claim
from suwen.privacy.person import Cast, Cleaner, Person
from suwen.privacy.subject import Subject

REPORT: Final = "report.json"
SHARED: Final = "shared"
"""Folder of what is about several patients or none in particular."""
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]")
_SUFFIX: Final = {"dicom": "dcm", "fhir": "ndjson", "hl7": "hl7", "table": "csv", "note": "txt"}


@dataclass(frozen=True)
class Refused:
    """A file that was left out, by its number, its place and the one reason."""

    number: int
    path: Path
    error: SuwenError


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

    persons: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    written: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    unassigned: list[int] = field(default_factory=list)
    actions: dict[str, Counter[str]] = field(default_factory=dict)
    blanked: int = 0

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
            "elements": {kind: dict(sorted(all.items())) for kind, all in self.actions.items()},
        }


@dataclass(frozen=True)
class _File:
    number: int
    path: Path
    kind: str


def text_cleaner(subject: Subject) -> Cleaner:
    """Return what takes identifiers out of a text of this subject; equal texts are read once."""

    @lru_cache(maxsize=4096)
    def clean(text: str) -> str:
        return deidentify_text(text, "shift", subject).text

    return clean


def kind_of(data: bytes) -> str:
    """Return dicom, fhir, hl7, table or note.

    Raises
    ------
    BadInput
        It is none of them.
    """
    if is_dicom(data):
        return "dicom"
    if hl7.is_hl7(data):
        return "hl7"
    text = decoded(data)
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        return "fhir"
    return "note" if tables.read(text) is None else "table"


def decoded(data: bytes) -> str:
    """Return the text of a file: UTF-8, UTF-16 with its mark, GB 18030 or Windows-1252.

    Raises
    ------
    BadInput
        It is empty or no text.
    """
    marks = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    for name in [marks[data[:2]]] if data[:2] in marks else ["utf-8-sig", "gb18030", "cp1252"]:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if text.strip() and not _CONTROL.search(text.strip("\x0b\x1c\r\n")):
            return text
    raise BadInput(
        "a file that is none of DICOM, FHIR JSON, HL7 v2, a table or text",
        "one of these",
        "export its content, or leave it out",
    )


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
    source
        Folder of files of one or several patients.
    target
        Folder to be made; it must not exist, or be empty.
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
    part = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        part.mkdir(parents=True, mode=0o700)
        outcome = _Run(source, part, secret, options, columns or {}).run()
        text = json.dumps(outcome.report(options), indent=1, ensure_ascii=False)
        (part / REPORT).write_text(text + "\n", encoding="utf-8")
        if keep is not None:
            keep(outcome)
        part.replace(target)
    except OSError as error:
        raise StorageUnavailable(
            f"the output cannot be written ({type(error).__name__})",
            "a folder with room for it",
            "choose another place",
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return outcome


def _check_places(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise BadInput("no such folder", "a folder of files", "correct the path")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BadInput("an output folder that holds something", "a new folder", "choose another")
    inside = source.resolve() in target.resolve().parents
    if inside or target.resolve() == source.resolve():
        raise BadInput("an output folder within the input", "one outside", "choose another place")


class _Run:
    """One run over a folder."""

    def __init__(
        self,
        source: Path,
        part: Path,
        secret: bytes,
        options: Options,
        said: Mapping[str, str],
    ) -> None:
        self.source, self.part, self.secret = source, part, secret
        self.options, self.said = options, said
        self.outcome = Outcome()
        self.common = self._person(f"project|{secret.hex()[:8]}", Known())
        self.persons: list[tuple[Person, list[Claim]]] = []
        self.by_key: dict[tuple[int, str], Person] = {}
        self.told: dict[str, Counter[str]] = {kind: Counter() for kind in _SUFFIX}

    def run(self) -> Outcome:
        """Read everything once to know who is who, then de-identify file by file."""
        files = list(self._files())
        claims = [one for file in files for one in self._claims(file)]
        for group in people.join(claims):
            self._add(group)
        refused = {one.number for one in self.outcome.refused}
        for file in files:
            if file.number not in refused:
                self._file(file)
        if not self.outcome.written:
            raise BadInput(
                "a folder without a file that could be de-identified",
                "DICOM, FHIR JSON, HL7 v2, tables or text",
                str(self.outcome.refused[0].error) if self.outcome.refused else "check the folder",
            )
        self.outcome.actions = {kind: told for kind, told in self.told.items() if told}
        return self.outcome

    def _person(self, name: str, known: Known) -> Person:
        subject = Subject.of(self.secret, name)
        return Person(subject, known, text_cleaner(subject))

    def _files(self) -> Iterator[_File]:
        paths = sorted(path for path in self.source.rglob("*") if path.is_file())
        for number, path in enumerate(paths, 1):
            try:
                if path.is_symlink():
                    raise BadInput("a link", "a file", "copy what it leads to")
                yield _File(number, path, kind_of(self._read(path)))
            except SuwenError as error:
                self.outcome.refused.append(Refused(number, path, error))

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise BadInput(f"a file that cannot be read ({type(error).__name__})") from None

    def _claims(self, file: _File) -> list[Claim]:
        try:
            data = self._read(file.path)
            if file.kind == "dicom":
                return list(people.of_dicom(file.number, data))
            if file.kind == "fhir":
                return list(people.of_fhir(file.number, data))
            if file.kind == "note":
                return []
            reader = people.of_hl7 if file.kind == "hl7" else people.of_table
            return list(reader(file.number, decoded(data)))
        except SuwenError as error:
            self.outcome.refused.append(Refused(file.number, file.path, error))
            return []

    def _add(self, group: Sequence[Claim]) -> None:
        known = Known()
        for one in group:
            known |= one.known
        numbers = sorted({number for one in group for number in one.numbers})
        name = (numbers or sorted({one.key for one in group}))[0]
        person = self._person(f"patient|{name}", known)
        self.persons.append((person, list(group)))
        for one in group:
            self.by_key[one.file, one.key] = person
        self.outcome.persons[person.subject.pseudonym] = {
            "numbers": sorted(known.numbers),
            "names": sorted(known.names),
            "birth": sorted({one.birth for one in group if one.birth}),
        }

    def _file(self, file: _File) -> None:
        try:
            data = self._read(file.path)
            owner, new = getattr(self, f"_{file.kind}")(file, data)
            self._verify(file.kind, new)
        except SuwenError as error:
            self.outcome.refused.append(Refused(file.number, file.path, error))
            return
        folder = self.part / (owner.subject.pseudonym if owner else SHARED)
        folder.mkdir(exist_ok=True, mode=0o700)
        name = f"{file.kind}-{file.number:05d}.{_SUFFIX[file.kind]}"
        with (folder / name).open("xb") as out:
            out.write(new)
            out.flush()
            os.fsync(out.fileno())
        self.outcome.written[file.kind] += 1

    def _verify(self, kind: str, new: bytes) -> None:
        """Search text that is about to be written for everybody's whole names and numbers."""
        if kind == "dicom":
            return  # swept element by element
        if kind == "fhir":
            check_fhir(new)
        text = new.decode()
        for person, _ in self.persons:
            if person.known.found(text):
                raise BadInput(
                    "an identifier that is still there after de-identification",
                    "none",
                    "report the file's structure to the maintainers; it was left out",
                )

    def _cast(self, file: _File) -> Cast:
        return Cast(self.common, lambda key: self.by_key.get((file.number, key)) or self._else(key))

    def _else(self, key: str) -> Person:
        person = self._person(f"patient|{key}", Known())
        return person

    def _owner(self, file: _File) -> Person | None:
        """Return the person of a file that is about one alone."""
        found = {id(person): person for (number, _), person in self.by_key.items()
                 if number == file.number}  # fmt: skip
        return next(iter(found.values())) if len(found) == 1 else None

    def _dicom(self, file: _File, data: bytes) -> tuple[Person | None, bytes]:
        person = self._owner(file) or self.common
        done = dicom.deidentify(data, person.subject, self.options, person.clean_text, person.known)
        self.told["dicom"].update(done.actions)
        self.outcome.blanked += done.blanked
        return self._owner(file), done.data

    def _fhir(self, file: _File, data: bytes) -> tuple[Person | None, bytes]:
        told = fhir.Told()
        new = fhir.deidentify(data, self._cast(file), told)
        self.told["fhir"].update(told.actions)
        self.told["fhir"].update({f"left out {k}": n for k, n in told.left_out.items()})
        return self._owner(file), new

    def _hl7(self, file: _File, data: bytes) -> tuple[Person | None, bytes]:
        new = hl7.deidentify(decoded(data), self._cast(file), self.told["hl7"])
        return self._owner(file), new.encode()

    def _table(self, file: _File, data: bytes) -> tuple[Person | None, bytes]:
        text = decoded(data)
        table = tables.read(text)
        said = {name: act for name, act in self.said.items() if table and name in table.header}
        new = tables.deidentify(text, self._cast(file), said, self.told["table"])
        return self._owner(file), new.encode()

    def _note(self, file: _File, data: bytes) -> tuple[Person | None, bytes]:
        text = decoded(data)
        person = self._note_person(file, text)
        if person is None:
            self.outcome.unassigned.append(file.number)
        who = person or self._person(f"note|{file.number}", self._everyone())
        return person, who.prose(text).encode()

    def _everyone(self) -> Known:
        known = Known()
        for person, _ in self.persons:
            known |= person.known
        return known

    def _note_person(self, file: _File, text: str) -> Person | None:
        """Return whose note it is: who alone is named in it, else who alone is in its folder."""
        named = [person for person, _ in self.persons if person.known.found(text)]
        if len(named) == 1:
            return named[0]
        if not named and len(self.persons) == 1:
            return self.persons[0][0]
        return None
