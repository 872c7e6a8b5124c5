"""NEWS2 and qSOFA: the chart, a score of 3 in one parameter, and incomplete sets."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.health.early_warning.news2 import PARAMETERS, Observed, news2, qsofa, response

WELL = Observed(16, 98, False, 120, 70, "A", 37.0)


def test_a_well_person_scores_nothing_and_is_seen_every_12_hours():
    score = news2(WELL)
    assert (score.total, score.risk, score.missing) == (0, "low", ())
    assert "12" in response(score).en
    assert "12" in response(score).zh


@pytest.mark.parametrize(
    ("changed", "points"),
    [({"respiratory_rate": 8}, 3), ({"respiratory_rate": 9}, 1), ({"respiratory_rate": 20}, 0),
     ({"respiratory_rate": 21}, 2), ({"respiratory_rate": 25}, 3), ({"spo2": 91}, 3),
     ({"spo2": 91.6}, 2), ({"spo2": 95}, 1), ({"spo2": 96}, 0), ({"oxygen": True}, 2),
     ({"systolic_bp": 90}, 3), ({"systolic_bp": 219}, 0), ({"systolic_bp": 220}, 3),
     ({"pulse": 40}, 3), ({"pulse": 131}, 3), ({"consciousness": "C"}, 3),
     ({"temperature": 35.0}, 3), ({"temperature": 35.04}, 3), ({"temperature": 39.1}, 2)],
)  # fmt: skip
def test_each_parameter_scores_as_the_chart_says(changed, points):
    assert news2(replace(WELL, **changed)).total == points


@pytest.mark.parametrize(
    ("spo2", "oxygen", "points"),
    [(83, False, 3), (88, False, 0), (92, False, 0), (97, False, 0), (92, True, 2),
     (93, True, 3), (95, True, 4), (97, True, 5)],
)  # fmt: skip
def test_scale_2_scores_high_saturation_on_oxygen_only(spo2, oxygen, points):
    assert news2(replace(WELL, spo2=spo2, oxygen=oxygen, scale=2)).total == points


def test_three_in_one_parameter_is_a_red_score_below_five():
    score = news2(replace(WELL, pulse=135))
    assert (score.total, score.risk) == (3, "low-medium")
    assert "every hour" in response(score).en


@pytest.mark.parametrize(
    ("rate", "pulse", "risk"), [(21, 111, "low"), (25, 111, "medium"), (25, 131, "medium")]
)
def test_from_five_points_the_risk_is_medium(rate, pulse, risk):
    assert news2(replace(WELL, respiratory_rate=rate, pulse=pulse)).risk == risk


def test_from_seven_points_the_risk_is_high():
    assert news2(replace(WELL, respiratory_rate=25, pulse=131, oxygen=None)).risks == (
        "medium",
        "high",
    )
    assert news2(replace(WELL, respiratory_rate=25, pulse=131, oxygen=True)).risk == "high"


def test_an_incomplete_set_gives_a_range_and_no_number():
    score = news2(replace(WELL, pulse=131, temperature=None))
    assert score.total is None
    assert (score.low, score.high) == (3, 6)
    assert score.missing == ("temperature",)
    assert score.risks == ("low-medium", "medium")
    assert score.risk is None
    assert "temperature" not in score.points


def test_nothing_measured_leaves_everything_possible():
    score = news2(Observed())
    assert (score.low, score.high) == (0, 20)
    assert set(score.missing) == set(PARAMETERS)
    assert score.points == {}


def test_without_knowing_about_oxygen_scale_2_spans_air_and_oxygen():
    score = news2(replace(WELL, spo2=97, oxygen=None, scale=2))
    assert (score.low, score.high) == (0, 5)
    assert "spo2" not in score.points


def test_a_scale_or_level_that_is_none_is_refused():
    with pytest.raises(BadInput, match="scale 3"):
        news2(replace(WELL, scale=3))
    with pytest.raises(BadInput, match="A, C, V, P or U"):
        news2(replace(WELL, consciousness="X"))


@given(
    st.builds(
        Observed,
        st.none() | st.floats(0, 60),
        st.none() | st.floats(50, 100),
        st.none() | st.booleans(),
        st.none() | st.floats(40, 260),
        st.none() | st.floats(20, 220),
        st.none() | st.sampled_from("ACVPU"),
        st.none() | st.floats(30, 43),
        st.sampled_from([1, 2]),
    ),
    st.sampled_from(PARAMETERS),
)
def test_leaving_a_parameter_out_only_widens_the_range(observed, left_out):
    full, less = news2(observed), news2(replace(observed, **{left_out: None}))
    assert less.low <= full.low <= full.high <= less.high
    assert less.low >= 0
    assert less.high <= 20


def test_the_set_has_a_field_for_each_parameter_and_the_scale():
    assert tuple(field.name for field in fields(Observed)) == (*PARAMETERS, "scale")


@pytest.mark.parametrize(
    ("rate", "systolic", "glasgow", "expected"),
    [(21, 101, 15, (0, False)), (22, 101, 15, (1, False)), (22, 100, 15, (2, True)),
     (30, 80, 14, (3, True))],
)  # fmt: skip
def test_qsofa_is_positive_from_two_points(rate, systolic, glasgow, expected):
    assert qsofa(rate, systolic, glasgow) == expected
