"""Golden cases: what a pack must answer, on any machine."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.lifecycle import golden
from suwen.lifecycle.examples import Output, Sample
from suwen.lifecycle.pack import Pack


def test_the_golden_cases_of_a_fresh_pack_agree(toy, trained, trained_mask):
    assert golden.check(toy.Squares(), trained.pack) == []
    assert golden.check(toy.SquareMask(), trained_mask.pack) == []
    assert len(list(golden.cases(toy.Squares(), trained.pack))) == 4


def test_other_weights_are_noticed(toy, trained):
    problems = golden.check(toy.Squares(), trained.pack.randomised(3))
    assert any("a score differs" in problem for problem in problems)


def test_another_mask_is_noticed(toy, trained_mask):
    problems = golden.check(toy.SquareMask(), trained_mask.pack.randomised(3))
    assert any("the mask differs" in problem for problem in problems)


def test_changed_preprocessing_is_noticed_by_the_domain(toy, trained):
    class Brighter(toy.Squares):
        def predict(self, pack, sample, members=None):
            values = sample.data.values + 0.5
            return super().predict(pack, replace_values(sample, values), members)

    Brighter.__module__ = "suwen_toy"
    problems = golden.check(Brighter(), trained.pack)
    assert any("brightness" in problem for problem in problems)


def replace_values(sample, values):
    return Sample(sample.key, replace(sample.data, values=values))


def test_a_pack_without_golden_cases_does_not_pass(toy, trained, tmp_path):
    folder = shutil.copytree(trained.pack.folder, tmp_path / "pack")
    shutil.rmtree(folder / "golden")
    assert golden.check(toy.Squares(), Pack.draft(folder)) == [
        "the pack of toy.squares has no golden case"
    ]


def test_a_class_the_task_does_not_know_is_never_built(toy, trained, tmp_path):
    folder = shutil.copytree(trained.pack.folder, tmp_path / "pack")
    path = folder / "golden" / "case-0.json"
    content = json.loads(path.read_text())
    content["data"]["dataclass"] = "Popen"
    path.write_text(json.dumps(content))
    with pytest.raises(BadInput, match="Popen"):
        golden.check(toy.Squares(), Pack.draft(folder))


def test_a_case_with_a_field_the_room_has_dropped_is_one_clear_error(toy, trained, tmp_path):
    folder = shutil.copytree(trained.pack.folder, tmp_path / "pack")
    path = folder / "golden" / "case-0.json"
    content = json.loads(path.read_text())
    content["data"]["fields"]["dropped"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(BadInput, match=r"another version of the room.*dropped"):
        golden.check(toy.Squares(), Pack.draft(folder))


def test_arrays_are_read_without_pickle(toy, trained, tmp_path):
    folder = shutil.copytree(trained.pack.folder, tmp_path / "pack")
    np.savez(folder / "golden" / "case-0.npz", a0=np.array([{"x": 1}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        golden.check(toy.Squares(), Pack.draft(folder))


@dataclass(frozen=True)
class Nested:
    """Data with everything a golden case can hold, and one field it cannot."""

    picture: object
    names: tuple[str, ...]
    table: dict[str, list[int]]
    nothing: None = None
    handle: object = None


def test_nested_data_comes_back_as_it_was_and_what_cannot_be_kept_falls_back(
    toy, trained, tmp_path, monkeypatch
):
    monkeypatch.setattr(toy, "Nested", Nested, raising=False)
    picture = toy.Picture(np.eye(8, dtype=np.float32), 4.5)
    data = Nested(picture, ("a", "b"), {"k": [1, 2]}, None, handle=object())
    golden.write(toy.Squares(), tmp_path, Sample("n", data), Output(np.zeros(5), {"x": 1.0}))
    fake = type("Folder", (), {"folder": tmp_path})()
    (sample, expected, _), *_ = golden.cases(toy.Squares(), fake)
    assert (sample.data.picture.values == picture.values).all()
    assert sample.data.picture.values.dtype == np.float32
    assert (sample.data.names, sample.data.table) == (("a", "b"), {"k": [1, 2]})
    assert sample.data.handle is None
    assert expected["domain"] == {"x": 1.0}


def test_data_that_cannot_be_kept_says_so(toy, tmp_path):
    for data in (object(), np.array([object()])):
        with pytest.raises(BadInput):
            golden.write(toy.Squares(), tmp_path, Sample("n", data), Output(np.zeros(5), {}))


def test_the_golden_cases_of_three_classes_show_each_class_at_its_clearest(toy, trained_kinds):
    task = toy.SquareKinds()
    named = set()
    for sample, expected, _ in golden.cases(task, trained_kinds.pack):
        assert np.shape(expected["scores"]) == (3, 3)
        found = trained_kinds.pack.answers.probabilities(np.array(expected["scores"]))
        named.add(int(np.argmax([one.value for one in found])))
        assert task.predict(trained_kinds.pack, sample).scores == pytest.approx(
            np.array(expected["scores"]), abs=1e-5
        )
    assert named == {0, 1, 2}
