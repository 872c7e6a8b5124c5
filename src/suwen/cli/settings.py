"""`suwen settings`: every setting, its value and its help."""

from __future__ import annotations

import typer


def command() -> None:
    """Print every SUWEN_* setting with its value and its help."""
    from suwen.core.settings import Settings, settings

    values = settings()
    for name, field in Settings.model_fields.items():
        value = getattr(values, name)
        shown = ":".join(map(str, value)) if isinstance(value, tuple) else str(value)
        typer.echo(f"SUWEN_{name.upper()}={shown}")
        typer.echo(f"    {field.description}")
