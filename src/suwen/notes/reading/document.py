"""Documents to notes: bytes and a media type in, a readable text with sections and sentences out.

What a document is, its content says; the media type decides only where the content does not.
Offsets refer to the decoded original: the text itself for plain text, the markup for Markdown, HTML
and C-CDA, the bytes for RTF, the extracted text layer for PDF, and for a document inside another
(base64 in CDA) the inner one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from suwen.core.encodings import Decoded, decode, language_of
from suwen.core.nouns import Reference
from suwen.notes.reading.cda import Embedded, draw_cda
from suwen.notes.reading.drawn import Drawn, refuse
from suwen.notes.reading.pdf import draw_pdf
from suwen.notes.reading.plain import draw_markdown, draw_plain, is_markdown
from suwen.notes.reading.rtf import draw_rtf
from suwen.notes.reading.sections import sections_of
from suwen.notes.reading.sentences import sentences_of
from suwen.notes.reading.xhtml import draw_html
from suwen.notes.text import Note

BYTES_CAP: Final = 32 * 1024 * 1024
"""Largest document read (a PDF or RTF file with pictures), in bytes."""
TEXT_CAP: Final = 4 * 1024 * 1024
"""Largest text or markup read, in bytes; a year of notes is a tenth of that."""
PEEK: Final = 4096

PLAIN: Final = "text/plain"
MARKDOWN: Final = "text/markdown"
HTML: Final = "text/html"
CDA: Final = "application/hl7-cda+xml"
RTF: Final = "application/rtf"
PDF: Final = "application/pdf"

_CDA = re.compile(r"<(?:[\w-]{1,40}:)?ClinicalDocument\b")
_TAG = re.compile(r"\s*<(?:\?xml|!--|!DOCTYPE|[A-Za-z][\w.:-]*[\s/>])", re.IGNORECASE)
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,2000}?-->\s*){0,5}<(?:!doctype\s+html|(?:html|head|body"
    r"|div|p|table|h[1-6]|span|ul|ol|pre|b|strong|article)[\s/>])",
    re.DOTALL | re.IGNORECASE,
)
_CHARSET = re.compile(r";\s*charset=\"?([\w-]{1,40})", re.IGNORECASE)
_ALIASES = {
    "text/rtf": RTF, "application/x-rtf": RTF, "application/xhtml+xml": HTML,
    "application/x-pdf": PDF, "text/x-markdown": MARKDOWN, "text/xml": CDA, "application/xml": CDA,
    "application/cda+xml": CDA,
}  # fmt: skip
_TEXTS: dict[str, Callable[[str], Drawn | Embedded]] = {
    PLAIN: draw_plain, MARKDOWN: draw_markdown, HTML: draw_html, CDA: draw_cda,
}  # fmt: skip


def media_type_of(data: bytes, stated: str = "") -> str:
    """Return the media type of a note: by its content, else as stated, else plain text.

    Empty for a document of another kind than those read here. XML that is no HTML goes to the
    reader of C-CDA, which says what it misses.
    """
    if data.startswith(b"%PDF"):
        return PDF
    if data.startswith(b"{\\rtf"):
        return RTF
    bare = stated.partition(";")[0].strip().lower()
    bare = _ALIASES.get(bare, bare)
    found = decode(data[:PEEK]) or decode(data[: PEEK - 1]) or decode(data[: PEEK - 2])
    head = found.text if found else ""
    if _HTML.match(head):
        return HTML
    if _CDA.search(head) or (_TAG.match(head) and bare != PLAIN):
        return HTML if bare == HTML else CDA
    if bare == MARKDOWN or (bare in ("", PLAIN) and is_markdown(head)):
        return MARKDOWN
    return PLAIN if not bare or bare.startswith("text/") else bare if bare in _TEXTS else ""


def read_note(data: bytes, media_type: str = "", record: Reference = "") -> Note:
    """Read one document.

    Parameters
    ----------
    data
        Its bytes, as stored.
    media_type
        What it is said to be; empty where nothing is said.
    record
        The record it was read from.

    Raises
    ------
    Unreadable
        It is empty, too large, binary, encrypted, damaged, a scan without text, or hostile.
    """
    drawn, _ = draw(data, media_type)
    language = language_of(drawn.text)
    sections = sections_of(drawn.text, language, drawn.headings)
    sentences = sentences_of(drawn.text, sections)
    return Note(drawn.text, language, record, sections, sentences, drawn.origin, drawn.ends)


def draw(data: bytes, media_type: str = "", inside: bool = False) -> tuple[Drawn, str]:
    """Return what is readable in a document, and the decoded original its origins refer to."""
    if not data.strip():
        raise refuse("an empty document", "文档为空", "send the note's text")
    if len(data) > BYTES_CAP:
        raise _too_large(BYTES_CAP)
    kind = media_type_of(data, media_type)
    if kind == PDF:
        drawn = draw_pdf(data)
        return drawn, drawn.text
    if kind == RTF:
        return _shown(draw_rtf(data)), data.decode("latin-1")
    if len(data) > TEXT_CAP:
        raise _too_large(TEXT_CAP)
    found = _decoded(data, media_type)
    if found is None:
        raise refuse(
            "a document that is no text", "文档不是文本", "send text, RTF, HTML, C-CDA or PDF"
        )
    if kind not in _TEXTS:
        raise refuse(
            "a document of a kind no note is read from", "文档类型不是可读取的病历格式",
            "send text, Markdown, RTF, HTML, C-CDA or PDF",
        )  # fmt: skip
    result = _TEXTS[kind](found.text)
    if isinstance(result, Embedded):
        if inside:
            raise refuse("a CDA document inside a CDA document", "CDA 文档内又嵌套 CDA 文档")
        return draw(result.data, result.media_type, inside=True)
    return _shown(result), found.text


def _decoded(data: bytes, media_type: str) -> Decoded | None:
    """Decode a text; a charset that is stated decides only where the bytes do not."""
    found = decode(data)
    stated = _CHARSET.search(media_type)
    if stated is None or (found is not None and found.encoding != "Latin-1"):
        return found
    try:
        return Decoded(data.decode(stated[1]), stated[1].upper())
    except (LookupError, UnicodeDecodeError):
        return found


def _shown(drawn: Drawn) -> Drawn:
    if not drawn.text.strip():
        raise refuse("a document without readable text", "文档没有可读文字", "send the note's text")
    return drawn


def _too_large(cap: int) -> Exception:
    size = f"{cap // (1024 * 1024)} MiB"
    return refuse(f"a document larger than {size}", f"文档超过 {size}", "send one note a file")
