"""One suite for every registered Task, and the proof that none escapes it."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from suwen.core import registry
from suwen.core.codes import Code, Text
from suwen.core.errors import NotFound
from suwen.core.nouns import PROBABILITY, Band, Case, Finding, RecordValue, canonical
from suwen.lifecycle import golden, imbalance, share
from suwen.lifecycle.card import robustness as card_robustness
from suwen.lifecycle.curve.grid import LearnsFromLittle
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Sample
from suwen.lifecycle.kinds import Answers, Calculated, Choice, Mask, Places, Ranked, Spans, Value
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.recipe import Imbalance, Recipe, Unlabelled
from suwen.lifecycle.robust import attack
from suwen.lifecycle.robust.stress import Asked, stress
from suwen.lifecycle.run import answer
from suwen.lifecycle.task import Explains, Reads, Task
from suwen.server.api import tasks as api

from .conftest import SOURCE, TOYS, registered, toys

METHODS = ("samples", "examples", "fit", "predict", "findings")
CHINESE = re.compile("[一-鿿]")


def bilingual(text: Text) -> bool:
    return bool(text.en.strip()) and bool(CHINESE.search(text.zh))


def test_a_task_keeps_the_contract(task):
    assert isinstance(task, Task)
    assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", task.name)
    for name in METHODS:
        expected = list(inspect.signature(getattr(Task, name)).parameters)
        found = list(inspect.signature(getattr(type(task), name)).parameters)
        assert found == expected, f"{name} takes {found}"


def test_a_task_lives_in_the_room_its_name_says(task):
    if not task.name.startswith("toy."):
        assert type(task).__module__.startswith(f"suwen.{task.name.partition('.')[0]}.")


def test_a_task_is_titled_in_both_languages_and_says_what_it_reads(task):
    assert bilingual(task.title)
    assert task.reads
    assert all(isinstance(reads, Reads) and reads.resource_type for reads in task.reads)


def test_a_task_answers_with_codes_that_have_names_in_both_languages(task):
    answers = task.answers
    assert isinstance(answers, Choice | Mask | Value | Places | Spans | Ranked | Calculated)
    assert not isinstance(answers, Places) or bilingual(answers.per)
    codes = answers.classes if isinstance(answers, Choice) else (answers.code,)
    codes += answers.types if isinstance(answers, Spans) else ()
    assert len(codes) >= (2 if isinstance(answers, Choice) else 1)
    for code in codes:
        assert isinstance(code, Code)
        assert code.system.startswith("http")
        assert bilingual(code.name)


def test_a_task_has_a_data_set_and_says_so_when_it_is_not_there(task, tmp_path):
    assert task.datasets
    if package := getattr(task, "bundled", ""):
        assert importlib.metadata.version(package), "the package that brings the data is a library"
        return
    for dataset in task.datasets:
        with pytest.raises(NotFound):
            task.examples(DataFolders((tmp_path,)), dataset)


def test_tasks_that_run_first_exist_and_do_not_wait_for_each_other(task):
    waiting, seen = list(task.after), set()
    while waiting:
        name = waiting.pop()
        assert name != task.name, "the task waits for itself"
        if name not in seen:
            seen.add(name)
            waiting += registry.find(name).after


def test_an_empty_case_gives_no_sample(task):
    def blob(digest):
        raise AssertionError("an empty Case has no blob")

    case = Case("nobody", datetime(2026, 1, 1, tzinfo=UTC), (), blob)
    assert task.samples(case, []) == []


def test_a_task_that_explains_keeps_the_second_contract(task):
    if hasattr(task, "saliency"):
        assert isinstance(task, Explains)


def test_perturbations_are_named_once_and_ordered_by_strength(task):
    names = [each.name for each in task.perturbations]
    assert len(set(names)) == len(names)
    for each in task.perturbations:
        assert list(each.strengths) == sorted(each.strengths)


def test_every_perturbation_keeps_the_kind_of_input_and_can_be_replayed(answered):
    task, pack = answered
    sample = next(golden.cases(task, pack))[0]
    for each in task.perturbations:
        first, second = (each.apply(sample, each.strengths[-1], 5) for _ in range(2))
        assert type(first.data) is type(sample.data)
        arrays = [list(golden.arrays_of(task, one.data).values()) for one in (first, second)]
        assert all(
            np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
            for a, b in zip(*arrays, strict=True)
        ), each.name
        task.predict(pack, first)


def test_a_task_that_can_be_attacked_takes_back_its_own_input(answered):
    task, pack = answered
    if not isinstance(task, attack.Attacked):
        pytest.skip("the task's input cannot be changed element by element")
    assert list(task.attack_strengths) == sorted(task.attack_strengths)
    assert task.attack_unit
    sample = next(golden.cases(task, pack))[0]
    values = attack.input_of(task, pack, sample)
    same = task.with_input(pack, sample, values)
    assert np.array_equal(attack.input_of(task, pack, same), values)
    moved = task.with_input(pack, sample, values + 1)
    assert attack.input_of(task, pack, moved) == pytest.approx(values + 1)
    if hasattr(task, "gradient_of"):
        one = np.asarray(task.predict(pack, sample, [0]).scores).mean(0)
        weights = np.linspace(1.0, -1.0, max(one.size, 1))[: one.size].reshape(one.shape)
        slope = task.gradient_of(pack, sample, values, [0], weights)
        assert slope.shape == values.shape
        step = 1e-3 * task.attack_strengths[-1] * np.sign(slope)
        before, after = (
            float(
                (
                    task.predict(pack, task.with_input(pack, sample, v), [0]).scores[0] * weights
                ).sum()
            )
            for v in (values - step, values + step)
        )
        assert after > before, "a small step along the slope raises what it is the slope of"


def test_every_kind_of_answer_is_stressed(answered, toy_data, tmp_path):
    task, pack = answered
    if not task.name.startswith("toy."):
        pytest.skip("a registered task is stressed by `suwen stress`, which takes minutes")
    found = stress(task, pack, toy_data, tmp_path, Asked(limit=60, attacked=2))
    made = sum(len(each.strengths) for each in task.perturbations)
    attacks = [entry for entry in found["conditions"] if entry["kind"] == "attack"]
    assert len(found["conditions"]) == made + len(attacks)
    assert len(attacks) == len(attack.METHODS) * len(getattr(task, "attack_strengths", ()))
    assert json.loads((tmp_path / "robustness.json").read_text())["n"] == found["n"]
    assert found["n"] >= (60 if pack.members > 1 else 20)
    first = found["headline"][0]
    for entry in found["conditions"]:
        assert set(entry["metrics"]) == set(found["clean"]["metrics"]) == set(entry["change"])
        metric = entry["metrics"][first]
        assert metric["low"] is None or metric["low"] <= metric["value"] <= metric["high"]
        assert 0 <= entry["abstained"]["value"] <= 1
    page = "\n".join(card_robustness.lines(found))
    assert all(f"| {each.name} |" in page for each in task.perturbations)


def test_the_pack_answers_its_golden_cases(answered):
    task, pack = answered
    assert golden.check(task, pack) == []


def test_the_same_input_gives_the_same_finding_to_the_last_digit(answered):
    task, pack = answered
    for sample, _, _ in golden.cases(task, pack):
        first, second = task.predict(pack, sample), task.predict(pack, sample)
        assert np.array_equal(first.scores, second.scores)
        assert dict(first.domain) == dict(second.domain)
        if first.mask is not None:
            assert np.array_equal(first.mask, second.mask)
        if first.marks is not None:
            assert np.array_equal(first.marks, second.marks)


def test_the_members_asked_for_are_the_members_that_answer(answered):
    task, pack = answered
    if task.answers.kind in ("mask", "places", "spans", "ranked", "calculated"):
        pytest.skip("this kind of answer has no score a member")
    sample = next(golden.cases(task, pack))[0]
    everyone = task.predict(pack, sample).scores
    assert len(everyone) == pack.members
    for member in range(pack.members):
        assert task.predict(pack, sample, [member]).scores == pytest.approx(everyone[[member]])


def test_the_guard_knows_every_domain_feature_and_accepts_the_golden_cases(answered):
    task, pack = answered
    for sample, _, _ in golden.cases(task, pack):
        output = task.predict(pack, sample)
        assert set(pack.guard.ranges) == set(output.domain)
        assert pack.guard.reasons(output.domain) == []
    assert all(bilingual(span.name) for span in pack.guard.ranges.values())


def test_outside_its_domain_the_task_abstains_with_a_reason_in_both_languages(
    answered, monkeypatch
):
    task, pack = answered
    if not pack.guard.ranges:
        pytest.skip("the task has no domain features")
    sample = next(golden.cases(task, pack))[0]
    output = task.predict(pack, sample)
    far = {name: span.high + 1e6 for name, span in pack.guard.ranges.items()}
    moved = replace(output, domain=far)
    monkeypatch.setattr(type(task), "predict", lambda *_, **__: moved)
    monkeypatch.setattr(type(task), "findings", lambda *_, **__: [])
    (finding,) = answer(task, pack, sample)
    assert finding.band is Band.ABSTAIN
    assert finding.probability is None
    assert not finding.measures
    assert bilingual(finding.reason)


def test_the_api_says_what_a_task_answers_and_in_which_unit(task, monkeypatch):
    monkeypatch.setattr(registry, "tasks", lambda: [task])
    (said,) = api.list_tasks(asking=None)
    assert said.answers == task.answers.kind
    assert said.asked == task.answers.asked
    assert said.codes
    assert (said.per is not None) == isinstance(task.answers, Places)
    assert bool(said.unit) == isinstance(task.answers, Value)


def test_the_imbalance_of_its_recipe_is_one_that_training_carries_out(task):
    imbalance.check_recipe(task, getattr(task, "recipe", Recipe()))
    assert {"none"} <= set(getattr(task, "imbalances", ("none",))) <= set(get_args(Imbalance))


def test_what_it_does_with_missing_labels_is_known_and_its_recipe_asks_for_no_more(task):
    share.check_recipe(task, getattr(task, "recipe", Recipe()))
    assert (
        {"ignored"} <= set(getattr(task, "strategies", ("ignored",))) <= set(get_args(Unlabelled))
    )
    if hasattr(task, "starts"):
        assert isinstance(task, LearnsFromLittle)


def test_findings_survive_their_json_and_say_what_kind_of_answer_they_are(answered, toy_data):
    task, pack = answered
    if not task.name.startswith("toy."):
        pytest.skip("a registered task is asked about a Case by its room's own tests")
    sample = task.examples(toy_data, "squares").load(0)
    evidence = (RecordValue(record="Observation/1/_history/1", path="valueString"),)
    placed = Sample(sample.key, sample.data, evidence)
    found = task.findings(pack, placed, task.predict(pack, placed))
    assert found
    for finding in found:
        again = Finding.model_validate_json(canonical(finding.model_dump(mode="json")))
        assert again.id == finding.id
        assert finding.pack == pack.identity
        assert (finding.probability is not None) == isinstance(
            task.answers, Choice | Places | Spans
        )
        if isinstance(task.answers, Choice) and len(task.answers.classes) > 2:
            others = [one.code for one in finding.measures]
            assert others == [one for one in task.answers.classes if one != finding.code]
            assert {one.unit for one in finding.measures} == {PROBABILITY}


@pytest.mark.real_data
def test_the_real_examples_are_consistent(task):
    from suwen.core.settings import settings

    if task.name.startswith("toy."):
        pytest.skip("no real data belongs to a toy")
    shared = SOURCE.parents[2] / "shared" / "data"
    data = DataFolders((*settings().data, shared))
    try:
        examples = task.examples(data, task.datasets[0])
    except NotFound as error:
        pytest.skip(error.got)
    assert isinstance(examples, Examples)
    n = len(examples)
    assert len(set(examples.keys)) == n > 0
    for column in (examples.groups, examples.labels, *examples.columns.values()):
        assert len(column) == n
    assert examples.floors or examples.floor_marks, "a floor stands beside every figure"
    measure.check_examples(task, examples)
    if isinstance(task.answers, Mask):
        assert examples.truth is not None
        assert examples.truth(0).dtype == bool
    assert examples.source.licence
    assert examples.source.citation
    assert examples.load(0).key == examples.keys[0]


def task_classes():
    """The classes in the source that have the five methods, by module and name."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
                if set(METHODS) <= methods and "Protocol" not in ast.unparse(node):
                    found.add((path.relative_to(SOURCE).as_posix(), node.name))
    return found


def test_every_kind_of_answer_has_a_toy(request):
    answers = [task.answers for task in toys(request).values()]
    kinds = {(each.kind, len(getattr(each, "classes", ())) > 2) for each in answers}
    every = {(get_args(get_type_hints(each)["kind"])[0], False) for each in get_args(Answers)}
    # Answered by rules only: registered tasks stand for them here.
    every -= {("ranked", False), ("calculated", False)}
    assert kinds == every | {("choice", True)}
    assert set(toys(request)) == set(TOYS)


def test_no_task_class_of_any_room_escapes_this_suite():
    classes = [type(registry.find(name)) for name in registered()]
    behind = {named(base) for one in classes for base in one.__mro__}
    assert task_classes() <= behind
    assert heirs(classes) <= behind


def named(one):
    return one.__module__.removeprefix("suwen.").replace(".", "/") + ".py", one.__name__


def heirs(classes):
    """The classes in the source that inherit from what a registered task inherits from."""
    shared = {base.__name__ for one in classes for base in one.__mro__[1:-1]}
    return {
        (path.relative_to(SOURCE).as_posix(), node.name)
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and shared & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    }


def test_the_search_for_escaped_classes_finds_a_task(toy):
    tree = ast.parse(Path(toy.__file__).read_text(encoding="utf-8"))
    methods = [
        {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == "Squares"
    ]
    assert set(METHODS) <= methods[0]
