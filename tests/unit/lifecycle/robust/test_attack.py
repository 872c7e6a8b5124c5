"""Attacks: on a linear model the worst small change is known exactly."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Output
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import gradients
from suwen.lifecycle.robust import attack
from suwen.lifecycle.robust.attack import Target, attacked
from suwen.lifecycle.robust.stress import Asked, stress


@pytest.fixture
def linear(toy, trained):
    """A toy that gives its slope, which is its kernel."""

    class Linear(toy.Squares):
        def gradient_of(self, pack, sample, values, members, weights):
            files = [("net.onnx", k) for k in members]
            found = gradients.of_output(pack, files, "logit", {"x": values[None]}, "x")
            return np.mean(found, axis=0)[0] * float(weights)

    return Linear()


def kernel_of(pack, member):
    model = onnx.load(str(pack.path("net.onnx", member)))
    (found,) = [numpy_helper.to_array(t) for t in model.graph.initializer if t.name == "kernel"]
    return found[0]


def test_the_slope_of_a_linear_network_is_its_kernel(linear, trained, toy_data):
    sample = linear.examples(toy_data, "squares").load(0)
    found = linear.gradient_of(trained.pack, sample, sample.data.values, [2], 1.0)
    assert found == pytest.approx(kernel_of(trained.pack, 2), abs=1e-6)


def test_the_slope_of_bytes_is_estimated(linear, trained, toy_data, tmp_path):
    copy = shutil.copytree(trained.pack.folder, tmp_path / "pack")
    stored = [{"name": "kernel_quantized", "dtype": "int8"}]
    (copy / "initialisers.json").write_text(json.dumps({"member-1/net.onnx": stored}))
    pack = Pack.draft(copy)
    assert attack.kind_of(linear, pack) == attack.ESTIMATED
    sample = linear.examples(toy_data, "squares").load(0)
    target = Target(linear, pack, sample, [1], 1)
    exact = kernel_of(pack, 1)
    slope = target.slope(sample.data.values, np.random.default_rng(0), 0.1)
    assert not np.allclose(slope, -exact, atol=1e-3)


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
@pytest.mark.parametrize("label", [0, 1])
def test_fgsm_and_pgd_move_a_linear_logit_by_eps_times_the_sum_of_its_weights(
    linear, trained, toy_data, method, label
):
    pack = trained.pack
    sample = linear.examples(toy_data, "squares").load(0)
    target = Target(linear, pack, sample, [1], label)
    moved = attacked(target, method, 0.25, 0)
    gap = linear.predict(pack, moved, [1]).scores[0] - linear.predict(pack, sample, [1]).scores[0]
    reach = 0.25 * np.abs(kernel_of(pack, 1)).sum()
    assert gap == pytest.approx(-reach if label else reach, rel=1e-3)
    assert np.abs(moved.data.values - sample.data.values).max() <= 0.25 + 1e-6


def test_without_a_slope_it_is_estimated_and_still_does_harm(toy, trained, toy_data):
    task, pack = toy.Squares(), trained.pack
    sample = task.examples(toy_data, "squares").load(0)
    target = Target(task, pack, sample, [1], 1)
    before = target.harm(sample.data.values)
    fgsm, pgd, noise = (
        target.harm(attacked(target, method, 0.25, 0).data.values)
        for method in ("fgsm", "pgd", "noise")
    )
    assert pgd >= fgsm > before
    assert fgsm - before > 2 * abs(noise - before)


def test_where_the_slope_comes_from_is_said(toy, linear, trained):
    assert attack.kind_of(toy.Squares(), trained.pack) == attack.ESTIMATED
    assert attack.kind_of(linear, trained.pack) == attack.EXACT


def test_noise_moves_every_element_by_eps(toy, trained, toy_data):
    task = toy.Squares()
    sample = task.examples(toy_data, "squares").load(0)
    moved = attacked(Target(task, trained.pack, sample, [0], 1), "noise", 0.3, 1)
    assert np.abs(moved.data.values - sample.data.values) == pytest.approx(0.3, abs=1e-6)


def test_harm_is_a_lost_margin_an_error_or_lost_overlap(toy, trained_kinds, trained_sum, toy_data):
    kinds, total = toy.SquareKinds(), toy.SquareSum()
    output = kinds.predict(trained_kinds.pack, kinds.examples(toy_data, "squares").load(0))
    scores = output.scores.mean(0)
    harms = [attack.harm_of(kinds, output, k) for k in range(3)]
    assert np.argmin(harms) == scores.argmax()
    sample = total.examples(toy_data, "squares").load(0)
    value = total.predict(trained_sum.pack, sample)
    assert attack.harm_of(total, value, value.scores.mean() + 3) == pytest.approx(3)


def test_a_graph_that_answers_otherwise_is_not_believed(linear, trained, toy_data, monkeypatch):
    gradients._converted.cache_clear()
    sample = linear.examples(toy_data, "squares").load(0)
    monkeypatch.setattr(gradients, "TOLERANCE", -1.0)
    with pytest.raises(BadInput, match="answers otherwise as a torch graph"):
        linear.gradient_of(trained.pack, sample, sample.data.values, [0], 1.0)
    gradients._converted.cache_clear()


def test_harm_of_marks_is_how_far_false_ones_stand_above_true_ones():
    places = np.array([[10.0, 10.0, 6.0, 1.0], [40.0, 40.0, 6.0, 1.0], [70.0, 10.0, 6.0, 0.0]])
    rows = [[2.0, 10.0, 11.0, 5.0], [-1.0, 90.0, 90.0, 5.0], [9.0, 70.0, 10.0, 5.0]]

    def harm(*marks):
        return attack.harm_of(None, Output(np.zeros(0), {}, marks=np.array(marks)), places)

    missed = attack.UNMARKED
    assert harm(*rows) == pytest.approx(-1 - (2 + missed) / 2, abs=1e-3)
    louder, fainter = [3.0, *rows[1][1:]], [0.0, *rows[0][1:]]
    assert harm(rows[0], louder) == pytest.approx(harm(*rows) + 4, abs=1e-3)
    assert harm(fainter, rows[1]) == pytest.approx(harm(*rows) + 1, abs=1e-3)


def test_marks_are_attacked_and_floors_are_not_asked(
    toy_places, trained_places, toy_data, tmp_path
):
    pack = trained_places.pack

    class Attackable(toy_places.Spots):
        attack_unit, attack_strengths = "grey levels", (1.0,)

        def examples(self, data, dataset):
            def asked(i):
                raise AssertionError("no floor stands on the card")

            return replace(super().examples(data, dataset), floor_marks={"never": asked})

        def input_of(self, pack, sample):
            return sample.data.values

        def with_input(self, pack, sample, values):
            return replace(sample, data=replace(sample.data, values=values))

    Attackable.__module__ = toy_places.__name__
    found = stress(Attackable(), pack, toy_data, tmp_path, Asked(limit=20, attacked=6))
    falls = {
        one["name"].partition(" ")[0]: one["change"]["cpm"]["value"]
        for one in found["conditions"]
        if one["kind"] == "attack"
    }
    assert max(falls["fgsm"], falls["pgd"]) < min(falls["noise"], 0) - 0.05
