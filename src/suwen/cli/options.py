"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TaskName = Annotated[str, typer.Argument(help="Task, for example imaging.nodule_malignancy.")]
DataSet = Annotated[str, typer.Option(help="Data set of the task; default: the pack's.")]
TestData = Annotated[Path | None, typer.Option(help="Independent test set.")]
PackFolder = Annotated[Path | None, typer.Option(help="Pack folder; default: the current.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
