"""Plain text and Markdown notes.

Plain text is its own original. Of Markdown (CommonMark 0.31) the marks of headings, emphasis,
links, images and code are left out; lists and tables stay as they are written.
"""

from __future__ import annotations

import re

from suwen.notes.reading.drawn import Drawing, Drawn, Heading

_HEADING = re.compile(r"(?m)^ {0,3}#{1,6}[ \t]+(?P<title>[^\n]*?)[ \t]*#*[ \t]*$")
_MARKS = re.compile(
    r"(?m)^ {0,3}(?P<hashes>#{1,6}[ \t]+)"
    r"|(?P<trail>[ \t]+#+[ \t]*$)"
    r"|(?P<bold>\*\*(?=[^\s*])|(?<=[^\s*])\*\*|(?<!\w)__(?=\S)|(?<=\S)__(?!\w))"
    r"|(?P<emphasis>(?<![\w*])\*(?=[^\s*\d])|(?<=[^\s*])\*(?![\w*]))"
    r"|(?P<image>!?\[)(?P<shown>[^\]\[\n]{0,300})(?P<target>\]\([^()\s]{0,500}\))"
    r"|(?P<code>`)"
)
_MARKDOWN = re.compile(r"(?m)^ {0,3}#{1,6}[ \t]+\S")
MIN_HEADINGS = 2


def is_markdown(text: str) -> bool:
    """Say whether a text has headings as Markdown writes them."""
    return len(_MARKDOWN.findall(text)) >= MIN_HEADINGS


def draw_plain(text: str) -> Drawn:
    """Read plain text."""
    return Drawn(text)


def draw_markdown(text: str) -> Drawn:
    """Read Markdown."""
    drawing = Drawing()
    titles = {match.start("title"): match.end("title") for match in _HEADING.finditer(text)}
    at = 0
    for match in _MARKS.finditer(text):
        if match["trail"] is not None and not _closes_heading(text, match.start()):
            continue
        drawing.copied(text[at : match.start()], at)
        at = match.end()
        if match["image"]:
            drawing.copied(match["shown"], match.start("shown"))
        elif match["hashes"] and (end := titles.get(at)):
            place = drawing.length
            drawing.headings.append(Heading(place, place, "", _bare(text[at:end])))
    drawing.copied(text[at:], at)
    drawn = drawing.done()
    headings = tuple(_ended(heading, drawn.text) for heading in drawn.headings)
    return Drawn(drawn.text, drawn.origin, drawn.ends, headings)


def _closes_heading(text: str, at: int) -> bool:
    return bool(_MARKDOWN.match(text, text.rfind("\n", 0, at) + 1))


def _bare(title: str) -> str:
    return title.replace("*", "").replace("__", "").replace("`", "").strip()


def _ended(heading: Heading, text: str) -> Heading:
    end = text.find("\n", heading.start)
    end = len(text) if end < 0 else end
    return Heading(heading.start, end, "", heading.title)
