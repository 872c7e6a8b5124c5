"""PDF notes: their text layer, which is the original that offsets refer to.

The layer is drawn by pypdf in the order of the page, so that a row of a table stays one line (its
plain order puts each cell on a line of its own). A scanned page has no text layer and is refused:
reading pictures is not done here.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, PyPdfError

from suwen.notes.reading.drawn import Drawn, Unreadable, refuse

PAGE_CAP = 500
"""Most pages read."""
CHARACTER_CAP = 4_000_000
_GAPS = re.compile(r"(?m)^[ \t]+|[ \t]+$")
_COLUMNS = re.compile(r" {3,}")
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def draw_pdf(data: bytes) -> Drawn:
    """Read the text layer of a PDF document.

    Raises
    ------
    Unreadable
        It is encrypted, damaged, too long, or has no text layer (a scan).
    """
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _encrypted()
        count = len(reader.pages)
        if count > PAGE_CAP:
            raise refuse(f"a PDF document of more than {PAGE_CAP} pages", f"PDF 超过 {PAGE_CAP} 页")
        text = _joined(_layer(page) for page in reader.pages)
    except Unreadable:
        raise
    except DependencyError:
        raise _encrypted() from None
    except RecursionError:
        raise refuse("a PDF document nested too deeply", "PDF 文档嵌套过深") from None
    except Exception as error:  # noqa: BLE001 - a hostile file may raise anything
        damaged = "damaged" if isinstance(error, PyPdfError) else "not readable as PDF"
        raise refuse(f"a PDF document that is {damaged}", "PDF 文档损坏或无法读取") from None
    if not text.strip():
        raise refuse(
            "a PDF document without a text layer (a scan)",
            "PDF 没有文字层（扫描件）",
            "recognise its text (OCR) first, or send the text",
        )
    return Drawn(text)


def _encrypted() -> Unreadable:
    return refuse(
        "an encrypted PDF document",
        "PDF 文档已加密",
        "save it without a password and send it again",
    )


def _joined(layers: Iterator[str]) -> str:
    pages, length = [], 0
    for layer in layers:
        length += len(layer)
        if length > CHARACTER_CAP:
            raise refuse("a PDF document with too much text for a note", "PDF 文字过长，不像病历")
        pages.append(layer)
    return "\n\n".join(pages)


def _layer(page: PageObject) -> str:
    """Return the text of a page: in its layout, or plainly where the layout loses characters."""
    plain = page.extract_text()
    shown = page.extract_text(
        extraction_mode="layout",
        layout_mode_space_vertically=False,
        layout_mode_strip_rotated=False,
    )
    if _characters(shown) < _characters(plain):
        shown = plain
    return _COLUMNS.sub("\t", _GAPS.sub("", shown))


def _characters(text: str) -> int:
    return sum(not character.isspace() for character in text)
