"""The nouns are valid once constructed, or they are not constructed."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from suwen.core import codes
from suwen.core.codes import Text
from suwen.core.nouns import (
    Attachment,
    Band,
    Finding,
    ImageRegion,
    Interval,
    Report,
    Statement,
    TimeInterval,
    canonical,
)

REGION = ImageRegion(
    record="ImagingStudy/a/_history/1",
    study_uid="1.2",
    series_uid="1.2.3",
    frame_of_reference_uid="1.2.4",
    centre=(1.0, 2.0, 3.0),
    low=(0.0, 0.0, 0.0),
    high=(2.0, 4.0, 6.0),
    instance_uid="1.2.3.4",
)


def finding(**changes):
    fields = {
        "task": "imaging.nodule_malignancy",
        "pack": "imaging.nodule_malignancy@1.0.0+abc",
        "code": codes.MALIGNANCY_PROBABILITY,
        "band": Band.GREY,
        "probability": Interval(value=0.4, low=0.2, high=0.6),
        "evidence": (REGION,),
    }
    return Finding(**(fields | changes))


def test_a_probability_without_evidence_is_refused():
    with pytest.raises(ValidationError, match="needs evidence"):
        finding(evidence=())


def test_abstaining_needs_a_reason_and_nothing_else():
    with pytest.raises(ValidationError, match="needs a reason"):
        finding(band=Band.ABSTAIN, probability=None, evidence=())
    reason = Text(en="slices are 10 mm thick", zh="层厚为 10 mm")
    assert finding(band=Band.ABSTAIN, probability=None, evidence=(), reason=reason).reason == reason


def test_equal_findings_have_equal_ids_and_other_ones_do_not():
    assert finding().id == finding().id
    assert finding().id != finding(band=Band.RULE_IN).id


def test_a_changed_finding_has_the_id_of_what_it_says_now():
    asked = finding()
    assert asked.id != asked.model_copy(update={"band": Band.RULE_IN}).id
    assert asked.model_copy(update={"band": Band.RULE_IN}).id == finding(band=Band.RULE_IN).id
    assert asked == finding()  # whether its id was asked for changes nothing
    assert asked.model_dump_json() == finding().model_dump_json()


def test_a_finding_survives_json_with_its_evidence_kind():
    again = Finding.model_validate_json(finding().model_dump_json())
    assert again == finding()


def test_the_bytes_of_an_attachment_never_reach_the_json():
    attachment = Attachment.of("mask", "application/x-nifti", b"secret")
    assert "secret" not in finding(attachments=(attachment,)).model_dump_json()


def test_an_interval_contains_its_value():
    with pytest.raises(ValidationError, match="low <= value <= high"):
        Interval(value=0.9, low=0.1, high=0.5)


def test_a_statement_with_nothing_behind_it_cannot_be_made():
    with pytest.raises(ValidationError, match="behind it"):
        Statement(section="impression", text=Text(en="Looks fine.", zh="未见异常。"))


def test_a_report_cannot_name_a_finding_it_does_not_hold():
    statement = Statement(
        section="impression", text=Text(en="A nodule.", zh="结节。"), findings=("nobody",)
    )
    with pytest.raises(ValidationError, match="not in the Report"):
        Report(
            id="r",
            patient="p",
            created=datetime(2026, 1, 1, tzinfo=UTC),
            findings=(),
            statements=(statement,),
        )


def test_a_final_report_names_who_signed():
    with pytest.raises(ValidationError, match="who signed"):
        Report(
            id="r",
            patient="p",
            created=datetime(2026, 1, 1, tzinfo=UTC),
            status="final",
            findings=(),
            statements=(),
        )


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    assert canonical({"b": 1, "a": "素"}) == '{"a":"素","b":1}'.encode()


@pytest.mark.parametrize(("start", "end"), [(-1.0, 2.0), (3.0, 2.0)])
def test_a_time_interval_lies_in_its_recording(start: float, end: float):
    with pytest.raises(ValidationError, match="start <= end"):
        TimeInterval(record="Observation/a/_history/1", start=start, end=end)
