"""Every error says what was got, what was expected and what to do, and survives being stored."""

import pytest

from suwen.core import errors


def test_an_error_reads_as_one_clear_line():
    error = errors.BadInput("a series with two frames of reference", "one", "split the folder")
    assert str(error) == (
        "a series with two frames of reference; expected one; what to do: split the folder."
    )


@pytest.mark.parametrize(
    "kind",
    [
        errors.BadInput,
        errors.UnsafeInput,
        errors.NotFound,
        errors.Unauthenticated,
        errors.Denied,
        errors.Conflict,
        errors.IntegrityError,
        errors.KeyUnavailable,
        errors.StorageUnavailable,
    ],
)
def test_a_stored_error_comes_back_as_the_same_kind(kind):
    again = errors.error_of(kind("got", "expected", "todo").shape())
    assert type(again) is kind
    assert again.shape() == kind("got", "expected", "todo").shape()


def test_an_absent_extra_names_the_extra():
    assert "pip install 'suwen[train]'" in str(errors.MissingExtra("torch", "train"))
