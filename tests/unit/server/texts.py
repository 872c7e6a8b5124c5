"""Every text of the pages that has to be translated: marked in code and templates, or an error."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from babel.messages.extract import extract_from_file

import suwen
from suwen.core import errors

ROOT = Path(suwen.__file__).parent
SERVER = ROOT / "server"
MARKS = {"message": None, "page_text": None, "say": (2,)}
SPOKEN = (
    "server",
    "diagnosis/review.py",
    "notes/corrections.py",
    "notes/synonyms.py",
    "notes/talk.py",
    "notes/visit.py",
    "imaging/points.py",
    "imaging/assembly.py",
    "imaging/series.py",
    "gateway/folder.py",
    "gateway/identity.py",
    "gateway/intake.py",
    "gateway/storing.py",
    "gateway/fhir_in.py",
    "privacy/cohort.py",
    "privacy/cohort_export.py",
    "privacy/cohort_rows.py",
    "privacy/mondrian.py",
    "privacy/tables.py",
    "health/alert_rules.py",
    "health/alert_trial.py",
    "records/access.py",
    "records/acts.py",
    "records/administration.py",
    "records/blobs.py",
    "records/blobstore.py",
    "records/alert_rulebook.py",
    "records/alerts.py",
    "records/database.py",
    "records/gate.py",
    "records/reading.py",
    "records/store.py",
    "records/wards.py",
    "records/devices.py",
    "records/device_watch.py",
    "records/sealed_files.py",
    "records/uploads.py",
    "gateway/devices",
    "app/jobs.py",
    "app/outputs.py",
)
"""Where the errors come from that a person meets while working with the pages."""
PLACES = "abcdefgh"
"""Names of the places of a sentence put together at run time, in their order."""
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}


@lru_cache(maxsize=1)
def found() -> dict[str, str]:
    """Return each text with the file it was first found in."""
    texts: dict[str, str] = {}
    for path in sorted(SERVER.glob("*.py")):
        for _, text, _, _ in extract_from_file("python", str(path), MARKS):
            texts.setdefault(_one(text), path.name)
    options = {"trim_blocks": "true", "lstrip_blocks": "true"}
    for path in sorted((SERVER / "templates").glob("*.html")):
        for _, text, _, _ in extract_from_file(
            "jinja2.ext.babel_extract", str(path), options=options
        ):
            texts.setdefault(_one(text), path.name)
    for place in SPOKEN:
        path = ROOT / place
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            for text in _error_texts(file) if file.exists() else ():
                texts.setdefault(text, file.name)
    return texts


def _one(text: str | tuple[str, ...]) -> str:
    return text if isinstance(text, str) else text[0]


def _error_texts(file: Path) -> Iterator[str]:
    """Yield the sentences given to errors; what is filled in at run time stands as `%(a)s`."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            yield from filter(None, map(_sentence, node.args))


def _sentence(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value or "")
    if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
        return f"{node.left.value}%(a)s"
    if not isinstance(node, ast.JoinedStr):
        return ""
    names = iter(PLACES)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else f"%({next(names)})s"
        for part in node.values
    )
