"""Local recoding by Mondrian: each class of alike people has ranges of its own.

Everybody is one class at first; a class is cut at the median of its widest quasi-identifier as long
as both halves keep k members and l different sensitive values. It loses less than bands that are
the same for all, which in turn can be compared across classes.

Reference: LeFevre, DeWitt, Ramakrishnan, "Mondrian multidimensional k-anonymity", ICDE 2006.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suwen.core.errors import BadInput
from suwen.privacy.cohort.made import ANY, Cohort, Goal, Kind, Row, check, released

Order = tuple[float, str]
LOCAL = "ranges of each class"


@dataclass(frozen=True)
class Column:
    """One quasi-identifier: its values in order, and the rank of each row's."""

    kind: Kind
    values: list[str]
    ranks: list[int]

    @classmethod
    def of(cls, kind: Kind, cells: Sequence[str]) -> Column:
        """Return the column of these cells; ages of 90 and more are one value."""
        plain = ["90+" if kind == "age" and _order(one)[0] >= 90 else one.strip() for one in cells]
        values = sorted(set(plain), key=_order)
        rank = {value: i for i, value in enumerate(values)}
        return cls(kind, values, [rank[one] for one in plain])

    def width(self, members: Sequence[int]) -> float:
        """Return the share of the column's range that members span, in [0, 1]."""
        ranks = [self.ranks[i] for i in members]
        return (max(ranks) - min(ranks)) / max(len(self.values) - 1, 1)

    def shown(self, members: Sequence[int]) -> str:
        """Return what all members are said to be: a value, a range, or nothing."""
        ranks = [self.ranks[i] for i in members]
        low, high = self.values[min(ranks)], self.values[max(ranks)]
        if low == high:
            return low or ANY
        return ANY if self.kind == "category" else f"{low}..{high}"


def _order(value: str) -> Order:
    try:
        return float(value.rstrip("+")), ""
    except ValueError:
        return 0.0, value


def classes(rows: Sequence[Row], columns: Sequence[Column], goal: Goal) -> list[list[int]]:
    """Return the rows by class, each as small as the goal allows; one class at the least."""
    left, done = [list(range(len(rows)))], []
    while left:
        members = left.pop()
        halves = _cut(rows, columns, goal, members)
        if halves is None:
            done.append(members)
        else:
            left += halves
    return done


def _cut(
    rows: Sequence[Row], columns: Sequence[Column], goal: Goal, members: list[int]
) -> list[list[int]] | None:
    """Return the halves of a class at the median of its widest column that allows it."""
    for column in sorted(columns, key=lambda one: -one.width(members)):
        middle = sorted(column.ranks[i] for i in members)[len(members) // 2]
        low = [i for i in members if column.ranks[i] < middle]
        high = [i for i in members if column.ranks[i] >= middle]
        if all(_fulfils(rows, goal, half) for half in (low, high)):
            return [low, high]
    return None


def _fulfils(rows: Sequence[Row], goal: Goal, members: Sequence[int]) -> bool:
    return len(members) >= goal.k and all(
        len({str(rows[i][name]) for i in members}) >= goal.diversity for name in goal.sensitive
    )


def anonymise_locally(
    rows: Sequence[Row], quasi: Mapping[str, Kind], goal: Goal | None = None
) -> Cohort:
    """Return a cohort that fulfils a goal, nobody left out, each class with ranges of its own.

    Raises
    ------
    BadInput
        A column is not there, or all rows together do not fulfil the goal.
    """
    goal = goal or Goal()
    check(rows, quasi, goal)
    if not _fulfils(rows, goal, range(len(rows))):
        raise BadInput(
            f"a cohort of {len(rows)} that cannot reach k = {goal.k}, l = {goal.diversity}",
            "more people or a smaller goal",
            "change the goal",
        )
    columns = [Column.of(kind, [str(row[name]) for row in rows]) for name, kind in quasi.items()]
    keys: list[tuple[str, ...] | None] = [None] * len(rows)
    for members in classes(rows, columns, goal):
        key = tuple(column.shown(members) for column in columns)
        for i in members:
            keys[i] = key
    return released(rows, quasi, goal, keys, dict.fromkeys(quasi, LOCAL))
