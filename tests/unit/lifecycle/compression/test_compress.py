"""Smaller packs: what each method does to a file, and what the clinical test lets through."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from suwen.core import registry
from suwen.core.errors import BadInput
from suwen.lifecycle import assemble, footprint, golden
from suwen.lifecycle.card import compression as card_compression
from suwen.lifecycle.compression import compress, regression
from suwen.lifecycle.compression.compress import Way
from suwen.lifecycle.measure.answered import rows_of
from suwen.lifecycle.measure.predictions import out_of_fold
from suwen.lifecycle.onnx import quantised, smaller
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.sealed.weights import list_initialisers


def linear(inputs=64, outputs=16, seed=0):
    """The bytes of a network y = x W + b, and W."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 1, (inputs, outputs)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", outputs])],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.zeros(outputs, np.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString(), weights


def asked(content, x):
    return onnxruntime.InferenceSession(content).run(["y"], {"x": x})[0]


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(0, 1, (200, 64)).astype(np.float32)


def test_float16_halves_the_file_and_keeps_the_answer_to_three_digits(x):
    content, weights = linear(128, 64)
    half = smaller.float16(content, (), 0)
    x = np.tile(x, 2)
    assert len(half) < 0.55 * len(content)
    assert asked(half, x) == pytest.approx(x @ weights, abs=0.05)
    assert asked(smaller.widened(half).SerializeToString(), x) == pytest.approx(asked(half, x))


def test_a_file_that_is_stored_in_float16_gains_nothing_from_float16():
    half = smaller.float16(linear(128, 64)[0], (), 0)
    assert smaller.float16(half, (), 0) == half


def test_bytes_are_a_quarter_of_the_file_and_near_the_answer(x):
    content, weights = linear(64, 256)
    made = quantised.quantise(smaller.float16(content, (), 0), [{"x": x}], 0)
    assert len(made) < 0.4 * len(content)
    wanted = x @ weights
    error = np.abs(asked(made, x) - wanted).mean()
    assert 0 < error < 0.05 * wanted.std()


@pytest.mark.parametrize("half", [False, True])
def test_weights_in_8_bits_are_a_quarter_of_the_file_and_nearer_than_arithmetic_in_8_bits(x, half):
    content, weights = linear(64, 256)
    content = smaller.float16(content, (), 0) if half else content
    made = smaller.weights8(content, (), 0)
    assert len(made) < 0.32 * len(linear(64, 256)[0])
    wanted = x @ weights
    error = np.abs(asked(made, x) - wanted).mean()
    rounded = np.abs(asked(quantised.quantise(content, [{"x": x}], 0), x) - wanted).mean()
    assert 0 < error < 0.01 * wanted.std()
    assert error < 0.5 * rounded


def test_each_output_of_a_matrix_has_a_scale_of_its_own(x):
    content, weights = linear(64, 256)
    model = onnx.load_model_from_string(content)
    apart = (weights * np.geomspace(1e-3, 1e3, 256)).astype(np.float32)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(apart, "w"))
    made = smaller.weights8(model.SerializeToString(), (), 0)
    wanted = x @ apart
    error = np.abs(asked(made, x) - wanted).mean(0) / wanted.std(0)
    assert error.max() < 0.02


def test_weights_in_8_bits_answer_the_same_when_they_are_stored_so_again(x):
    once = smaller.weights8(linear(64, 256)[0], (), 0)
    again = smaller.weights8(once, (), 0)
    assert asked(again, x) == pytest.approx(asked(once, x), abs=1e-4)


def test_kernels_that_read_one_channel_keep_half_precision():
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 1, (64, 1, 3, 3)).astype(np.float32)
    node = helper.make_node("Conv", ["x", "k"], ["y"], group=64, pads=[1, 1, 1, 1])
    shapes = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 64, 8, 8]) for n in "xy"]
    graph = helper.make_graph(
        [node], "a", shapes[:1], shapes[1:], [numpy_helper.from_array(kernel, "k")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    made = onnx.load_model_from_string(smaller.weights8(model.SerializeToString(), (), 0))
    assert [numpy_helper.to_array(t).dtype for t in made.graph.initializer] == [np.float16]


def test_the_scales_of_weights_in_8_bits_are_no_weights_that_noise_replaces(tmp_path):
    (tmp_path / "net.onnx").write_bytes(smaller.weights8(linear(64, 256)[0], (), 0))
    (row,) = list_initialisers(tmp_path)["net.onnx"]
    assert (row["dtype"], row["shape"]) == ("int8", [64, 256])


def test_weights_too_large_for_float16_stay_as_they_are(x):
    content, weights = linear(64, 16)
    model = onnx.load_model_from_string(content)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights * 1e6, "w"))
    large = model.SerializeToString()
    assert smaller.float16(large, (), 0) == large


def clipped():
    """The bytes of a network of two convolutions with padding and a clip between them."""
    rng = np.random.default_rng(0)
    values = {
        "low": np.float32(0),
        "high": np.float32(6),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1], dtype=np.int64),
        "v": rng.normal(0, 1, (4, 4, 1, 1)).astype(np.float32),
        "w": rng.normal(0, 1, (4, 4, 3, 3)).astype(np.float32),
        "a": np.array([0, 1, 2, 3], dtype=np.float32),
        "b": np.zeros(4, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "v", "a"], ["s"]),
        helper.make_node("Clip", ["s", "low", "high"], ["c"]),
        helper.make_node("Pad", ["c", "pads"], ["p"]),
        helper.make_node("Conv", ["p", "w", "b"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "clipped",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, 8, 8])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def test_padding_is_folded_into_the_layer_it_belongs_to():
    content = clipped()
    model = smaller.folded(content)
    assert [node.op_type for node in model.graph.node] == ["Conv", "Clip", "Conv"]
    x = np.random.default_rng(1).normal(0, 1, (2, 4, 8, 8)).astype(np.float32)
    assert asked(model.SerializeToString(), x) == pytest.approx(asked(content, x), abs=1e-5)


def test_values_stay_bytes_from_one_layer_to_the_next():
    x = np.random.default_rng(1).normal(0, 1, (2, 4, 8, 8)).astype(np.float32)
    graph = onnx.load_model_from_string(quantised.quantise(clipped(), [{"x": x}], 0)).graph
    made = {name: node for node in graph.node for name in node.output}
    inner = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    sources = {made[node.input[0]].op_type for node in inner if node.input[0] in made}
    assert sources <= {"Conv", "Clip"}
    for node in graph.node:
        if node.op_type in ("Conv", "Clip"):
            assert made[node.input[0]].op_type == "DequantizeLinear"


def test_rounding_does_not_move_the_mean_of_an_answer(monkeypatch):
    content = clipped()
    x = np.random.default_rng(1).uniform(0, 3, (4, 4, 8, 8)).astype(np.float32)
    wanted = asked(content, x).mean((0, 2, 3))

    def moved():
        made = asked(quantised.quantise(content, [{"x": x}], 0), x)
        return np.abs(made.mean((0, 2, 3)) - wanted).mean()

    levelled = moved()
    monkeypatch.setattr(quantised, "levelled", lambda graph, feeds: graph.model)
    assert levelled < 0.5 * moved()


def test_weights_are_rounded_as_the_quantiser_does():
    content = clipped()
    x = np.random.default_rng(1).normal(0, 1, (2, 4, 8, 8)).astype(np.float32)
    graph = onnx.load_model_from_string(quantised.quantise(content, [{"x": x}], 0)).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    scale = stored["w_scale"].reshape(-1, 1, 1, 1)
    (kernels,) = [
        numpy_helper.to_array(tensor)
        for tensor in onnx.load_model_from_string(content).graph.initializer
        if tensor.name == "w"
    ]
    assert quantised.rounded(kernels) == pytest.approx(stored["w_quantized"] * scale, abs=1e-6)


def test_ranges_cannot_be_learned_from_nothing():
    with pytest.raises(BadInput, match="no example asks"):
        quantised.quantise(linear()[0], [], 0)


@pytest.mark.parametrize("amount", [0.3, 0.9])
def test_pruning_drops_the_smallest_weights_of_a_layer_and_only_packs_smaller(amount):
    content, weights = linear(64, 64)
    made = smaller.prune(content, (), amount)
    (left,) = [
        numpy_helper.to_array(t)
        for t in onnx.load_model_from_string(made).graph.initializer
        if t.name == "w"
    ]
    assert (left == 0).mean() == pytest.approx(amount, abs=0.01)
    assert np.abs(weights[left == 0]).max() <= np.abs(weights[left != 0]).min()
    assert len(made) == len(content)


def test_a_layer_that_matters_more_keeps_more():
    even, steep = np.ones(1000), np.concatenate([np.full(900, 1e-3), np.full(100, 1.0)])
    scores = [smaller._needed(values.reshape(10, 100)) for values in (even, steep)]
    limit = np.quantile(np.concatenate([s.ravel() for s in scores]), 0.45)
    assert (scores[1] < limit).mean() > (scores[0] < limit).mean()


@pytest.fixture
def cheap(monkeypatch):
    cost = dict.fromkeys(card_compression.COSTS, 1.0) | {
        "members": 5,
        "threads": 1,
        "processor": "not measured in this test",
        "pack_mb": 0.1,
        "unwanted_imports": [],
    }
    monkeypatch.setattr(compress.footprint, "measured", lambda task, pack: cost)
    monkeypatch.setattr(compress.plots, "draw", lambda task, rows, histories, folder: [])


def entry(found, metric):
    (one,) = [e for e in found["gate"] if e["metric"] == metric and e["stratum"] == "all"]
    return one


def test_a_pack_pruned_a_little_passes_and_is_an_unsigned_draft(
    toy, trained, toy_data, tmp_path, cheap
):
    task = toy.Squares()
    found = compress.compress(task, trained.pack, toy_data, Way("prune", 0.02), tmp_path)
    assert found["accepted"]
    assert entry(found, "sensitivity")["passed"]
    assert found["n"] == 240
    made = tmp_path / "pack"
    assert not (made / "SIGNATURE.json").exists()
    draft = Pack.draft(made)
    assert golden.check(task, draft) == []
    assert draft.settings["compressed"]["from"] == trained.pack.identity
    assert draft.content("compression.json") == found
    assert set(draft.content("card.json")["compression"]) == set(found)
    page = (made / "card.md").read_text()
    assert "## Compression" in page
    assert "Made by prune (2% of the weights)" in page
    own = assemble.own_key(tmp_path / "home")
    from suwen.lifecycle.sealed import keys, manifest

    manifest.seal(made, keys.signing_key(tmp_path / "home"))
    assert Pack.load(made, assemble.own_key(tmp_path / "home") | own).members == 5


def test_a_pack_pruned_to_nothing_is_refused_with_the_figures(
    toy, trained, toy_data, tmp_path, cheap
):
    found = compress.compress(toy.Squares(), trained.pack, toy_data, Way("prune", 0.99), tmp_path)
    assert not found["accepted"]
    assert not (tmp_path / "pack").exists()
    kept = json.loads((tmp_path / "compression.json").read_text())
    worse = [e for e in kept["gate"] if not e["passed"]]
    assert worse
    assert worse[0]["change"]["low"] <= worse[0]["change"]["value"] < -0.01
    assert kept["metrics"]["auroc"]["change"]["value"] < -0.01


def rows_for(toy, trained, toy_data):
    task = toy.Squares()
    examples = task.examples(toy_data, "squares")
    return task, rows_of(task, trained.pack, examples, out_of_fold(task, trained.pack, examples))


def test_one_lost_case_in_a_hundred_is_allowed_and_two_are_not(toy, trained, toy_data):
    task, rows = rows_for(toy, trained, toy_data)
    hit = np.flatnonzero((rows.truth == 1) & (rows.answer >= rows.operating_points))
    positives = int((rows.truth == 1).sum())
    for lost in (int(0.01 * positives), int(0.01 * positives) + 1):
        answer = rows.answer.copy()
        answer[hit[:lost]] = 0.0
        gate = regression.compared(task, rows, replace(rows, answer=answer))
        (one,) = [e for e in gate if e["metric"] == "sensitivity"]
        assert one["passed"] == (lost <= 0.01 * positives)
        assert one["change"]["value"] == pytest.approx(-lost / positives)


def test_a_pack_that_abstains_more_often_is_worse(toy, trained, toy_data):
    task, rows = rows_for(toy, trained, toy_data)
    answering = np.flatnonzero(~rows.abstained)
    for more, passes in ((2, True), (3, False)):
        outside = rows.abstained.copy()
        outside[answering[:more]] = True
        gate = regression.compared(task, rows, replace(rows, abstained=outside))
        (one,) = [e for e in gate if e["metric"] == "abstained"]
        assert one["change"]["value"] == pytest.approx(more / 240)
        assert regression.passed(gate) == passes


def test_a_fall_in_one_stratum_is_not_hidden_by_the_others(toy, trained, toy_data):
    task, rows = rows_for(toy, trained, toy_data)
    task.strata = "size"
    hit = (rows.truth == 1) & (rows.answer >= rows.operating_points)
    large = rows.columns["size"] == "large"
    answer = rows.answer.copy()
    answer[np.flatnonzero(hit & ~large)[:4]] = 0.0
    answer[np.flatnonzero((rows.truth == 1) & ~hit & large)[:4]] = 1.0
    gate = regression.compared(task, rows, replace(rows, answer=answer))
    passes = {e["stratum"]: e["passed"] for e in gate if e["metric"] == "sensitivity"}
    assert passes == {"all": True, "large": True, "small": False}
    assert not regression.passed(gate)


def test_a_stratum_of_a_few_is_shown_and_not_gated(toy, trained, toy_data):
    task, rows = rows_for(toy, trained, toy_data)
    few = np.where(np.arange(240) < 12, "few", "many")
    rows = replace(rows, columns={"diameter": few})
    answer = np.where(few == "few", 0.0, rows.answer)
    gate = regression.compared(task, rows, replace(rows, answer=answer))
    (one,) = [e for e in gate if e["metric"] == "sensitivity" and e["stratum"] == "few"]
    assert not one["gated"]
    assert one["passed"]
    assert one["change"]["value"] < 0


def test_a_mask_may_lose_a_point_of_dice_and_a_value_a_point_of_its_spread(
    toy, trained_mask, trained_sum, toy_data
):
    for task, made, worse in (
        (toy.SquareMask(), trained_mask, lambda a, by: a - by),
        (toy.SquareSum(), trained_sum, None),
    ):
        examples = task.examples(toy_data, "squares")
        rows = rows_of(task, made.pack, examples, out_of_fold(task, made.pack, examples))
        spread = np.std(rows.truth)
        for by, passes in ((0.009, True), (0.011, False)):
            if worse:
                changed = worse(rows.answer, by)
            else:
                side = np.where(rows.answer >= rows.truth, 1, -1)
                changed = rows.answer + by * spread * side
            gate = regression.compared(task, rows, replace(rows, answer=changed))
            assert regression.passed(gate) == passes


def test_what_a_network_is_asked_comes_from_other_folds(toy, trained, toy_data):
    from suwen.lifecycle import split

    task = toy.Squares()
    examples = task.examples(toy_data, "squares")
    heard = compress._feeds(task, trained.pack, examples, 2, 20)
    assert set(heard) == {"member-2/net.onnx"}
    assert len(heard["member-2/net.onnx"]) == 20
    fold = split.folds_of(examples.groups, 5)
    own = [examples.load(i).data.values for i in np.flatnonzero(fold == 2)]
    for feed in heard["member-2/net.onnx"]:
        assert not any(np.array_equal(feed["x"][0], values) for values in own)


def test_a_pack_is_not_slower_for_what_ran_beside_one_round(monkeypatch):
    taken = {"old": iter([9.0, 5.0, 6.0]), "new": iter([4.0, 30.0, 5.0])}
    monkeypatch.setattr(
        footprint, "measured", lambda task, name: {"median_ms": next(taken[name]), "of": name}
    )
    found = footprint.side_by_side(None, {"before": "old", "after": "new"})
    assert found == {
        "before": {"median_ms": 5.0, "of": "old"},
        "after": {"median_ms": 4.0, "of": "new"},
    }


@pytest.mark.parametrize(
    ("way", "message"), [(("melt",), "no method 'melt'"), (("prune", 1.5), "an amount of 1.5")]
)
def test_a_way_that_is_none_is_refused(way, message):
    with pytest.raises(BadInput, match=message):
        Way(*way)


def test_a_pack_trained_to_be_smaller_is_compared_as_it_is(toy, trained, toy_data, tmp_path, cheap):
    task, pack = toy.Squares(), trained.pack
    way = Way(compress.TRAINED, candidate=pack)
    found = compress.compress(task, pack, toy_data, way, tmp_path)
    assert found["accepted"]
    assert found["method"] == "trained"
    assert all(entry["change"]["value"] == 0 for entry in found["gate"] if entry["change"])
    assert pack.folder.is_dir(), "the candidate itself is left alone"


def test_a_method_that_changes_no_network_is_refused(toy, trained, toy_data, tmp_path):
    task = toy.Squares()
    examples = task.examples(toy_data, "squares").subset(range(20))
    with pytest.raises(BadInput, match=r"that channels leaves as they are"):
        compress.made_of(task, trained.pack, examples, Way("channels"), tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


def test_a_candidate_for_another_task_is_refused(toy, trained, trained_sum, toy_data, tmp_path):
    way = Way(compress.TRAINED, candidate=trained_sum.pack)
    with pytest.raises(BadInput, match=r"a candidate for toy\.square_sum"):
        compress.compress(toy.Squares(), trained.pack, toy_data, way, tmp_path)


def test_a_pack_of_trees_alone_has_nothing_to_compress(toy, trained, toy_data, tmp_path):
    copy = shutil.copytree(trained.pack.folder, tmp_path / "copy")
    for path in copy.rglob("*.onnx"):
        path.unlink()
    task = toy.Squares()
    with pytest.raises(BadInput, match="has no network"):
        compress.made_of(
            task, Pack.draft(copy), task.examples(toy_data, "squares"), Way("prune"), tmp_path / "p"
        )


def test_the_command_exits_with_an_error_when_it_refuses(
    toy, trained, toy_data, at_home, settled, monkeypatch, cheap
):
    import typer

    from suwen.cli import compress as command

    settled(home=at_home, data=toy_data.folders[0])
    monkeypatch.setattr(registry, "find", lambda name: toy.Squares())
    app = typer.Typer()
    app.command()(command.command)
    start = ["toy.squares", "--method", "prune", "--pack", str(trained.pack.folder)]
    done = CliRunner().invoke(app, [*start, "--amount", "0.99", "--json"])
    assert done.exit_code == 1
    assert "refused: clinically worse" in done.output
    done = CliRunner().invoke(app, [*start, "--amount", "0.02", "--sign"])
    assert done.exit_code == 0, done.output
    assert "sensitivity" in done.output
    kept, folder = sorted((at_home / "compressed" / "toy.squares").iterdir(), reverse=True)
    assert [path.name for path in kept.iterdir()] == ["compression.json"]
    assert Pack.load(folder / "pack", assemble.own_key(at_home)).task == "toy.squares"
