"""Similar development examples: found honestly, measured beside floors, none out of the domain."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import COMPARED, Band, RecordValue, SimilarExample
from suwen.lifecycle.card import similar as card_similar
from suwen.lifecycle.examples import Examples, Source
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import similar
from suwen.lifecycle.run import answer
from suwen.lifecycle.sealed import gallery_pictures
from suwen.lifecycle.sealed.gallery import Gallery, unit
from suwen.lifecycle.sealed.gallery_pictures import JPEG, WEBP, encoded

SOURCE = Source("made up", "https://example.org", "CC0", "none", True)
N = 80
PLACE = RecordValue(record="Observation/1/_history/1", path="valueString")


@pytest.fixture
def examples():
    """Two pictures each of 40 patients, two classes; the floor says nothing of them."""
    rng = np.random.default_rng(0)
    groups = np.array([f"patient-{i // 2}" for i in range(N)])
    return Examples(
        SOURCE,
        tuple(f"picture-{i}" for i in range(N)),
        groups,
        (np.arange(N) // 2) % 2,
        load=lambda i: None,
        floors={"size": rng.random(N)},
    )


@pytest.fixture
def gallery(examples):
    """Each class has its own direction; the told number is the class with a little noise."""
    rng = np.random.default_rng(1)
    label = np.asarray(examples.labels)
    place = unit(np.stack([1 - label, label], 1) + rng.normal(0, 0.15, (N, 2)))
    told = (label + rng.normal(0, 0.1, N)).astype(np.float32)
    told[:4] = np.nan
    return Gallery(
        keys=np.array(examples.keys),
        group=np.arange(N) // 2,
        label=label,
        fold=(np.arange(N) // 4) % 2,
        names=np.array(["rating"]),
        told=told[:, None],
        place=place.astype(np.float16),
        middle=np.zeros((2, 2)),
        axes=np.stack([np.eye(2)] * 2),
    )


def test_neighbours_are_of_the_same_fold_and_of_other_patients(examples, gallery):
    for near in similar.ways_of(examples, gallery).values():
        assert near.shape == (N, similar.NEIGHBOURS)
        assert (gallery.fold[near] == gallery.fold[:, None]).all()
        assert (gallery.group[near] != gallery.group[:, None]).all()


def test_likeness_that_follows_the_class_is_told_from_floor_and_chance(examples, gallery):
    found = similar.measured(examples, gallery)
    own, floor, chance = (found["ways"][way] for way in ("embedding", "size", "random"))
    assert own["same_label"]["value"] == pytest.approx(1, abs=0.02)
    assert own["auroc_of_vote"]["value"] == pytest.approx(1, abs=0.01)
    assert own["mae_rating"]["value"] < 0.2 < floor["mae_rating"]["value"]
    assert chance["same_label"]["value"] == pytest.approx(0.5, abs=0.1)
    for gain in ("gain_same_label", "gain_auroc_of_vote", "gain_mae_rating"):
        assert 0 < floor[gain]["low"] <= floor[gain]["value"] <= floor[gain]["high"]
    assert "gain_same_label" not in own


def test_likeness_that_follows_nothing_is_called_no_better_in_card_and_summary(examples, gallery):
    rng = np.random.default_rng(5)
    blind = replace(gallery, place=unit(rng.normal(size=(N, 2))).astype(np.float16))
    found = similar.measured(examples, blind)
    assert "Not shown to be better than by size alone: share with the same label" in "\n".join(
        card_similar.lines(found)
    )
    said = similar.summary([example("benign", "良性")] * 5, found)
    assert "not shown to be more than by size alone" in said.en
    assert "没有可证实的优势" in said.zh


def example(en, zh):
    return SimilarExample(record="example/made_up/1", label=Text(en=en, zh=zh), weight=0.5)


def test_the_summary_counts_what_the_examples_were_and_says_it_is_no_proof(examples, gallery):
    shown = [example("benign", "良性"), *[example("malignant", "恶性")] * 4]
    said = similar.summary(shown, similar.measured(examples, gallery))
    assert said.en.startswith("Most similar development examples: 4 of 5 malignant, 1 of 5 benign.")
    assert said.zh.startswith("最相似的开发样例：5 例中 4 例恶性，5 例中 1 例良性。")
    assert "no proof" in said.en
    assert "不构成证明" in said.zh
    assert "not shown to be more" not in said.en


def test_the_card_puts_floor_and_chance_beside_each_figure(examples, gallery):
    page = "\n".join(card_similar.lines(similar.measured(examples, gallery)))
    assert "| of the 5 neighbours | by similarity | by size alone | at random | gain over" in page
    assert "mean absolute error of the rating (lower is better)" in page
    assert "Not shown" not in page
    assert list(card_similar.lines({})) == []


def test_outside_the_domain_nothing_is_called_similar(trained, toy, toy_data):
    task = toy.Squares()
    sample = task.examples(toy_data, "squares").load(0)
    placed = replace(sample, evidence=(PLACE,))
    inside = answer(task, trained.pack, placed)
    outside = answer(task, trained.pack, toy.brighter(placed, 50.0, 0))
    assert [one.band is Band.ABSTAIN for one in (*inside, *outside)] == [False, True]
    assert sum(isinstance(one, SimilarExample) for one in inside[0].evidence) == 5
    assert not [one for one in outside[0].evidence if isinstance(one, SimilarExample)]
    assert "development examples" not in outside[0].reason.en


def test_the_examples_of_a_trained_toy_are_alike_in_class(trained):
    ways = trained.pack.content(similar.MEASURED)["ways"]
    own = ways["embedding"]["same_label"]
    assert own["low"] > ways["random"]["same_label"]["value"]
    assert ways["embedding"].keys() == {"same_label", "auroc_of_vote", "mae_size_mm"}


def test_beside_an_answer_stand_pictures_of_the_case_and_of_each_example_in_the_same_order(
    trained, toy, toy_data
):
    task = toy.Squares()
    examples = task.examples(toy_data, "squares")
    (found,) = answer(task, trained.pack, replace(examples.load(0), evidence=(PLACE,)))
    named = [one for one in found.evidence if isinstance(one, SimilarExample)]
    drawn = [one for one in found.attachments if one.media_type in (JPEG, WEBP)]
    assert [one.role for one in drawn] == [COMPARED, *(one.picture_role for one in named)]
    for one, attachment in zip(named, drawn[1:], strict=True):
        i = examples.keys.index(one.record.rpartition("/")[2])
        assert attachment.data == encoded(task.picture_of(examples.load(i)))
    assert "all of each square; made-up squares, Apache-2.0." in found.reason.en
    assert "整个方块" in found.reason.zh


def test_a_pack_from_before_there_were_pictures_names_its_examples_without(
    trained, toy, toy_data, tmp_path
):
    copy = shutil.copytree(trained.pack.folder, tmp_path / "pack")
    (copy / gallery_pictures.FILE).unlink()
    sample = toy.Squares().examples(toy_data, "squares").load(0)
    (found,) = answer(toy.Squares(), Pack.draft(copy), replace(sample, evidence=(PLACE,)))
    assert sum(isinstance(one, SimilarExample) for one in found.evidence) == 5
    assert not [one for one in found.attachments if one.media_type in (JPEG, WEBP)]
    assert "Pictures" not in found.reason.en


def test_pictures_of_other_examples_are_not_added(trained, toy, toy_data, tmp_path):
    draft = Pack.draft(shutil.copytree(trained.pack.folder, tmp_path / "pack"))
    examples = toy.Squares().examples(toy_data, "squares")
    with pytest.raises(BadInput, match="other examples"):
        similar.add_pictures(toy.Squares(), examples.subset(range(5)), draft)
