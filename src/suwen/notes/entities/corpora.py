"""Labelled corpora as texts with typed character spans.

References: PubTator (Wei et al., Nucleic Acids Research 41, 2013); BC5CDR (Li et al., Database
2016, baw068); NCBI Disease (Dogan et al., J Biomed Inform 47, 2014); ChineseBLUE (Zhang et al.,
arXiv:2008.10813); Yidu-S4K (CCKS 2019 task 1); CMeEE (Zan et al., CCIR 2020; CBLUE,
arXiv:2106.08087).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suwen.core.errors import BadInput

Row = tuple[int, int, str]
"""Start, end (exclusive) and type of a labelled stretch, in characters."""
CONLL_WORDS = 180
"""Sentences of a file without documents are read together up to about this many words."""


@dataclass(frozen=True)
class Document:
    """One labelled text; `spans` in the order they start."""

    key: str
    text: str
    spans: tuple[Row, ...]


def pubtator(path: Path) -> list[Document]:
    """Read a PubTator file: title and abstract as one text, mentions by offset.

    Raises
    ------
    BadInput
        A line is none of the format's.
    """
    documents, seen = [], set()
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        title, abstract, spans, key = "", "", [], ""
        for line in block.strip("\n").split("\n"):
            head = line.split("|", 2)
            if len(head) == 3 and head[1] in ("t", "a"):
                key = head[0]
                title, abstract = (head[2], abstract) if head[1] == "t" else (title, head[2])
                continue
            parts = line.split("\t")
            if len(parts) < 4:
                raise BadInput(f"the line {line[:60]!r} in {path.name}", "a line of PubTator")
            if parts[1].isdigit() and len(parts) >= 5:
                spans.append((int(parts[1]), int(parts[2]), parts[4]))
        if key not in seen:
            seen.add(key)
            documents.append(Document(key, f"{title} {abstract}", tuple(sorted(spans))))
    return documents


def tagged(path: Path, separator: str, joint: str) -> Iterator[list[tuple[str, str]]]:
    """Yield the sentences of a file of one token and its BIO tag a line, blank lines between.

    `separator` parts token and tag; a token that is the separator itself (a space) is kept. `joint`
    parts the letter of the tag from its type.
    """
    sentence: list[tuple[str, str]] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        token, found, tag = line.rstrip("\r").rpartition(separator)
        if found and (tag == "O" or tag[1:2] == joint):
            sentence.append((token or " ", tag))
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def rows_of(tokens: Sequence[tuple[str, str]], starts: Sequence[int]) -> list[Row]:
    """Return the stretches of BIO tags; `starts` is where each token begins."""
    rows: list[Row] = []
    for (token, tag), start in zip(tokens, starts, strict=True):
        end, kind = start + len(token), tag[2:]
        if tag[0] == "I" and rows and rows[-1][2] == kind and rows[-1][1] >= start - 1:
            rows[-1] = (rows[-1][0], end, kind)
        elif tag != "O":
            rows.append((start, end, kind))
    return rows


def conll(path: Path) -> list[Document]:
    """Read words and BIO tags (tab between), sentences in running order, as passages.

    The file tells no documents apart. So that a sentence is read in its context, sentences are put
    together up to about `CONLL_WORDS` words.
    """
    documents: list[Document] = []
    text, words = "", 0
    rows: list[Row] = []
    for sentence in tagged(path, "\t", "-"):
        if words and words + len(sentence) > CONLL_WORDS:
            documents.append(Document(f"{path.stem}-{len(documents)}", text, tuple(rows)))
            text, rows, words = "", [], 0
        starts = []
        for token, _ in sentence:
            text += " " if text else ""
            starts.append(len(text))
            text += token
        rows += rows_of(sentence, starts)
        words += len(sentence)
    if words:
        documents.append(Document(f"{path.stem}-{len(documents)}", text, tuple(rows)))
    return documents


def characters(path: Path, separator: str = " ", joint: str = "_") -> list[Document]:
    """Read Chinese records of one character and its BIO tag a line, blank lines between."""
    documents = []
    for number, sentence in enumerate(tagged(path, separator, joint)):
        starts, text = [], ""
        for token, _ in sentence:
            starts.append(len(text))
            text += token
        documents.append(Document(f"{path.stem}-{number}", text, tuple(rows_of(sentence, starts))))
    return documents


def nested_lines(path: Path) -> list[Document]:
    """Read CMeEE: one JSON object a line (or a list of them), gzipped or not; ends are exclusive.

    Stretches may lie in one another: all are kept.

    Raises
    ------
    BadInput
        The file is neither, or a stretch does not hold the words it names.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
        lines = text.splitlines()
        listed = text.lstrip().startswith("[")
        entries = json.loads(text) if listed else [json.loads(one) for one in lines if one.strip()]
        return [
            Document(f"{path.name.partition('.')[0]}-{number}", entry["text"], _nested(entry))
            for number, entry in enumerate(entries)
        ]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"texts that cannot be read: {path.name}",
            "JSON lines with text and entities of start, end (exclusive), type and text",
        ) from error


def _nested(entry: dict[str, Any]) -> tuple[Row, ...]:
    rows = set()
    for one in entry["entities"]:
        start, end = int(one["start"]), int(one["end"])
        if entry["text"][start:end] != one["text"]:
            raise ValueError(f"characters {start} to {end} are not what is named")
        rows.add((start, end, str(one["type"])))
    return tuple(sorted(rows))


def mention_lines(path: Path) -> list[Document]:
    """Read cMedQANER: one JSON object a line, mentions by offset; mismatched ones are left out.

    Raises
    ------
    BadInput
        A line is no such object.
    """
    documents = []
    lines = [one for one in path.read_text(encoding="utf-8").splitlines() if one.strip()]
    for number, line in enumerate(lines):
        rows = set()
        try:
            content = json.loads(line)
            text = str(content["text"])
            for mention in content["mention_data"]:
                start, word = int(mention["offset"]), str(mention["mention"])
                if text[start : start + len(word)] == word:
                    rows.add((start, start + len(word), str(mention["type"])))
        except (ValueError, KeyError, TypeError):
            raise BadInput(
                f"text {number + 1} of {path.name} cannot be read",
                "JSON with text and mention_data of offset, mention and type",
            ) from None
        documents.append(Document(f"{path.stem}-{number}", text, tuple(sorted(rows))))
    return documents
