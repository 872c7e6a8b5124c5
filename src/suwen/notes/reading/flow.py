"""Text of marked-up documents as a page shows it: white space collapsed, blocks on their own lines.

References: CSS Text Module Level 3, section 4 (white space); HL7 CDA R2, section 4.3.5 (narrative
block: paragraph, list, table, caption, br).
"""

from __future__ import annotations

import re

from suwen.notes.reading.drawn import Drawing

_RUN = re.compile(r"[^ \t\r\n\f]+(?: [^ \t\r\n\f]+)*|(?P<space>[ \t\r\n\f]+)")

PARAGRAPHS = frozenset({
    "p", "paragraph", "div", "section", "article", "header", "footer", "table", "caption",
    "list", "ul", "ol", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "title",
    "text", "body", "main", "aside", "fieldset", "form", "hr",
})  # fmt: skip
LINES = frozenset(["br", "tr", "li", "item", "dt", "dd", "address", "option"])
CELLS = frozenset({"td", "th"})
ITEMS = frozenset({"li", "item"})
BULLET = "• "


class Flow:
    """Adds text to a drawing as it would be shown."""

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self._gap: tuple[int, int] | None = None
        self._break = ""

    def text(self, text: str, start: int) -> None:
        """Add characters as they stand in the original from `start` on."""
        for match in _RUN.finditer(text):
            if match["space"] is not None:
                self._gap = self._gap or (start + match.start(), start + match.end())
            else:
                self._space(start + match.start())
                self.drawing.copied(match[0], start + match.start())

    def sign(self, text: str, start: int, end: int) -> None:
        """Add a character written as an entity."""
        if text.isspace() and text != "\u00a0":
            self._gap = self._gap or (start, end)
            return
        self._space(start)
        self.drawing.stands_for(text, start, end)

    def kept(self, text: str, start: int) -> None:
        """Add characters whose white space is kept (`pre`)."""
        self._space(start)
        self.drawing.copied(text, start)

    def opens(self, tag: str, place: int) -> None:
        """Begin the element: what breaks a line does so before the next text."""
        if tag in ITEMS:
            self.settle()
            self.drawing.broken(place)
            self.drawing.stands_for(BULLET, place, place)
            self._gap = None
            return
        self._ask(tag)

    def closes(self, tag: str) -> None:
        """End the element."""
        self._ask(tag)

    def settle(self) -> None:
        """Forget breaks and spaces that were asked for, once they were written or not needed."""
        self._break, self._gap = "", None

    def _ask(self, tag: str) -> None:
        wanted = "\n\n" if tag in PARAGRAPHS else "\n" if tag in LINES else ""
        wanted = "\t" if tag in CELLS else wanted
        if len(wanted) > len(self._break) or (self._break == "\t" and "\n" in wanted):
            self._break = wanted

    def _space(self, place: int) -> None:
        drawing = self.drawing
        if self._break and drawing.length:
            missing = self._break
            if drawing.ends_with("\n"):
                missing = "\n" if missing == "\n\n" and not drawing.ends_with("\n\n") else ""
            elif missing == "\t" and drawing.ends_with("\t"):
                missing = ""
            drawing.stands_for(missing, place, place)
        elif self._gap and drawing.length and not drawing.ends_with((" ", "\t", "\n")):
            drawing.stands_for(" ", *self._gap)
        self.settle()
