"""`suwen explain TASK`: pictures and scores of how the pack in use explains its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suwen.cli.options import DataSet, TaskName, TestData


def command(
    task: TaskName,
    out: Annotated[Path, typer.Option(help="Folder for pictures and scores.")] = Path("explained"),
    count: Annotated[int, typer.Option("-k", min=1, help="How many examples.")] = 6,
    dataset: DataSet = "",
    test_data: TestData = None,
) -> None:
    """Explain examples with every method, and score each picture before it is believed."""
    from suwen.core import registry
    from suwen.lifecycle import packs
    from suwen.lifecycle.data import DataFolders
    from suwen.lifecycle.reasons.explain_examples import explain_examples

    found = registry.find(task)
    rows = explain_examples(
        found, packs.current(task), DataFolders.from_settings(test_data), out, count, dataset
    )
    for row in rows:
        score = "undefined" if row["faithfulness"] is None else f"{row['faithfulness']:.2f}"
        alike = row["similarity_to_random_weights"]
        shown = "shown" if row["hidden_because"] is None else f"hidden: {row['hidden_because']}"
        typer.echo(
            f"{row['key']:<28} {row['method']:<10} faithfulness {score}, "
            f"likeness under random weights {alike:.2f}, {shown}"
        )
    typer.echo(f"pictures and scores.json in {out}")
