"""C-CDA documents: the narrative of each section, under its title and LOINC code.

The narrative is the part a clinician attested (HL7 CDA R2, section 4.3.5); entries are data of
other rooms. References: HL7 C-CDA R2.1; CDA R2 4.3.5.1 (`revised` text), 4.3.1 (nonXMLBody).
Read by defusedxml: no DTD, no entity declarations, nothing external.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from suwen.notes.reading.drawn import Drawing, Drawn, Heading, Positions, refuse
from suwen.notes.reading.flow import Flow

DEPTH_CAP = 200
LOINC_OID = "2.16.840.1.113883.6.1"
_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,200}\?>")
_ENTITY = re.compile(r"&[#\w]+;")
_UNSEEN = frozenset({"renderMultiMedia", "footnoteRef", "colgroup", "col"})


@dataclass(frozen=True)
class Embedded:
    """A CDA document whose body is another document (PDF, RTF, text ...)."""

    data: bytes
    media_type: str


def draw_cda(text: str) -> Drawn | Embedded:
    """Read a C-CDA document, or a section of one.

    Raises
    ------
    Unreadable
        It is no well-formed XML, declares entities, is nested too deeply, or has no narrative.
    """
    if declared := _DECLARATION.match(text):
        text = " " * declared.end() + text[declared.end() :]
    encoded = text.encode("utf-8", "surrogatepass")
    target = _Narrative(text, encoded)
    parser = DefusedXMLParser(target=target, encoding="utf-8", forbid_dtd=True)
    parser.parser.buffer_text = False
    target.expat = parser.parser
    try:
        parser.feed(encoded)
        parser.close()
    except DefusedXmlException:
        raise refuse(
            "an XML document that declares a document type or entities",
            "XML 文档含有文档类型或实体声明",
            "send it without a document type declaration",
        ) from None
    except ParseError as error:
        line, column = error.position
        raise refuse(
            f"an XML document that is not well-formed (line {line}, column {column + 1})",
            f"XML 文档格式错误（第 {line} 行第 {column + 1} 列）",
            "send a whole, well-formed CDA document",
        ) from None
    return target.result()


class _Narrative:
    """Target of the parser: keeps title, code and text of sections, leaves the rest out."""

    def __init__(self, text: str, encoded: bytes) -> None:
        self.text = text
        self.drawing = Drawing()
        self.flow = Flow(self.drawing)
        self.expat: Any = None
        self.path: list[str] = []
        self.unseen_from = 0
        self.within = ""
        self.code = ""
        self.title_from = 0
        self.titled = False
        self.body: list[str] | None = None
        self.body_type = ""
        self.ends: Positions | None = None
        if not text.isascii():
            first = (np.frombuffer(encoded, np.uint8) & 0xC0) != 0x80
            self.ends = np.cumsum(first) - 1

    @property
    def place(self) -> int:
        """Character of the original at which the parser stands."""
        at = int(self.expat.CurrentByteIndex)
        if self.ends is None or not len(self.ends):
            return at
        return int(self.ends[min(at, len(self.ends) - 1)])

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition("}")[2]
        self.path.append(tag)
        if len(self.path) > DEPTH_CAP:
            raise refuse("an XML document nested too deeply", "XML 文档嵌套过深")
        if self.within == "text":
            if not self.unseen_from and (
                tag in _UNSEEN or attributes.get("revised", "") == "delete"
            ):
                self.unseen_from = len(self.path)
            elif not self.unseen_from:
                self.flow.opens(tag, self.place)
            return
        parent = self.path[-2] if len(self.path) > 1 else ""
        if tag == "section":
            self._end_heading()
            self.code, self.titled = "", False
        elif parent == "section" and tag == "code":
            self._coded(attributes)
        elif parent == "section" and tag in ("title", "text"):
            self._opened(tag)
        elif parent == "nonXMLBody" and tag == "text":
            self.body, self.body_type = [], attributes.get("mediaType", "text/plain")
            if attributes.get("representation") != "B64":
                self.body_type += ";plain"

    def _coded(self, attributes: dict[str, str]) -> None:
        if attributes.get("codeSystem", LOINC_OID) == LOINC_OID:
            self.code = attributes.get("code", "")

    def _opened(self, tag: str) -> None:
        self.flow.closes("title")
        if tag == "title":
            self.title_from = self.drawing.length
        elif not self.titled:
            self._head(self.drawing.length)
        self.within = tag

    def end(self, name: str) -> None:
        tag = self.path[-1]
        depth = len(self.path)
        self.path.pop()
        if self.unseen_from:
            if depth == self.unseen_from:
                self.unseen_from = 0
            return
        if self.within and self.path and self.path[-1] == "section" and tag == self.within:
            self.within = ""
            if tag == "title":
                self._head(self.title_from)
            self.flow.closes("text")
        elif self.within == "text":
            self.flow.closes(tag)
        elif tag == "section":
            self._end_heading()

    def data(self, text: str) -> None:
        if self.body is not None and self.path[-1] == "text":
            self.body.append(text)
        if not self.within or self.unseen_from:
            return
        place = self.place
        entity = _ENTITY.match(self.text, place) if len(text) <= 2 else None
        if entity:
            self.flow.sign(text, place, entity.end())
        else:
            self.flow.text(text, place)

    def close(self) -> None:
        """Nothing is left to do at the end."""

    def _head(self, start: int) -> None:
        shown = self.drawing.since(start)
        begun = start + len(shown) - len(shown.lstrip())
        heading = Heading(begun, self.drawing.length, self.code, shown.strip())
        self.drawing.headings.append(heading)
        self.titled = True

    def _end_heading(self) -> None:
        self.code, self.titled = "", False

    def result(self) -> Drawn | Embedded:
        """Return what was read."""
        if self.body is not None and not self.drawing.length:
            return self._embedded("".join(self.body))
        if not self.drawing.length:
            raise refuse(
                "an XML document without the narrative of a CDA section",
                "XML 文档中没有 CDA 章节叙述文字",
                "send a C-CDA document; FHIR is read as JSON",
            )
        return self.drawing.done()

    def _embedded(self, body: str) -> Embedded:
        if self.body_type.endswith(";plain"):
            return Embedded(body.encode(), self.body_type.removesuffix(";plain"))
        try:
            return Embedded(base64.b64decode("".join(body.split()), validate=True), self.body_type)
        except (ValueError, binascii.Error):
            raise refuse(
                "a CDA document whose embedded body is not base64",
                "CDA 文档内嵌正文不是有效的 base64",
            ) from None
