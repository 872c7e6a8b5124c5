"""A learning curve as a page: tables with intervals and seeds, what was declared, and the plot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.lifecycle.card.words import label
from suwen.lifecycle.plots.drawing import COLOURS, DASHES, INK, MUTED, STYLE, figure_of, save

PAGE: Final = "curve.md"
PLOT: Final = "learning_curve"
CHANCE: Final = 0.5

Found = Mapping[str, Any]


def write(found: Found, folder: Path) -> Path:
    """Write the page and its plot (PNG and SVG) into `folder`; return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    draw(found, folder)
    path = folder / PAGE
    path.write_text("\n".join(lines(found)) + "\n", encoding="utf-8")
    return path


def lines(found: Found) -> Iterator[str]:
    """Yield the Markdown of `curve.json`."""
    yield f"# Learning from little: {found['task']}"
    yield ""
    yield from _about(found)
    yield ""
    yield f'<img src="{PLOT}.png" width="900" alt="{label(_first(found))} by number of labels">'
    yield ""
    for name in _metrics(found):
        yield f"## {label(name)}"
        yield ""
        yield table(found, name)
        yield ""
    yield f"## {label(_first(found))}: change against {_reference(found)}"
    yield ""
    yield table(found, "change")
    yield ""
    yield "Pairs over the same resamples; share by share, the mean over seeds. With one held-out"
    yield "part and few seeds an interval that holds 0 says that no difference was shown."
    yield ""
    if _of_texts(found):
        yield from _effort(found)
    yield from _declared(found)


def _about(found: Found) -> Iterator[str]:
    training, out = found["training"], found["held_out"]
    pool, rest = f"{training['groups']} groups", f"{out['groups']} groups"
    if found["classes"]:
        pool += f" ({', '.join(found['classes'])}: {_counts(training)})"
        rest += f" ({_counts(out)})"
    yield f"{found['source']}: {training['n']} training examples of {pool}, and {out['n']}"
    yield f"held out of {rest} that no network, no pre-training and no asking for labels saw."
    yield "Networks of a share take the same number of steps on labelled examples unless the"
    yield "declaration says longer. Nothing decides when to stop. Figures are means over seeds"
    yield "(each seed draws other labels) with 95 % intervals over resampled groups of the held-out"
    yield "part; in brackets the lowest and highest seed."
    if _of_texts(found):
        yield "A share holds whole texts. Asked by entropy: those come next whose marks by the"
        yield "network of the last share have the largest total entropy. Floors learn from no text."
        return
    yield "A share of the labels holds whole groups and each class alike. Floors: the majority"
    yield f"class ranks at {CHANCE}, and logistic regression on fixed features stands in the"
    yield "tables."


def _of_texts(found: Found) -> bool:
    return bool(found.get("kind") == "spans")


def _counts(part: Found) -> str:
    return ", ".join(map(str, part["classes"]))


def _effort(found: Found) -> Iterator[str]:
    """Yield how many stretches the labelled texts of each line and share hold: the work."""
    shares = sorted({each["share"] for each in found["points"]})
    yield "## Stretches that had to be labelled"
    yield ""
    yield f"| line | {' | '.join(f'{share:.0%}' for share in shares)} |"
    yield f"| {' | '.join(['---'] * (len(shares) + 1))} |"
    lines = _by_line(found)
    for line in found["declaration"]["line"]:
        points = (lines[line["name"]].get(share) for share in shares)
        cells = ("" if one is None else f"{np.mean(one['stretches']):.0f}" for one in points)
        yield f"| {line['name']} | {' | '.join(cells)} |"
    yield ""


def table(found: Found, name: str = "") -> str:
    """Return one metric (by default the first) as a Markdown table: lines by share."""
    name = name or _first(found)
    shares = sorted({each["share"] for each in found["points"]})
    heads = ["line", *(f"{share:.0%} ({_labels(found, share)})" for share in shares)]
    rows = [heads, ["---"] * len(heads)]
    for line, points in _by_line(found).items():
        if name != "change" or line != _reference(found):
            rows.append([line, *(_cell(points.get(share), name) for share in shares)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _labels(found: Found, share: float) -> str:
    counts = [n for each in found["points"] if each["share"] == share for n in each["labels"]]
    low, high = min(counts), max(counts)
    what = "texts" if _of_texts(found) else "labels"
    return f"{low} {what}" if low == high else f"{low} to {high} {what}"


def _cell(point: Found | None, name: str) -> str:
    if point is None:
        return ""
    entry = point["change"] if name == "change" else point["metrics"].get(name)
    if entry is None or entry["value"] is None:
        return ""
    sign = "+" if name == "change" else ""
    text = f"{entry['value']:{sign}.3f}"
    if entry["low"] is not None:
        text += f" ({entry['low']:{sign}.3f} to {entry['high']:{sign}.3f})"
    seeds = entry.get("seeds", [])
    return text + (f" [{min(seeds):.3f}, {max(seeds):.3f}]" if len(seeds) > 1 else "")


def _declared(found: Found) -> Iterator[str]:
    plan = found["declaration"]
    yield "## What was declared before"
    yield ""
    heads = "line", "start", "unlabelled", "asked", "steps", "seeds", "options", "seconds each"
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join(['---'] * len(heads))} |"
    points = _by_line(found)
    for line in plan["line"]:
        options = ", ".join(f"{key} = {value}" for key, value in line["options"].items())
        seeds = line["seeds"] or plan["seeds"]
        spent = "; ".join(
            f"{share:.0%}: {each['seconds']:.0f}" for share, each in points[line["name"]].items()
        )
        cells = (
            line["name"],
            line["start"] or "the task's own",
            line["unlabelled"],
            line["ask"],
            f"x {line['longer']:g}",
            ", ".join(map(str, seeds)),
            options,
            spent,
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    changes = ", ".join(f"{key} = {value}" for key, value in plan["recipe"].items())
    yield f"The task's own recipe with {changes or 'no change'}; at least {plan['least_steps']}"
    yield f"steps; folds {list(plan['held_out'])} of {plan['folds']} held out."
    for one in plan["pretraining"]:
        choices = ", ".join(f"{key} = {value}" for key, value in one["recipe"].items())
        yield ""
        yield f"Pre-training `{one['name']}`: {', '.join(one['pictures'])}, without labels and"
        yield f"without the held-out folds of each; {choices}."


def _by_line(found: Found) -> dict[str, dict[float, Found]]:
    lines: dict[str, dict[float, Found]] = {}
    for point in found["points"]:
        lines.setdefault(point["line"], {})[point["share"]] = point
    return lines


def _metrics(found: Found) -> list[str]:
    return list(found["points"][0]["metrics"])


def _first(found: Found) -> str:
    return _metrics(found)[0]


def _reference(found: Found) -> str:
    return str(found["declaration"]["line"][0]["name"])


def draw(found: Found, folder: Path) -> Path:
    """Draw the first metric against the number of labels, a plot a panel; return the PNG file."""
    import matplotlib as mpl

    mpl.use("Agg")
    declared = found["declaration"]["line"]
    panels = list(dict.fromkeys(line["panel"] for line in declared[1:])) or [declared[0]["panel"]]
    points = _by_line(found)
    floors = [name for name in points if name not in {line["name"] for line in declared}]
    values = [each["metrics"][_first(found)] for each in found["points"]]
    lowest = min(each["value"] if each["low"] is None else each["low"] for each in values)
    with mpl.rc_context(STYLE):
        figure, axes = figure_of(4.3 * len(panels) + 0.6, 4.4, len(panels))
        for axis, panel in zip(np.atleast_1d(axes), panels, strict=True):
            inside = [line["name"] for line in declared[1:] if line["panel"] == panel]
            for number, name in enumerate([declared[0]["name"], *inside]):
                colour = INK if number == 0 else COLOURS[number - 1]
                _curve(axis, points[name], _first(found), (name, colour), number)
            for number, name in enumerate(floors):
                floor = _values(points[name], _first(found))[0]
                style = {"color": MUTED, "ls": DASHES[number], "lw": 1.3, "marker": "_", "ms": 12}
                axis.plot(_counted(points[name]), floor, label=name, **style)
            _axis(axis, panel, found, lowest)
        return save(figure, folder, PLOT)


def _curve(
    axis: Any, points: Mapping[float, Found], metric: str, what: tuple[str, str], number: int
) -> None:
    name, colour = what
    value, low, high = _values(points, metric)
    # side by side, so that intervals of lines can be told apart
    counts = np.array(_counted(points)) * 1.035 ** ((number + 1) // 2 * (-1) ** number)
    limits = [value - low, high - value]
    style = {"color": colour, "marker": "o", "ms": 4.5, "lw": 1.5, "elinewidth": 0.9, "capsize": 2}
    axis.errorbar(counts, value, yerr=limits, label=name, **style)
    for count, each in zip(counts, points.values(), strict=True):
        seeds = each["metrics"][metric]["seeds"]
        axis.plot([count] * len(seeds), seeds, ".", color=colour, ms=3, alpha=0.55)


def _values(points: Mapping[float, Found], metric: str) -> tuple[Any, Any, Any]:
    entries = [each["metrics"][metric] for each in points.values()]
    value = np.array([entry["value"] for entry in entries], dtype=float)
    low, high = (
        np.array([value[i] if e[end] is None else e[end] for i, e in enumerate(entries)])
        for end in ("low", "high")
    )
    return value, low, high


def _counted(points: Mapping[float, Found]) -> list[float]:
    return [float(np.mean(each["labels"])) for each in points.values()]


def _axis(axis: Any, panel: str, found: Found, lowest: float) -> None:
    shares: Sequence[Any] = sorted({each["share"] for each in found["points"]})
    reference = _by_line(found)[_reference(found)]
    ticks = [_counted({share: reference[share]})[0] for share in shares if share in reference]
    axis.set_xscale("log")
    axis.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
    axis.minorticks_off()
    axis.set_xlim(min(ticks) / 1.4, max(ticks) * 1.4)
    axis.set(xlabel="labelled examples", ylabel=label(_first(found)), title=panel)
    axis.set_ylim(max(0.0, lowest - 0.03), 1.0)
    axis.legend(loc="best", fontsize=8.5)
