"""The report of a cohort as a page: what was generalised and lost, and how many people are alike.

One file, no script and nothing from elsewhere; every plot has its numbers in a table beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from suwen.core.codes import Language
from suwen.privacy.cohort.report import STEPS, WORDS, said

MOST_BARS: Final = 12
"""Sizes of classes that are drawn apart; the larger ones are one bar."""
_WIDE: Final = 200
_HIGH: Final = 26
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;color:#17242b;max-width:56rem;margin:2rem auto;
padding:0 1rem}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}
th,td{border:1px solid #c5d0d5;padding:.3rem .7rem;text-align:left}
td.number{text-align:right;font-variant-numeric:tabular-nums}
svg{max-width:100%;height:auto}.scroll{overflow-x:auto}
.caution{border-left:4px solid #d99a1b;background:#fdf3dc;padding:.6rem .9rem}
"""


def document(report: Mapping[str, Any], removed: Sequence[str], language: Language) -> str:
    """Return the report as an HTML file."""
    title = escape(str(WORDS[language]["title"]))
    tag = "zh-Hans" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{tag}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{fragment(report, removed, language)}</main></body></html>\n"
    )


def fragment(report: Mapping[str, Any], removed: Sequence[str], language: Language) -> str:
    """Return the report as HTML that stands inside a page; all that columns say is escaped."""
    words, steps = WORDS[language], STEPS if language == "zh" else {}
    losses = [*report["loss"].items(), (words["all"], report["loss_of_all"])]
    made = {**report["generalisation"], words["all"]: ""}
    sizes = _sizes(report["class_sizes"], words["more"])
    parts = [
        *(_paragraph(one) for one in said(report, language)),
        _heading(words["losses"]),
        _bars(words["losses"], [(name, loss, f"{loss:.3f}") for name, loss in losses], 1.0),
        _table(
            words["quasi"],
            [(name, steps.get(made[name], made[name]), f"{loss:.3f}") for name, loss in losses],
        ),
        _heading(words["sizes"]),
        _bars(words["sizes"], [(size, n, str(n)) for size, n in sizes], max(n for _, n in sizes)),
        _table(words["size"], [(size, str(n)) for size, n in sizes]),
    ]
    if report["l"]:
        parts.append(_table(words["l"], [(name, str(n)) for name, n in report["l"].items()]))
    if removed:
        parts.append(_paragraph(words["gone"].format(columns=", ".join(removed))))
    parts += [_paragraph(words["loss"]), f'<p class="caution">{escape(words["caution"])}</p>']
    return "\n".join(parts)


def _sizes(classes: Mapping[str, int], more: str) -> list[tuple[str, int]]:
    """Return how many classes there are of each size, the larger sizes together."""
    found = [(int(size), n) for size, n in classes.items()]
    shown = [(str(size), n) for size, n in found[:MOST_BARS]]
    rest = found[MOST_BARS:]
    return [*shown, (more.format(low=rest[0][0]), sum(n for _, n in rest))] if rest else shown


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def _table(head: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the last column is of numbers."""
    names = "".join(f'<th scope="col">{escape(one.strip())}</th>' for one in head.split("|"))
    lines = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:-1])
        + f'<td class="number">{escape(row[-1])}</td></tr>'
        for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{names}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _bars(title: str, rows: Sequence[tuple[str, float, str]], most: float) -> str:
    """Return horizontal bars with their names and values, as a picture with a title."""
    height = _HIGH * len(rows) + 4
    drawn = []
    for i, (name, value, shown) in enumerate(rows):
        middle, width = _HIGH * i + 18, max(_WIDE * value / most if most else 0, 1)
        short = name if len(name) <= 14 else f"{name[:13]}…"
        drawn.append(
            f'<text x="112" y="{middle}" text-anchor="end">{escape(short)}</text>'
            f'<rect x="120" y="{middle - 13}" width="{width:.1f}" height="17" fill="#12728a"/>'
            f'<text x="{128 + width:.1f}" y="{middle}">{escape(shown)}</text>'
        )
    return (
        f'<svg class="bars" role="img" viewBox="0 0 400 {height}" width="400" height="{height}" '
        f'font-size="14" font-family="sans-serif" fill="#17242b"><title>{escape(title)}</title>'
        f"{''.join(drawn)}</svg>"
    )
