"""A cohort written: a table, the same as FHIR NDJSON, and its report for programs and people.

The folder appears when everything is done. Nothing in it leads back to a person: rows are in the
order of their values and carry no pseudonym.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from suwen.core.codes import SUWEN
from suwen.core.errors import BadInput
from suwen.privacy.appearing import appearing
from suwen.privacy.cohort.made import ANY, STEPS, Cohort, Goal, Kind, anonymise
from suwen.privacy.cohort.mondrian import anonymise_locally
from suwen.privacy.cohort.page import document
from suwen.privacy.cohort.report import markdown
from suwen.privacy.cohort.rows import Rows

Counts = Mapping[str, int]
SEXES: Final = {
    **dict.fromkeys(("male", "m", "男", "男性"), "male"),
    **dict.fromkeys(("female", "f", "女", "女性"), "female"),
    "other": "other",
}
"""FHIR codes of sex by what tables write."""


def write(
    rows: Rows,
    said: Mapping[str, str],
    goal: Goal,
    target: Path,
    log: Callable[[Counts], None] | None = None,
    *,
    local: bool = False,
) -> Cohort:
    """Generalise rows until the goal is reached, and write them into a new folder.

    Parameters
    ----------
    rows
        One a patient.
    said
        Kinds of quasi-identifiers by column, before what `rows` says; `none` for no quasi.
    goal
        What has to hold.
    target
        Folder to be made; it must not exist.
    log
        Called with counts before the folder appears.
    local
        Whether each class has ranges of its own (less is lost) rather than bands common to all.

    Raises
    ------
    BadInput
        A kind is not known, the folder is there already, or the goal cannot be reached: then
        nothing is written.
    StorageUnavailable
        The folder cannot be written.
    """
    if target.exists():
        raise BadInput("an output that is there already", "a new folder", "choose another name")
    method = anonymise_locally if local else anonymise
    done = method(rows.rows, _quasi(rows, said), goal)
    ordered = sorted(done.rows, key=lambda row: tuple(row.values()))
    done = Cohort(ordered, {**done.report, "columns_left_out": list(rows.removed)})
    with appearing(target, "the cohort") as part:
        for name, text in _files(done, rows.removed).items():
            (part / name).write_text(text, encoding="utf-8")
        if log is not None:
            log({name: done.report[name] for name in ("rows", "released", "suppressed", "k")})
    return done


def _quasi(rows: Rows, said: Mapping[str, str]) -> dict[str, Kind]:
    columns = rows.rows[0].keys() if rows.rows else ()
    for name, kind in said.items():
        if name not in columns or kind not in (*STEPS, "none"):
            raise BadInput(
                f"the quasi-identifier {name!r} of kind {kind!r}",
                f"a column of the source, of kind {', '.join(STEPS)} or none",
                "correct the name or the kind",
            )
    merged = {**rows.quasi, **said}
    return {name: cast("Kind", kind) for name, kind in merged.items() if kind != "none"}


def _files(done: Cohort, removed: Sequence[str]) -> dict[str, str]:
    table = io.StringIO()
    writer = csv.DictWriter(table, list(done.rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(done.rows)
    return {
        "cohort.csv": table.getvalue(),
        "cohort.ndjson": "".join(_resource(i, row) for i, row in enumerate(done.rows, 1)),
        "report.json": json.dumps(done.report, indent=1, ensure_ascii=False) + "\n",
        "report.en.md": markdown(done.report, removed, "en"),
        "report.zh.md": markdown(done.report, removed, "zh"),
        "report.en.html": document(done.report, removed, "en"),
        "report.zh.html": document(done.report, removed, "zh"),
    }


def _resource(number: int, row: Mapping[str, str]) -> str:
    """Return one member as a FHIR Patient without identity; columns are its extensions."""
    sex = next((row[name] for name in ("sex", "gender", "性别") if name in row), "")
    content: dict[str, Any] = {
        "resourceType": "Patient",
        "id": f"member-{number}",
        "gender": SEXES.get(sex.strip().lower(), "unknown"),
        "extension": [
            {"url": f"{SUWEN}/cohort/{place}", "valueString": f"{name}: {value}"}
            for place, (name, value) in enumerate(row.items(), 1)
            if value and value != ANY
        ],
    }
    return json.dumps(content, ensure_ascii=False) + "\n"
