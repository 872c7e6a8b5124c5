"""Image series and overlays as NIfTI for the viewer."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from suwen.core.errors import NotFound
from suwen.core.nouns import Case, Report
from suwen.imaging.nifti import write_nifti
from suwen.imaging.series import CaseSeries, case_volumes
from suwen.imaging.volume import Volume
from suwen.server.view import hidden_reason

CACHE_BYTES = 256 * 1024 * 1024
CACHE_LISTS = 256
LARGE_COLUMNS = 320
QUICK = 1
"""Gzip level: the browser is on the same network, so time counts more than the last 2 % of size."""
LARGEST_FIRST = {"CT": 0, "MR": 1, "PT": 2}


@dataclass(frozen=True)
class SeriesEntry:
    """One series of a case: its name in addresses, and what the reader sees of it."""

    key: str
    label: str
    large: bool = False
    """Whether a computer without a graphics processor gets it at half the in-plane resolution."""


@dataclass
class Shelf:
    """The series lists and volumes shown last, so that a reload decodes nothing again.

    Nothing is served from here before the store allowed and logged the reading of the case.
    """

    limit: int = CACHE_BYTES
    _lists: OrderedDict[str, list[SeriesEntry]] = field(default_factory=OrderedDict)
    _volumes: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def entries(self, case: Case) -> list[SeriesEntry]:
        """Return the series of the case that can be shown, CT first."""
        key = _version(case)
        with self._lock:
            if key in self._lists:
                return self._lists[key]
        found = sorted(case_volumes(case), key=lambda s: (LARGEST_FIRST.get(s.modality, 9), _n(s)))
        made = [SeriesEntry(key_of(series), _label(series), _large(series)) for series in found]
        with self._lock:
            self._lists[key] = made
            while len(self._lists) > CACHE_LISTS:
                self._lists.popitem(last=False)
        return made

    def volume(self, case: Case, series_key: str, coarse: bool = False) -> bytes:
        """Return a series of the case as gzipped NIfTI, `coarse`: at half the in-plane resolution.

        Raises
        ------
        NotFound
            The case has no such series.
        BadInput
            Its pixels cannot be decoded.
        """
        key = f"{_version(case)}/{series_key}/{coarse}"
        with self._lock:
            if key in self._volumes:
                self._volumes.move_to_end(key)
                return self._volumes[key]
        chosen = next((s for s in case_volumes(case) if key_of(s) == series_key), None)
        if chosen is None:
            raise NotFound(
                "no such series in this case", "one the case page lists", "reload the page"
            )
        shown = for_display(halved(chosen.volume) if coarse else chosen.volume)
        data = write_nifti(shown, QUICK)
        with self._lock:
            self._volumes[key] = data
            while sum(map(len, self._volumes.values())) > self.limit and len(self._volumes) > 1:
                self._volumes.popitem(last=False)
        return data


def for_display(volume: Volume) -> Volume:
    """Return the volume with 16-bit values: half the bytes, no visible loss."""
    if volume.values.dtype in (np.int16, np.uint8, np.int8):
        return volume
    rounded = np.clip(np.rint(volume.values), -32768, 32767).astype(np.int16)
    return Volume(rounded, volume.affine)


def halved(volume: Volume) -> Volume:
    """Return the volume with each 2 x 2 pixels of a slice averaged into one."""
    slices, rows, columns = volume.values.shape
    even = volume.values[:, : rows // 2 * 2, : columns // 2 * 2].astype(np.float32)
    values = even.reshape(slices, rows // 2, 2, columns // 2, 2).mean(axis=(2, 4))
    affine = volume.affine.copy()
    affine[:3, 3] = volume.to_point(np.array([0.0, 0.5, 0.5]))
    affine[:3, 1:3] *= 2
    return Volume(values, affine)


def key_of(series: CaseSeries) -> str:
    """Return the name of a series in addresses: its UID identifies and stays out of them."""
    identity = f"{series.series_uid}/{'/'.join(series.instance_uids[:1])}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def overlay(case: Case, reports: Iterable[Report], digest: str) -> tuple[bytes, str]:
    """Return an attachment of the case's reports with its media type.

    A saliency map whose explanation failed its checks is not given to anyone.

    Raises
    ------
    NotFound
        No report of the case holds it, or it is hidden.
    """
    for report in reports:
        for finding in report.findings:
            for attachment in finding.attachments:
                if attachment.digest == digest and hidden_reason(finding, attachment.role) is None:
                    return case.blob(digest), attachment.media_type
    raise NotFound("no such attachment in this case", "one its report names", "reload the page")


def _version(case: Case) -> str:
    names = [r.reference for r in (*case.of("ImagingStudy"), *case.of("DocumentReference"))]
    return hashlib.sha256("|".join([case.patient, *names]).encode()).hexdigest()


def _large(series: CaseSeries) -> bool:
    instances = series.source.instances if series.source else ()
    return bool(instances) and instances[0].columns > LARGE_COLUMNS


def _n(series: CaseSeries) -> int:
    return -len(series.instance_uids)


def _label(series: CaseSeries) -> str:
    named = series.tags.get("SeriesDescription", "").strip()
    return " · ".join(
        part for part in (series.modality, named[:60], str(len(series.instance_uids))) if part
    )
