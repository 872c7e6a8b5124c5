"""What a note names: problems, symptoms, drugs, procedures, anatomy, examinations.

English by a pretrained encoder fine-tuned on BC5CDR and NCBI Disease, Chinese by an LSTM-CRF on
cEHRNER and cMedQANER; each reads under the scheme of one corpus. References: Lample et al., NAACL
2016; Wang et al., MiniLM, NeurIPS 2020; Gu et al., ACM Trans Comput Healthc 3:1, 2021 (BLURB).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput, MissingExtra
from suwen.core.nouns import Case, Finding
from suwen.core.registry import register
from suwen.lifecycle import say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.kinds import Answers, Spans
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.task import Examples, Output, Perturbation, Reads, Sample
from suwen.notes import entity_data
from suwen.notes.entity_data import KINDS, NOTES, SCHEMES, Worded
from suwen.notes.reader import Reader, reader_of

ENTITIES: Final = "notes.entities"
READ_AS: Final = {"en": "bc5cdr", "zh": "cEHRNER"}
"""The scheme a note of each language is read under."""
_NAMES: Final = {
    "problem": ("Problem or diagnosis", "疾病或诊断"),
    "symptom": ("Symptom", "症状"),
    "drug": ("Drug or chemical", "药物或化学物"),
    "procedure": ("Procedure or treatment", "手术或治疗"),
    "anatomy": ("Body part", "解剖部位"),
    "laboratory": ("Laboratory test", "实验室检验"),
    "imaging": ("Imaging examination", "影像检查"),
    "crowd": ("Group of people", "人群"),
    "physiology": ("Physiology", "生理"),
    "feature": ("Feature", "特征"),
    "time": ("Time", "时间"),
    "department": ("Department", "科室"),
}
KIND_SYSTEM: Final = f"{SUWEN}/entity-kinds"


def kind_code(kind: str) -> Code:
    """Return the code of a type of entity."""
    en, zh = _NAMES[kind]
    return Code(system=KIND_SYSTEM, code=kind, name=Text(en=en, zh=zh))


ASKED: Final = Code(
    system=f"{SUWEN}/codes",
    code="entities",
    name=Text(en="What the note names", zh="病历所述实体"),
)


class Entities:
    """Every stretch of a note that names something, with its type."""

    name = ENTITIES
    title = Text(en="Notes: problems, drugs and other entities", zh="病历：疾病、药物等实体识别")
    reads: tuple[Reads, ...] = (
        Reads("DocumentReference", "", Text(en="Clinical note", zh="病历文本")),
    )
    answers: Answers = Spans(ASKED, tuple(kind_code(kind) for kind in KINDS))
    after: tuple[str, ...] = ()
    datasets: tuple[str, ...] = (NOTES, *SCHEMES)
    perturbations: tuple[Perturbation, ...] = ()
    recipe = Recipe(folds=1, epochs=14, batch_size=16, learning_rate=4e-4)
    domain_names: Mapping[str, Text] = {
        "unknown_share": Text(en="Share of pieces the network does not know", zh="未知字词比例"),
    }

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return every note of the Case."""
        return []

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the labelled texts of one corpus, or of all that may ship."""
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        return entity_data.examples(data, dataset)

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train the network of each language there are texts in."""
        try:
            from suwen.notes import fit_languages
        except ImportError as error:
            raise MissingExtra("train", str(error)) from error
        return fit_languages.fit(train, valid, recipe, folder)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Read one text under its scheme, or as a note."""
        worded: Worded = sample.data
        reader = _reader(pack, worded.language)
        scheme = worded.scheme or READ_AS[worded.language]
        (found,) = reader.read([worded.text], [scheme])
        rows = [(one.logit, one.start, one.end, KINDS.index(one.kind)) for one in found]
        return Output(
            scores=np.zeros(0),
            domain={"unknown_share": reader.unknown_share(worded.text)},
            marks=np.array(rows, dtype=float).reshape(-1, 4),
        )

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return a finding for each stretch."""
        return [finding for _, finding in say.spanned(self, pack, sample, output)]


@lru_cache(maxsize=8)
def _opened(pack: Pack, language: str) -> Reader:
    return reader_of(pack, 0, language)


def _reader(pack: Pack, language: str) -> Reader:
    return _opened(pack, language)


register(Entities())
