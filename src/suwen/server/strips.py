"""The ECG recordings of a case as their page shows them: on paper, with what findings point at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from suwen.core.codes import Text
from suwen.core.errors import NotFound
from suwen.core.nouns import Case, Finding, TimeInterval
from suwen.health.qrs import LOWEST_RATE, qrs_times
from suwen.health.recording import ECG, Lead, Recording, recordings
from suwen.health.signal_quality import SHORTEST, ecg_quality, overall
from suwen.health.strip_drawing import Mark, rows_of

PAGE: Final = 60.0
"""Seconds on one page."""


@dataclass(frozen=True)
class Strip:
    """One page of one lead.

    `rows` are SVG pictures, `marked` the evidence on the page: finding, stretch and words.
    """

    key: str
    lead: str
    begin: float
    seconds: float
    gain: float
    rows: list[str]
    marked: list[tuple[str, str, str]]
    quality: float | None
    why: Text | None

    @property
    def before(self) -> float | None:
        """Second the page before begins at."""
        return max(0.0, self.begin - PAGE) if self.begin > 0 else None

    @property
    def after(self) -> float | None:
        """Second the next page begins at."""
        return self.begin + PAGE if self.begin + PAGE < self.seconds else None


def leads_of(case: Case) -> dict[str, tuple[Recording, Lead]]:
    """Return the ECG recordings of a case by the id of their record, each with its best lead."""
    return {
        one.record.split("/")[1]: (one, lead)
        for one in recordings(case)
        if (lead := one.best(ECG)) is not None and len(lead.values)
    }


def strip_of(
    case: Case, findings: Sequence[Finding], key: str, begin: float, language: str
) -> Strip:
    """Return the page of a recording that begins at a second.

    Raises
    ------
    NotFound
        The case has no such recording.
    """
    known = leads_of(case)
    if key not in known:
        raise NotFound("no such ECG recording in this case", "one of the list", "choose another")
    recording, lead = known[key]
    begin = float(np.clip(begin, 0.0, max(0.0, lead.seconds - 1.0)))
    first = round(begin * lead.rate)
    values = lead.values[first : first + round(PAGE * lead.rate)]
    end = begin + len(values) / lead.rate
    marks, marked = [], []
    for finding in findings:
        for item in finding.evidence:
            if isinstance(item, TimeInterval) and item.record.split("/")[1] == key and item.note:
                stretch = f"{item.start:.1f}–{item.end:.1f} s"
                words = item.note.zh if language == "zh" else item.note.en
                name = finding.code.name.zh if language == "zh" else finding.code.name.en
                if item.start < end and item.end > begin:
                    marks.append(Mark(item.start - begin, item.end - begin, words))
                    marked.append((name, stretch, words))
    long_enough = len(values) >= SHORTEST * lead.rate and lead.rate >= LOWEST_RATE
    quality = overall(ecg_quality(values.astype(float), lead.rate)) if long_enough else None
    beats = qrs_times(values, lead.rate).tolist() if long_enough else []
    rows, gain = rows_of(values, lead.rate, marks, beats, begin)
    return Strip(
        key=recording.record.split("/")[1],
        lead=lead.name,
        begin=begin,
        seconds=lead.seconds,
        gain=gain,
        rows=rows,
        marked=marked,
        quality=None if quality is None else round(quality.index, 2),
        why=None if quality is None else quality.reason,
    )
