"""`suwen train TASK`: train, measure and sign a pack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suwen.cli.options import TaskName

if TYPE_CHECKING:
    from suwen.lifecycle.recipe import Recipe
    from suwen.lifecycle.train import Trained

OPTION = "options."
"""Before the name of a task's own option in a choice."""


def command(
    context: typer.Context,
    task: TaskName,
    recipe: Annotated[Path | None, typer.Option(help="TOML file with choices.")] = None,
    choice: Annotated[
        list[str] | None,
        typer.Option("--set", help="One choice, as epochs=20 or options.corrupt=0.5."),
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Start anew instead of going on.")] = False,
    quiet: Annotated[bool, typer.Option(help="No progress bars.")] = False,
    from_corrections: Annotated[
        bool,
        typer.Option(
            "--from-corrections", help="Train also on what people corrected in the workbench here."
        ),
    ] = False,
) -> None:
    """Train a pack; start the same command again after a kill and it goes on.

    Of a task answered by published rules the pack is put together from them and signed.
    """
    from suwen.core import registry
    from suwen.core.settings import settings
    from suwen.lifecycle import rules
    from suwen.lifecycle.data import DataFolders
    from suwen.lifecycle.train import train

    found = registry.find(task)
    added = context.obj.corrected(found) if from_corrections else None
    if rules.has_rules(found):
        pack = rules.make(found, settings().home)
        typer.echo(f"pack  {pack.identity}\nto use it: suwen packs install {pack.folder}")
        return
    made = train(
        found,
        recipe_of(found, recipe, choice or []),
        DataFolders.from_settings(),
        settings().home,
        resume=not fresh,
        progress=not quiet,
        added=added,
    )
    if added is not None:
        typer.echo(f"trained also on {len(added)} corrected examples of this installation")
    for line in told(made):
        typer.echo(line)


def told(made: Trained) -> Iterator[str]:
    """Yield what was measured, and what to do with the pack, in lines."""
    from suwen.lifecycle.card import words as card_words

    for name, entry in made.results["metrics"].items():
        yield f"{card_words.label(name):<28} {card_words.number(entry)}"
    if not made.pack.content("card.json")["data"]["shippable"]:
        yield "it stays here: its data do not let the weights be handed on (see the card)"
    yield f"run   {made.folder}"
    yield f"pack  {made.pack.identity}"
    yield f"to use it: suwen packs install {made.pack.folder}"


def recipe_of(task: Any, file: Path | None, choices: list[str]) -> Recipe:
    """Return the task's own recipe (or the default) with the file's and the given choices.

    Raises
    ------
    BadInput
        A choice is unknown or has a wrong value.
    """
    import tomllib

    from suwen.core.errors import BadInput
    from suwen.lifecycle.recipe import Recipe

    content: dict[str, Any] = getattr(task, "recipe", Recipe()).model_dump()
    try:
        if file is not None:
            content |= tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, OSError) as error:
        raise BadInput(f"the recipe cannot be read: {error}", "a TOML file") from None
    return chosen(content, choices)


def chosen(content: dict[str, Any], choices: list[str]) -> Recipe:
    """Return a recipe's plain values with the given choices, as NAME=VALUE.

    Raises
    ------
    BadInput
        A choice is unknown or has a wrong value.
    """
    from pydantic import ValidationError

    from suwen.core.errors import BadInput
    from suwen.lifecycle.recipe import Recipe

    try:
        for text in choices:
            name, sign, value = (part.strip() for part in text.partition("="))
            if not sign:
                raise BadInput(f"the choice {text!r}", "NAME=VALUE", "see suwen train --help")
            if name.startswith(OPTION):
                content["options"] |= {name.removeprefix(OPTION): _option(value)}
            else:
                content[name] = value
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        known = ", ".join(Recipe.model_fields)
        raise BadInput(f"the choice {name}: {first['msg']}", f"one of {known}") from None


def _option(text: str) -> Any:
    """Return a task's own option as TOML reads it, else as text."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
