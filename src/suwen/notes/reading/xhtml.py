"""HTML and XHTML notes: the text a page shows, each character with its place in the markup.

The tags are found by a tokenizer of our own that looks at each character once: the standard
library's parser has no offsets of entities and is quadratic on hostile input (CVE-2025-6069).
Nothing is fetched and nothing is run; script, style and head are left out.
"""

from __future__ import annotations

import html
import re

from suwen.notes.reading.drawn import Drawing, Drawn, Heading
from suwen.notes.reading.flow import Flow

_NAME = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,40})")
_OPEN = re.compile(r"<(?=[a-zA-Z/!?])")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});?")
_QUOTES = re.compile(r"""[>"']""")
_UNSEEN = frozenset(["script", "style", "head", "template", "svg", "noscript", "object"])
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))


def draw_html(text: str) -> Drawn:
    """Read an HTML document or fragment."""
    drawing = Drawing()
    draw_fragment(text, 0, drawing)
    return drawing.done()


def draw_fragment(text: str, base: int, drawing: Drawing) -> None:
    """Add the text of a fragment that begins at `base` of the original."""
    _Page(text, base, drawing).read()


class _Page:
    def __init__(self, text: str, base: int, drawing: Drawing) -> None:
        self.text = text
        self.base = base
        self.drawing = drawing
        self.flow = Flow(drawing)
        self.closers: dict[str, list[int]] = {}
        self.kept = 0
        self.heading: int | None = None

    def read(self) -> None:
        at, end = 0, len(self.text)
        while at < end:
            tag = _OPEN.search(self.text, at)
            stop = tag.start() if tag else end
            self._words(at, stop)
            at = self._markup(stop) if tag else end

    def _words(self, start: int, end: int) -> None:
        at = start
        for match in _ENTITY.finditer(self.text, start, end):
            shown = html.unescape(match[0])
            if shown != match[0]:
                self._plain(at, match.start())
                at = match.end()
                self.flow.sign(shown, self.base + match.start(), self.base + at)
        self._plain(at, end)

    def _plain(self, start: int, end: int) -> None:
        piece = self.text[start:end]
        if self.kept and piece:
            self.flow.kept(piece, self.base + start)
        else:
            self.flow.text(piece, self.base + start)

    def _markup(self, at: int) -> int:
        """Take the tag, comment or stray `<` at a place; return where it ends."""
        if self.text.startswith("<!--", at):
            return self._after("-->", at + 4)
        if self.text.startswith(("<!", "<?"), at):
            return self._after(">", at + 2)
        match = _NAME.match(self.text, at)
        if match is None:
            self._plain(at, at + 1)
            return at + 1
        closing, name = bool(match[1]), match[2].lower().rpartition(":")[2]
        end = self._tag_end(match.end())
        if name in _UNSEEN and not closing and self.text[end - 2 : end] != "/>":
            return self._unseen(name, end)
        self._element(name, closing, at, end)
        return end

    def _unseen(self, name: str, at: int) -> int:
        """Return where an element that is not shown ends; it ends at once where nothing ends it."""
        found = self.closers.get(name)
        if found is None:
            pattern = re.compile(rf"</{name}\s*>", re.IGNORECASE)
            found = [match.end() for match in pattern.finditer(self.text)][::-1]
            self.closers[name] = found
        while found and found[-1] < at:
            found.pop()
        return found[-1] if found else at

    def _element(self, name: str, closing: bool, at: int, end: int) -> None:
        place = self.base + at
        if name == "pre":
            self.kept = max(0, self.kept + (-1 if closing else 1))
        if name in _HEADINGS and closing and self.heading is not None:
            start, self.heading = self.heading, None
            self._named(start)
        if closing:
            self.flow.closes(name)
        else:
            self.flow.opens(name, place)
        if name in _HEADINGS and not closing:
            self.heading = self.drawing.length

    def _named(self, start: int) -> None:
        shown = self.drawing.since(start)
        begun = start + len(shown) - len(shown.lstrip())
        if shown.strip():
            self.drawing.headings.append(Heading(begun, self.drawing.length, "", shown.strip()))

    def _after(self, closer: str, at: int) -> int:
        if self.closers.get(closer) == []:
            return at
        found = self.text.find(closer, at)
        if found < 0:
            self.closers[closer] = []
            return at
        return found + len(closer)

    def _tag_end(self, at: int) -> int:
        """Return where a tag ends: at the first `>` outside of quotes, or at the first one."""
        first = self.text.find(">", at)
        if first < 0:
            return len(self.text)
        here = at
        while match := _QUOTES.search(self.text, here, at + 10_000):
            if match[0] == ">":
                return match.end()
            closing = self.text.find(match[0], match.end(), at + 10_000)
            if closing < 0:
                break
            here = closing + 1
        return first + 1
