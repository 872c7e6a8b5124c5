"""Training one member: it learns a plain rule, ships small, and answers as it was exported."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.health.icu import course as icu_course
from suwen.health.icu import data as icu_data
from suwen.health.icu import fit as icu_fit
from suwen.health.icu import net as icu_net
from suwen.health.icu import stay as icu
from suwen.lifecycle.examples import Examples, Sample
from suwen.lifecycle.recipe import Recipe

STAYS = 240


@pytest.fixture(scope="module")
def examples():
    """Stays in which who has a Glasgow Coma Scale of 3 dies and who has 15 lives."""
    rng = np.random.default_rng(0)
    died = (rng.random(STAYS) < 0.5).astype(int)
    hours = np.arange(1.0, 48, 4)
    stays = [
        icu.Stay(
            60,
            1,
            170,
            3,
            {
                "GCS": icu.Series(hours, np.full(12, 3.0 if dead else 15.0)),
                "HR": icu.Series(hours, rng.normal(80, 10, 12)),
            },
        )
        for dead in died
    ]
    keys = tuple(str(i) for i in range(STAYS))
    return Examples(
        source=icu_data.SOURCE,
        keys=keys,
        groups=np.array(keys),
        labels=died,
        load=lambda i: Sample(keys[i], stays[i]),
        columns={icu_data.AFTER: np.where(died == 1, -1.0, 20.0)},
    )


@pytest.fixture(scope="module")
def member(examples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("member")
    return folder, icu_fit.fit_network(examples, Recipe(), folder)


def test_the_network_learns_a_plain_rule_and_answers_from_its_file(examples, member):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(member[0] / icu_fit.NET))
    stays = [examples.load(i).data for i in range(40)]
    feed = {
        icu_net.COURSE: np.stack([icu_course.course_of(one) for one in stays]),
        icu_net.PEOPLE: np.stack([icu_course.person_of(one) for one in stays]),
    }
    (scores,) = session.run([icu_net.SCORES], feed)
    died = np.asarray(examples.labels[:40]) == 1
    assert scores[died].min() > scores[~died].max()


def test_a_variable_nobody_had_breaks_no_later_answer(member):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(member[0] / icu_fit.NET))
    stay = icu.Stay(60, 1, 170, 3, {"Lactate": icu.Series(np.array([2.0]), np.array([9.0]))})
    feed = {
        icu_net.COURSE: icu_course.course_of(stay)[None],
        icu_net.PEOPLE: icu_course.person_of(stay)[None],
    }
    assert np.isfinite(session.run([icu_net.SCORES], feed)[0]).all()


def test_what_is_usual_is_told_of_every_channel_that_is_no_value(member):
    usual = member[1]
    channels = len(icu_course.channel_groups()) - icu_course.values()
    assert len(usual["channels"]) == channels
    assert len(usual["person"]) == len(icu_course.PERSON)


def test_both_lots_of_trees_are_written_and_differ(examples, tmp_path, monkeypatch):
    monkeypatch.setattr(icu_fit, "ROUNDS", 20)
    curve = icu_fit.fit_trees(examples, examples.subset(np.arange(40)), Recipe(), tmp_path)
    first, second = ((tmp_path / name).read_text() for name in icu_fit.TREES)
    assert first != second
    assert len(curve) == 20
    assert curve[-1] < curve[0]
