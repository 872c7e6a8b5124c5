"""A cohort in which everyone has k - 1 others alike: generalised, suppressed, and reported.

Quasi-identifiers (age, postal code, dates, categories) are made coarser step by step; of all
combinations of steps that leave every class of equal quasi-identifiers with at least k members (and
l different sensitive values) after leaving out few enough rows, the one that loses least is taken.

References: Samarati and Sweeney, "Protecting privacy when disclosing information: k-anonymity and
its enforcement through generalization and suppression", SRI-CSL-98-04, 1998; Machanavajjhala et
al., "l-diversity: privacy beyond k-anonymity", ACM TKDD 1(1):3, 2007; Xu et al., "Utility-based
anonymization using local recoding", KDD 2006 (normalised certainty penalty); El Emam et al.,
"A globally optimal k-anonymity method for the de-identification of health data", JAMIA
16(5):670-682, 2009 (global recoding over the lattice, prosecutor risk).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
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


def _year(text: str) -> str:
    """Return an age as it is; 90 and more are one (45 CFR 164.514(b)(2)(i)(C))."""
    try:
        return "90+" if float(text) >= 90 else text.strip()
    except ValueError:
        return text.strip() or ANY


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
        ("year of age", _year),
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
        Columns that must differ within a class.
    diversity
        Fewest different values of each in a class (distinct l-diversity).
    suppressed
        Largest share of rows that may be left out, 0..1.
    """

    k: int = 5
    sensitive: tuple[str, ...] = ()
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
    check(rows, quasi, goal)
    best: tuple[float, tuple[int, ...], set[int]] | None = None
    names = list(quasi)
    columns = {name: [str(row[name]) for row in rows] for name in names}
    ranges = [range(len(STEPS[quasi[name]])) for name in names]
    losses = [
        [certainty_penalty(columns[name], _made(columns[name], quasi[name], level)) for level in r]
        for name, r in zip(names, ranges, strict=True)
    ]
    for levels in sorted(product(*ranges), key=sum):
        loss = sum(own[level] for level, own in zip(levels, losses, strict=True))
        if best is not None and loss >= best[0]:
            continue
        keys = _classes(columns, quasi, names, levels)
        out = _failing(keys, rows, goal)
        share = len(out) / len(rows)
        # A row left out loses all its quasi-identifiers.
        cost = (1 - share) * loss + share * len(names)
        if share <= goal.suppressed and len(out) < len(rows) and (best is None or cost < best[0]):
            best = (cost, levels, out)
    if best is None:
        raise BadInput(
            f"a cohort of {len(rows)} that cannot reach k = {goal.k}, l = {goal.diversity}",
            "more people, a smaller goal or a larger share left out",
            "change the goal",
        )
    return _cohort(rows, columns, quasi, goal, best[1], best[2])


def check(rows: Sequence[Row], quasi: Mapping[str, Kind], goal: Goal) -> None:
    """Raise `BadInput` for a column that is missing, or a kind or number of columns too many."""
    wanted = {*quasi, *goal.sensitive}
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
    made = [
        _made(columns[name], quasi[name], level) for name, level in zip(names, levels, strict=True)
    ]
    return list(zip(*made, strict=True))


def _made(column: Sequence[str], kind: Kind, level: int) -> list[str]:
    """Return a column made coarser to a level."""
    step = STEPS[kind][level][1]
    seen = {text: step(text) for text in set(column)}
    return [seen[text] for text in column]


def _failing(keys: Sequence[tuple[str, ...]], rows: Sequence[Row], goal: Goal) -> set[int]:
    """Return the rows of classes that are too small or too alike."""
    members: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        members[key].append(i)
    out: set[int] = set()
    for inside in members.values():
        alike = any(
            len({str(rows[i][name]) for i in inside}) < goal.diversity for name in goal.sensitive
        )
        if len(inside) < goal.k or alike:
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
    keys = _classes(columns, quasi, list(quasi), levels)
    steps = {
        name: STEPS[kind][level][0]
        for (name, kind), level in zip(quasi.items(), levels, strict=True)
    }
    return released(
        rows, quasi, goal, [None if i in out else key for i, key in enumerate(keys)], steps
    )


def released(
    rows: Sequence[Row],
    quasi: Mapping[str, Kind],
    goal: Goal,
    keys: Sequence[tuple[str, ...] | None],
    steps: Mapping[str, str],
) -> Cohort:
    """Return the rows with their generalised quasi-identifiers, and the report on them.

    Parameters
    ----------
    rows, quasi, goal
        As for `anonymise`.
    keys
        What the quasi-identifiers of each row are made; None for a row that is left out.
    steps
        What was done to each quasi-identifier, in words.
    """
    names = list(quasi)
    before = Counter(tuple(str(row[name]) for name in names) for row in rows)
    after = Counter(key for key in keys if key is not None)
    kept = [
        {**row, **dict(zip(names, key, strict=True))}
        for row, key in zip(rows, keys, strict=True)
        if key is not None
    ]
    loss = _losses(rows, names, keys)
    report: dict[str, Any] = {
        "rows": len(rows),
        "released": len(kept),
        "suppressed": len(rows) - len(kept),
        "suppressed_rows": [i + 1 for i, key in enumerate(keys) if key is None],
        "k_wanted": goal.k,
        "k_before": min(before.values()),
        "k": min(after.values()),
        "classes": len(after),
        "largest_class": max(after.values()),
        "class_sizes": {str(size): n for size, n in sorted(Counter(after.values()).items())},
        "highest_risk": round(1 / min(after.values()), 4),
        "average_risk": round(len(after) / len(kept), 4),
        "unique_before": sum(count == 1 for count in before.values()),
        "generalisation": dict(steps),
        "l_wanted": goal.diversity if goal.sensitive else None,
        "l": _diversities(rows, goal.sensitive, keys),
        "loss": {name: round(value, 4) for name, value in loss.items()},
        "loss_of_all": round(sum(loss.values()) / len(names), 4),
    }
    return Cohort(kept, report)


def _losses(
    rows: Sequence[Row], names: Sequence[str], keys: Sequence[tuple[str, ...] | None]
) -> dict[str, float]:
    """Return what was lost of each quasi-identifier."""
    loss = {}
    for j, name in enumerate(names):
        made = [None if key is None else key[j] for key in keys]
        loss[name] = certainty_penalty([str(row[name]) for row in rows], made)
    return loss


def _diversities(
    rows: Sequence[Row], sensitive: Sequence[str], keys: Sequence[tuple[str, ...] | None]
) -> dict[str, int]:
    """Return the fewest different values of each sensitive column among people alike."""
    pairs = [(row, key) for row, key in zip(rows, keys, strict=True) if key is not None]
    return {name: _fewest((key, str(row[name])) for row, key in pairs) for name in sensitive}


def _fewest(pairs: Iterable[tuple[tuple[str, ...], str]]) -> int:
    """Return how many different values the class with the fewest has."""
    values: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for key, value in pairs:
        values[key].add(value)
    return min(map(len, values.values()))


def certainty_penalty(before: Sequence[str], after: Sequence[str | None]) -> float:
    """Return the normalised certainty penalty of a column, 0 (nothing lost) to 1 (all lost).

    Parameters
    ----------
    before, after
        The values and what they were made; None for a row that was left out. A value costs the
        share of the other values of the column it can no longer be told from; a row left out, 1.
    """
    merged: dict[str, set[str]] = defaultdict(set)
    for old, new in zip(before, after, strict=True):
        if new is not None:
            merged[new].add(old)
    others = max(len(set(before)) - 1, 1)
    cost = {new: (len(olds) - 1) / others for new, olds in merged.items()}
    return sum(1.0 if new is None else cost[new] for new in after) / len(after)
