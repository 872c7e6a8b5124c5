"""Where each frame lies in the patient, and a regular grid out of frames.

Reference: DICOM PS3.3 2024e sections C.7.6.2 (Image Plane), C.7.6.16.2 (functional groups),
C.11.1 (Modality LUT). Points and directions are LPS, in mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy import ndimage

from suwen.core.errors import BadInput
from suwen.imaging.reading.instance import Instance, header_field, numbers_of, text_of
from suwen.imaging.volumes.volume import Volume

Vector = NDArray[np.float64]

UNIT_TOLERANCE: Final = 1e-2
"""How far direction cosines may be from unit length or a right angle (writers round them)."""
SPACING_TOLERANCE: Final = 0.05
"""Share of the slice spacing by which a slice may be off the regular grid."""
SHIFT_TOLERANCE_MM: Final = 0.1
"""In-plane shift between first and last slice taken for rounding, not for gantry tilt."""
RESCALE_LIMIT: Final = 1e9
"""Slope and intercept beyond this are damage, not a scale."""
AIR_HU: Final = -1024
"""Value given to CT pixels outside the reconstruction circle, and to what a tilt uncovers."""


@dataclass(frozen=True)
class Slice:
    """One frame with its plane.

    `across` is the direction of growing column index, `down` of growing row index; `spacing` is
    (between rows, between columns). Stored value * `slope` + `intercept` is the quantity. `keys`
    tell apart stacks that share positions (echo, phase, kernel ...); `names` are their fields.
    """

    instance: Instance = field(repr=False)
    frame: int
    position: Vector
    across: Vector
    down: Vector
    spacing: tuple[float, float]
    slope: float
    intercept: float
    rescaled: bool
    keys: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """DICOM keyword of each of `keys`."""
        return _KEYS if len(self.keys) == len(_KEYS) else _ENHANCED_KEYS

    @property
    def normal(self) -> Vector:
        """Unit vector from the slice towards the next (right-hand rule)."""
        return np.cross(self.across, self.down)

    @property
    def uid(self) -> str:
        """SOP Instance UID of the instance the frame belongs to."""
        return self.instance.text("SOPInstanceUID")


_KEYS: Final = (
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "EchoTime",
    "DiffusionBValue",
    "TriggerTime",
    "ImageType",
    "ConvolutionKernel",
    "SliceThickness",
    "KVP",
    "ContrastBolusAgent",
    "SeriesDescription",
    "AcquisitionTime",
)
_ENHANCED_KEYS: Final = (
    "StackID",
    "TemporalPositionIndex",
    "DiffusionBValue",
    "EffectiveEchoTime",
)


def slices_of(instance: Instance) -> list[Slice]:
    """Return the frames of an instance with their planes.

    Raises
    ------
    BadInput
        A frame has no position, orientation or spacing, or an impossible one.
    """
    groups = _sequence(instance.header, "PerFrameFunctionalGroupsSequence")
    if groups:
        shared = _sequence(instance.header, "SharedFunctionalGroupsSequence")
        if len(groups) != instance.frames:
            raise BadInput(
                f"{len(groups)} functional groups for {instance.frames} frames",
                "one group a frame",
                "ask the sender for a corrected object",
            )
        common = shared[0] if shared else Dataset()
        return [_enhanced(instance, n, group, common) for n, group in enumerate(groups)]
    if instance.frames > 1:
        raise BadInput(
            "a multi-frame object without a position for each frame",
            "functional groups (Enhanced CT or MR)",
            "send the series as single-frame or Enhanced objects",
        )
    header = instance.header
    keys = tuple(_key(header, keyword) for keyword in _KEYS)
    return [_slice(instance, 0, (header,) * 4, keys)]


def _key(header: Dataset, keyword: str) -> str:
    """Return what tells stacks apart; a field that cannot be read tells nothing."""
    try:
        return text_of(header, keyword)
    except BadInput:
        return ""


def _sequence(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    value = header_field(dataset, keyword)
    return value if value is not None and keyword.endswith("Sequence") else []


def _enhanced(instance: Instance, number: int, group: Dataset, common: Dataset) -> Slice:
    def macro(keyword: str) -> Dataset:
        items = _sequence(group, keyword) or _sequence(common, keyword)
        return items[0] if items else Dataset()

    content = macro("FrameContentSequence")
    keys = (
        *(text_of(content, name) for name in ("StackID", "TemporalPositionIndex")),
        text_of(macro("MRDiffusionSequence"), "DiffusionBValue"),
        text_of(macro("MREchoSequence"), "EffectiveEchoTime"),
    )
    parts = (
        macro("PlanePositionSequence"),
        macro("PlaneOrientationSequence"),
        macro("PixelMeasuresSequence"),
        macro("PixelValueTransformationSequence"),
    )
    return _slice(instance, number, parts, keys)


def _slice(
    instance: Instance,
    frame: int,
    parts: tuple[Dataset, Dataset, Dataset, Dataset],
    keys: tuple[str, ...],
) -> Slice:
    place, turn, measures, transform = parts
    position = _vector(place, "ImagePositionPatient", 3)
    directions = _vector(turn, "ImageOrientationPatient", 6)
    spacing = _vector(measures, "PixelSpacing", 2)
    across, down = directions[:3], directions[3:]
    lengths = np.linalg.norm(across), np.linalg.norm(down)
    square = abs(lengths[0] - 1) + abs(lengths[1] - 1) + abs(float(across @ down))
    if square > UNIT_TOLERANCE:
        raise _implausible("ImageOrientationPatient", "two unit vectors at a right angle")
    if not np.all((spacing > 0) & (spacing < 100)):
        raise _implausible("PixelSpacing", "two positive lengths in mm")
    if not np.all(np.abs(position) < 1e5):
        raise _implausible("ImagePositionPatient", "a point in mm near the patient")
    slope, intercept = (numbers_of(transform, f"Rescale{part}") for part in ("Slope", "Intercept"))
    if slope and not 0 < abs(slope[0]) < RESCALE_LIMIT:
        raise _implausible("RescaleSlope", "a number other than zero")
    if intercept and abs(intercept[0]) > RESCALE_LIMIT:
        raise _implausible("RescaleIntercept", "a number of the image's scale")
    return Slice(
        instance,
        frame,
        position,
        across / lengths[0],
        down / lengths[1],
        (float(spacing[0]), float(spacing[1])),
        slope[0] if slope else 1.0,
        intercept[0] if intercept else 0.0,
        bool(intercept),
        keys,
    )


def _vector(dataset: Dataset, keyword: str, size: int) -> Vector:
    values = numbers_of(dataset, keyword)
    if len(values) != size:
        raise _implausible(keyword, f"{size} numbers")
    return np.array(values, dtype=np.float64)


def _implausible(keyword: str, expected: str) -> BadInput:
    return BadInput(
        f"the DICOM field {keyword} is missing or impossible",
        expected,
        "send the original images, not secondary captures",
    )


@dataclass(frozen=True)
class Stack:
    """Slices in order along their common normal, and how they lie to each other.

    `heights`: mm along the normal from the first slice. `shifts`: in-plane offset (down, across)
    in mm of each slice from the straight stack; not zero for a tilted gantry.
    """

    slices: tuple[Slice, ...]
    heights: Vector
    shifts: NDArray[np.float64]

    @classmethod
    def of(cls, slices: Sequence[Slice]) -> Stack:
        """Order slices of one orientation along their normal."""
        normal = slices[0].normal
        ordered = sorted(slices, key=lambda one: float(one.position @ normal))
        offsets = np.array([one.position - ordered[0].position for one in ordered])
        plane = np.stack([ordered[0].down, ordered[0].across])
        return cls(tuple(ordered), offsets @ normal, offsets @ plane.T)

    @property
    def step(self) -> float:
        """Median distance between neighbouring slices in mm; the thickness of a single slice."""
        if len(self.slices) > 1:
            return float(np.median(np.diff(self.heights)))
        first = self.slices[0].instance
        return next(iter(first.numbers("SliceThickness")), 1.0) or 1.0

    @property
    def tilted(self) -> bool:
        """Say whether the slices are shifted against each other (gantry tilt)."""
        return bool(np.any(np.abs(self.shifts) > SHIFT_TOLERANCE_MM))

    @property
    def regular(self) -> bool:
        """Say whether all slices lie on one regular grid along the normal."""
        if len(self.slices) < 3:
            return True
        grid = np.linspace(0, self.heights[-1], len(self.slices))
        return bool(np.all(np.abs(self.heights - grid) <= SPACING_TOLERANCE * self.step))

    def missing(self) -> list[tuple[int, int]]:
        """Return (index of the slice before the gap, number of slices missing)."""
        counts = np.rint(np.diff(self.heights) / self.step).astype(int) - 1
        return [(int(i), int(counts[i])) for i in np.flatnonzero(counts > 0)]


def volume_of(stack: Stack, *, hounsfield: bool) -> Volume:
    """Build the volume of a stack, slice by slice, in one array.

    A regular straight stack is copied as it is. A stack with missing or uneven slices, or from a
    tilted gantry, is interpolated linearly onto the regular upright grid that covers it.

    Raises
    ------
    BadInput
        A frame cannot be decoded.
    """
    first = stack.slices[0]
    dtype = np.int16 if hounsfield or _fits_int16(stack.slices) else np.float32
    frames = _Frames(stack.slices, np.dtype(dtype), hounsfield=hounsfield)
    gaps = len(stack.slices) - 1
    step = float(stack.heights[-1]) / gaps if gaps and stack.regular else stack.step
    affine = np.eye(4)
    affine[:3, 0] = first.normal * step
    affine[:3, 1] = first.down * first.spacing[0]
    affine[:3, 2] = first.across * first.spacing[1]
    affine[:3, 3] = first.position
    if stack.regular and not stack.tilted:
        return Volume(frames.all(), affine)
    return _regridded(stack, frames, affine)


def _regridded(stack: Stack, frames: _Frames, affine: Vector) -> Volume:
    spacing = np.array(stack.slices[0].spacing)
    shifts = stack.shifts / spacing if stack.tilted else np.zeros_like(stack.shifts)
    low, high = np.floor(shifts.min(axis=0)), np.ceil(shifts.max(axis=0))
    shape = tuple(int(n) for n in frames.shape + (high - low))
    count = round(float(stack.heights[-1]) / stack.step) + 1
    values = np.empty((count, *shape), dtype=frames.dtype)

    def upright(index: int) -> NDArray[np.float32]:
        offset = low - shifts[index]
        frame = frames.one(index).astype(np.float32)
        if not stack.tilted:
            return frame
        moved: NDArray[np.float32] = ndimage.affine_transform(
            frame, np.ones(2), offset, shape, order=1, cval=frames.fill
        )
        return moved

    held: dict[int, NDArray[np.float32]] = {}
    for z in range(count):
        height = min(z * stack.step, float(stack.heights[-1]))
        above = int(np.clip(np.searchsorted(stack.heights, height), 1, len(stack.slices) - 1))
        pair = (above - 1, above)
        held = {i: held[i] if i in held else upright(i) for i in pair}
        span = stack.heights[above] - stack.heights[above - 1]
        weight = float((height - stack.heights[above - 1]) / span)
        blend = held[pair[0]] * (1 - weight) + held[pair[1]] * weight
        values[z] = np.rint(blend) if frames.dtype == np.int16 else blend
    affine = affine.copy()
    affine[:3, 3] += affine[:3, 1] * low[0] + affine[:3, 2] * low[1]
    return Volume(values, affine)


def _fits_int16(slices: Sequence[Slice]) -> bool:
    for one in slices:
        bits = min(32, max(1, int(next(iter(one.instance.numbers("BitsStored")), 16))))
        signed = bool(next(iter(one.instance.numbers("PixelRepresentation")), 0))
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
        whole = one.slope == 1 and float(one.intercept).is_integer()
        if not whole or low + one.intercept < -32768 or high + one.intercept > 32768:
            return False
    return True


class _Frames:
    """Reads the frames of a stack as quantities (HU for CT), parsing each file once in a row."""

    def __init__(self, slices: Sequence[Slice], dtype: np.dtype[Any], *, hounsfield: bool) -> None:
        self.slices = slices
        self.dtype = dtype
        self.hounsfield = hounsfield
        self.fill = float(AIR_HU) if hounsfield else 0.0
        first = slices[0].instance
        self.shape = np.array([first.rows, first.columns])

    def all(self) -> NDArray[np.generic]:
        """Return every frame, shape (z, y, x)."""
        values = np.empty((len(self.slices), *(int(n) for n in self.shape)), dtype=self.dtype)
        runs: dict[int, list[int]] = {}
        for index, one in enumerate(self.slices):
            runs.setdefault(id(one.instance), []).append(index)
        for run in runs.values():
            frames = [self.slices[index].frame for index in run]
            decoded = self.slices[run[0]].instance.pixels(frames)
            for index, stored in zip(run, decoded, strict=True):
                values[index] = self._quantity(self.slices[index], stored)
        return values

    def one(self, index: int) -> NDArray[np.generic]:
        """Return one frame, shape (y, x)."""
        one = self.slices[index]
        return self._quantity(one, next(one.instance.pixels([one.frame])))

    def _quantity(self, one: Slice, stored: NDArray[Any]) -> NDArray[np.generic]:
        if stored.ndim != 2:
            raise BadInput("a colour image", "one value a pixel", "send the original images")
        if one.slope == 1 and float(one.intercept).is_integer() and self.dtype == np.int16:
            values: NDArray[Any] = stored.astype(np.int32)
            values += int(one.intercept)
        else:
            values = stored.astype(np.float32)
            values *= np.float32(one.slope)
            values += np.float32(one.intercept)
        if self.hounsfield:
            padding = one.instance.numbers("PixelPaddingValue")
            if padding:
                values[stored == padding[0]] = AIR_HU
            values = np.clip(np.rint(values), -32768, 32767)
        return values.astype(self.dtype)
