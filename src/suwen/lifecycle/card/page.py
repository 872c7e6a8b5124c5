"""The model card: `card.json` for programs, `card.md` for people, both made from measured figures.

Form after Mitchell et al., Model cards for model reporting (FAT* 2019).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suwen.lifecycle import runs, split
from suwen.lifecycle.calibration import prediction_sets
from suwen.lifecycle.card import alarms, compression, robustness, sets, similar
from suwen.lifecycle.card import answers as card_answers
from suwen.lifecycle.card.words import label, number
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.pack import Pack, member_folder
from suwen.lifecycle.task import Task

DISCLAIMER = "Research and decision support, to be confirmed by a clinician. Not a medical device."
FOLDS = (
    "patients (groups) by SHA-1 of their id; member k never saw fold k; one group in eight of the "
    "others decided when to stop"
)
ALONE = (
    f"groups (patients, documents) by SHA-1 of their id; one in {split.HELD_OUT} was held out of "
    "training and answers here"
)
"""How figures of several members, and of one alone, are kept apart from training."""
KEPT_HERE = (
    "Weights trained on these data are for research here and may not be handed on: the pack does "
    "not ship."
)
"""Limit of a pack whose data allow no more."""
SOURCE_FIELDS = ("name", "url", "licence", "citation", "shippable")
PLOTS = (
    "roc",
    "froc",
    "reliability",
    "precision_recall",
    "confusion",
    "dice",
    "agreement",
    "residuals",
    "f1_by_type",
)
ROBUSTNESS = "robustness"
"""The plot that stands in its own section."""


def describe(
    task: Task,
    examples: Examples,
    pack: Pack,
    results: Mapping[str, Any],
    cost: Mapping[str, Any],
    folder: Path,
) -> dict[str, Any]:
    """Return the card as plain values, from the pack, its run folder and what was measured."""
    source, run = examples.source, runs.read_json(folder / runs.RUN)
    members = [runs.read_json(folder / member_folder(k) / "done.json") for k in range(pack.members)]
    return {
        "task": task.name,
        "title": task.title.model_dump(),
        "pack": {"name": pack.settings["name"], "version": pack.settings["version"]},
        "intended_use": DISCLAIMER,
        "data": {
            **{name: getattr(source, name) for name in SOURCE_FIELDS},
            "fingerprint": run["data"]["fingerprint"],
            "n": len(examples),
            "groups": len(np.unique(examples.groups)),
        },
        "limits": [*([] if source.shippable else [KEPT_HERE]), *source.limits],
        "split": {
            "kind": split.kept_apart(pack.members),
            "folds": pack.members,
            "how": FOLDS if pack.members > 1 else ALONE,
            "members": [each["samples"] | {"seed": each["seed"]} for each in members],
        },
        "results": dict(results),
        "classes": _classes(task),
        **answers_of(pack),
        "domain": pack.content("guard.json")["ranges"],
        "explanations": pack.content("explain.json"),
        "alarms": pack.content("alarms.json"),
        "similar": pack.content("gallery.json"),
        "robustness": pack.content("robustness.json"),
        "cost": dict(cost),
        "recipe": run["recipe"],
        "training": _training(run, members),
    }


def answers_of(pack: Pack) -> dict[str, Any]:
    """Return what a card says of calibrator, bands and prediction sets."""
    return {
        "calibration": _calibration(pack.content("calibrator.json")),
        "bands": pack.content("thresholds.json"),
        "sets": pack.content(prediction_sets.FILE),
    }


def _calibration(calibrator: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the answers were calibrated, and what that is worth by cross-fitting."""
    chosen = calibrator.get("all", {})
    return {
        "kind": chosen.get("kind"),
        "cross_fitted_log_loss": calibrator.get("cross_fitted_log_loss"),
        "cross_fitted_interval_score": calibrator.get("cross_fitted_interval_score"),
        "level": chosen.get("level"),
    }


def _training(run: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return with what, how long and from where the members were trained."""
    return {
        **{name: run[name] for name in ("environment", "code")},
        "epochs": [
            int(m["settings"].get("epochs", len(m["history"])))
            for m in members
            if isinstance(m["history"], list)
        ],
        "start": sorted({str(m["settings"].get("start", "noise")) for m in members}),
    }


def _classes(task: Task) -> dict[str, dict[str, str]]:
    """Return the names of the classes by short name, when there are more than two."""
    answers = task.answers
    if not isinstance(answers, Choice) or len(answers.classes) < 3:
        return {}
    return {
        key: code.name.model_dump() for key, code in zip(answers.keys, answers.classes, strict=True)
    }


NO_METRICS = ("n", "groups", "floor", "few")
"""What stands in a subgroup beside its metrics."""


def write(described: Mapping[str, Any], pack: Path, plots: Path) -> None:
    """Write `card.json`, `card.md` and the plots it shows into the pack folder.

    The figures of robustness stand in a file of their own and are not written twice.
    """
    plain = {name: value for name, value in described.items() if name != ROBUSTNESS}
    runs.write_json(pack / "card.json", plain)
    drawn = (*PLOTS, ROBUSTNESS) if described.get("robustness") else PLOTS
    shown = [name for name in drawn if (plots / f"{name}.png").exists()]
    (pack / "plots").mkdir(exist_ok=True)
    for name in shown:
        shutil.copyfile(plots / f"{name}.png", pack / "plots" / f"{name}.png")
    (pack / "card.md").write_text(markdown(described, shown), encoding="utf-8")


def markdown(card: Mapping[str, Any], plots: Sequence[str] = ()) -> str:
    """Return the card as Markdown."""
    return "\n".join(_lines(card, plots)).rstrip() + "\n"


def _lines(card: Mapping[str, Any], plots: Sequence[str]) -> Iterator[str]:
    title, pack = card["title"], card["pack"]
    yield f"# {title['en']} · {title['zh']}"
    yield ""
    yield f"`{card['task']}` · pack `{pack['name']}@{pack['version']}`"
    yield ""
    yield f"> {card['intended_use']}"
    yield ""
    yield from card_answers.figures(card)
    if figures := [name for name in plots if name != ROBUSTNESS]:
        yield "\n".join(
            f'<img src="plots/{name}.png" width="360" alt="{label(name)}">' for name in figures
        )
        yield ""
    yield from _floors(card["results"])
    yield from _subgroups(card["results"])
    yield from card_answers.calibration(card)
    yield from sets.lines(card)
    yield from alarms.lines(card.get("alarms", {}))
    yield from _explanations(card["explanations"])
    yield from similar.lines(card.get("similar", {}))
    yield from robustness.lines(
        card.get("robustness", {}), [name for name in plots if name == ROBUSTNESS]
    )
    yield from compression.lines(card.get("compression", {}))
    yield from _data(card)
    yield "## Limits"
    yield ""
    yield from (f"- {limit}" for limit in card["limits"])
    if card["split"]["folds"] > 1:
        yield "- The figures above are out-of-fold on the development data: one member a sample."
        yield "  The shipped pack averages all members and was not measured on patients of another"
        yield "  source."
    else:
        yield "- The figures above are of groups held out of the training of the weights that ship;"
        yield "  they were not measured on a source of another kind."
    yield ""
    yield from _domain(card["domain"])
    yield from _cost(card)


def _data(card: Mapping[str, Any]) -> Iterator[str]:
    data = card["data"]
    yield "## Data"
    yield ""
    yield f"[{data['name']}]({data['url']}), {data['licence']}. {data['n']} samples,"
    yield f"{data['groups']} patients (groups). {data['citation']}"
    yield ""
    folds = card["split"]["folds"]
    yield f"Split: {f'{folds} folds, ' if folds > 1 else ''}{card['split']['how']}."
    yield ""
    if (start := card["training"].get("start", ["noise"])) != ["noise"]:
        yield f"Networks start from: {'; '.join(start)}."
        yield ""
    if epochs := card["training"].get("epochs"):
        yield f"Epochs the members were trained: {', '.join(map(str, epochs))}."
        yield ""
    yield f"Fingerprint of the labelled table: `{data['fingerprint'][:16]}`."
    yield ""


def _floors(results: Mapping[str, Any]) -> Iterator[str]:
    if not results["floor"]:
        return
    yield "## Beside the floors"
    yield ""
    yield "A floor is a trivial method on the same samples; the gain is paired over the same"
    yield "resamples."
    yield ""
    yield from _floor_rows(results["floor"])


def _floor_rows(floors: Mapping[str, Any]) -> Iterator[str]:
    yield "| floor | metric | floor's value | gain of the pack |"
    yield "|---|---|---|---|"
    for name, table in floors.items():
        for key, entry in table.items():
            if not key.startswith("gain_"):
                gain = number(table.get(f"gain_{key}"))
                yield f"| {name} | {label(key)} | {number(entry)} | {gain} |"
    yield ""


def _subgroups(results: Mapping[str, Any]) -> Iterator[str]:
    if not results["subgroups"]:
        yield from _not_recorded(results)
        return
    keys = [
        key
        for table in results["subgroups"].values()
        for entry in table.values()
        for key in entry
        if key not in NO_METRICS
    ]
    columns = list(dict.fromkeys(keys))
    yield "## Subgroups"
    yield ""
    yield f"| column | value | n | patients | {' | '.join(map(label, columns))} |"
    yield "|---|---|---|---|" + "---|" * len(columns)
    for name, table in results["subgroups"].items():
        for value, entry in table.items():
            cells = " | ".join(number(entry.get(key)) for key in columns)
            few = " (few)" if entry.get("few") else ""
            yield f"| {name} | {value}{few} | {entry['n']} | {entry['groups']} | {cells} |"
    yield ""
    yield "Groups under 20 samples are counted, not measured."
    yield ""
    yield from _not_recorded(results)
    yield from card_answers.sizes(results)
    for value, entry in results["subgroups"].get("without", {}).items():
        if "floor" in entry:
            yield f"Without {value}, beside the floors:"
            yield ""
            yield from _floor_rows(entry["floor"])


def _not_recorded(results: Mapping[str, Any]) -> Iterator[str]:
    if missing := results.get("not_recorded"):
        yield f"Not recorded in this data set, so not measured by: {', '.join(missing)}."
        yield ""


def _explanations(found: Mapping[str, Any]) -> Iterator[str]:
    if not found:
        return
    yield "## Explanations"
    yield ""
    yield "| method | faithfulness | random orders (mean, 95th) | likeness under random weights |"
    yield "|---|---|---|---|"
    for method, row in found.items():
        keys = ("faithfulness", "random", "random_high", "randomisation_similarity")
        score, mean, high, alike = ("–" if row[k] is None else f"{row[k]:.2f}" for k in keys)
        yield f"| {method} | {score} | {mean}, {high} | {alike} |"
    yield ""
    yield "Faithfulness is the deletion/insertion score in [0, 1]. A picture is hidden where it is"
    yield "not above random orders, or where it stays alike (0.5 or more) under random weights."
    yield ""


def _domain(ranges: Mapping[str, Any]) -> Iterator[str]:
    if not ranges:
        return
    yield "## Input domain"
    yield ""
    yield "Outside these ranges the pack abstains and says why."
    yield ""
    yield "| property | from | to |"
    yield "|---|---|---|"
    for span in ranges.values():
        name = f"{span['name']['en']} · {span['name']['zh']}"
        yield f"| {name} | {span['low']:.4g} | {span['high']:.4g} |"
    yield ""


def _cost(card: Mapping[str, Any]) -> Iterator[str]:
    cost = card["cost"]
    yield "## Cost"
    yield ""
    yield (
        f"One sample, {cost['members']} members, {cost['threads']} threads, {cost['processor']}: "
        f"median {cost['median_ms']:.3g} ms, 95th percentile {cost['p95_ms']:.3g} ms; the first "
        f"with opening the weights {cost['first_ms']:.3g} ms. Peak memory of the process "
        f"{cost['peak_mb']:.0f} MB, pack {cost['pack_mb']:.3g} MB."
    )
