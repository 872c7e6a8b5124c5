"""Pictures of a risk: a hundred people, and the graph of assumed causes."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from suwen.health.risk.causal import assumptions, drawing
from suwen.server.risk.causes_drawn import BOX, WIDTH, causes, wrapped
from suwen.server.risk.people_drawn import people

FACTORS = ("systolic_bp", "current_smoker", "bmi")
INPUTS = ("sex", "age", "systolic_bp", "current_smoker", "bmi", "total_cholesterol", "egfr")


@pytest.mark.parametrize(("risk", "ill"), [(0.0, 0), (0.4, 0), (0.5, 1), (13.3, 13), (99.9, 100)])
def test_everybody_is_drawn_once(risk, ill):
    found = people(risk)
    assert (found.ill.count("M"), found.maybe, found.well.count("M")) == (ill, "", 100 - ill)


def test_between_the_limits_some_may_be_ill():
    found = people(23.4, 20.5, 26.7)
    assert [one.count("M") for one in (found.ill, found.maybe, found.well)] == [21, 6, 73]


@pytest.mark.parametrize("wide", [10, 20])
def test_people_stay_inside_the_picture(wide):
    found = people(50, wide=wide)
    for x, y in re.findall(r"M(\d+) (\d+)", found.ill + found.well):
        assert 0 <= int(x) <= found.width - 4
        assert 0 <= int(y) <= found.height - 10


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_graph_is_drawn_whole_and_no_box_hides_another(factor, language):
    found = causes(factor, assumptions(factor, INPUTS), language)
    dag = drawing().dag
    assert len(found.boxes) == len(dag.nodes)
    assert len(found.arrows) == sum(len(ends) for ends in dag.arrows.values())
    assert sum(box.kind == "exposure" for box in found.boxes) == 1
    for box in found.boxes:
        assert box.width / 2 <= box.x + 2 <= WIDTH - box.width / 2 + 4
        assert BOX[1] / 2 <= box.y <= found.height - BOX[1] / 2
    for one, other in combinations(found.boxes, 2):
        apart = abs(one.x - other.x) >= (one.width + other.width) / 2
        assert apart or abs(one.y - other.y) >= BOX[1], (one, other)


def test_boxes_say_what_they_are_for_the_question():
    found = causes("systolic_bp", assumptions("systolic_bp", INPUTS), "en")
    kinds = {" ".join(line for _, line in box.lines): box.kind for box in found.boxes}
    assert kinds["inherited risk"] == "hidden"
    assert kinds["age"] == "held"
    assert kinds["diet"] == "missing"
    assert kinds["treatment"] == "free"
    assert {arrow.kind for arrow in found.arrows} == {"way", "back", "other"}
    assert "blood pressure → treatment, cardiovascular disease" in found.words


def test_what_is_not_in_the_graph_is_not_drawn():
    assert causes("bilirubin", assumptions("systolic_bp", INPUTS), "en") is None


@pytest.mark.parametrize(("name", "lines"), [
    ("age", ["age"]), ("income and education", ["income and", "education"]),
    ("糖尿病与血糖", ["糖尿病与血糖"]), ("心血管疾病与死亡", ["心血管疾病与", "死亡"]),
])  # fmt: skip
def test_names_are_broken_into_lines(name, lines):
    assert wrapped(name, 12 if name.isascii() else 6) == lines
