"""The narrative of a resource: XHTML with basic formatting only, nothing that runs.

Source: HL7 FHIR R4 narrative page, constraints txt-1 and txt-2.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from suwen.records.fhir.knowledge import datatypes

_NAMESPACE = "{http://www.w3.org/1999/xhtml}"
_UNSAFE_LINK = re.compile(r"\s*(?:javascript|vbscript|data\s*:\s*text/html)", re.IGNORECASE)


def problem(div: str) -> tuple[str, str] | None:
    """Return the constraint broken by `div` and what is wrong, or None."""
    try:
        root = fromstring(div, forbid_dtd=True)
    except ParseError as error:
        line, column = error.position
        return "txt-1", f"the narrative is not well-formed XHTML (line {line}, column {column})"
    except (DefusedXmlException, ValueError):
        return "txt-1", "the narrative declares a document type or entities"
    if root.tag.removeprefix(_NAMESPACE) != "div":
        return "txt-1", "the narrative is not one div element"
    for element in root.iter():
        if broken := _element(element):
            return broken
    if not "".join(root.itertext()).strip() and root.find(f".//{_NAMESPACE}img") is None:
        return "txt-2", "the narrative has no content"
    return None


def _element(element: Element) -> tuple[str, str] | None:
    known = datatypes()
    name = str(element.tag).removeprefix(_NAMESPACE)
    if name not in known.narrative_elements:
        return "txt-1", "the narrative has an element that is not basic formatting"
    for attribute, value in element.attrib.items():
        plain = attribute.rpartition("}")[2]
        if plain not in known.narrative_attributes:
            return "txt-1", "the narrative has an attribute that is not basic formatting"
        if plain in ("href", "src") and _UNSAFE_LINK.match(value):
            return "txt-1", "the narrative has a link that runs a script"
    return None
