"""`suwen packs`: which packs there are, whether they are intact; to sign and install one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="List, verify, sign and install packs.", no_args_is_help=True)


@app.command("list")
def listing() -> None:
    """List every pack found, which is in use, and whether it is what was signed."""
    from suwen.core.errors import SuwenError
    from suwen.lifecycle import packs
    from suwen.lifecycle.pack import Pack

    count = 0
    for folder, task, version in packs.installed():
        try:
            state = f"intact {Pack.load(folder).sha256[:12]}"
        except SuwenError as error:
            state = f"REFUSED: {error.got}"
        used = "*" if packs.in_use(folder) else ""
        typer.echo(f"{used:1} {task or 'unreadable':<32} {version:<20} {state}\n  {folder}")
        count += 1
    typer.echo(
        "* in use, on Cases or to be measured on its data set"
        if count
        else "no pack found: suwen train TASK makes one"
    )


@app.command()
def verify(folder: Annotated[Path, typer.Argument(help="Folder of the pack.")]) -> None:
    """Check signature, every byte and the golden cases of one pack."""
    from suwen.core import registry
    from suwen.lifecycle import golden
    from suwen.lifecycle.pack import Pack

    pack = Pack.load(folder)
    problems = golden.check(registry.find(pack.task), pack)
    typer.echo(f"{pack.identity}: signature and files intact")
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(1)
    typer.echo("golden cases agree")


@app.command()
def sign(folder: Annotated[Path, typer.Argument(help="Folder of a draft.")]) -> None:
    """Sign a draft whose card you have read, with the key of SUWEN_HOME."""
    from suwen.lifecycle import packs

    typer.echo(f"signed: {packs.sign(folder).identity}")


@app.command()
def install(folder: Annotated[Path, typer.Argument(help="Folder of a trained pack.")]) -> None:
    """Put a pack into use: verify it and copy it to SUWEN_HOME/packs."""
    from suwen.lifecycle import packs

    typer.echo(f"installed in {packs.install(folder)}")


@app.command()
def key() -> None:
    """Print the public key that packs trained here are signed with."""
    from suwen.core.settings import settings
    from suwen.lifecycle.sealed import keys

    own = keys.signing_key(settings().home).public_key()
    typer.echo(f"# {keys.fingerprint(own)}\n{keys.public_pem(own).decode()}", nl=False)
