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
SPOKEN = ("server", "diagnosis/review.py", "imaging/points.py")
"""Where the errors come from that a person meets while working with the pages."""
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
    """Yield the constant sentences given to errors; what is put together at run time is not."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            given = [a.value for a in node.args if isinstance(a, ast.Constant)]
            yield from (text for text in given if isinstance(text, str) and text)
