"""What a program that goes on running does otherwise than a command that ends soon."""

from __future__ import annotations

import gc
from typing import Final

PYTHONS_OWN: Final = (700, 10, 10)
"""After how many objects, and how many smaller searches, Python searches for garbage."""


def lasts() -> None:
    """Search for garbage as often as Python does by itself.

    A command that ends soon searches seldom (`app.main`); in a gateway that takes a million
    messages what nobody looked for would be 100 MiB.
    """
    gc.set_threshold(*PYTHONS_OWN)
