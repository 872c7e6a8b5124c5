"""Stress: what a change does to the answers, with changes whose effect is known beforehand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from suwen.core import registry
from suwen.core.errors import BadInput
from suwen.lifecycle.card import robustness as card_robustness
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.evaluate import out_of_fold
from suwen.lifecycle.measure.answered import rows_of
from suwen.lifecycle.plots import robustness as plots_robustness
from suwen.lifecycle.robust import attack, robustness
from suwen.lifecycle.robust import stress as stressing
from suwen.lifecycle.robust.stress import Asked, chosen_by_group, stress


def entry(found, name, strength):
    """The condition of that name and strength."""
    (one,) = [
        each
        for each in found["conditions"]
        if each["name"] == name and each["strength"] == strength
    ]
    return one


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stressed")


@pytest.fixture(scope="module")
def found(toy, trained, toy_data, folder):
    return stress(toy.Squares(), trained.pack, toy_data, folder, Asked(limit=0, attacked=16))


def test_unchanged_examples_have_the_figures_of_the_card(found, trained):
    card = trained.pack.content("card.json")["results"]["metrics"]
    assert found["clean"]["metrics"]["auroc"] == card["auroc"]
    assert found["clean"]["metrics"]["accuracy"] == card["accuracy"]
    assert found["clean"]["abstained"] == card["abstained"]
    assert found["n"] == 240


def test_a_change_of_nothing_changes_nothing(found):
    nothing = entry(found, "brighter", 0.0)
    assert nothing["metrics"] == found["clean"]["metrics"]
    for change in [*nothing["change"].values(), nothing["flipped"]]:
        assert change["value"] == change["low"] == change["high"] == 0


def test_a_change_that_turns_the_label_round_shows_the_fall(found):
    turned = entry(found, "inverted", 1.0)
    clean = found["clean"]["metrics"]["auroc"]["value"]
    assert turned["metrics"]["auroc"]["value"] < 1 - 0.9 * clean
    assert turned["change"]["auroc"]["high"] < -0.2
    assert turned["flipped"]["value"] > 0.3
    assert turned["confidently_wrong"]["low"] > 2 * found["clean"]["confidently_wrong"]["value"]
    assert turned["confidently_wrong_change"]["low"] > 0


def test_a_change_far_outside_the_domain_makes_the_pack_abstain_and_not_be_wrong(found):
    bright = entry(found, "brighter", 50.0)
    assert bright["abstained"]["value"] == 1
    assert bright["confidently_wrong"]["value"] == 0
    assert bright["n_answered"] == 0
    assert bright["among_answered"] == {}


def test_more_noise_costs_more(found):
    falls = [entry(found, "noise", s)["change"]["auroc"]["value"] for s in (0.5, 2.0)]
    assert falls[1] < falls[0] < 0.02


def test_the_summary_is_the_mean_over_changes_and_each_counts_the_same(found):
    names = dict.fromkeys(e["name"] for e in found["conditions"] if e["kind"] == "perturbation")
    means = [
        np.mean([e["metrics"]["auroc"]["value"] for e in found["conditions"] if e["name"] == name])
        for name in names
    ]
    summary = found["summary"]
    assert summary["metric"] == "auroc"
    assert summary["mean"]["value"] == pytest.approx(np.mean(means))
    clean = found["clean"]["metrics"]["auroc"]["value"]
    assert summary["change"]["value"] == pytest.approx(np.mean(means) - clean)
    assert summary["change"]["high"] < 0


def test_attacks_do_more_than_noise_of_the_same_size_and_pgd_no_less_than_fgsm(found):
    changes = [
        entry(found, f"{method} (grey levels)", 0.5)["change"]["auroc"]["value"]
        for method in ("noise", "fgsm", "pgd")
    ]
    assert changes[2] <= changes[1] < changes[0] - 0.1
    assert found["attacks"]["n"] == 16
    assert found["attacks"]["slope"] == attack.ESTIMATED


def test_the_mask_turns_with_the_picture(toy, trained_mask, toy_data, tmp_path):
    found = stress(
        toy.SquareMask(), trained_mask.pack, toy_data, tmp_path, Asked(limit=40, attacked=0)
    )
    # the toy square is symmetric, so a truth that was not turned would look the same here:
    examples = trained_examples(toy, toy_data)
    halves = replace(examples, truth=lambda i: np.arange(64).reshape(8, 8) < 8)
    flip = toy.PERTURBATIONS[-1]
    moved = stressing.perturbed(halves, flip, 1.0, 0).examples
    assert moved.truth(0)[-1].all()
    assert not moved.truth(0)[:-1].any()
    assert found["headline"] == ["dice", "absolute_volume_error"]


def trained_examples(toy, toy_data):
    return toy.SquareMask().examples(toy_data, "squares")


def test_every_sample_has_a_seed_of_its_own(toy, toy_data):
    examples = toy.Squares().examples(toy_data, "squares")
    noise = stressing.perturbed(examples, toy.PERTURBATIONS[0], 1.0, 0).examples
    gaps = [noise.load(i).data.values - examples.load(i).data.values for i in (0, 1)]
    assert not np.allclose(*gaps)
    assert np.array_equal(noise.load(0).data.values, noise.load(0).data.values)


def test_whole_patients_are_drawn_until_there_are_enough():
    groups = np.array(["a", "b", "b", "c", "c", "c", "d"])
    for seed in range(5):
        index = chosen_by_group(groups, 3, seed)
        assert len(index) >= 3
        assert sorted(index) == [i for i, g in enumerate(groups) if g in set(groups[index])]
    assert len(chosen_by_group(groups, 0, 0)) == 7
    drawn = {tuple(chosen_by_group(groups, 2, seed)) for seed in range(20)}
    assert len(drawn) > 1


def test_of_patients_with_very_many_samples_each_gives_a_part():
    groups = np.repeat([f"patient {k}" for k in range(30)], 500)
    index = stressing.stressed(groups, 200, 0)
    _, counts = np.unique(groups[index], return_counts=True)
    assert counts.tolist() == [10] * stressing.GROUPS
    few = np.repeat([f"patient {k}" for k in range(300)], 2)
    assert np.array_equal(stressing.stressed(few, 200, 0), chosen_by_group(few, 200, 0))
    assert len(stressing.stressed(groups, 0, 0)) == len(groups)


def test_a_stress_that_was_killed_goes_on(toy, trained, toy_data, tmp_path, monkeypatch):
    asked = Asked(limit=30, attacked=0)
    calls = []
    real = toy.Squares.predict

    def spy(self, pack, sample, members=None):
        calls.append(sample.key)
        if len(calls) > 70:
            raise KeyboardInterrupt
        return real(self, pack, sample, members)

    monkeypatch.setattr(toy.Squares, "predict", spy)
    with pytest.raises(KeyboardInterrupt):
        stress(toy.Squares(), trained.pack, toy_data, tmp_path, asked)
    monkeypatch.setattr(toy.Squares, "predict", real)
    again = []
    monkeypatch.setattr(toy.Squares, "predict", lambda *a, **k: (again.append(1), real(*a, **k))[1])
    whole = stress(toy.Squares(), trained.pack, toy_data, tmp_path, asked)
    assert len(again) == 7 * 30 - 60
    monkeypatch.setattr(toy.Squares, "predict", real)
    fresh = stress(toy.Squares(), trained.pack, toy_data, tmp_path / "fresh", asked)
    assert fresh | {"seconds": 0} == whole | {"seconds": 0}


def test_no_member_answers_a_changed_patient_it_was_trained_on(toy, trained, toy_data, tmp_path):
    from suwen.lifecycle import split

    asked = []
    real = toy.Squares.predict

    class Spied(toy.Squares):
        def predict(self, pack, sample, members=None):
            asked.append((sample.key, tuple(members)))
            return real(self, pack, sample, members)

    Spied.__module__ = toy.__name__
    task = Spied()
    stress(task, trained.pack, toy_data, tmp_path, Asked(limit=20, attacked=2))
    examples = task.examples(toy_data, "squares")
    patients = dict(zip(examples.keys, examples.groups, strict=True))
    assert all(members == (split.fold_of(patients[key], 5),) for key, members in asked)


def test_an_independent_set_is_answered_by_all_members(toy, trained, tmp_path):
    toy.table(tmp_path, count=40, seed=99)
    found = stress(
        toy.Squares(), trained.pack, DataFolders((), tmp_path), tmp_path, Asked(attacked=0)
    )
    assert found["split"] == "independent"
    assert found["attacks"] is None


def test_an_unknown_data_set_is_refused(toy, trained, toy_data, tmp_path):
    with pytest.raises(BadInput, match="no data set 'circles'"):
        stress(toy.Squares(), trained.pack, toy_data, tmp_path, Asked("circles"))


def test_a_value_is_confidently_wrong_outside_its_interval(toy, trained_sum, toy_data):
    task, pack = toy.SquareSum(), trained_sum.pack
    examples = task.examples(toy_data, "squares")
    rows = rows_of(task, pack, examples, out_of_fold(task, pack, examples))
    far = replace(rows, answer=rows.answer + 1e3, low=rows.low + 1e3, high=rows.high + 1e3)
    found = robustness.compared(rows, far)
    assert found["confidently_wrong"]["value"] == pytest.approx(1, abs=0.02)
    assert found["flipped"]["value"] == 1
    assert found["change"]["mae"]["low"] > 900


def test_a_wrong_class_in_a_sure_band_is_confidently_wrong(toy, trained_kinds, toy_data):
    task, pack = toy.SquareKinds(), trained_kinds.pack
    examples = task.examples(toy_data, "squares")
    rows = rows_of(task, pack, examples, out_of_fold(task, pack, examples), intervals=False)
    sure = np.tile([0.0, 1.0, 0.0], (len(rows.truth), 1))
    found = robustness.compared(rows, replace(rows, answer=sure, possible=None))
    answered = ~rows.abstained
    assert found["confidently_wrong"]["value"] == pytest.approx(
        ((rows.truth != 1) & answered).mean()
    )


def test_the_card_names_every_change_and_the_floor_of_the_attacks(found, tmp_path):
    page = "\n".join(card_robustness.lines(found, ["robustness"]))
    assert page.startswith("## Robustness")
    assert "| inverted | 1 |" in page
    assert "`noise` of the same size is the floor" in page
    assert "240 samples of 120 patients" in page
    assert list(card_robustness.lines({})) == []
    (picture,) = plots_robustness.draw(found, tmp_path)
    assert picture.stat().st_size > 5000


def test_a_task_without_perturbations_has_its_unchanged_figures_and_no_picture(
    toy, trained, toy_data, tmp_path
):
    task = toy.Squares()
    task.perturbations = ()
    found = stress(task, trained.pack, toy_data, tmp_path, Asked(limit=20, attacked=0))
    assert found["conditions"] == []
    assert found["summary"] == {}
    assert plots_robustness.draw(found, tmp_path) == []
    assert "| unchanged | 0 |" in "\n".join(card_robustness.lines(found))


def test_the_command_writes_the_card_and_prints_one_object(
    toy, trained, toy_data, at_home, settled, monkeypatch
):
    import typer

    from suwen.cli import stress as command

    settled(home=at_home, data=toy_data.folders[0])
    monkeypatch.setattr(registry, "find", lambda name: toy.Squares())
    app = typer.Typer()
    app.command()(command.command)
    pack = str(trained.pack.folder)
    options = ["toy.squares", "--limit", "20", "--attacked", "0", "--pack", pack]
    done = CliRunner().invoke(app, [*options, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout.splitlines()[-1])["n"] == 20
    (made,) = (at_home / "stress" / "toy.squares").iterdir()
    assert {"robustness.json", "robustness.md", "plots"} <= {p.name for p in made.iterdir()}
    shown = CliRunner().invoke(app, options)
    assert "inverted" in shown.output

    from suwen.cli import card as card_command

    page = typer.Typer()
    page.command()(card_command.command)
    card = CliRunner().invoke(page, ["toy.squares", "--pack", pack, "--raw"])
    assert "## Robustness" in card.output
