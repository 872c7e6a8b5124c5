"""What a resource refers to within its own document: contained resources and bundle entries.

Sources: HL7 FHIR R4 DomainResource constraints dom-2 to dom-5, Reference constraint ref-1, Bundle
constraint bdl-7 and section 2.36.4 (resolving references in bundles), Parameters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from suwen.records.fhir.checks import Hit, Local, Node, absolute, references
from suwen.records.fhir.knowledge import datatypes
from suwen.records.fhir.paths import items
from suwen.records.fhir.rules import target_type

_RESTFUL = re.compile(r"^(https?://.+/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})$")
_RELATIVE = re.compile(r"^([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]+))?$")


def check_contained(resource: Node, local: Sequence[Local]) -> Iterator[Hit]:
    """Check that contained resources are whole, referenced, and that local references resolve.

    `local` are the names beginning with `#` that the walk found in the resource.
    """
    contained = [c for c in items(resource.get("contained")) if type(c) is dict]
    ids = {str(child.get("id")) for child in contained}
    mentioned: set[str] = set()
    for _, node, element, text in local:
        if element == "reference":
            mentioned.add(text[1:])
            if text != "#" and text[1:] not in ids:
                yield Hit(node, "reference", "ref-1", "no contained resource has this local id")
    if any(_local_id(child) not in mentioned for child in contained):
        mentioned |= _canonical_mentions(resource)
        mentioned |= {str(child.get("id")) for child in contained if _mentions(child, "#")}
    for child in contained:
        yield from _contained(child, mentioned)


def _local_id(child: Node) -> str:
    return str(child.get("id", "")).lstrip("#")


def _mentions(resource: Node, text: str) -> bool:
    return any(reference == text for _, reference in references(resource))


def _canonical_mentions(node: Node) -> set[str]:
    """Return local ids named by canonical or uri elements (`"valueSet": "#vs1"`)."""
    found: set[str] = set()
    stack: list[object] = [node]
    while stack:
        value = stack.pop()
        if type(value) is dict:
            stack.extend(value.values())
        elif type(value) is list:
            stack.extend(value)
        elif type(value) is str and value[:1] == "#" and len(value) <= 65:
            found.add(value[1:])
    return found


def _contained(child: Node, mentioned: set[str]) -> Iterator[Hit]:
    if "contained" in child:
        yield Hit(child, "contained", "dom-2", "a contained resource contains no resources")
    if _local_id(child) not in mentioned:
        yield Hit(child, "", "dom-3", "nothing refers to this contained resource", "warning")
    meta = child.get("meta")
    if type(meta) is dict and meta.keys() & {"versionId", "lastUpdated"}:
        yield Hit(child, "meta", "dom-4", "a contained resource has no version and no update time")
    if type(meta) is dict and "security" in meta:
        yield Hit(child, "meta", "dom-5", "a contained resource has no security label")


def _part(node: Node, name: str) -> Node:
    part = node.get(name)
    return part if type(part) is dict else {}


def _version(resource: Node) -> str:
    return str(_part(resource, "meta").get("versionId", ""))


class _Entries:
    """The entries of a bundle, found by what may refer to them."""

    def __init__(self, bundle: Node) -> None:
        self.all = [entry for entry in items(bundle.get("entry")) if type(entry) is dict]
        self.urls: dict[str, list[Node]] = defaultdict(list)
        self.names: dict[str, list[Node]] = defaultdict(list)
        for entry in self.all:
            resource = entry.get("resource")
            if type(resource) is not dict:
                continue
            if type(url := entry.get("fullUrl")) is str:
                self.urls[url].append(resource)
            if "id" in resource:
                self.names[f"{resource.get('resourceType')}/{resource['id']}"].append(resource)

    def resolve(self, text: str, base: str | None) -> list[Node]:
        """Return the resources `text` means when it stands in an entry with that base."""
        match = _RELATIVE.match(text)
        if not match:
            plain, _, version = text.partition("/_history/")
        else:
            plain, version = f"{match.group(1)}/{match.group(2)}", match.group(3) or ""
            plain = plain if base is None else base + plain
        found = self.urls.get(plain) or (self.names.get(plain, []) if base is None else [])
        return [one for one in found if not version or _version(one) == version]


def check_bundle(bundle: Node) -> Iterator[Hit]:
    """Check full URLs, and that references inside a document mean exactly one entry."""
    entries = _Entries(bundle)
    kind = bundle.get("type")
    yield from _full_urls(entries, kind)
    if kind == "searchset":
        yield from _search_set(bundle, entries)
    if kind not in ("document", "message"):
        return
    for entry in entries.all:
        resource, url = entry.get("resource"), entry.get("fullUrl")
        if type(resource) is not dict or type(url) is not str:
            continue
        match = _RESTFUL.match(url)
        whole = kind == "document" and resource.get("resourceType") == "Composition"
        for node, text in references(resource):
            yield from _resolved(entries, node, text, match.group(1) if match else None, whole)


def _resolved(
    entries: _Entries, node: Node, text: str, base: str | None, whole: bool
) -> Iterator[Hit]:
    if text.startswith("#"):
        return
    found = entries.resolve(text, base)
    name = text.partition("/_history/")[0]
    if len(found) > 1:
        yield Hit(
            node,
            "reference",
            "suwen-resolve",
            "the reference means more than one entry",
        )
    elif not found and ("/_history/" in text and entries.names.get(name)):
        yield Hit(node, "reference", "suwen-resolve", "no entry has this version")
    elif not found and (whole or text.startswith("urn:uuid:") or name in entries.names):
        yield Hit(node, "reference", "suwen-resolve", "the reference means no entry")


def _full_urls(entries: _Entries, kind: object) -> Iterator[Hit]:
    seen: set[tuple[str, str]] = set()
    for entry in entries.all:
        url, resource = entry.get("fullUrl"), entry.get("resource")
        if type(url) is not str:
            continue
        if not absolute(url):
            yield Hit(entry, "fullUrl", "suwen-full-url", "a fullUrl is an absolute URI")
        if type(resource) is not dict:
            continue
        match = _RESTFUL.match(url)
        if match and match.group(2) in datatypes().resource_types and "id" in resource:
            stated = (resource.get("resourceType"), resource["id"])
            if match.groups()[1:] != stated:
                yield Hit(
                    entry,
                    "fullUrl",
                    "suwen-full-url",
                    "the fullUrl ends with another type and id than the resource has",
                )
        version = _version(resource)
        if kind != "history" and (url, version) in seen:
            yield Hit(entry, "fullUrl", "bdl-7", "the fullUrl occurs twice with the same version")
        seen.add((url, version))


def _search_set(bundle: Node, entries: _Entries) -> Iterator[Hit]:
    links = [link for link in items(bundle.get("link")) if type(link) is dict]
    own = next((str(link.get("url")) for link in links if link.get("relation") == "self"), "")
    searched = own.partition("?")[0].rstrip("/").rpartition("/")[2]
    counted = "?" in own and searched in datatypes().resource_types
    for entry in entries.all:
        resource = entry.get("resource")
        if type(resource) is not dict:
            continue
        kind, mode = resource.get("resourceType"), _part(entry, "search").get("mode")
        if mode == "outcome" and kind != "OperationOutcome":
            yield Hit(entry, "search", "suwen-search", "an outcome is an OperationOutcome")
        if kind != "OperationOutcome" and "id" not in resource:
            yield Hit(entry, "resource", "suwen-search", "what a search found has an id")
        if mode == "match" and counted and kind != searched:
            yield Hit(entry, "resource", "suwen-search", "the match is not of the searched type")


def check_parameters(parameters: Node) -> Iterator[Hit]:
    """Check that, where parameters carry patients, references to a patient mean one of them."""
    parts = [part for part in items(parameters.get("parameter")) if type(part) is dict]
    resources = [part["resource"] for part in parts if type(part.get("resource")) is dict]
    patients = {
        f"Patient/{r['id']}" for r in resources if r.get("resourceType") == "Patient" and "id" in r
    }
    if not patients:
        return
    for resource in resources:
        for node, text in references(resource):
            name = text.partition("/_history/")[0]
            if target_type(node) == "Patient" and _RELATIVE.match(text) and name not in patients:
                yield Hit(
                    node, "reference", "suwen-resolve", "the patient is none of those sent along"
                )
