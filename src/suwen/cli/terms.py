"""`suwen terms`: what the notes here call things, and which codes stand for it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suwen.core.codes import Code
    from suwen.notes.coding.synonyms import LocalSynonyms

app = typer.Typer(
    help="Terms of notes that no vocabulary has: see them, map them, take it back.",
    no_args_is_help=True,
)
Kind = Annotated[str, typer.Option(help="problem, drug, procedure, test or anatomy.")]


@app.command("queue")
def queue(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="How many, the most often met first.")] = 50,
) -> None:
    """List terms without a code in the cases you may see, with how often they are met."""
    from suwen.notes.facts.unmapped import facts_of_all
    from suwen.notes.facts.unmapped import queue as waiting

    with context.obj.acting() as access:
        found = waiting(facts_of_all(access))
    for one in found[:limit]:
        typer.echo(f"{one.count:>6} x  {len(one.patients):>4} cases  {one.kind:<10} {one.term}")
    typer.echo(f"{len(found)} terms wait for a code")


@app.command("list")
def list_terms(context: typer.Context) -> None:
    """List the local terms with their codes, and who said so."""
    from suwen.notes.coding import synonyms

    with context.obj.acting() as access:
        _print(synonyms.stored(access))


@app.command("map")
def map_term(
    context: typer.Context,
    term: Annotated[str, typer.Argument(help="The words of the notes.")],
    code: Annotated[str, typer.Argument(help="A code, its name, or SYSTEM|CODE.")],
    kind: Kind = "problem",
) -> None:
    """Let a term stand for a code; it takes effect at once."""
    from suwen.notes.coding import synonyms
    from suwen.notes.entities import corrections
    from suwen.server.notes.drafts import change_terms

    with context.obj.acting() as access:
        found = corrections.find_code(code)
        person, at = access.person.id, synonyms.now()
        added = synonyms.Synonym(" ".join(term.split()), kind, found, person, at)
        kept = change_terms(access, lambda now: now.mapped(added))
        typer.echo(f"version {kept.local.version}: {added.term} ({kind}) is {_named(found)}")
    _told(kept.cases)


@app.command("remove")
def remove(
    context: typer.Context,
    term: Annotated[str, typer.Argument(help="A local term.")],
    kind: Kind = "problem",
) -> None:
    """Let a term stand for nothing of its own again."""
    from suwen.notes.coding import synonyms
    from suwen.server.notes.drafts import change_terms

    with context.obj.acting() as access:
        person, at = access.person.id, synonyms.now()
        kept = change_terms(access, lambda now: now.removed(term, kind, person, at))
        said = f"{term} ({kind}) stands for nothing of its own"
        typer.echo(f"version {kept.local.version}: {said}")
    _told(kept.cases)


@app.command("history")
def history(context: typer.Context) -> None:
    """List every change of the local terms, the newest first."""
    from suwen.notes.coding import synonyms

    with context.obj.acting() as access:
        for one in synonyms.history(access):
            if change := one.change:
                what = f"{change.what:<9} {change.term}" if change.term else change.what
                typer.echo(f"{one.version:>5}  {change.at:%Y-%m-%d %H:%M}  {change.person}  {what}")


@app.command("undo")
def undo(
    context: typer.Context,
    version: Annotated[int, typer.Argument(help="A version that `suwen terms history` lists.")],
) -> None:
    """Take back what made a version; its term stands as it stood before."""
    from suwen.notes.coding import synonyms
    from suwen.server.notes.drafts import change_terms

    with context.obj.acting() as access:
        changed = synonyms.undone(access, version, access.person.id, synonyms.now())
        kept = change_terms(access, lambda _: changed)
        typer.echo(f"version {kept.local.version}: {version} is undone")
    _told(kept.cases)


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="File to write: a FHIR R4 ConceptMap.")],
) -> None:
    """Write the local terms for another installation."""
    import json

    from suwen.core.errors import StorageUnavailable
    from suwen.notes.coding import synonyms

    with context.obj.acting() as access:
        found = synonyms.stored(access)
    try:
        file.write_text(
            json.dumps(found.resource(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise StorageUnavailable(
            f"{file.name} could not be written ({type(error).__name__})",
            "a writable folder with free space",
            "choose another place",
        ) from None
    typer.echo(f"{len(found)} terms written to {file}")


@app.command("import")
def bring_in(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A ConceptMap as `suwen terms export` writes it.")],
) -> None:
    """Take over local terms; of a term that both have the imported code counts."""
    import json

    from suwen.core.errors import BadInput
    from suwen.notes.coding import synonyms
    from suwen.server.notes.drafts import change_terms

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{file.name} cannot be read ({type(error).__name__})",
            "a ConceptMap as `suwen terms export` writes it",
            "check the path",
        ) from None
    others = synonyms.LocalSynonyms.of(content)
    with context.obj.acting() as access:
        person, at = access.person.id, synonyms.now()
        imported = partial(synonyms.imported, others=others, person=person, at=at)
        kept = change_terms(access, imported)
        said = f"{len(others)} terms taken over, {len(kept.local)} in all"
        typer.echo(f"version {kept.local.version}: {said}")
    _told(kept.cases)


def _told(cases: int) -> None:
    """Say in how many cases changed terms are told: their open drafts followed."""
    if cases:
        typer.echo(f"cases you may see that tell it so from now on: {cases}")


def _print(local: LocalSynonyms) -> None:
    for one in local:
        typer.echo(f"{one.kind:<10} {one.term} -> {_named(one.code)}  ({one.person}, {one.at:%F})")
    typer.echo(f"{len(local)} local terms, version {local.version}")


def _named(code: Code) -> str:
    return f"{code.name.en} [{code.code}]"
