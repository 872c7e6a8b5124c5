"""A line for each target: what was measured, what was asked for, and whether that is met."""

from __future__ import annotations


def told(what: str, measured: float, target: float, unit: str, most: bool = True) -> str:
    """Return the line of one target.

    Parameters
    ----------
    what, unit
        What is measured, and in which unit.
    measured, target
        The value, and what it is held against.
    most
        Whether the target is the most that it may be; else the least.
    """
    met = measured <= target if most else measured >= target
    by = measured / target if most else target / measured
    verdict = "met" if met else f"MISSED, {by:.1f} times"
    asked = f"at {'most' if most else 'least'} {target:,g}"
    return f"target: {what} {measured:,.4g} {unit} ({asked}): {verdict}"
