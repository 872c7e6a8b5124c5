"""Splits by patient."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.lifecycle.split import check_disjoint, fold_of, folds_of, member_split


@given(st.text(max_size=12), st.integers(2, 20))
def test_the_fold_is_the_sha1_of_the_patient_modulo_the_folds(patient, folds):
    assert fold_of(patient, folds) == int(hashlib.sha1(patient.encode()).hexdigest(), 16) % folds


def test_adding_patients_moves_nobody():
    few = np.array([f"p{i}" for i in range(20)])
    many = np.array([f"p{i}" for i in range(200)])
    assert (folds_of(many, 5)[:20] == folds_of(few, 5)).all()


def test_no_patient_is_on_two_sides_and_every_nodule_is_held_out_once():
    groups = np.array([f"p{i // 3}" for i in range(600)])
    seen = np.zeros(600, dtype=int)
    for member in range(5):
        train, stop, out = member_split(groups, 5, member)
        assert len(train) + len(stop) + len(out) == 600
        assert not set(groups[train]) & set(groups[stop])
        assert not set(groups[out]) & (set(groups[train]) | set(groups[stop]))
        assert 0.05 < len(stop) / len(train) < 0.25
        seen[out] += 1
    assert (seen == 1).all()


def test_a_patient_on_both_sides_is_an_error_that_does_not_name_the_patient():
    with pytest.raises(BadInput, match="1 groups are in both train and test") as error:
        check_disjoint(train=np.array(["Wang Fang", "b"]), test=np.array(["Wang Fang"]))
    assert "Wang" not in str(error.value)


def test_too_few_patients_for_the_folds_is_an_error():
    with pytest.raises(BadInput, match="groups leave a part"):
        member_split(np.array(["a", "b", "a"]), 5, 0)
