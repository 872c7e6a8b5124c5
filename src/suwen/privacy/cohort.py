"""A cohort in which everyone has k - 1 others alike: generalised, suppressed, and reported.

Quasi-identifiers (age, postal code, dates, categories) are made coarser step by step; of all
combinations of steps that leave every class of equal quasi-identifiers with at least k members (and
l different sensitive values) after leaving out few enough rows, the one that loses least is taken.

References: Samarati and Sweeney, "Protecting privacy when disclosing information: k-anonymity and
its enforcement through generalization and suppression", SRI-CSL-98-04, 1998; Machanavajjhala et
al., "l-diversity: privacy beyond k-anonymity", ACM TKDD 1(1):3, 2007; El Emam et al., "A globally
optimal k-anonymity method for the de-identification of health data", JAMIA 16(5):670-682, 2009
(global recoding over the lattice, prosecutor risk).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, Literal

from suwen.core.errors import BadInput

Kind = Literal["age", "zip", "date", "category"]
Row = Mapping[str, str]
ANY: Final = "*"
MOST_NODES: Final = 20_000
"""Most combinations of steps that are tried."""
_YEAR = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def _band(width: int) -> Callable[[str], str]:
    def band(text: str) -> str:
        try:
            age = int(float(text))
        except ValueError:
            return ANY
        if age >= 90:
            return "90+"
        low = age // width * width
        return f"{low}-{min(low + width - 1, 89)}"

    return band


def _prefix(length: int) -> Callable[[str], str]:
    return lambda text: text[:length] + ANY if len(text) > length else text[:length] or ANY


def _date_part(parts: int) -> Callable[[str], str]:
    def part(text: str) -> str:
        match = _YEAR.match(text)
        return "-".join(filter(None, match.groups()[:parts])) if match else ANY

    return part


def _same(text: str) -> str:
    return text.strip() or ANY


STEPS: Final[dict[str, list[tuple[str, Callable[[str], str]]]]] = {
    "age": [
        ("year of age", _same),
        ("5-year bands", _band(5)),
        ("10-year bands", _band(10)),
        ("20-year bands", _band(20)),
        ("left out", lambda _: ANY),
    ],
    "zip": [
        ("as given", _same),
        ("3 digits", _prefix(3)),
        ("1 digit", _prefix(1)),
        ("left out", lambda _: ANY),
    ],
    "date": [
        ("day", _same),
        ("month", _date_part(2)),
        ("year", _date_part(1)),
        ("left out", lambda _: ANY),
    ],
    "category": [("as given", _same), ("left out", lambda _: ANY)],
}
"""What each kind of quasi-identifier can be made of, finest first."""


@dataclass(frozen=True)
class Goal:
    """What a cohort has to fulfil.

    Parameters
    ----------
    k
        Fewest members of a class of equal quasi-identifiers.
    sensitive
        Column that must differ within a class; empty for none.
    diversity
        Fewest different values of it in a class (distinct l-diversity).
    suppressed
        Largest share of rows that may be left out, 0..1.
    """

    k: int = 5
    sensitive: str = ""
    diversity: int = 1
    suppressed: float = 0.05

    def __post_init__(self) -> None:
        if self.k < 2 or self.diversity < 1 or not 0 <= self.suppressed < 1:
            raise BadInput("a goal nothing can fulfil", "k >= 2, l >= 1, 0 <= suppressed < 1")


@dataclass(frozen=True)
class Cohort:
    """The rows that may be released, and the report on them."""

    rows: list[dict[str, str]]
    report: dict[str, Any]


def anonymise(rows: Sequence[Row], quasi: Mapping[str, Kind], goal: Goal | None = None) -> Cohort:
    """Return a cohort that fulfils a goal with the least loss.

    Parameters
    ----------
    rows
        One a person; columns that are no quasi-identifier stay as they are, so direct identifiers
        must be gone.
    quasi
        Kind of each quasi-identifying column.
    goal
        What has to hold.

    Raises
    ------
    BadInput
        A column is not there, or even without quasi-identifiers the goal cannot be reached.
    """
    goal = goal or Goal()
    _check(rows, quasi, goal)
    best: tuple[float, tuple[int, ...], set[int]] | None = None
    names = list(quasi)
    columns = {name: [str(row[name]) for row in rows] for name in names}
    ranges = [range(len(STEPS[quasi[name]])) for name in names]
    for levels in sorted(product(*ranges), key=sum):
        loss = sum(level / (len(r) - 1) for level, r in zip(levels, ranges, strict=True))
        if best is not None and loss >= best[0]:
            continue
        keys = _classes(columns, quasi, names, levels)
        out = _failing(keys, rows, goal)
        share = len(out) / len(rows)
        cost = loss + share * len(names)  # a row left out loses all its quasi-identifiers
        if share <= goal.suppressed and len(out) < len(rows) and (best is None or cost < best[0]):
            best = (cost, levels, out)
    if best is None:
        raise BadInput(
            f"a cohort of {len(rows)} that cannot reach k = {goal.k}, l = {goal.diversity}",
            "more people, a smaller goal or a larger share left out",
            "change the goal",
        )
    return _cohort(rows, columns, quasi, goal, best[1], best[2])


def _check(rows: Sequence[Row], quasi: Mapping[str, Kind], goal: Goal) -> None:
    wanted = {*quasi, *([goal.sensitive] if goal.sensitive else [])}
    if not rows or not quasi or any(wanted - row.keys() for row in rows):
        raise BadInput(
            "rows without a quasi-identifying or sensitive column", "all named columns in each row"
        )
    if unknown := set(quasi.values()) - STEPS.keys():
        raise BadInput(f"a quasi-identifier of kind {sorted(unknown)[0]!r}", ", ".join(STEPS))
    nodes = 1
    for kind in quasi.values():
        nodes *= len(STEPS[kind])
    if nodes > MOST_NODES:
        raise BadInput(f"{nodes} combinations of steps", f"at most {MOST_NODES}", "fewer columns")


def _classes(
    columns: Mapping[str, list[str]],
    quasi: Mapping[str, Kind],
    names: Sequence[str],
    levels: Sequence[int],
) -> list[tuple[str, ...]]:
    """Return the generalised quasi-identifiers of each row."""
    made = []
    for name, level in zip(names, levels, strict=True):
        step = STEPS[quasi[name]][level][1]
        seen = {text: step(text) for text in set(columns[name])}
        made.append([seen[text] for text in columns[name]])
    return list(zip(*made, strict=True))


def _failing(keys: Sequence[tuple[str, ...]], rows: Sequence[Row], goal: Goal) -> set[int]:
    """Return the rows of classes that are too small or too alike."""
    members: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        members[key].append(i)
    out: set[int] = set()
    for inside in members.values():
        values = {str(rows[i][goal.sensitive]) for i in inside} if goal.sensitive else set()
        if len(inside) < goal.k or (goal.sensitive and len(values) < goal.diversity):
            out.update(inside)
    return out


def _cohort(
    rows: Sequence[Row],
    columns: Mapping[str, list[str]],
    quasi: Mapping[str, Kind],
    goal: Goal,
    levels: Sequence[int],
    out: set[int],
) -> Cohort:
    names = list(quasi)
    before = Counter(_classes(columns, quasi, names, [0] * len(names)))
    keys = _classes(columns, quasi, names, levels)
    kept = [
        {**row, **dict(zip(names, key, strict=True))}
        for i, (row, key) in enumerate(zip(rows, keys, strict=True))
        if i not in out
    ]
    after = Counter(key for i, key in enumerate(keys) if i not in out)
    report: dict[str, Any] = {
        "rows": len(rows),
        "released": len(kept),
        "suppressed": len(out),
        "k_wanted": goal.k,
        "k_before": min(before.values()),
        "k": min(after.values()),
        "classes": len(after),
        "largest_class": max(after.values()),
        "highest_risk": round(1 / min(after.values()), 4),
        "average_risk": round(len(after) / len(kept), 4),
        "unique_before": sum(count == 1 for count in before.values()),
        "generalisation": {
            name: STEPS[quasi[name]][level][0] for name, level in zip(names, levels, strict=True)
        },
    }
    if goal.sensitive:
        values = defaultdict(set)
        for i, key in enumerate(keys):
            if i not in out:
                values[key].add(str(rows[i][goal.sensitive]))
        report |= {"l_wanted": goal.diversity, "l": min(map(len, values.values()))}
    return Cohort(kept, report)
