"""A point a person gives is a record like any other."""

from datetime import UTC, datetime

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Record
from suwen.imaging.case.points import point_record, points_in, points_of
from suwen.imaging.case.series import CaseSeries
from suwen.imaging.volumes.volume import Volume


@pytest.fixture
def series():
    volume = Volume(np.zeros((10, 20, 20), np.int16), np.diag([1.0, 1, 1, 1])[[2, 1, 0, 3]])
    return CaseSeries("1.2", "1.2.3", "1.2.9", "ImagingStudy/a/_history/1", "CT", ("1.2.3.1",),
                      {}, (), lambda: volume)  # fmt: skip


def case_with(content):
    record = Record(reference="BodyStructure/p/_history/1", content=content)
    return Case("p1", datetime(2024, 1, 1, tzinfo=UTC), (record,), lambda digest: b"")


def test_a_point_is_read_back_as_it_was_given(series):
    case = case_with(point_record("p1", series, (3.25, 4.5, 5.125)))
    (given,) = points_of(case)
    assert given.point == (3.25, 4.5, 5.125)
    assert given.reference == "BodyStructure/p/_history/1"
    assert [one.point for one in points_in(case, series)] == [given.point]


def test_equal_points_are_equal_records(series):
    one = point_record("p1", series, (1.00000001, 2, -0.0))
    assert one == point_record("p1", series, (1.0, 2.0, 0.0))


def test_a_point_of_another_series_is_not_taken(series):
    content = point_record("p1", series, (3, 4, 5))
    content["extension"][0]["extension"][0]["valueString"] = "9.9"
    assert points_in(case_with(content), series) == []


def test_a_withdrawn_point_is_not_taken(series):
    content = point_record("p1", series, (3, 4, 5)) | {"active": False}
    assert points_of(case_with(content)) == []


def test_a_coordinate_that_is_no_number_is_refused(series):
    with pytest.raises(BadInput, match="finite"):
        point_record("p1", series, (float("nan"), 0, 0))


def test_a_point_record_without_a_coordinate_is_refused_by_its_reference(series):
    content = point_record("p1", series, (3, 4, 5))
    del content["extension"][0]["extension"][4]
    with pytest.raises(BadInput, match="BodyStructure/p/_history/1"):
        points_of(case_with(content))
