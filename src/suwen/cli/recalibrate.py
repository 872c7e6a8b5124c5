"""`suwen recalibrate TASK`: calibrator, bands and prediction sets anew, weights as they are."""

from __future__ import annotations

from typing import Annotated

import typer

from suwen.cli.options import PackFolder, TaskName


def command(
    task: TaskName,
    pack: PackFolder = None,
    choice: Annotated[
        list[str] | None,
        typer.Option("--set", help="One choice, as set_level=0.95 or rule_out_misses=0.02."),
    ] = None,
    sign: Annotated[bool, typer.Option(help="Sign the draft.")] = False,
) -> None:
    """Fit calibrator, bands and prediction sets of a pack again, on its own out-of-fold answers.

    The draft lies in SUWEN_HOME/recalibrated; no weight is changed.
    """
    from suwen.cli.train import chosen
    from suwen.core import registry
    from suwen.core.settings import settings
    from suwen.lifecycle import packs
    from suwen.lifecycle.card import words as card_words
    from suwen.lifecycle.data import DataFolders
    from suwen.lifecycle.pack import Pack
    from suwen.lifecycle.progress import Progress
    from suwen.lifecycle.recalibrate import recalibrate, recipe_of
    from suwen.lifecycle.sealed import keys, manifest

    found = registry.find(task)
    opened = Pack.load(pack) if pack else packs.current(task)
    name = f"{opened.settings['version']}-{opened.sha256[:8]}"
    folder = settings().home / "recalibrated" / task / name
    recipe = chosen(recipe_of(opened).model_dump(), choice or [])
    with Progress(shown=True) as bars:
        data = DataFolders.from_settings()
        counter = bars.counter("predictions")
        draft = recalibrate(found, opened, data, folder, recipe, counter)
    for key, entry in draft.content("card.json")["results"]["metrics"].items():
        typer.echo(f"{card_words.label(key):<28} {card_words.number(entry)}")
    if sign:
        manifest.seal(draft.folder, keys.signing_key(settings().home))
    state = "signed" if sign else "unsigned draft (`suwen packs sign` signs it)"
    typer.echo(f"{state}: {draft.folder}")
