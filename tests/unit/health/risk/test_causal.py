"""Textbook graphs, E-values, and what a published difference would assume to be an effect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.health.risk.causal import (
    Dag,
    assumptions,
    drawing,
    e_value,
    e_value_of_limit,
    said,
)

CONFOUNDER = Dag({"C": ("X", "Y"), "X": ("Y",)})
MEDIATOR = Dag({"X": ("M",), "M": ("Y",)})
COLLIDER = Dag({"X": ("S", "Y"), "Y": ("S",)})
M_BIAS = Dag({"A": ("X", "S"), "B": ("S", "Y"), "X": ("Y",)}, frozenset({"A", "B"}))
BUTTERFLY = Dag({"A": ("X", "S"), "B": ("S", "Y"), "S": ("X", "Y"), "X": ("Y",)})
HIDDEN = Dag({"U": ("X", "Y"), "X": ("Y",)}, frozenset({"U"}))
PEARL = Dag(  # Causality, figure 3.4
    {
        "X1": ("X3", "X4"), "X2": ("X4", "X5"), "X3": ("X",), "X4": ("X", "Y"), "X5": ("Y",),
        "X": ("X6",), "X6": ("Y",),
    }
)  # fmt: skip


@pytest.mark.parametrize(("graph", "sets"), [
    (CONFOUNDER, [("C",)]),
    (MEDIATOR, [()]),
    (COLLIDER, [()]),
    (M_BIAS, [()]),
    (BUTTERFLY, [("A", "S"), ("B", "S")]),
    (HIDDEN, []),
    (PEARL, [("X1", "X4"), ("X2", "X4"), ("X3", "X4"), ("X4", "X5")]),
])  # fmt: skip
def test_what_has_to_be_held_alike_in_the_graphs_of_the_textbooks(graph, sets):
    assert graph.adjustment_sets("X", "Y") == sets


def test_holding_a_collider_opens_the_way_that_was_closed():
    assert M_BIAS.suffices("X", "Y", ())
    assert not M_BIAS.suffices("X", "Y", ("S",))
    assert not BUTTERFLY.suffices("X", "Y", ("S",))


def test_neither_a_mediator_nor_what_follows_from_the_outcome_may_be_held():
    assert not MEDIATOR.suffices("X", "Y", ("M",))
    assert not COLLIDER.suffices("X", "Y", ("S",))


@pytest.mark.parametrize(("graph", "given_", "separate"), [
    (MEDIATOR, (), False), (MEDIATOR, ("M",), True), (M_BIAS, ("S",), False)])  # fmt: skip
def test_d_separation(graph, given_, separate):
    without = Dag(
        {node: ends for node, ends in graph.arrows.items() if (node, ends) != ("X", ("Y",))}
    )
    assert without.separated("X", "Y", given_) is separate


def test_a_graph_that_goes_in_a_circle_is_refused():
    with pytest.raises(BadInput, match="causes itself"):
        Dag({"X": ("Y",), "Y": ("X",)})


def test_an_unknown_node_is_refused():
    with pytest.raises(BadInput, match="no node"):
        MEDIATOR.adjustment_sets("X", "Z")


@pytest.mark.parametrize(("ratio", "value"), [(3.9, 7.26), (0.8, 1.81), (1.0, 1.0), (2.0, 3.41)])
def test_e_values_of_the_paper(ratio, value):
    """3.9 is the example of VanderWeele & Ding, on breast feeding."""
    assert e_value(ratio) == pytest.approx(value, abs=0.005)


def test_the_e_value_of_an_interval_is_that_of_the_limit_nearer_to_one():
    assert e_value_of_limit(1.8, 8.7) == pytest.approx(3.0, abs=0.005)
    assert e_value_of_limit(0.71, 0.91) == pytest.approx(1.43, abs=0.005)
    assert e_value_of_limit(0.9, 1.2) == 1.0


@given(st.floats(0.01, 100))
def test_a_ratio_and_its_inverse_have_one_e_value(ratio):
    assert e_value(ratio) == pytest.approx(e_value(1 / ratio), rel=1e-6)
    assert e_value(ratio) >= max(ratio, 1 / ratio) - 1e-9


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_ratio_is_refused(ratio):
    with pytest.raises(BadInput):
        e_value(ratio)


def test_limits_in_the_wrong_order_are_refused():
    with pytest.raises(BadInput):
        e_value_of_limit(2.0, 1.0)


def test_smoking_needs_income_held_alike_which_the_equation_does_not_know():
    found = assumptions("current_smoker", ["sex", "age", "systolic_bp", "current_smoker"])
    assert (found.held, found.missing) == (("age", "sex"), ("income",))
    assert found.through == ("pressure",)
    words = said(found, 2.0)
    assert "does not hold income and education" in words[0].en
    assert "收入与教育" in words[0].zh
    assert "E-value 3.41" in words[-1].en


def test_of_blood_pressure_no_set_of_measured_things_suffices():
    found = assumptions("systolic_bp", ["sex", "age", "systolic_bp"])
    assert found.hidden == ("genes",)
    assert any("nobody measures" in one.en for one in said(found, None))


def test_what_is_not_drawn_is_not_judged():
    assert assumptions("bilirubin", ["sex"]) is None
    assert drawing().outcome in drawing().dag.nodes
