"""Build `names_world.txt` and `words_more.txt`: names and ordinary words `privacy.text` knows.

    python scripts/build_person_names.py WHEELS DATA WORDS

WHEELS is a folder with the wheels of `faker` and `mimesis` (`pip download --no-deps`); both are
MIT-licensed. DATA is one with the data sets of `CORPORA` in `text/`: a name seen there in lower
case is an ordinary word too. WORDS is the list of American English of SCOWL (`wamerican` of
Debian). Nothing of them is imported: Faker's tables are read from its source as literals. Accents
are left out, as in a folded text. Left out are names that the census list has, ordinary words and
names of fewer than four letters.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from suwen.privacy.words.lexicon import KNOWLEDGE

TARGET: Final = KNOWLEDGE / "names_world.txt"
LETTERS: Final = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ı": "i", "ß": "ss"}
)
NAME: Final = re.compile(r"[a-z]{4,}(?:['-][a-z]+)*")
CORPORA: Final = ("bc5cdr", "ncbi_disease", "mts_dialog", "aci_bench", "icd10cm_2018", "hpo")
HEAD: Final = """\
# Names of many countries: `name flags`. m, f, b: first name of men, women, both; l: surname;
# w: also an ordinary word, seen in lower case in BC5CDR, NCBI-disease, MTS-Dialog, ACI-BENCH,
# ICD-10-CM, the HPO or SCOWL. Source: person tables of Faker 40.63.0 and mimesis 22.2.0 (both MIT
# licence), locales in Latin letters; names of names_en.txt left out.
"""
MORE: Final = KNOWLEDGE / "words_more.txt"
MORE_HEAD: Final = """\
# Ordinary English words beside words_en.txt, lower case; words that are frequent names too are
# left out. Source: SCOWL 2020.12.07 (http://wordlist.sourceforge.net), American English.
# Copyright 2000-2011 by Kevin Atkinson. Permission to use, copy, modify, distribute and sell these
# word lists, the associated scripts, the output created from the scripts, and its documentation
# for any purpose is hereby granted without fee, provided that the above copyright notice appears
# in all copies and that both that copyright notice and this permission notice appear in supporting
# documentation. Kevin Atkinson makes no representations about the suitability of this array for
# any purpose. It is provided "as is" without express or implied warranty.
"""


def plain(text: str) -> Iterator[str]:
    """Yield the words of a name in lower case without accents."""
    parts = unicodedata.normalize("NFKD", text.translate(LETTERS))
    bare = "".join(one for one in parts if not unicodedata.combining(one)).lower()
    yield from (word for word in bare.split() if NAME.fullmatch(word))


def of_faker(wheel: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Yield names and flags of Faker's person providers."""
    for path in wheel.namelist():
        if not re.fullmatch(r"faker/providers/person/\w+/__init__\.py", path):
            continue
        for node in ast.walk(ast.parse(wheel.read(path).decode())):
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
                continue
            table = node.targets[0].id
            flag = kind(table)
            if flag and not re.search("format|fix|language|romaniz", table):
                for one in ast.walk(node.value):
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        yield from ((word, flag) for word in plain(one.value))


def kind(table: str) -> str:
    """Return the flag of a table by its name."""
    if "last" in table or "surname" in table:
        return "l"
    if "female" in table:
        return "f"
    if "male" in table:
        return "m"
    return "b" if "first" in table or table == "names" else ""


def of_mimesis(wheel: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Yield names and flags of mimesis' person tables."""
    for path in wheel.namelist():
        if path.endswith("/person.json"):
            content = json.loads(wheel.read(path))
            for table in ("names", "surnames"):
                yield from _below(content.get(table, []), table)


def _below(content: Any, table: str) -> Iterator[tuple[str, str]]:
    if isinstance(content, dict):
        for key, inside in content.items():
            yield from _below(inside, f"surname {key}" if table.startswith("surname") else key)
    elif isinstance(content, list):
        for name in content:
            yield from ((word, kind(table) or "l") for word in plain(str(name)))


def lowered(data: Path) -> frozenset[str]:
    """Return the words of the corpora that stand there in lower case."""
    found: set[str] = set()
    for name in CORPORA:
        for path in (data / "text" / name).rglob("*"):
            if path.suffix in (".txt", ".csv", ".tsv", ".json", ".jsonl", ".obo", ".xml"):
                text = path.read_text(encoding="utf-8", errors="ignore")
                found.update(re.findall(r"(?<![A-Za-z])[a-z]{4,}(?![A-Za-z])", text))
    return frozenset(found)


def clinical() -> frozenset[str]:
    """Return the words of `words_en.txt`."""
    lines = (KNOWLEDGE / "words_en.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def flags_of(listed: str) -> dict[str, str]:
    """Return the flags by name of a list of names."""
    lines = (KNOWLEDGE / listed).read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if not line.startswith("#"))


def main() -> None:
    """Write both lists."""
    folder, data, dictionary = map(Path, sys.argv[1:4])
    census = flags_of("names_en.txt")
    lines = dictionary.read_text(encoding="utf-8").splitlines()
    general = {line for line in lines if re.fullmatch("[a-z]{3,}", line)} - clinical()
    more = {word for word in general if "w" in census.get(word, "w")}
    MORE.write_text(MORE_HEAD + "".join(f"{word}\n" for word in sorted(more)), encoding="utf-8")
    ordinary = lowered(data) | general
    found: dict[str, set[str]] = {}
    for package, read in (("faker", of_faker), ("mimesis", of_mimesis)):
        with zipfile.ZipFile(next(folder.glob(f"{package}-*.whl"))) as wheel:
            for word, flag in read(wheel):
                found.setdefault(word, set()).add(flag)
    rows, known = [], clinical()
    for word, flags in sorted(found.items()):
        if word not in census and word not in known:
            first = flags - {"l"}
            sex = "" if not first else first.pop() if len(first) == 1 else "b"
            last, also = "l" if "l" in flags else "", "w" if word in ordinary else ""
            rows.append(f"{word} {sex}{last}{also}\n")
    TARGET.write_text(HEAD + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
