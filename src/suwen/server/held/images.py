"""Image series and overlays as NIfTI for the viewer."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from suwen.core.errors import NotFound
from suwen.core.nouns import Case, Point, Report
from suwen.imaging.case.series import CaseSeries, case_series
from suwen.imaging.display import (
    COLOUR,
    PICTURE,
    VOLUME,
    Kind,
    Slice,
    coloured_volume,
    picture_volume,
    pixel_of,
    slice_picture,
    windows,
)
from suwen.imaging.followup.studies import day_of
from suwen.imaging.planar.case import holds_pictures
from suwen.imaging.reading.assembly import Series
from suwen.imaging.reading.instance import Instance
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.volumes.volume import Volume
from suwen.server.held.overlays import PNG, hidden_reason

CACHE_BYTES = 256 * 1024 * 1024
CACHE_LISTS = 256
LARGE_COLUMNS = 320
QUICK = 1
"""Gzip level: the browser is on the same network, so time counts more than the last 2 % of size."""
NIFTI = "application/x-nifti"
LARGEST_FIRST = {"CT": 0, "MR": 1, "PT": 2}


@dataclass(frozen=True)
class SeriesEntry:
    """One series of a case, or one picture: its name in addresses, and what the reader sees of it.

    `uids` are those by which evidence names it. `prior` is the key of what it is compared with: the
    latest earlier study of the same modality; empty when there is none.
    """

    key: str
    label: str
    large: bool = False
    """Whether a computer without a graphics processor gets it at half the in-plane resolution."""
    modality: str = ""
    kind: Kind = VOLUME
    day: str = ""
    """Of the study, `YYYY-MM-DD`; empty when it is not known."""
    unit: str = "mm"
    uids: frozenset[str] = frozenset()
    prior: str = ""

    @property
    def windows(self) -> str:
        """The keys of the window presets that fit it, as one text."""
        return " ".join(one.key for one in windows() if one.of(self.modality, self.kind))


@dataclass
class Shelf:
    """The series lists and volumes shown last, so that a reload decodes nothing again.

    Nothing is served from here before the store allowed and logged the reading of the case.
    """

    limit: int = CACHE_BYTES
    _lists: OrderedDict[str, list[SeriesEntry]] = field(default_factory=OrderedDict)
    _volumes: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _last: tuple[str, Volume] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def entries(self, case: Case) -> list[SeriesEntry]:
        """Return what can be shown of the case: CT first, the newest study first."""
        key = _version(case)
        with self._lock:
            if key in self._lists:
                return self._lists[key]
        found = [_entry(case, shown) for shown in _all(case)]
        found.sort(key=lambda one: one.day, reverse=True)
        found.sort(key=lambda one: LARGEST_FIRST.get(one.modality, 9))
        made = [replace(one, prior=_prior(one, found)) for one in found]
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
        volume = self._decode(case, series_key)
        if coarse and volume.values.dtype != COLOUR:
            volume = for_display(halved(volume))
        data = write_nifti(volume, QUICK)
        with self._lock:
            self._volumes[key] = data
            while sum(map(len, self._volumes.values())) > self.limit and len(self._volumes) > 1:
                self._volumes.popitem(last=False)
        return data

    def slice(
        self, case: Case, series_key: str, window: str, level: int, place: Point | None = None
    ) -> Slice:
        """Return one slice of a series as a PNG, for a browser that can draw no volume.

        Raises
        ------
        NotFound
            The case has no such series, or there is no such window.
        BadInput
            Its pixels cannot be decoded.
        """
        chosen = next((one for one in windows() if one.key == window), None)
        if chosen is None:
            raise NotFound("no such window", "one the page offers", "reload the page")
        return slice_picture(self._decode(case, series_key), chosen, level, place)

    def _decode(self, case: Case, series_key: str) -> Volume:
        """Return the voxels of a series; the last one is kept, since slices follow each other."""
        key = f"{_version(case)}/{series_key}"
        with self._lock:
            if self._last and self._last[0] == key:
                return self._last[1]
        volume = for_display(_chosen(case, series_key).volume)
        with self._lock:
            self._last = (key, volume)
        return volume


@dataclass(frozen=True)
class Shown:
    """What is shown as one: a series with its volume, or one picture of a series without."""

    series: CaseSeries
    picture: Instance | None = None

    @property
    def key(self) -> str:
        """The name in addresses: the UIDs identify and stay out of them."""
        first = self.series.instance_uids[0] if self.series.instance_uids else ""
        if self.picture is not None:
            first = self.picture.text("SOPInstanceUID")
        identity = f"{self.series.series_uid}/{first}"
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    @property
    def volume(self) -> Volume:
        """The voxels, of a picture its pixels."""
        return self.series.volume if self.picture is None else picture_volume(self.picture)


def named(entries: Iterable[SeriesEntry], series_uid: str, instance_uid: str) -> str:
    """Return the key of the series that UIDs name, either may be empty; empty: none is shown."""
    known = list(entries)
    of_series = [one for one in known if series_uid in one.uids] if series_uid else []
    exact = [one for one in of_series or known if instance_uid in one.uids]
    return next((one.key for one in (*exact, *of_series)), "")


def _all(case: Case) -> Iterator[Shown]:
    """Yield what can be shown of a case, the longest series first."""
    for series in sorted(case_series(case), key=lambda one: -len(one.instance_uids)):
        if series.usable:
            yield Shown(series)
        elif series.source is not None and holds_pictures(series.source):
            for picture in _pictures(series.source):
                yield Shown(series, picture)


def _pictures(source: Series) -> list[Instance]:
    """Return the instances of a series that can be shown each by itself."""
    shown = [one for one in source.instances if one.has_pixels]
    return [one for one in shown if not any(problem.refuses for problem in one.problems)]


def _chosen(case: Case, series_key: str) -> Shown:
    found = next((one for one in _all(case) if one.key == series_key), None)
    if found is None:
        raise NotFound("no such series in this case", "one the case page lists", "reload the page")
    return found


def _entry(case: Case, shown: Shown) -> SeriesEntry:
    series, picture = shown.series, shown.picture
    day = day_of(case, series)
    written = day.isoformat() if day else ""
    uids = set(series.instance_uids)
    if picture is not None:
        uids = {picture.text("SOPInstanceUID")}
    return SeriesEntry(
        key=shown.key,
        label=_label(shown, written),
        large=_large(series) if picture is None else False,
        modality=series.modality,
        kind=VOLUME if picture is None else PICTURE,
        day=written,
        unit="mm" if picture is None else pixel_of(picture)[1],
        uids=frozenset({series.series_uid, *uids}),
    )


def _prior(one: SeriesEntry, entries: Iterable[SeriesEntry]) -> str:
    """Return the key of the newest entry of the same modality on an earlier day, the longest."""
    earlier = [
        other
        for other in entries
        if (other.modality, other.kind) == (one.modality, one.kind) and "" < other.day < one.day
    ]
    return max(earlier, key=lambda other: other.day).key if earlier else ""


def for_display(volume: Volume) -> Volume:
    """Return the volume with 16-bit values: half the bytes, no visible loss."""
    if volume.values.dtype in (np.int16, np.uint8, np.int8, COLOUR):
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


def overlay(case: Case, reports: Iterable[Report], digest: str) -> tuple[bytes, str]:
    """Return an attachment of the case's reports with its media type; a picture as a volume.

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
                    data = case.blob(digest)
                    if attachment.media_type != PNG:
                        return data, attachment.media_type
                    return write_nifti(coloured_volume(data), QUICK), NIFTI
    raise NotFound("no such attachment in this case", "one its report names", "reload the page")


def _version(case: Case) -> str:
    names = [r.reference for r in (*case.of("ImagingStudy"), *case.of("DocumentReference"))]
    return hashlib.sha256("|".join([case.patient, *names]).encode()).hexdigest()


def _large(series: CaseSeries) -> bool:
    instances = series.source.instances if series.source else ()
    return bool(instances) and instances[0].columns > LARGE_COLUMNS


def _label(shown: Shown, day: str) -> str:
    series = shown.series
    named = series.tags.get("SeriesDescription", "").strip()[:60]
    many = str(len(series.instance_uids))
    if shown.picture is not None:
        named = named or shown.picture.text("ViewPosition")
        many = f"#{shown.picture.text('InstanceNumber') or 1}"
    return " · ".join(part for part in (day, series.modality, named, many) if part)
