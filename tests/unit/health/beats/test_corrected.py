"""Beats people judged become labels of this installation, and move what a trained pack says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import lightgbm
import numpy as np
import pytest
from tests.unit.health.ecgs import ecg, rhythm

from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Act
from suwen.core.settings import Settings
from suwen.core.streams import Channel, Stretch, ticks
from suwen.health.beats import fit as ecg_beats_fit
from suwen.health.beats.corrected import SOURCE, labelled
from suwen.health.beats.features import Beats, beats_of
from suwen.health.beats.reviews import Review, keep
from suwen.health.beats.streamed import Run, document, lead_of
from suwen.health.beats.task import ECG_BEATS, EcgBeats
from suwen.lifecycle import corrected
from suwen.lifecycle.examples import Examples, Sample
from suwen.records import Person, Store

TASK = EcgBeats()
RATE, SECONDS = 250, 150
AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
RECORDING = "DocumentReference/a/_history/1"
DOCTOR = Person("li.na", "Dr. Li Na", "clinician")
OTHER = Person("wu.min", "Dr. Wu Min", "clinician")


def said(start: float, kind: str = "v", letter: str = "", verdict: Act | None = None) -> Review:
    act = verdict or (Act.EDITED if letter else Act.ACCEPTED)
    return Review(RECORDING, kind, start, start, act, "dr.lin", AT, letter)


def beats(count: int) -> Beats:
    rows = np.zeros((count, 3), dtype=np.float32)
    return Beats(np.arange(count, dtype=float), rows, rows, rows, seconds=float(count))


def classes(found: tuple[np.ndarray, np.ndarray]) -> dict[int, str]:
    return {int(place): "NSVF"[kind] for place, kind in zip(*found, strict=True)}


def test_confirmed_is_what_was_told_and_another_is_what_a_person_named():
    reviews = [said(1), said(2, "s", "V"), said(3.004, "n"), said(4, "n", "S"),
               said(5, verdict=Act.REJECTED)]  # fmt: skip
    assert classes(labelled(beats(10), reviews)) == {1: "V", 2: "V", 3: "N", 4: "S", 5: "N"}


def test_a_confirmed_run_is_ventricular_but_for_what_was_said_of_one_beat():
    run = replace(said(3, "run"), end=6.0)
    reviews = [said(4, "v", "S"), run, said(7, "af"), replace(said(8, "run"), verdict=Act.REJECTED)]
    assert classes(labelled(beats(10), reviews)) == {3: "V", 4: "S", 5: "V", 6: "V"}


def test_what_cannot_be_read_or_found_teaches_nothing():
    assert classes(labelled(beats(10), [said(1, "v", "Q"), said(2.5), said(40)])) == {}


def test_a_doubtful_normal_beat_is_called_something_and_not_only_rejected():
    with pytest.raises(BadInput, match="not normal"):
        said(1, "n", verdict=Act.REJECTED)


def lead(odd: int = 0, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A lead, its beats, and which are odd: every so many, on time, with a QRS of their own."""
    at = rhythm(SECONDS, jitter=0.02, seed=seed)
    values = ecg(at, ["N"] * len(at), RATE, SECONDS, noise=0.02, seed=seed)
    which = (np.arange(len(at)) % odd == 1) if odd else np.zeros(len(at), dtype=bool)
    moments = np.arange(len(values)) / RATE
    for beat in at[which]:
        values += 0.6 * np.exp(-0.5 * ((moments - beat - 0.06) / 0.02) ** 2)
    return values, at, which


def examples(values: np.ndarray, at: np.ndarray, labels: np.ndarray, group: str) -> Examples:
    found = beats_of(values, RATE, at)
    keys = tuple(f"{group}-{k}" for k in range(len(at)))
    return Examples(
        SOURCE, keys, np.full(len(at), group), labels, lambda i: Sample(keys[i], found.only(i))
    )


@pytest.fixture(scope="module")
def known() -> Examples:
    """Someone with normal and wide early beats, as a data set has."""
    at = rhythm(SECONDS, jitter=0.02, seed=5)
    wide = np.arange(len(at)) % 4 == 2
    at[wide] -= 0.25
    values = ecg(at, ["V" if one else "N" for one in wide], RATE, SECONDS, noise=0.02, seed=5)
    return examples(values, at, np.where(wide, 2, 0), "someone")


def trained(train: Examples, folder) -> lightgbm.Booster:
    folder.mkdir()
    ecg_beats_fit.fit(train, train.subset(np.arange(40)), TASK.recipe, folder)
    return lightgbm.Booster(model_str=(folder / ecg_beats_fit.TREES).read_text())


@pytest.fixture
def house(tmp_path):
    with Store.open(Settings(home=tmp_path / "home")) as store:
        yield store


def judge(store: Store, every: int = 2) -> tuple[Beats, np.ndarray]:
    """Store a recording, judge each second odd beat to be ventricular; return all odd ones."""
    access = store.session(DOCTOR, "treatment")
    patient = access.new_patient([])
    values, at, odd = lead(odd=3)
    run = Run(ticks(AT), ticks(AT + timedelta(seconds=SECONDS)), "strap")
    channel = Channel("131330", "mV", "strap")
    times = ticks(AT) + np.arange(len(values), dtype=np.int64) * 4000
    made = lead_of(run, channel, [Stretch(channel, times, values)])
    assert made is not None
    resource, blobs = document(patient, run, [made])
    access.put_blobs(patient, blobs)
    (record,) = access.put([resource], patient)
    for beat in at[odd][::every]:
        keep(access, patient, replace(said(float(beat), "n", "V"), record=record.reference), 0)
    return beats_of(made.values, RATE, at), odd


def test_judged_beats_are_trained_on_beside_a_data_set_and_move_the_others(house, known, tmp_path):
    found, odd = judge(house)
    added = corrected.read(TASK, house.session(DOCTOR, "treatment"))
    assert set(added.labels.tolist()) == {2}
    assert abs(len(added) - odd.sum() / 2) <= 1
    assert not added.source.shippable
    assert all(key.startswith(ecg_beats_fit.CORRECTED) for key in added.keys)
    assert len(set(added.groups.tolist())) == 1
    before, after = (
        trained(corrected.joined(known, extra), tmp_path / name).predict(found.rows).argmax(1)
        for name, extra in (("before", None), ("after", added))
    )
    judged = np.flatnonzero(odd)[::2]
    others = np.flatnonzero(odd)[1::2]
    assert (before[others] == 0).mean() > 0.9, "nobody told it so before"
    assert (after[judged] == 2).mean() > 0.9, "it learns what it is told"
    assert (after[others] == 2).mean() > 0.9, "and what is like it, which nobody judged"
    assert (after[~odd] == 0).mean() > 0.95, "the normal beats stay"
    told = corrected.told(known, added)
    assert "Beats judged in this installation" in told.source.name
    assert any("Local corrections took part" in one for one in told.source.limits)


def test_only_who_may_see_the_patient_trains_on_the_judgements(house):
    judge(house, every=20)
    with pytest.raises(NotFound, match=ECG_BEATS):
        corrected.read(TASK, house.session(OTHER, "treatment"))


def test_no_stretch_is_made_of_judged_beats_and_none_is_left_out(known):
    keys = tuple(f"{ecg_beats_fit.CORRECTED}{k}" for k in range(30))
    own = replace(known.subset(np.arange(30)), keys=keys, labels=np.zeros(30))
    rows, labels, weights = ecg_beats_fit.rows_of(own, seed=1)
    assert (len(rows), labels.tolist()) == (30, [0] * 30)
    assert set(weights) == {ecg_beats_fit.CORRECTED_WEIGHT}
    assert len(ecg_beats_fit.rows_of(known, seed=1)[0]) != len(known)


def test_nothing_of_a_person_is_trained_on_by_the_member_that_answers_this_person(known):
    groups = np.array(["someone"] * 10 + ["patient/b"] * 20)
    added = replace(known.subset(np.arange(30)), groups=groups)
    kept = corrected.apart(added, known.groups)
    assert kept is not None
    assert set(kept.groups.tolist()) == {"patient/b"}
    assert corrected.apart(added, np.array(["another"])) is added
    assert corrected.apart(None, known.groups) is None
