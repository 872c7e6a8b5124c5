"""Agreement of FHIR validation with the reference verdict, by module, beside the library alone.

Cases: HL7's fhir-test-cases, read from `text/fhir_validator_cases` in a SUWEN_DATA folder
(`../shared/data` when unset). Only the JSON cases present are counted: FHIR as XML is not read.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fhirkit

from suwen.core.errors import SuwenError
from suwen.records.fhir import door as fhir

NEEDS_MORE = frozenset(("tx", "tx-advanced", "sd", "api", "extensions", "xver"))
"""Modules that need a terminology server or other definitions than the resource itself."""


@dataclass
class Tally:
    """Cases of one module and how they were judged."""

    n: int = 0
    valid: int = 0
    agree: int = 0
    false_accept: int = 0
    false_reject: int = 0

    def add(self, truth: bool, verdict: bool) -> None:
        """Count one case."""
        self.n += 1
        self.valid += truth
        self.agree += truth == verdict
        self.false_accept += verdict and not truth
        self.false_reject += truth and not verdict


def accepts(data: bytes) -> bool:
    """Say whether Suwen accepts the document."""
    try:
        problems = fhir.validate([fhir.parse(data)])[0]
    except SuwenError:
        return False
    return not any(problem.severity == "error" for problem in problems)


def library_accepts(data: bytes) -> bool:
    """Say whether fhirkit-rs alone accepts the document."""
    try:
        return not any(issue.severity == "error" for issue in fhirkit.parse(data).issues)
    except fhirkit.ParseError:
        return False


def cases(folder: Path) -> Iterator[tuple[str, bool, bytes]]:
    """Yield module, reference verdict and content of each JSON case that is there."""
    with tarfile.open(folder / "cases.tar.gz") as archive:
        content = {
            member.name: file.read()
            for member in archive
            if member.isfile() and (file := archive.extractfile(member)) is not None
        }
    for line in io.StringIO((folder / "index.jsonl").read_text(encoding="utf-8")):
        row = json.loads(line)
        if row["file"] in content and row["file"].endswith(".json"):
            yield row["module"], row["valid"], content[row["file"]]


def find() -> Path | None:
    """Return the folder of the cases, or None where it is absent."""
    here = Path(__file__).resolve().parents[3] / "shared" / "data"
    roots = os.environ.get("SUWEN_DATA", str(here)).split(":")
    found = (Path(root) / "text" / "fhir_validator_cases" for root in roots)
    return next((folder for folder in found if (folder / "index.jsonl").exists()), None)


def measure(folder: Path) -> tuple[dict[str, Tally], Tally, Tally]:
    """Return our tally by module, our total, and the library's total."""
    modules: dict[str, Tally] = {}
    ours, library = Tally(), Tally()
    for module, truth, data in cases(folder):
        verdict = accepts(data)
        modules.setdefault(module, Tally()).add(truth, verdict)
        ours.add(truth, verdict)
        library.add(truth, library_accepts(data))
    return modules, ours, library


def both_ways(folder: Path) -> list[str]:
    """Return the modules of documents judged valid and invalid: an option of the reference decides.

    One of the two verdicts is missed whatever is said of the document, so each is named once.
    """
    verdicts: dict[bytes, set[bool]] = {}
    modules: dict[bytes, str] = {}
    for module, truth, data in cases(folder):
        verdicts.setdefault(data, set()).add(truth)
        modules.setdefault(data, module)
    return sorted(modules[data] for data, judged in verdicts.items() if len(judged) > 1)


def main() -> int:
    """Print the table."""
    folder = find()
    if folder is None:
        print("skipped: text/fhir_validator_cases is in none of the SUWEN_DATA folders")
        return 0
    modules, ours, library = measure(folder)
    header = f"{'module':<24}{'n':>5}{'valid':>7}{'agree':>7}{'false accept':>14}"
    print(f"{header}{'false reject':>14}")
    structural = Tally()
    for name in sorted(modules):
        tally = modules[name]
        _print(name + (" *" if name in NEEDS_MORE else ""), tally)
        if name not in NEEDS_MORE:
            for field in vars(structural):
                setattr(structural, field, getattr(structural, field) + getattr(tally, field))
    _print("without *", structural)
    _print("all, Suwen", ours)
    _print("all, fhirkit-rs alone", library)
    twice = both_ways(folder)
    print(f"{len(twice)} documents are judged both ways by an option: {', '.join(twice)};")
    print(f"no verdict can agree more than {ours.n - len(twice)} times")
    print("* needs a terminology server or definitions that are not in the resource")
    return 0


def _print(name: str, tally: Tally) -> None:
    row = f"{name:<24}{tally.n:>5}{tally.valid:>7}{tally.agree:>7}{tally.false_accept:>14}"
    print(f"{row}{tally.false_reject:>14}")


if __name__ == "__main__":
    sys.exit(main())
