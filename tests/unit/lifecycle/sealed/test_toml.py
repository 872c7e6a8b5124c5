"""Writing TOML that the standard library reads back."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.lifecycle.sealed.toml import dumps

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = TEXT | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(allow_nan=False)
VALUE = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXT, VALUE, max_size=5))
def test_what_is_written_is_read_back(content):
    assert tomllib.loads(dumps(content)) == content


def test_arrays_become_lists_and_nothing_is_left_out_silently_but_none():
    written = dumps({"a": np.array([1.5, 2.0]), "b": None, "c": np.float32(0.5)})
    assert tomllib.loads(written) == {"a": [1.5, 2.0], "c": 0.5}


def test_a_value_without_a_form_is_refused():
    with pytest.raises(BadInput, match="bytes"):
        dumps({"a": b"x"})
