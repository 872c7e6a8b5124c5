"""Lung-RADS v2022 and Fleischner 2017: every row of both tables, as a radiologist would say it."""

from __future__ import annotations

from pathlib import Path

import pytest

import suwen.imaging
from suwen.core.errors import BadInput
from suwen.imaging.management.guidelines import Guideline, change_of

KNOWLEDGE = Path(suwen.imaging.__file__).parent / "knowledge"
LUNG_RADS = Guideline((KNOWLEDGE / "lung_rads_2022.toml").read_text(encoding="utf-8"))
FLEISCHNER = Guideline((KNOWLEDGE / "fleischner_2017.toml").read_text(encoding="utf-8"))


def solid(mm, change="baseline", **more):
    return {"kind": "solid", "total": mm, "change": change, "context": "screening", **more}


def part_solid(mm, part, change="baseline", **more):
    return {**solid(mm, change, **more), "kind": "part-solid", "solid": part}


def glass(mm, change="baseline", **more):
    return {**solid(mm, change, **more), "kind": "ground-glass"}


SCREENED = {
    "the bases are cut off": (solid(9, complete=False), "0"),
    "lobar consolidation and six new nodules": (solid(9, "new", infection=True), "0"),
    "a nodule with popcorn calcification": (solid(12, benign=True), "1"),
    "a smooth triangular 9 mm nodule at the pleura": (solid(9, juxtapleural=True), "2"),
    "a smooth triangular 10 mm nodule at the pleura": (solid(10, juxtapleural=True), "4A"),
    "a solid nodule of 5.9 mm at baseline": (solid(5.9), "2"),
    "a solid nodule of 5.96 mm at baseline, reported as 6.0": (solid(5.96), "3"),
    "a new solid nodule of 3 mm": (solid(3, "new"), "2"),
    "a part-solid nodule of 5 mm at baseline": (part_solid(5, 2), "2"),
    "a ground-glass nodule of 29 mm at baseline": (glass(29), "2"),
    "a new ground-glass nodule of 12 mm": (glass(12, "new"), "2"),
    "a ground-glass nodule of 20 mm that grows": (glass(20, "growing"), "2"),
    "a ground-glass nodule of 31 mm that stays": (glass(31, "stable"), "2"),
    "a ground-glass nodule of 31 mm that grows slowly": (glass(31, "slowly-growing"), "2"),
    "a nodule in a subsegmental airway": (solid(7, airway="subsegmental"), "2"),
    "a category 3 nodule of 7 mm, unchanged after 6 months": (
        solid(7, "stable", earlier="3", months=6), "2"),
    "a category 3 nodule of 7 mm, unchanged after 2 months": (
        solid(7, "stable", earlier="3", months=2), "3"),
    "a solid nodule of 6 mm at baseline": (solid(6), "3"),
    "a solid nodule of 7.9 mm at baseline": (solid(7.9), "3"),
    "a new solid nodule of 4 mm": (solid(4, "new"), "3"),
    "a part-solid nodule of 12 mm with 5 mm solid": (part_solid(12, 5), "3"),
    "a new part-solid nodule of 5 mm": (part_solid(5, 2, "new"), "3"),
    "a ground-glass nodule of 30 mm at baseline": (glass(30), "3"),
    "a new ground-glass nodule of 30 mm": (glass(30, "new"), "3"),
    "a ground-glass nodule of 32 mm that grows quickly": (glass(32, "growing"), "3"),
    "a thick-walled cyst whose cavity grows": (solid(14, cyst="thick-walled, growing cavity"), "3"),
    "a category 4A nodule of 9 mm, unchanged after 3 months": (
        solid(9, "stable", earlier="4A", months=3), "3"),
    "a category 4A nodule of 9 mm, unchanged after 1 month": (
        solid(9, "stable", earlier="4A", months=1), "4A"),
    "a solid nodule of 8 mm at baseline": (solid(8), "4A"),
    "a solid nodule of 14.9 mm at baseline": (solid(14.9), "4A"),
    "a solid nodule that grew to 7 mm": (solid(7, "growing"), "4A"),
    "a new solid nodule of 6 mm": (solid(6, "new"), "4A"),
    "a part-solid nodule of 12 mm with 7 mm solid": (part_solid(12, 7), "4A"),
    "a growing part-solid nodule with 3 mm solid": (part_solid(12, 3, "growing"), "4A"),
    "a nodule in a segmental airway at baseline": (
        solid(7, airway="segmental or more proximal"), "4A"),
    "a multilocular cyst": (solid(14, cyst="multilocular"), "4A"),
    "a thick-walled cyst": (solid(14, cyst="thick-walled"), "4A"),
    "a nodule in a main bronchus still there": (
        solid(7, "stable", airway="segmental or more proximal"), "4B"),
    "a solid nodule of 15 mm at baseline": (solid(15), "4B"),
    "a new solid nodule of 8 mm": (solid(8, "new"), "4B"),
    "a solid nodule that grew to 9 mm": (solid(9, "growing"), "4B"),
    "a part-solid nodule of 20 mm with 8 mm solid": (part_solid(20, 8), "4B"),
    "a growing part-solid nodule with 4 mm solid": (part_solid(12, 4, "growing"), "4B"),
    "a new part-solid nodule with 4 mm solid": (part_solid(9, 4, "new"), "4B"),
    "a multilocular cyst with more locules": (
        solid(14, cyst="multilocular, more locules or denser"), "4B"),
    "slow growth to 7 mm over three examinations": (
        solid(7, "slowly-growing", exams=3, earlier="3"), "4B"),
    "slow growth to 7 mm seen on two examinations": (
        solid(7, "slowly-growing", exams=2, earlier="3"), "3"),
    "a category 4B nodule of 16 mm, unchanged": (
        solid(16, "stable", earlier="4B", months=3), "4B"),
    "a category 2 nodule of 5 mm, unchanged after a year": (
        solid(5, "stable", earlier="2", months=12), "2"),
    "a spiculated solid nodule of 9 mm": (solid(9, suspicious=True), "4X"),
    "a spiculated solid nodule of 4 mm at baseline": (solid(4, suspicious=True), "2"),
}  # fmt: skip


@pytest.mark.parametrize("sentence", SCREENED)
def test_in_screening(sentence):
    facts, category = SCREENED[sentence]
    verdict = LUNG_RADS.evaluate(facts)
    assert verdict.categories == (category,)
    assert verdict.decided
    assert LUNG_RADS.rule(verdict.rules[-1]).category == category


def test_every_row_of_lung_rads_is_reached():
    used = {LUNG_RADS.evaluate(facts).rules[-1] for facts, _ in SCREENED.values()}
    rest = {rule.id for rule in LUNG_RADS.rules} - used
    for rule in rest:  # the rows that no sentence above tells of, by their own conditions
        when = dict(LUNG_RADS.rule(rule).when)
        facts = {"context": "screening", "change": "baseline", "kind": "solid", "total": 40.0,
                 "solid": 20.0, "months": 12, "earlier": "3", "exams": 2} | {
            name: value[0] if isinstance(value, list) else value
            for name, value in when.items() if not isinstance(value, dict)}  # fmt: skip
        for name, limits in when.items():
            if isinstance(limits, dict):
                facts[name] = float(limits.get("from", limits.get("below", 1) - 0.5))
        assert LUNG_RADS.evaluate(facts).rules[-1] == rule


def found(kind, mm, part=None, **more):
    facts = {"kind": kind, "total": mm, "change": "baseline", "context": "incidental", "age": 60,
             "multiple": False, **more}  # fmt: skip
    return facts if part is None else {**facts, "solid": part}


LOW, HIGH, MANY = {"risk": "low"}, {"risk": "high"}, {"multiple": True}
INCIDENTAL = {
    "a solid nodule of 5 mm in a never-smoker": (found("solid", 5, **LOW), "1A-lo"),
    "a solid nodule of 5.4 mm, 5 mm when rounded": (found("solid", 5.4, **LOW), "1A-lo"),
    "a solid nodule of 5.5 mm, 6 mm when rounded": (found("solid", 5.5, **LOW), "1B-lo"),
    "a solid nodule of 5 mm in a heavy smoker": (found("solid", 5, **HIGH), "1A-hi"),
    "a solid nodule of 6 mm, low risk": (found("solid", 6, **LOW), "1B-lo"),
    "a solid nodule of 8 mm, low risk": (found("solid", 8, **LOW), "1B-lo"),
    "a solid nodule of 8.4 mm, 8 mm when rounded": (found("solid", 8.4, **HIGH), "1B-hi"),
    "a solid nodule of 7 mm, high risk": (found("solid", 7, **HIGH), "1B-hi"),
    "a solid nodule of 9 mm, low risk": (found("solid", 9, **LOW), "1C"),
    "a solid nodule of 20 mm, high risk": (found("solid", 20, **HIGH), "1C"),
    "a solid nodule of 9 mm, risk unknown": (found("solid", 9), "1C"),
    "several solid nodules, the largest 4 mm, low risk": (
        found("solid", 4, **MANY, **LOW), "2A-lo"),
    "several solid nodules, the largest 4 mm, high risk": (
        found("solid", 4, **MANY, **HIGH), "2A-hi"),
    "several solid nodules, the largest 7 mm, low risk": (
        found("solid", 7, **MANY, **LOW), "2B-lo"),
    "several solid nodules, the largest 7 mm, high risk": (
        found("solid", 7, **MANY, **HIGH), "2B-hi"),
    "several solid nodules, the largest 12 mm, low risk": (
        found("solid", 12, **MANY, **LOW), "2B-lo"),
    "several solid nodules, the largest 12 mm, high risk": (
        found("solid", 12, **MANY, **HIGH), "2B-hi"),
    "a ground-glass nodule of 5 mm": (found("ground-glass", 5), "3A"),
    "a ground-glass nodule of 6 mm": (found("ground-glass", 6), "3B"),
    "a ground-glass nodule of 25 mm in a smoker": (found("ground-glass", 25, **HIGH), "3B"),
    "a part-solid nodule of 5 mm": (found("part-solid", 5, 2), "4A"),
    "a part-solid nodule of 12 mm with 5 mm solid": (found("part-solid", 12, 5), "4B"),
    "a part-solid nodule of 12 mm with 6 mm solid": (found("part-solid", 12, 6), "4C"),
    "several ground-glass nodules, the largest 5 mm": (found("ground-glass", 5, **MANY), "5A"),
    "several ground-glass nodules, the largest 9 mm": (found("ground-glass", 9, **MANY), "5B"),
    "several part-solid nodules, the largest 9 mm": (found("part-solid", 9, 4, **MANY), "5B"),
    "a calcified granuloma of 9 mm": (found("solid", 9, benign=True), "none"),
    "a typical perifissural nodule of 8 mm": (found("solid", 8, perifissural=True), "none"),
    "a solid nodule of 7 mm that grew": (found("solid", 7, change="growing"), "growing"),
    "a solid nodule of 7 mm, unchanged after 20 months": (
        found("solid", 7, change="stable", months=20), "stable-done"),
    "a solid nodule of 7 mm, unchanged after 6 months, low risk": (
        found("solid", 7, change="stable", months=6, **LOW), "1B-lo"),
}  # fmt: skip


@pytest.mark.parametrize("sentence", INCIDENTAL)
def test_found_by_chance(sentence):
    facts, category = INCIDENTAL[sentence]
    verdict = FLEISCHNER.evaluate(facts)
    assert verdict.categories == (category,)
    assert verdict.decided


def test_every_row_of_fleischner_is_reached():
    used = {FLEISCHNER.evaluate(facts).rules[-1] for facts, _ in INCIDENTAL.values()}
    assert used == {rule.id for rule in FLEISCHNER.rules}


def test_what_is_missing_gives_a_range_and_is_named():
    verdict = FLEISCHNER.evaluate(found("solid", 7))
    assert verdict.categories == ("1B-lo", "1B-hi")
    assert verdict.missing == ("risk",)
    verdict = LUNG_RADS.evaluate({"context": "screening", "kind": "solid", "total": 7.0})
    assert verdict.categories[0] == "2"
    assert verdict.categories[-1] == "4B"
    assert "change" in verdict.missing
    assert not verdict.decided


def test_a_missing_input_that_changes_nothing_is_not_asked_for():
    verdict = FLEISCHNER.evaluate(found("solid", 12))
    assert verdict.categories == ("1C",)
    assert verdict.missing == ()


def test_what_the_system_does_not_measure_is_said_to_be_assumed():
    assert "airway" in LUNG_RADS.evaluate(solid(7)).assumed
    assert "airway" not in LUNG_RADS.evaluate(solid(7, airway="none")).assumed


def test_a_guideline_says_where_it_does_not_apply():
    young = FLEISCHNER.evaluate(found("solid", 7, age=34, **LOW))
    assert "35 years" in young.outside[0].en
    assert FLEISCHNER.evaluate(found("solid", 7, age=35, **LOW)).outside == ()
    assert FLEISCHNER.evaluate(found("solid", 7, excluded=True, **LOW)).outside
    assert LUNG_RADS.evaluate(solid(7, context="incidental")).outside
    assert FLEISCHNER.evaluate(found("solid", 7, context="screening", **LOW)).outside


def test_without_age_or_context_nothing_is_decided():
    facts = found("solid", 12)
    del facts["age"], facts["context"]
    verdict = FLEISCHNER.evaluate(facts)
    assert set(verdict.missing) == {"age", "context"}
    assert not verdict.decided


@pytest.mark.parametrize(
    ("mm3", "change", "category"),
    [(112, "baseline", "2"), (113, "baseline", "3"), (268, "baseline", "4A"),
     (1767, "baseline", "4B"), (33, "new", "2"), (34, "new", "3"), (113, "new", "4A")],
)  # fmt: skip
def test_volumes_have_the_thresholds_of_lung_rads(mm3, change, category):
    facts = {"kind": "solid", "total_mm3": mm3, "change": change, "context": "screening"}
    assert LUNG_RADS.evaluate(facts).categories == (category,)


@pytest.mark.parametrize(("mm3", "category"), [(99, "1A-lo"), (100, "1B-lo"), (250, "1B-lo"),
                                               (251, "1C")])  # fmt: skip
def test_volumes_have_the_thresholds_of_fleischner(mm3, category):
    facts = {key: value for key, value in found("solid", 0, **LOW).items() if key != "total"}
    assert FLEISCHNER.evaluate(facts | {"total_mm3": mm3}).categories == (category,)


def test_diameter_and_volume_that_disagree_give_both_categories():
    verdict = LUNG_RADS.evaluate(solid(8.1, total_mm3=240.0))
    assert verdict.categories == ("3", "4A")
    assert verdict.inputs["total"] == 8.1
    assert verdict.inputs["total_mm3"] == 240
    assert not verdict.decided


@pytest.mark.parametrize(
    ("before", "now", "months", "change"),
    [(6.0, 7.5, 12, "stable"), (6.0, 7.6, 12, "growing"), (6.0, 7.6, 3, "growing"),
     (6.0, 8.0, 24, "slowly-growing"), (8.0, 6.4, 12, "decreased"), (8.0, 6.6, 12, "stable")],
)  # fmt: skip
def test_growth_in_the_terms_of_lung_rads(before, now, months, change):
    assert change_of(LUNG_RADS, before, now, months) == change


def test_growth_in_the_terms_of_fleischner_is_two_whole_millimetres():
    assert change_of(FLEISCHNER, 6.0, 7.4, 30) == "stable"
    assert change_of(FLEISCHNER, 6.0, 7.6, 30) == "growing"


@pytest.mark.parametrize(
    "spoilt",
    [("= [", "= [["), ('category = "4B"\nclause', 'category = "9"\nclause'),
     ("when = { complete", "when = { whole")],
)  # fmt: skip
def test_rules_that_cannot_be_read_are_refused(spoilt):
    text = (KNOWLEDGE / "lung_rads_2022.toml").read_text(encoding="utf-8")
    with pytest.raises(BadInput, match="guideline rules"):
        Guideline(text.replace(*spoilt, 1))


@pytest.mark.parametrize("guideline", [LUNG_RADS, FLEISCHNER])
def test_every_text_is_there_in_both_languages(guideline):
    texts = [guideline.name, guideline.for_all, *guideline.inputs.values()]
    for category in guideline.categories.values():
        texts += [category.name, category.management]
    assert all(text.en and text.zh for text in texts)
