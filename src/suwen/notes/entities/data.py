"""Labelled texts for `notes.entities`: each corpus with its own guideline, its types made ours.

A *scheme* is a corpus with the types that its guideline names. What a scheme does not name it does
not deny: a network has one head a scheme.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import NotFound
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Sample, Source
from suwen.lifecycle.robust.text_changes import Edits
from suwen.notes.entities import corpora
from suwen.notes.entities.corpora import Document
from suwen.notes.entities.names import FLAGS, WORD, Names
from suwen.notes.text import Note

Floats = NDArray[np.float64]
KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"

KINDS: Final = (
    *("problem", "symptom", "drug", "procedure", "anatomy", "laboratory", "imaging"),
    *("crowd", "physiology", "feature", "time", "department", "equipment", "microorganism"),
    *("date", "value"),
)
"""Short names of the types, in the order of their numbers."""
RULED: Final = ("date", "value")
"""Types that are found by rule: no corpus has them, and no network learns them."""
LEARNT: Final = tuple(kind for kind in KINDS if kind not in RULED)
TEXT: Final = "text"


@dataclass(frozen=True)
class Worded:
    """A text to be read: under one scheme, or as the note it is of."""

    text: str
    language: str
    scheme: str = ""
    note: Note | None = None

    def reworded(self, text: str, edits: Edits) -> Self:
        """Return the text in other words (`Written`); nothing else is marked in it."""
        del edits
        return replace(self, text=text)


@dataclass(frozen=True)
class Scheme:
    """A corpus: how its types are called here, where it lies, how it is read, may weights ship."""

    language: Literal["en", "zh"]
    types: Mapping[str, str]
    files: tuple[str, ...]
    test: tuple[str, ...]
    read: Callable[[Path], list[Document]]
    source: Source
    together: int = 1
    """So many texts of a file, in running order, are one group."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Our types that the guideline names, in our order."""
        named = set(self.types.values())
        return tuple(kind for kind in KINDS if kind in named)


def _source(name: str, url: str, licence: str, citation: str, shippable: bool = True) -> Source:
    return Source(name, url, licence, citation, shippable, LIMITS.get(name, ()))


LIMITS: Final[Mapping[str, tuple[str, ...]]] = {
    "BC5CDR": ("Abstracts of journal papers, not notes: chemicals and diseases only.",),
    "NCBI Disease": ("Abstracts of papers on genetics: diseases only.",),
    "cEHRNER": (
        "Records of one Chinese hospital, mostly of bowel cancer.",
        "Published on its test part: MC-BERT with BiLSTM, CNN, attention and CRF F1 0.923, BERT "
        "with BiLSTM and CRF 0.897 (doi:10.1186/s12911-022-02059-2, abstract). The figures of its "
        "own authors (arXiv:2008.10813) were not at hand.",
    ),
    "cMedQANER": (
        "Questions of laypeople and their answers on the web, not records.",
        "No published figure was at hand that can be told to be of this split.",
    ),
    "Yidu-S4K": (
        "Research only: weights trained on it do not ship.",
        "Published on the official test part: best of CCKS 2019 F1 0.856 "
        "(github.com/lingluodlut/Chinese-BioNLP); here another part is measured.",
    ),
    "CMeEE": (
        "Research only: weights trained on it do not ship.",
        "Textbook sentences, not records; of nested stretches the network learns and answers the "
        "longest, and is measured against all (6 % lie in another).",
        "Published on the hidden test part (CBLUE): BERT-base 62.1, people 67.0; here the "
        "development part is measured.",
    ),
}
_HOSPITAL: Final = {
    **{"疾病和诊断": "problem", "症状": "symptom", "药物": "drug", "手术": "procedure"},
    **{"解剖部位": "anatomy", "实验室检验": "laboratory", "影像检查": "imaging"},
}
_QUESTIONS: Final = {
    **{"disease": "problem", "body": "anatomy", "symptom": "symptom", "treatment": "procedure"},
    **{"crowd": "crowd", "drug": "drug", "test": "laboratory", "physiology": "physiology"},
    **{"feature": "feature", "time": "time", "department": "department"},
}
_YIDU: Final = {
    **{"DISEASE": "problem", "ANATOMY": "anatomy", "OPERATION": "procedure", "DRUG": "drug"},
    **{"TESTIMAGE": "imaging", "TESTLAB": "laboratory"},
}
_TEXTBOOK: Final = {
    **{"dis": "problem", "sym": "symptom", "pro": "procedure", "equ": "equipment", "dru": "drug"},
    **{"ite": "laboratory", "bod": "anatomy", "dep": "department", "mic": "microorganism"},
}
SENTENCES: Final = 50
"""Of a file that holds the sentences of records in running order and does not tell records apart:
about four records, so that at most one of them lies on two sides of a border."""
_DISEASE_ONLY: Final = dict.fromkeys(
    ("SpecificDisease", "DiseaseClass", "CompositeMention", "Modifier", "Disease"), "problem"
)
SCHEMES: Final[Mapping[str, Scheme]] = {
    "bc5cdr": Scheme(
        "en",
        {"Chemical": "drug", "Disease": "problem"},
        ("bc5cdr/CDR_TrainingSet.PubTator.txt", "bc5cdr/CDR_DevelopmentSet.PubTator.txt"),
        ("bc5cdr/CDR_TestSet.PubTator.txt", "bc5cdr/conll_iob/test.tsv"),
        lambda path: corpora.conll(path) if path.suffix == ".tsv" else corpora.pubtator(path),
        _source(
            "BC5CDR",
            "https://www.ncbi.nlm.nih.gov/research/bionlp/Data/",
            "public release for research (NCBI, BioCreative V)",
            "Li J. et al., Database 2016, baw068.",
        ),
    ),
    "ncbi_disease": Scheme(
        "en",
        _DISEASE_ONLY,
        ("ncbi_disease/NCBItrainset_corpus.txt", "ncbi_disease/NCBIdevelopset_corpus.txt"),
        ("ncbi_disease/NCBItestset_corpus.txt",),
        corpora.pubtator,
        _source(
            "NCBI Disease",
            "https://www.ncbi.nlm.nih.gov/research/bionlp/Data/",
            "public domain in the US",
            "Dogan R.I., Leaman R., Lu Z., J Biomed Inform 47:1, 2014.",
        ),
    ),
    "cEHRNER": Scheme(
        "zh",
        _HOSPITAL,
        ("chineseblue/cEHRNER/train.bio.txt", "chineseblue/cEHRNER/dev.bio.txt"),
        ("chineseblue/cEHRNER/test.bio.txt",),
        corpora.characters,
        _source(
            "cEHRNER",
            "https://github.com/alibaba-research/ChineseBLUE",
            "Apache-2.0",
            "Zhang N. et al., arXiv:2008.10813.",
        ),
    ),
    "cMedQANER": Scheme(
        "zh",
        _QUESTIONS,
        ("chineseblue/cMedQANER/train.json", "chineseblue/cMedQANER/dev.json"),
        ("chineseblue/cMedQANER/test.json",),
        corpora.mention_lines,
        _source(
            "cMedQANER",
            "https://github.com/alibaba-research/ChineseBLUE",
            "Apache-2.0",
            "Zhang N. et al., arXiv:2008.10813.",
        ),
    ),
    "yidu_s4k": Scheme(
        "zh",
        _YIDU,
        ("yidu_s4k/train.bio.tsv", "yidu_s4k/dev.bio.tsv"),
        ("yidu_s4k/test.bio.tsv",),
        lambda path: corpora.characters(path, "\t", "-"),
        _source(
            "Yidu-S4K",
            "http://openkg.cn/dataset/yidu-s4k",
            "research only",
            "CCKS 2019 task 1.",
            shippable=False,
        ),
        together=SENTENCES,
    ),
    "cmeee": Scheme(
        "zh",
        _TEXTBOOK,
        ("cmeee/train.jsonl.gz", "cmeee/train.jsonl"),
        ("cmeee/dev.jsonl", "cmeee/dev.jsonl.gz", "cmeee/CMeEE_dev.json"),
        corpora.nested_lines,
        _source(
            "CMeEE",
            "https://tianchi.aliyun.com/dataset/dataDetail?dataId=95414",
            "research only, by agreement (CBLUE)",
            "Zan H. et al., CCIR 2020; Zhang N. et al., arXiv:2106.08087.",
            shippable=False,
        ),
    ),
}
CORRECTIONS: Final = "corrections"
"""The scheme of notes that people corrected here: it names every type that can be learnt."""
NOTES: Final = "notes"
SHIPPED: Final = ("bc5cdr", "ncbi_disease", "cEHRNER", "cMedQANER")
"""The corpora of the data set `notes`, which the shipped pack is trained on."""
NOTES_SOURCE: Final = Source(
    "BC5CDR, NCBI Disease, cEHRNER and cMedQANER",
    "https://www.ncbi.nlm.nih.gov/research/bionlp/Data/ · "
    "https://github.com/alibaba-research/ChineseBLUE",
    "; ".join(f"{SCHEMES[name].source.name}: {SCHEMES[name].source.licence}" for name in SHIPPED),
    " ".join(SCHEMES[name].source.citation for name in ("bc5cdr", "ncbi_disease", "cEHRNER")),
    True,
    tuple(limit for name in SHIPPED for limit in SCHEMES[name].source.limits),
)


def documents(data: DataFolders, name: str) -> list[Document]:
    """Return the labelled texts of one corpus: of a test folder its test part, else the others.

    Raises
    ------
    NotFound
        No file of it is there.
    """
    scheme = SCHEMES[name]
    wanted = scheme.files if data.test is None else scheme.test
    there = [f"{TEXT}/{path}" for path in wanted if data.have(f"{TEXT}/{path}")]
    there = there or [path for path in wanted if data.have(path)]
    if not there:
        raise NotFound(
            f"no file of {name}", f"one of {list(wanted)} below {TEXT}/", "see SUWEN_DATA"
        )
    if data.test is not None:
        there = there[:1]
    found: dict[str, Document] = {}
    for path in there:
        for document in scheme.read(data.find(path)):
            found.setdefault(document.text, document)
    return list(found.values())


def examples(data: DataFolders, dataset: str) -> Examples:
    """Return the texts of a corpus, or of all that ship, with their true stretches.

    Texts are the unit: none is split over two sides, and a text that stands in two corpora (an
    abstract, a record) is one group.
    """
    names = SHIPPED if dataset == NOTES else (dataset,)
    found = [(name, document) for name in names for document in documents(data, name)]
    groups = [_group(*one) for one in found]

    def load(i: int) -> Sample:
        name, document = found[i]
        return Sample(f"{name}/{document.key}", Worded(document.text, SCHEMES[name].language, name))

    def truth(i: int) -> Floats:
        name, document = found[i]
        return rows(name, document)

    return Examples(
        source=NOTES_SOURCE if dataset == NOTES else SCHEMES[dataset].source,
        keys=tuple(f"{name}/{document.key}" for name, document in found),
        groups=np.array(groups),
        labels=np.zeros(len(found)),
        load=load,
        truth=truth,
        floor_marks={"list of names": lambda i: listed(*found[i])},
        columns={"corpus": np.array([name for name, _ in found])} if dataset == NOTES else {},
    )


def rows(scheme: str, document: Document) -> Floats:
    """Return the true stretches of a document as start, end and number of our type, (k, 3)."""
    types = SCHEMES[scheme].types
    found = [
        (start, end, KINDS.index(types[kind]))
        for start, end, kind in document.spans
        if kind in types
    ]
    return np.array(found, dtype=float).reshape(-1, 3)


LISTED: Final[Mapping[str, str]] = {
    **{"chemical": "drug", "disease": "problem", "phenotype": "symptom", "diagnosis": "problem"},
}
"""What a name of each list is called by a lookup alone."""


@lru_cache(maxsize=2)
def names_of(language: str) -> Names:
    """Return the lists of names of a language."""
    return Names.from_bytes((KNOWLEDGE / f"names_{language}.npz").read_bytes())


def listed(scheme: str, document: Document) -> Floats:
    """Return what looking names up marks, the floor: rows of `Output.marks`, (m, 4)."""
    names, kinds = names_of(SCHEMES[scheme].language), SCHEMES[scheme].kinds
    words = [(m.start(), m.end(), m.group().lower()) for m in WORD.finditer(document.text)]
    flags = names.flags([word for _, _, word in words])
    found: dict[int, tuple[int, int, int]] = {}
    for column, name in enumerate(names.lists):
        kind = LISTED.get(name, "")
        if kind not in kinds:
            continue
        for i in np.flatnonzero(flags[:, FLAGS * column]).tolist():
            last = i
            while last + 1 < len(words) and flags[last + 1, FLAGS * column + 1]:
                last += 1
            start, end = words[i][0], words[last][1]
            if end - start > found.get(start, (0, 0, 0))[1] - start and end - start > 1:
                found[start] = (start, end, KINDS.index(kind))
    return np.array([(0.0, *row) for row in found.values()], dtype=float).reshape(-1, 4)


def _group(scheme: str, document: Document) -> str:
    """Return what may not be split: PubMed number, beginning of the text, or running sentences."""
    if (together := SCHEMES[scheme].together) > 1:
        file, _, number = document.key.rpartition("-")
        return f"{scheme}/{file}/{int(number) // together}"
    return document.key if document.key.isdigit() else document.text[:60]


def kinds_named(scheme: str) -> tuple[str, ...]:
    """Return our types that a scheme names, in our order."""
    return LEARNT if scheme == CORRECTIONS else SCHEMES[scheme].kinds
