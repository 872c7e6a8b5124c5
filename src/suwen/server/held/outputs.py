"""The outputs of a report that a reader can download; the application passes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from suwen.core.codes import Language, Text
from suwen.core.nouns import Case, Report


@dataclass(frozen=True)
class Output:
    """One form of a report.

    Parameters
    ----------
    label
        What the link says, for example `PDF`.
    suffix
        End of the file's name, with its dot.
    make
        Builds the bytes from the case, the report and the reader's language. Raises `NotFound`
        when the report holds nothing of that form (no mask for a DICOM SEG).
    """

    label: Text
    media_type: str
    suffix: str
    make: Callable[[Case, Report, Language], bytes]
