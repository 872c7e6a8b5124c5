"""The report as a PDF: the same content as the HTML page, the same bytes for the same report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from PIL import Image as Pillow
from reportlab.lib.colors import HexColor
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Image,
    PageTemplate,
    Spacer,
    Table,
)
from reportlab.platypus import Frame as TextFrame

from suwen.core.codes import Language
from suwen.core.nouns import Digest, Report
from suwen.diagnosis.language import say
from suwen.diagnosis.paper import (
    BAND_COLOURS,
    BOTTOM,
    INK,
    LINE,
    MARGIN,
    PAGE,
    SOFT,
    STATUS_COLOURS,
    TOP,
    WASH,
    WIDTH,
    Frame,
    ProbabilityBar,
    looks,
    numbered,
)
from suwen.diagnosis.pictures import Picture
from suwen.diagnosis.typesetting import FONT, Line, Look, pieces
from suwen.diagnosis.view import Card, Particulars, View, view

PICTURE = 118.0
"""Side of a key image in points."""
THUMBNAIL = 54.0
"""Longest edge of the picture of a similar example in points."""
HEADING = 26.0
"""Height of a section's heading in points; it stands over the head of a card, never alone."""
INNER = WIDTH - 22
"""Width inside a card."""
ABREAST = int(INNER // (PICTURE + 8))
"""Key images beside each other; where there are more than two, the measures stand below them."""
LINES = (
    ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ("TOPPADDING", (0, 0), (-1, -1), 1),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ("TEXTCOLOR", (0, 0), (-1, -1), INK),
)
"""How rows inside a card are drawn."""
GRID = (*LINES, ("LINEBELOW", (0, 0), (-1, 0), 0.6, SOFT))
"""How a table inside a card is drawn, with its heads."""
Looks = dict[str, Look]
Rows = list[Any]


def pdf_report(
    report: Report,
    language: Language,
    images: Mapping[Digest, bytes],
    particulars: Particulars | None = None,
) -> bytes:
    """Return the report as a PDF; equal input gives equal bytes.

    Parameters
    ----------
    report
        Draft, final or withdrawn.
    language
        Of the pages.
    images
        Bytes of the key images by SHA-256; they are embedded.
    particulars
        Identity, decision numbers, input digests, names; without it the pages show none.

    Raises
    ------
    IntegrityError
        The bytes given for an image are not those the finding names.
    """
    shown = view(report, language, particulars or Particulars(), images)
    look = looks(language)
    out = BytesIO()
    document = BaseDocTemplate(
        out,
        pagesize=PAGE,
        title=f"{say(language, 'Diagnostic report')} {shown.report_id}",
        author="Suwen",
        subject=shown.status_words,
        creator="Suwen",
        lang="zh-Hans" if language == "zh" else "en",
        invariant=1,
    )
    height = PAGE[1] - TOP - BOTTOM
    text = TextFrame(MARGIN, BOTTOM, WIDTH, height, 0, 0, 0, 0, id="text")
    document.addPageTemplates(PageTemplate("report", [text]))
    document.build(_story(shown, look), canvasmaker=numbered(Frame(shown)))
    return out.getvalue()


def _story(shown: View, look: Looks) -> list[Flowable]:
    language = shown.language
    story: list[Flowable] = [Line(say(language, "Diagnostic report"), look["title"], bold=True)]
    story += [Spacer(1, 4), _status(shown, look)]
    if shown.test_patient:
        warning = say(
            language, "TEST DATA: this patient is synthetic or de-identified for testing."
        )
        line = Line(warning, look["text"].but(colour=HexColor("#4b2a86")), bold=True)
        story += [
            Spacer(1, 4),
            _boxed(line, "#4b2a86", "#efe7fb"),
        ]
    story += [Spacer(1, 6), _identity(shown, look)]
    if "impression" in shown.sections:
        title, lines = shown.sections["impression"]
        story.append(_heading(title, look))
        story += _numbered_lines(lines, look)
        story += [Line(line, look["text"]) for line in shown.sections.get("summary", ("", ()))[1]]
    for place, card in enumerate(shown.cards):
        rows = _card_top(card, language, look)
        kept = rows[: _together(card)]
        room = sum(row.wrap(INNER, PAGE[1])[1] + 3 for row in kept) + 12
        story.append(CondPageBreak(room + (0 if place else HEADING)))
        if not place:
            story.append(Line(say(language, "Findings"), look["section"], bold=True))
        story += [_card(card, rows, language, look), Spacer(1, 7)]
    for name in ("notes", "quoted", "context", "documents"):
        if name in shown.sections:
            story += _listed(*shown.sections[name], look)
    story += _listed(say(language, "Not understood"), shown.not_understood, look)
    story += _listed(say(language, "Review"), shown.reviews, look)
    disclaimer = say(
        language,
        "Research and decision support, to be confirmed by a clinician. Not a medical device.",
    )
    title, limits = shown.sections.get("limits", ("", (disclaimer,)))
    story += _listed(title or say(language, "Limits"), limits, look)
    return story


def _table(rows: Rows, widths: Sequence[float], style: Sequence[tuple[Any, ...]]) -> Table:
    """Return a table whose empty text states are set in the report's own, embedded font."""
    own = ("FONT", (0, 0), (-1, -1), FONT)
    return Table(rows, colWidths=widths, hAlign="LEFT", style=[own, *style])


def _heading(title: str, look: Looks) -> Flowable:
    line = Line(title, look["section"], bold=True)
    line.keepWithNext = True
    return line


def _boxed(line: Flowable, ink: str, wash: str) -> Table:
    return _table(
        [[line]],
        [WIDTH],
        [
            ("BACKGROUND", (0, 0), (-1, -1), wash),
            ("LINEBEFORE", (0, 0), (0, -1), 3, ink, "butt"),
            ("LEFTPADDING", (0, 0), (-1, -1), 8),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ],
    )


def _status(shown: View, look: Looks) -> Table:
    colour = STATUS_COLOURS[shown.status]
    words = Line(f"{shown.status_words} · {shown.status_line}", look["text"].but(colour=colour))
    return _boxed(words, colour, WASH)


def _identity(shown: View, look: Looks) -> Table:
    cells: Rows = [
        [Line(label, look["label"]), Line(value, look["text"])] for label, value in shown.identity
    ]
    columns = 4
    cells += [Spacer(1, 1) for _ in range(-len(cells) % columns)]
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    return _table(
        rows,
        [WIDTH / columns] * columns,
        [
            ("BACKGROUND", (0, 0), (-1, -1), WASH),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ],
    )


def _numbered_lines(lines: Sequence[str], look: Looks) -> list[Flowable]:
    return [
        Line(line, look["lead"], bold=i == 1, bullet=f"{i}.", indent=16)
        for i, line in enumerate(lines, 1)
    ]


def _listed(title: str, lines: Sequence[str], look: Looks) -> list[Flowable]:
    if not lines:
        return []
    return [_heading(title, look), *(Line(line, look["text"], bullet="•") for line in lines)]


def _together(card: Card) -> int:
    """Return how many rows of a card's top stay on one page: its title, bar and first images."""
    return 2 + 2 * (card.bar is not None)


def _card_top(card: Card, language: Language, look: Looks) -> Rows:
    """Return the rows a card begins with: what, how probable, how it looks, how large."""
    rows: Rows = [_card_title(card, look)]
    if card.bar:
        rows.append(Line(f"{card.bar.name} {card.bar.words}", look["text"], bold=True))
        rows.append(ProbabilityBar(card.bar, INNER))
    return [*rows, *_pictures_and_measures(card, language, look)]


def _card(card: Card, top: Rows, language: Language, look: Looks) -> Table:
    """Return a card as a table of one column, so that it may break between its rows."""
    ink, _, _ = BAND_COLOURS[card.band]
    rows = list(top)
    for line in card.statements:
        rows += pieces(line, look["text"], INNER)
    for line in card.explanations:
        rows += pieces(line, look["soft"], INNER)
    labels = []
    if card.similar:
        labels.append(len(rows))
        rows.append(Line(say(language, "Most similar development examples"), look["label"]))
        rows += _similar(card, language, look)
    if card.evidence:
        labels.append(len(rows))
        rows.append(Line(say(language, "Evidence"), look["label"]))
        rows += [
            Line(f"{what} {record}", look["small"], bullet="•") for what, record in card.evidence
        ]
    labels.append(len(rows))
    rows.append(Line(say(language, "Provenance"), look["label"]))
    for name, facts in card.provenance:
        said = "  ".join(f"{label} {value}" for label, value in facts)
        rows.append(Line(f"{name}: {said}", look["small"], bullet="•"))
    return _table(
        [[row] for row in rows],
        [WIDTH],
        [
            ("LINEBEFORE", (0, 0), (0, -1), 4, ink, "butt"),
            ("LINEAFTER", (0, 0), (0, -1), 0.6, LINE),
            ("LINEABOVE", (0, 0), (-1, 0), 0.6, LINE),
            ("LINEBELOW", (0, -1), (-1, -1), 0.6, LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 12),
            ("RIGHTPADDING", (0, 0), (-1, -1), 10),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ("TOPPADDING", (0, 0), (-1, 0), 6),
            ("BOTTOMPADDING", (0, -1), (-1, -1), 6),
            ("NOSPLIT", (0, 0), (0, min(len(rows), _together(card)) - 1)),
            *(("NOSPLIT", (0, row), (0, row + 1)) for row in labels),
        ],
    )


def _similar(card: Card, language: Language, look: Looks) -> Rows:
    """Return the development examples a card is compared with, two a row that may break off."""
    pictures = any(one.picture for one in card.similar)
    cells: Rows = []
    for one in card.similar:
        named = [Line(one.what, look["small"], bold=True)]
        if one.similarity:
            named.append(Line(f"{say(language, 'Similarity')} {one.similarity}", look["small"]))
        named += [Line(text, look["small"]) for text in (one.known, one.example) if text]
        drawn = _image(one.picture.data, THUMBNAIL) if one.picture else None
        cells.append([drawn or "", named][not pictures :])
    cells += [[""] * len(cells[0])] * (len(cells) % 2)
    widths = [THUMBNAIL + 8, INNER / 2 - THUMBNAIL - 8] if pictures else [INNER / 2]
    top = ("VALIGN", (0, 0), (-1, -1), "TOP")
    pairs = [[*left, *right] for left, right in zip(cells[::2], cells[1::2], strict=True)]
    return [_table([pair], widths * 2, [*LINES, top]) for pair in pairs]


def _card_title(card: Card, look: Looks) -> Table:
    ink, wash, sign = BAND_COLOURS[card.band]
    title = Line(" · ".join(filter(None, (card.title, card.site))), look["card"], bold=True)
    if not card.chip:
        return _table([[title]], [INNER], [("LEFTPADDING", (0, 0), (-1, -1), 0)])
    chip_look = look["chip"].but(colour=ink, align="centre")
    chip = Line(f"{sign} {card.chip}", chip_look, bold=True)
    width = 176.0
    return _table(
        [[title, chip]],
        [INNER - width, width],
        [
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LEFTPADDING", (0, 0), (0, 0), 0),
            ("BACKGROUND", (1, 0), (1, 0), wash),
            ("BOX", (1, 0), (1, 0), 0.9, ink),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ],
    )


def _pictures_and_measures(card: Card, language: Language, look: Looks) -> Rows:
    """Return the key images in rows, the measures beside the last where there is room."""
    figures: Rows = [_figure(picture, language, look) for picture in card.pictures]
    lines = [figures[i : i + ABREAST] for i in range(0, len(figures), ABREAST)]
    rows: Rows = []
    for cells in lines or [[]]:
        widths = [PICTURE + 8] * len(cells)
        if card.measures and len(figures) <= 2:
            left = INNER - sum(widths)
            cells.append(_measures(card, language, look, left))
            widths.append(left)
        if cells:
            flush = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]
            rows.append(_table([cells], widths, flush))
    if card.measures and len(figures) > 2:
        rows.append(_measures(card, language, look, INNER))
    return rows


def _figure(picture: Picture, language: Language, look: Looks) -> list[Flowable]:
    drawn = _image(picture.data)
    absent = Line(say(language, "image not available"), look["soft"])
    return [drawn or absent, Line(picture.caption, look["label"])]


def _image(data: bytes, edge: float = PICTURE) -> Image | None:
    """Return the picture in a square of that edge; nothing when the bytes are no picture."""
    try:
        with Pillow.open(BytesIO(data)) as opened:
            opened.load()
            width, height = opened.size
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError):
        return None
    scale = edge / max(width, height)
    return Image(BytesIO(data), width=width * scale, height=height * scale, hAlign="LEFT")


def _measures(card: Card, language: Language, look: Looks, width: float) -> Table:
    heads = [say(language, word) for word in ("Measurement", "Value", "95% interval")]
    rows: Rows = [[Line(head, look["label"]) for head in heads]]
    for name, value, between in card.measures:
        rows.append(
            [
                Line(name, look["text"]),
                Line(value, look["text"], bold=True),
                Line(between, look["text"]),
            ]
        )
    return _table(
        rows,
        [width * 0.38, width * 0.26, width * 0.36],
        [*GRID, ("VALIGN", (0, 0), (-1, -1), "MIDDLE")],
    )
