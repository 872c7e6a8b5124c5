"""How values, units and shares are printed, decided once for pages, reports and summaries.

Units: UCUM 2.1 print symbols. Percentages are whole numbers and never 0 or 100: a model is not that
sure.
"""

from __future__ import annotations

from typing import Final

from suwen.core.nouns import PROBABILITY

UNIT_SIGNS: Final = {
    "1": "",
    "mm3": "mm³",
    "ms2": "ms²",
    "cm3": "cm³",
    "Cel": "°C",
    "[degF]": "°F",
    "mm[Hg]": "mmHg",
    "ug/L": "µg/L",
    "umol/L": "µmol/L",
    "10*9/L": "×10⁹/L",
    "10*12/L": "×10¹²/L",
    "{score}": "",
    "{steps}": "",
    PROBABILITY: "",
    "[pH]": "",
    "mL/min/{1.73_m2}": "mL/min/1.73 m²",
    "kg/m2": "kg/m²",
}
"""Print forms of UCUM units that are not their own print form."""


def unit_sign(unit: str) -> str:
    """Return the print form of a UCUM unit."""
    return UNIT_SIGNS.get(unit, unit)


def with_unit(number: str, unit: str) -> str:
    """Return a number and its unit; the percent sign stands close."""
    sign = unit_sign(unit)
    return number + ("" if sign in {"", "%"} else " ") + sign


def number(value: float, unit: str = "") -> str:
    """Return a measured value with as many digits as mean something in its unit."""
    if unit == PROBABILITY:
        return percent(value)
    if unit == "mm":
        return f"{value:.1f}"
    if unit == "mm3":
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


def percent(value: float) -> str:
    """Return a probability in [0, 1] as a whole percentage, `<1%` and `>99%` at the ends."""
    if value < 0.01:
        return "<1%"
    if value > 0.99:
        return ">99%"
    return f"{100 * value:.0f}%"
