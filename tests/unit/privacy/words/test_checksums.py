"""Numbers with check digits: published examples, and the same with one digit wrong."""

import pytest

from suwen.privacy.words.checksums import (
    CHECKS,
    is_card,
    is_credit_code,
    is_iban,
    is_npi,
    is_resident,
    is_vin,
)


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (is_resident, "11010519491231002X", "110105194912310021"),
        (is_resident, "110105 19491231 002x", "11010519491331002X"),
        (is_resident, "110105491231002", "110105491331002"),
        (is_card, "4111 1111 1111 1111", "4111 1111 1111 1112"),
        (is_card, "6222021234567890128", "0000000000000"),
        (is_npi, "1234567893", "1234567890"),
        (is_iban, "GB82 WEST 1234 5698 7654 32", "GB83 WEST 1234 5698 7654 32"),
        (is_vin, "1M8GDM9AXKP042788", "1M8GDM9A1KP042788"),
        (is_credit_code, "91350100M000100Y43", "91350100M000100Y44"),
    ],
)
def test_a_published_number_passes_and_a_changed_one_does_not(
    check: object, right: str, wrong: str
) -> None:
    assert check(right)  # type: ignore[operator]
    assert not check(wrong)  # type: ignore[operator]


def test_no_check_chokes_on_anything() -> None:
    for check in CHECKS.values():
        for value in ("", "x", "１２３", "9" * 40, "I" * 17):
            assert check(value) in (True, False)
