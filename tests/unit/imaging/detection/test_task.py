"""A chest CT is searched; every strong mark is a suggestion with its place, and is followed."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from tests.unit.imaging.detection.test_detector import bright_spots

from suwen.core.codes import NODULE_SEARCH, RIGHT_LUNG, Text
from suwen.core.nouns import Band, Case, Interval, Record, Status
from suwen.diagnosis.problems import rank
from suwen.imaging.anatomy import situs
from suwen.imaging.anatomy.lobes import NOT_WHOLE, OUTSIDE
from suwen.imaging.case.points import point_record
from suwen.imaging.case.series import CaseSeries
from suwen.imaging.detection.mark_saliency import UNEXPLAINED
from suwen.imaging.detection.scan import ScanInput
from suwen.imaging.detection.task import NoduleDetection, domain_of
from suwen.imaging.nodules import locate
from suwen.imaging.reading.nifti import read_nifti
from suwen.imaging.volumes.nodule import Position
from suwen.imaging.volumes.phantom import Nodule, chest_phantom
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.sealed.guard import Guard, Range

NODULE = Nodule((-80.0, 10.0, 20.0), 12.0)


CHECKED = {"randomisation_similarity": 0.1, "random_high": 0.6}


class Pack:
    """As much of a pack as the task asks for; its networks see bright spots."""

    identity = "imaging.nodule_detection@1+0"
    sha256 = "0"
    members = 2
    guard = Guard({})
    asked = ()

    def run(self, files, output, feed):
        self.asked = (*self.asked, len(files))
        return [bright_spots(feed["input"])[0] for _ in files]

    def member(self, k):
        return {"diameter_ratio": [-0.3, 0.4]}

    def content(self, name):
        return {"occlusion": CHECKED}

    @property
    def answers(self):
        def of_mark(logit):
            value = float(1 / (1 + np.exp(-logit)))
            band = Band.RULE_IN if logit >= 0 else Band.GREY
            return Interval(value=value, low=value / 2, high=value), band, None

        return SimpleNamespace(
            of_mark=of_mark,
            place_thresholds=SimpleNamespace(
                shown=lambda marks: marks[marks[:, 0] > -2],
                rule_in=0.0,
                measured_sensitivity=0.64,
                measured_false_alarms=0.136,
            ),
        )


@pytest.fixture(scope="module")
def phantom():
    return chest_phantom(5, (NODULE,), (40, 220, 220), (5.0, 1.6, 1.6))


def series_of(volume, uid="1.2.3"):
    """A CT series of a volume, its slices told apart by their height."""
    places = volume.to_point(np.array([[float(z), 0, 0] for z in range(len(volume.values))]))
    slices = [
        SimpleNamespace(uid=f"{uid}.{z}", position=place, normal=np.array([0.0, 0, 1]))
        for z, place in enumerate(places)
    ]
    return CaseSeries("1.2", uid, "1.2.9", "ImagingStudy/a/_history/1", "CT",
                      tuple(one.uid for one in slices), {}, (), lambda: volume,
                      source=SimpleNamespace(slices=slices))  # fmt: skip


@pytest.fixture(scope="module")
def series(phantom):
    return series_of(phantom.volume)


@pytest.fixture(scope="module")
def case(series):
    with pytest.MonkeyPatch.context() as patched:
        for module in ("suwen.imaging.detection.task", "suwen.imaging.nodules.locate"):
            patched.setattr(f"{module}.answered_volumes", lambda case: [series])
        yield Case("p1", datetime(2024, 1, 1, tzinfo=UTC), (), lambda digest: b"")


@pytest.fixture(scope="module")
def answered(case):
    """The sample, the output and the pack that was asked."""
    (sample,) = NoduleDetection().samples(case, ())
    pack = Pack()
    output = NoduleDetection().predict(pack, sample)
    pack.searched = pack.asked
    return sample, output, pack


@pytest.fixture(scope="module")
def said(answered):
    """What is said of the search, then its marks."""
    sample, output, pack = answered
    return NoduleDetection().findings(pack, sample, output)


@pytest.fixture(scope="module")
def found(said):
    return said[1:]


def nearest(found):
    return min(
        found, key=lambda one: np.linalg.norm(np.array(one.evidence[0].centre) - NODULE.centre)
    )


def test_the_nodule_is_suggested_with_its_side_its_slice_and_its_size(found, phantom):
    one = nearest(found)
    level = round(float(phantom.volume.to_index(NODULE.centre)[0]))
    assert np.linalg.norm(np.array(one.evidence[0].centre) - NODULE.centre) < 6
    assert one.site == RIGHT_LUNG
    assert one.status is Status.SUGGESTED
    assert abs(int(one.evidence[0].instance_uid.rpartition(".")[2]) - level) <= 1
    assert "12 mm (9-18 mm)" in one.evidence[0].note.en
    assert "12 mm" in one.evidence[0].note.zh
    assert NOT_WHOLE.en in one.evidence[0].note.en, "the drawn lungs reach the border"


def test_that_it_was_searched_is_said_with_what_that_is_worth(said, found):
    first = said[0]
    assert first.code == NODULE_SEARCH
    assert first.tracking is None
    strong = sum(one.band is Band.RULE_IN for one in found)
    assert [m.interval.value for m in first.measures] == [strong, len(found) - strong]
    for part in ("All 40 slices", "64% of the nodules", "0.14 false alarms", "still be a nodule"):
        assert part in first.reason.en
    assert "64%" in first.reason.zh


def test_a_search_without_a_mark_says_that_too(answered):
    sample, output, pack = answered
    nothing = replace(output, marks=np.zeros((0, 5)))
    (one,) = NoduleDetection().findings(pack, sample, nothing)
    assert one.code == NODULE_SEARCH
    assert one.measures[0].interval.value == 0
    assert rank(one) == 0


def test_each_mark_has_an_identity_of_its_own_and_no_more_are_shown_than_are_read(found):
    assert len({one.tracking.uid for one in found}) == len(found) <= 15
    assert [one.tracking.label for one in found] == [f"Nodule {k + 1}" for k in range(len(found))]


def test_that_something_is_there_does_not_raise_the_case(found):
    assert {rank(one) for one in found} == {0.0}


def test_one_network_searches_and_the_others_look_at_the_strongest(answered):
    pack = answered[2]
    assert set(pack.searched) == {1}
    assert len(pack.asked) > 20


def test_a_single_slice_is_answered_in_its_own_plane(phantom):
    level = round(float(phantom.volume.to_index(NODULE.centre)[0]))
    affine = phantom.volume.affine.copy()
    affine[:3, 3] = phantom.volume.to_point(np.array([float(level), 0.0, 0.0]))
    flat = Volume(phantom.volume.values[level : level + 1], affine)
    sample = SimpleNamespace(data=ScanInput(flat), evidence=())
    marks = NoduleDetection().predict(Pack(), sample).marks
    away = np.linalg.norm(marks[:, 1:3] - np.array(NODULE.centre[:2]), axis=1)
    assert away.min() < 4
    assert marks.shape[1] == 5


def test_a_scan_unlike_the_development_data_is_not_answered(answered):
    sample, output, _ = answered
    pack = Pack()
    pack.guard = Guard({"lung_cm2": Range(0.0, 1.0, Text(en="The area", zh="面积"))})
    (one,) = NoduleDetection().findings(pack, sample, output)
    assert one.band is Band.ABSTAIN
    assert "The area" in one.reason.en


def test_a_ct_without_lungs_says_so(case, series, monkeypatch):
    water = Volume(np.zeros((40, 100, 100), np.int16), series.volume.affine)
    other = series_of(water)
    monkeypatch.setattr("suwen.imaging.detection.task.answered_volumes", lambda case: [other])
    (sample,) = NoduleDetection().samples(case, ())
    output = NoduleDetection().predict(Pack(), sample)
    (one,) = NoduleDetection().findings(Pack(), sample, output)
    assert "No lungs" in one.reason.en


def test_a_ct_of_coarser_pixels_than_the_search_knows_is_not_searched(case, series, monkeypatch):
    volume = series.volume
    coarse = series_of(Volume(volume.values[:, ::2, ::2], volume.affine @ np.diag([1, 2, 2, 1])))
    monkeypatch.setattr("suwen.imaging.detection.task.answered_volumes", lambda case: [coarse])
    (sample,) = NoduleDetection().samples(case, ())
    pack = Pack()
    output = NoduleDetection().predict(pack, sample)
    (one,) = NoduleDetection().findings(pack, sample, output)
    assert pack.asked == ()
    assert one.band is Band.ABSTAIN
    assert "wider than 1.6 mm" in one.reason.en
    assert "大于 1.6 mm" in one.reason.zh


def test_a_crop_is_not_searched(case, series, monkeypatch):
    small = Volume(series.volume.values[:, :50, :50], series.volume.affine)
    crop = series_of(small)
    monkeypatch.setattr("suwen.imaging.detection.task.answered_volumes", lambda case: [crop])
    assert NoduleDetection().samples(case, ()) == []


def test_marks_are_segmented_under_their_own_identity(case, said, found):
    samples = locate.located(case, said)
    assert [one.data.uid for one in samples] == [one.tracking.uid for one in found]
    assert all(f"Finding/{one.id}" in s.inputs for one, s in zip(found, samples, strict=True))


def test_a_strong_mark_says_what_it_rests_on_and_a_weak_one_does_not(found, phantom):
    strong, weak = nearest(found), [one for one in found if one.band is not Band.RULE_IN]
    (checked,) = strong.explanations
    assert (checked.method, checked.hidden_because) == ("occlusion", None)
    assert checked.faithfulness > 0.8
    assert [one.role for one in strong.attachments] == ["occlusion", "key-image-occlusion"]
    assert not [one for one in weak if one.explanations or one.attachments]


def test_the_map_of_a_mark_lies_on_the_nodule_in_the_patient(found):
    drawn = read_nifti(nearest(found).attachments[0].data)
    strongest = np.unravel_index(drawn.values.argmax(), drawn.values.shape)
    away = drawn.to_point(np.array(strongest, float)) - np.array(NODULE.centre)
    assert np.abs(away[:2]).max() < 6
    assert abs(away[2]) < 5


def test_of_very_many_strong_marks_the_strongest_are_explained_and_the_others_say_so(
    answered, monkeypatch
):
    sample, output, pack = answered
    monkeypatch.setattr("suwen.imaging.detection.mark_saliency.MOST_EXPLAINED", 0)
    strong = nearest(NoduleDetection().findings(pack, sample, output)[1:])
    assert strong.explanations[0].hidden_because == UNEXPLAINED.hidden_because
    assert not strong.attachments


def test_a_map_that_failed_its_check_is_not_drawn(answered, monkeypatch):
    sample, output, pack = answered
    monkeypatch.setitem(CHECKED, "randomisation_similarity", 0.9)
    strong = nearest(NoduleDetection().findings(pack, sample, output)[1:])
    assert not strong.attachments
    assert "replaced by noise" in strong.explanations[0].hidden_because.en


def test_a_weak_mark_waits_for_a_person(case, found):
    weak = [one.model_copy(update={"band": Band.GREY}) for one in found]
    (one,) = locate.located(case, weak)
    assert "a person can give a place" in one.data.refusal.en


def test_a_mark_at_a_given_point_is_that_point(case, found, series):
    point = tuple(value + 2.0 for value in nearest(found).evidence[0].centre)
    record = Record(
        reference="BodyStructure/p/_history/1", content=point_record("p1", series, point)
    )
    with_point = Case("p1", case.at, (record,), case.blob)
    samples = locate.located(with_point, found)
    near = [s for s in samples if np.linalg.norm(np.array(s.data.point) - NODULE.centre) < 8]
    assert len(near) == 1
    assert near[0].data.point == pytest.approx(point, abs=0.01)
    assert len(samples) == len(found)


def test_the_mark_at_a_given_point_is_that_nodule_and_the_others_are_counted_on(case, series):
    point = tuple(value + 2.0 for value in NODULE.centre)
    record = Record(
        reference="BodyStructure/p/_history/1", content=point_record("p1", series, point)
    )
    with_point = Case("p1", case.at, (record,), case.blob)
    (sample,) = NoduleDetection().samples(with_point, ())
    assert record.reference in sample.inputs
    pack = Pack()
    marks = NoduleDetection().findings(pack, sample, NoduleDetection().predict(pack, sample))[1:]
    (measured,) = (
        one for one in locate.located(with_point, marks) if one.evidence[-1].kind == "value"
    )
    same = nearest(marks)
    assert (same.tracking.uid, same.tracking.label) == (measured.data.uid, "Nodule 1")
    labels = sorted(one.tracking.label for one in marks)
    assert labels == sorted(f"Nodule {k + 1}" for k in range(len(marks)))


def test_without_a_mark_and_without_a_point_a_place_is_asked_for(case):
    (one,) = locate.located(case, ())
    assert "a person can give a place" in one.data.refusal.en


def test_what_the_guard_sees_of_a_slice(phantom):
    level = round(float(phantom.volume.to_index((0.0, 0.0, 0.0))[0]))
    flat = np.asarray(phantom.volume.values[level], np.float32)
    seen = domain_of(flat, phantom.volume)
    assert 100 < seen["lung_cm2"] < 400
    assert -900 < seen["lung_hu"] < -780
    assert -120 < seen["body_hu"] < 80


def test_a_point_has_its_lobe_where_lobes_are_told_apart_else_side_and_reason(series):
    told = Position("right", "middle", Text(en="Right middle lobe.", zh="右肺中叶。"))
    whole = series_of(series.volume, "1.2.4")
    whole.__dict__["mirrored"] = False
    whole.__dict__["lobes"] = SimpleNamespace(at=lambda point: told)
    assert locate.position_of(whole, NODULE.centre) == told
    whole.__dict__["lobes"] = SimpleNamespace(at=lambda point: Position(text=OUTSIDE))
    assert locate.position_of(whole, NODULE.centre) == Position("right", text=OUTSIDE)
    whole.__dict__["mirrored"] = True
    assert locate.position_of(whole, NODULE.centre) == Position(text=situs.MIRRORED)


def test_a_crop_has_no_lobe_and_says_why(series):
    part = series_of(Volume(series.volume.values[:, 30:60, 30:60], series.volume.affine), "1.2.5")
    assert locate.position_of(part, part.volume.to_point(np.zeros(3))) == Position(text=NOT_WHOLE)
