"""The report as one HTML file: no script, nothing loaded from anywhere, readable on a phone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from suwen.core.codes import Language
from suwen.core.nouns import Digest, Report
from suwen.diagnosis.language import say
from suwen.diagnosis.view import Particulars, view

TEMPLATES = Path(__file__).parent / "templates"


def html_report(
    report: Report,
    language: Language,
    images: Mapping[Digest, bytes],
    particulars: Particulars | None = None,
) -> str:
    """Return the report as a self-contained HTML page.

    Parameters
    ----------
    report
        Draft, final or withdrawn.
    language
        Of the page.
    images
        Bytes of the key images by SHA-256; they are embedded.
    particulars
        Identity, decision numbers, input digests, names; without it the page shows none.

    Raises
    ------
    IntegrityError
        The bytes given for an image are not those the finding names.
    """
    shown = view(report, language, particulars or Particulars(), images)
    template = _environment().get_template("report.html")
    return template.render(view=shown, _=partial(say, language))


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
