"""The galleries that ship, on the real examples: what the card says comes out again."""

from __future__ import annotations

import math
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from tests.integration.conftest_nodules import data_folders

from suwen.core import registry
from suwen.core.errors import NotFound
from suwen.core.nouns import Band, RecordValue, SimilarExample
from suwen.lifecycle import packs, run
from suwen.lifecycle.reasons import similar
from suwen.lifecycle.sealed.gallery import unit

pytestmark = pytest.mark.real_data
pytest.importorskip("suwen.imaging.tasks")
pytest.importorskip("suwen.imaging.chest.task")
pytest.importorskip("suwen.imaging.breast.task")

TASKS = ("imaging.nodule_malignancy", "imaging.breast_ultrasound", "imaging.chest_xray")


@pytest.fixture(params=TASKS, scope="module")
def opened(request):
    """Task, current pack and examples; skipped where the data are absent."""
    task, pack = registry.find(request.param), packs.current(request.param)
    try:
        return task, pack, task.examples(data_folders(), pack.settings["dataset"])
    except NotFound as error:
        pytest.skip(error.got)


def test_the_figures_of_the_card_come_out_of_the_gallery_again(opened, monkeypatch):
    _, pack, examples = opened
    monkeypatch.setattr(similar.measure, "resamples_for", lambda count: 20)
    again = similar.measured(examples, pack.gallery)["ways"]
    for way, said in pack.content(similar.MEASURED)["ways"].items():
        for name, entry in said.items():
            assert math.isclose(again[way][name]["value"], entry["value"], abs_tol=1e-9), name
    own = pack.content(similar.MEASURED)["ways"]["embedding"]["same_label"]
    chance = pack.content(similar.MEASURED)["ways"]["random"]["same_label"]
    assert own["low"] > chance["high"]


def test_an_example_lies_where_the_member_that_never_saw_it_puts_it(opened):
    task, pack, examples = opened
    kept = pack.gallery
    assert kept.keys.tolist() == list(examples.keys)
    assert kept.label.tolist() == examples.labels.tolist()
    for i in np.linspace(0, len(examples) - 1, 4).astype(int):
        member = int(kept.fold[i])
        embedded = task.embedding(pack, examples.load(int(i)), [member])[0]
        along = unit((embedded - kept.middle[member]) @ kept.axes[member].astype(float))
        assert along @ unit(kept.place[i].astype(float)) > 0.999


def test_the_picture_of_an_example_shows_that_example(opened):
    task, pack, examples = opened
    for i in np.linspace(0, len(examples) - 1, 4).astype(int):
        shown = np.asarray(Image.open(BytesIO(pack.pictures.of(int(i)))).convert("L"), dtype=float)
        again = task.picture_of(examples.load(int(i))).astype(float)
        assert shown.shape == again.shape
        assert np.abs(shown - again).mean() < 6


def test_a_real_example_is_answered_with_five_others_of_other_patients(opened):
    task, pack, examples = opened
    place = RecordValue(record="ImagingStudy/1/_history/1", path="ImagingStudy.series[0]")
    sample = replace(examples.load(len(examples) // 2), evidence=(place,))
    (finding,) = run.answer(task, pack, sample)
    if finding.band is Band.ABSTAIN:
        pytest.skip("outside the pack's domain")
    named = [one for one in finding.evidence if isinstance(one, SimilarExample)]
    assert len(named) == similar.NEIGHBOURS
    own = pack.gallery.group_of(sample.key)
    keys = [one.record.split("/", 2)[2] for one in named]
    assert own not in [pack.gallery.group_of(key) for key in keys]
    assert all(one.note is not None for one in named) == bool(len(pack.gallery.names))
