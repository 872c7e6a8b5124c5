"""ROUGE by hand-checked examples."""

from __future__ import annotations

import pytest

from suwen.metrics.rouge import rouge


def test_the_worked_example_of_the_paper() -> None:
    reference = "police killed the gunman"
    assert rouge("police kill the gunman", reference).longest == pytest.approx(3 / 4)
    assert rouge("the gunman kill police", reference).longest == pytest.approx(2 / 4)
    assert rouge("the gunman kill police", reference).one == pytest.approx(3 / 4)
    assert rouge("the gunman kill police", reference).two == pytest.approx(1 / 3)


def test_a_repeated_word_counts_as_often_as_the_reference_has_it() -> None:
    assert rouge("cough cough cough", "cough").one == pytest.approx(2 * 1 / 4)


def test_a_chinese_character_is_a_word() -> None:
    assert rouge("患者咳嗽", "咳嗽三天").two == pytest.approx(2 * 1 / 6)


def test_nothing_agrees_with_nothing_alone() -> None:
    assert rouge("", "") == (1, 1, 1)
    assert rouge("", "cough") == (0, 0, 0)
