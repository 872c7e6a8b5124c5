"""Progress bars on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Progress:
    """Progress bars on standard error; silent when it is not wanted."""

    def __init__(self, shown: bool) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not shown,
        )

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @contextmanager
    def bar(self, name: str, total: int) -> Iterator[Any]:
        """Show a bar; the value is a function to call after each step."""
        bar = self._bars.add_task(name, total=total)
        yield lambda: self._bars.advance(bar)
        self._bars.update(bar, completed=total)

    def counter(self, name: str) -> Callable[[int], Callable[[], None]]:
        """Return a function that shows a bar of a given length and returns its step function."""

        def start(total: int) -> Callable[[], None]:
            bar = self._bars.add_task(name, total=total)
            return lambda: self._bars.advance(bar)

        return start
