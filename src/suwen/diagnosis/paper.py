"""The printed page: its measures, colours, frame and the probability bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from suwen.core.codes import Language
from suwen.diagnosis.language import say
from suwen.diagnosis.typesetting import FONT, Look, drawable, fitted, font
from suwen.diagnosis.view import Bar, View

PAGE = A4
MARGIN = 16 * mm
TOP, BOTTOM = 21 * mm, 16 * mm
WIDTH = PAGE[0] - 2 * MARGIN

INK, SOFT, LINE = HexColor("#16212b"), HexColor("#5a6872"), HexColor("#d5dde2")
TEAL, WASH, INTERVAL = HexColor("#0b5b6b"), HexColor("#f4f7f8"), HexColor("#5f8fa3")
BAND_COLOURS = {
    "rule-in": (HexColor("#8c1c13"), HexColor("#fbe9e7"), "▲"),
    "grey": (HexColor("#7a4f00"), HexColor("#fff3d6"), "◆"),
    "rule-out": (HexColor("#0b4f8a"), HexColor("#e3f0fb"), "▼"),
    "abstain": (HexColor("#46525b"), HexColor("#eceff1"), "○"),
    "edited": (HexColor("#4b2a86"), HexColor("#efe7fb"), "■"),
    "": (HexColor("#46525b"), HexColor("#eceff1"), ""),
}
"""Ink, wash and sign of each band: never the colour alone."""
STATUS_COLOURS = {
    "draft": HexColor("#7a4f00"),
    "final": HexColor("#0f5132"),
    "withdrawn": HexColor("#8c1c13"),
}


def looks(language: Language) -> dict[str, Look]:
    """Return how each kind of text is set, by name."""
    font()

    def look(size: float, colour: Color = INK, before: float = 0.0, after: float = 0.0) -> Look:
        return Look(size, colour, before, after, narrow_quotes=language == "en")

    return {
        "title": look(16, TEAL),
        "section": look(11.5, TEAL, before=9, after=3),
        "text": look(9.5, after=2),
        "lead": look(10.5, after=2),
        "card": look(11),
        "soft": look(8.5, SOFT),
        "small": look(6.8, SOFT),
        "label": look(7.5, SOFT),
        "chip": look(8.5),
    }


class ProbabilityBar(Flowable):  # type: ignore[misc]
    """A scale from 0 to 100 % with the interval as a band and the value as a mark."""

    def __init__(self, bar: Bar, width: float) -> None:
        super().__init__()
        self.bar = bar
        self.width, self.height = width, 19.0

    def wrap(self, *_: float) -> tuple[float, float]:
        """Return the fixed size."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw the scale, the interval and the value."""
        canvas, width = self.canv, self.width
        canvas.setStrokeColor(LINE)
        canvas.setFillColor(WASH)
        canvas.rect(0, 9, width, 8, fill=1)
        canvas.setFillColor(INTERVAL)
        canvas.rect(
            width * self.bar.low,
            10.5,
            max(1.2, width * (self.bar.high - self.bar.low)),
            5,
            fill=1,
            stroke=0,
        )
        canvas.setFillColor(INK)
        canvas.rect(width * self.bar.value - 1.1, 7.5, 2.2, 11, fill=1, stroke=0)
        canvas.setFillColor(SOFT)
        canvas.setFont(FONT, 6.5)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            place = {0.0: canvas.drawString, 1.0: canvas.drawRightString}
            place.get(share, canvas.drawCentredString)(width * share, 0.5, f"{share:.0%}")


@dataclass(frozen=True)
class Frame:
    """What stands on every page around the text."""

    view: View

    def draw(self, canvas: Canvas, page: int, pages: int) -> None:
        """Draw header, footer and, unless final, the watermark."""
        canvas.saveState()
        if self.view.status != "final":
            self._watermark(canvas)
        self._header(canvas)
        self._footer(canvas, page, pages)
        canvas.restoreState()

    def _watermark(self, canvas: Canvas) -> None:
        canvas.saveState()
        canvas.translate(PAGE[0] / 2, PAGE[1] / 2)
        canvas.rotate(52)
        canvas.setFillColor(Color(0.55, 0.11, 0.07, alpha=0.06))
        words = self.view.status_words
        size = min(150.0, 150.0 * 430 / pdfmetrics.stringWidth(words, FONT, 150))
        canvas.setFont(FONT, size)
        canvas.drawCentredString(0, -size / 3, words)
        canvas.restoreState()

    def _header(self, canvas: Canvas) -> None:
        language, top = self.view.language, PAGE[1] - 14 * mm
        canvas.setFont(FONT, 9)
        canvas.setFillColor(TEAL)
        canvas.drawString(MARGIN, top, "Suwen · " + say(language, "Diagnostic report"))
        canvas.setFillColor(INK)
        who = drawable(" · ".join(value for _, value in self.view.identity[:2]))
        canvas.drawCentredString(PAGE[0] / 2, top, fitted(who, 85 * mm, 9))
        colour = STATUS_COLOURS[self.view.status]
        words = self.view.status_words
        width = pdfmetrics.stringWidth(words, FONT, 9) + 10
        canvas.setStrokeColor(colour)
        canvas.setFillColor(colour)
        canvas.roundRect(PAGE[0] - MARGIN - width, top - 3.5, width, 13, 2, fill=0)
        canvas.drawCentredString(PAGE[0] - MARGIN - width / 2, top, words)
        canvas.setStrokeColor(TEAL)
        canvas.setLineWidth(1)
        canvas.line(MARGIN, top - 7, PAGE[0] - MARGIN, top - 7)

    def _footer(self, canvas: Canvas, page: int, pages: int) -> None:
        language, low = self.view.language, 10 * mm
        canvas.setFont(FONT, 7)
        canvas.setFillColor(SOFT)
        canvas.setStrokeColor(LINE)
        canvas.line(MARGIN, low + 9, PAGE[0] - MARGIN, low + 9)
        warning = say(language, "Research and decision support, to be confirmed by a clinician.")
        canvas.drawString(MARGIN, low, warning)
        number = say(language, "Page %(page)s of %(pages)s", page=page, pages=pages)
        canvas.drawRightString(PAGE[0] - MARGIN, low, f"{self.view.report_id[:12]} · {number}")


def numbered(frame: Frame) -> type[Canvas]:
    """Return a canvas class that draws `frame` on each page once the number of pages is known."""

    class Numbered(Canvas):  # type: ignore[misc]
        """Keeps the finished pages until all are there."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "initialFontName": FONT})
            self._finished: list[dict[str, Any]] = []
            self._code: list[str]

        def showPage(self) -> None:  # noqa: N802
            """Keep the page instead of writing it."""
            self._finished.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            """Write every page with its frame below the text: no watermark lies on an image."""
            pages = len(self._finished)
            for number, page in enumerate(self._finished, 1):
                self.__dict__.update(page)
                written, self._code = self._code, []
                frame.draw(self, number, pages)
                self._code = [*written[:1], *self._code, *written[1:]]
                super().showPage()
            super().save()

    return Numbered
