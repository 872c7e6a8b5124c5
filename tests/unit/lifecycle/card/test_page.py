"""The model card says what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.lifecycle import footprint
from suwen.lifecycle.card import page as card
from suwen.lifecycle.card import sets as card_sets


def test_the_card_holds_every_required_part(trained):
    found = trained.pack.content("card.json")
    for part in ("data", "limits", "split", "results", "calibration", "bands", "cost", "domain"):
        assert found[part], part
    assert found["data"]["licence"] == "Apache-2.0"
    assert found["title"]["zh"] == "亮方块"
    assert found["results"]["floor"]["diameter"]["gain_auroc"]["low"] is not None


def test_the_page_shows_each_metric_with_its_interval_and_every_picture_it_names(trained):
    page = trained.pack.path("card.md").read_text()
    found = trained.pack.content("card.json")
    for name, entry in found["results"]["metrics"].items():
        own = name.removeprefix(card_sets.BY_CLASS)  # of a class: in the table of sets
        assert f"| {card.label(name)}" in page if own == name else f"| `{own}` |" in page
        assert card.number(entry) in page
    names = [line.split('"')[1] for line in page.splitlines() if line.startswith("<img")]
    assert len(names) == 4
    assert all(trained.pack.path(name).stat().st_size for name in names)
    assert "Not a medical device" in page
    assert all(line.count("|") == 0 or line.endswith("|") for line in page.splitlines())


def test_latency_and_memory_were_measured_without_training_libraries(trained):
    cost = trained.pack.content("card.json")["cost"]
    assert 0 < cost["median_ms"] <= cost["p95_ms"]
    assert cost["peak_mb"] > 20
    assert cost["unwanted_imports"] == []
    assert cost["members"] == 5


def test_memory_is_that_of_the_measuring_process_and_not_of_the_one_that_started_it(toy, trained):
    ballast = np.ones(60_000_000)
    cost = footprint.measured(toy.Squares(), trained.pack)
    assert ballast.nbytes / 2**20 > 400 > cost["peak_mb"]
    assert 0 < cost["own_mb"] < cost["peak_mb"]


def test_what_is_not_defined_is_a_dash():
    assert card.number(None) == "–"
    assert card.number({"value": None, "low": None, "high": None}) == "–"
    assert card.number({"value": 0.5, "low": None, "high": None}) == "0.500"
    assert card.number({"value": 0.95, "low": 0.9, "high": 1.0}) == "0.950 [0.900, 1.000]"


@pytest.mark.parametrize(
    ("key", "shown"),
    [("size_matched_auroc", "size-matched AUROC"), ("ece_equal_mass", "ECE equal mass")],
)
def test_keys_are_written_as_people_write_them(key, shown):
    assert card.label(key) == shown


def test_the_footprint_in_this_process_gives_the_same_fields(toy, trained, capsys):
    module = "suwen_toy"
    footprint.main([str(trained.pack.folder), module, toy.__file__, "toy.squares"])
    assert '"median_ms"' in capsys.readouterr().out


def test_the_card_of_three_classes_has_a_row_for_each_and_says_the_rule_of_its_bands(trained_kinds):
    page = trained_kinds.pack.path("card.md").read_text()
    metrics = trained_kinds.pack.content("card.json")["results"]["metrics"]
    for key, name in (("nothing", "Nothing · 无"), ("corner", "In the corner · 角落")):
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {name} | `{key}`")]
        for metric in ("auroc", "f1", "precision", "recall"):
            assert card.number(metrics[f"{metric}_{key}"]) in row
    assert "| F1 nothing |" not in page
    assert "The most probable class is named" in page
    assert "| rule-in: In the corner | ≥ " in page
    assert "| rule-out: Nothing | anything else < " in page
    assert all(line.count("|") == 0 or line.endswith("|") for line in page.splitlines())


def test_the_card_says_what_the_intervals_are_worth(trained, trained_sum):
    page, metrics = trained.pack.path("card.md").read_text(), trained.results["metrics"]
    assert card.number(metrics["interval_coverage_with_noise"]) in page
    assert "Barber, Electronic Journal of Statistics" in page
    assert "those at the probability 0.5 (fixed)." in page
    page, metrics = trained_sum.pack.path("card.md").read_text(), trained_sum.results["metrics"]
    assert f"Out of fold {card.number(metrics['coverage_90'])} of the true values" in page
    assert "CV+" in page
