import gzip
from pathlib import Path

import numpy as np
import pytest

from suwen.lifecycle import split
from suwen.lifecycle.data import DataFolders
from suwen.notes.entities.pieces import CLOSING, HIDDEN, OPENING
from suwen.notes.entities.pretraining import HIDE, Passes, asked_of, guess
from suwen.notes.entities.pretraining_texts import SOURCES, texts

WINDOWS = np.full((40, 254), 2000, dtype=np.int64)


def test_about_a_seventh_is_asked_for_and_most_of_that_is_hidden():
    _, changed, chosen = asked_of(WINDOWS, 30_000, np.random.default_rng(1))
    assert abs(chosen.mean() - HIDE) < 0.01
    assert abs((changed[chosen] == HIDDEN).mean() - 0.8) < 0.02
    left = (changed[chosen] == 2000).mean()
    assert 0.07 < left < 0.13, "a tenth stays as it was"


def test_what_is_not_asked_for_stays_and_the_ends_are_framed():
    true, changed, chosen = asked_of(WINDOWS, 30_000, np.random.default_rng(1))
    inside = np.zeros_like(chosen)
    inside[:, 1:-1] = True
    assert (changed == true)[inside & ~chosen].all()
    assert (changed[:, 0] == OPENING).all()
    assert (changed[:, -1] == CLOSING).all()
    assert not chosen[:, [0, -1]].any()


def test_an_encoder_learns_to_guess_what_always_stands_there():
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    small = BertConfig(
        vocab_size=1100,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=16,
        max_position_embeddings=256,
    )
    windows = np.full((32, 254), 1050, dtype=np.uint16)
    told: list[str] = []
    first = guess(BertModel(small, add_pooling_layer=False), windows, Passes(1, 16), told.append)
    later = guess(BertModel(small, add_pooling_layer=False), windows, Passes(60, 16), told.append)
    assert later < first - 0.5
    assert told[-1].startswith("120/120 steps")


def test_abstracts_that_the_figures_are_measured_on_are_not_pretrained_on(tmp_path):
    abstracts = [(f"{10_000 + i}", f"Aspirin helped patient number {i}.") for i in range(40)]
    corpus = "".join(f"{key}|t|{text}\n{key}|a|\n\n" for key, text in abstracts)
    for path in SOURCES:
        _empty(tmp_path / path)
    for name, file in (
        ("bc5cdr", "CDR_TrainingSet.PubTator"),
        ("ncbi_disease", "NCBItrainset_corpus"),
    ):
        target = tmp_path / "text" / name / f"{file}.txt"
        target.parent.mkdir(parents=True)
        target.write_text(corpus, encoding="utf-8")
    for name in ("cEHRNER/train.bio.txt", "cMedQANER/train.json"):
        target = tmp_path / "text" / "chineseblue" / name
        target.parent.mkdir(parents=True)
        target.write_text("", encoding="utf-8")
    found = " ".join(texts(DataFolders((tmp_path,))))
    out = split.held_out(np.array([key for key, _ in abstracts]), 1)
    assert 0 < out.sum() < len(out)
    for (_, text), left_out in zip(abstracts, out, strict=True):
        assert (text.strip() in found) == (not left_out)


def _empty(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = "title,abstract,text,section_text,dialogue,note\n" if ".csv" in path.name else ""
    content = ("{}" if path.suffix == ".json" else header).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
