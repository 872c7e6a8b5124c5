"""Instances into series: grouping, safety checks, order, volumes.

The checks stand in `safety`; the planes and the grid in `geometry`; what one series mixes is told
apart in `stacks`.

Reference: DICOM PS3.3 2024e section A.1.2 (Study, Series, Instance) and C.7.6.2 (Image Plane).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from suwen.core.errors import BadInput
from suwen.imaging.reading.geometry import Slice, Stack, slices_of, volume_of
from suwen.imaging.reading.instance import Instance
from suwen.imaging.reading.problem import Problem, refusal, warning
from suwen.imaging.reading.safety import (
    check_captures,
    check_ct,
    check_grid,
    check_identity,
    check_order,
    field_text,
    images_of,
    without_repeats,
)
from suwen.imaging.reading.stacks import groups_by, stacks_of, without_copies
from suwen.imaging.volumes.volume import Volume

MAX_STRAY_SHARE: Final = 0.1
"""Slices of another orientation up to this share are taken for embedded scouts."""

TAGS: Final = (
    "Manufacturer",
    "ManufacturerModelName",
    "ConvolutionKernel",
    "SliceThickness",
    "KVP",
    "ContrastBolusAgent",
    "BodyPartExamined",
    "PatientSex",
    "PatientAge",
    "SeriesDescription",
    "SeriesNumber",
    "StudyDate",
)


@dataclass(frozen=True)
class Series:
    """A series: what it is, its slices in order, and what is wrong with it.

    `instances` holds those of `slices`, in that order, then what came with them and is no slice of
    a volume (localizers, reports). `part` names the stack where one DICOM series holds several
    (echo, phase, acquisition); each has its own instances, the first also the rest.
    """

    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    modality: str
    instances: tuple[Instance, ...] = field(repr=False)
    stack: Stack | None = field(repr=False)
    problems: tuple[Problem, ...]
    tags: dict[str, str] = field(repr=False)
    part: str = ""

    @property
    def slices(self) -> tuple[Slice, ...]:
        """Frames with their planes, ordered along the normal."""
        return self.stack.slices if self.stack else ()

    @property
    def instance_uids(self) -> tuple[str, ...]:
        """SOP Instance UID of each slice, in order."""
        return tuple(one.uid for one in self.slices)

    @property
    def usable(self) -> bool:
        """Say whether a volume can be built."""
        return self.stack is not None and not any(problem.refuses for problem in self.problems)

    def volume(self) -> Volume:
        """Return the voxels (CT: Hounsfield units, int16) with their place in the patient.

        Raises
        ------
        BadInput
            The series is refused (the text says why), or a frame cannot be decoded.
        """
        if self.stack is None or not self.usable:
            reasons = [problem.text.en.rstrip(".") for problem in self.problems if problem.refuses]
            raise BadInput(
                f"an image series that must not be used: {'; '.join(reasons)}",
                "one acquisition of one patient with known geometry",
                "correct the series at its source and send it again",
            )
        return volume_of(self.stack, hounsfield=self.modality == "CT")


def assemble(instances: Iterable[Instance]) -> list[Series]:
    """Group instances by Series Instance UID, check each group and put it in order.

    Never raises for bad content: what is wrong stands in `Series.problems`.
    """
    groups: dict[str, list[Instance]] = {}
    for instance in instances:
        groups.setdefault(field_text(instance, "SeriesInstanceUID"), []).append(instance)
    return [series for uid, group in groups.items() for series in _assemble_one(uid, group)]


def _assemble_one(uid: str, group: Sequence[Instance]) -> list[Series]:
    problems: list[Problem] = []
    group = without_repeats(group, problems)
    check_identity(uid, group, problems)
    images = images_of(group, problems)
    slices = [] if check_captures(images, problems) else _slices(images, problems)
    slices = _one_orientation(slices, problems)
    check_grid(slices, problems)
    stacks = stacks_of(without_copies(slices, problems), problems)
    placed = {id(one.instance) for _, stack in stacks if stack for one in stack.slices}
    rest = [instance for instance in group if id(instance) not in placed]
    return [
        _series(uid, rest if number == 0 else [], part, stack, problems)
        for number, (part, stack) in enumerate(stacks)
    ]


def _series(
    uid: str,
    rest: Sequence[Instance],
    part: str,
    stack: Stack | None,
    problems: Sequence[Problem],
) -> Series:
    found = list(problems)
    if stack is not None:
        check_order(stack, found)
    slices = stack.slices if stack else ()
    instances = [*{id(one.instance): one.instance for one in slices}.values(), *rest]
    first = instances[0]
    modality = field_text(first, "Modality")
    if modality == "CT" and stack is not None:
        check_ct(stack, found)
    return Series(
        study_uid=field_text(first, "StudyInstanceUID"),
        series_uid=uid,
        frame_of_reference_uid=field_text(first, "FrameOfReferenceUID"),
        modality=modality,
        instances=tuple(instances),
        stack=stack,
        problems=tuple(dict.fromkeys(found)),
        tags={tag: value for tag in TAGS if (value := field_text(first, tag))},
        part=part,
    )


def _slices(images: Sequence[Instance], problems: list[Problem]) -> list[Slice]:
    slices: list[Slice] = []
    for instance in images:
        try:
            slices.extend(slices_of(instance))
        except BadInput as error:
            problems.append(
                refusal(
                    "no-geometry",
                    f"{error.got[0].upper()}{error.got[1:]}.",
                    "图像缺少有效的空间位置信息。",
                )
            )
    return slices


def _one_orientation(slices: Sequence[Slice], problems: list[Problem]) -> list[Slice]:
    kinds = groups_by(slices, lambda one: (*one.across.round(2), *one.down.round(2)))
    if len(kinds) < 2:
        return list(slices)
    main = max(kinds.values(), key=len)
    # rounding may split what differs by a hair: compare with the main orientation itself
    near = [one for one in slices if _parallel(one, main[0])]
    strays = len(slices) - len(near)
    if strays:
        build = warning if strays <= MAX_STRAY_SHARE * len(slices) else refusal
        problems.append(
            build(
                "mixed-orientations",
                f"{strays} of {len(slices)} slices lie in another orientation.",
                f"{len(slices)} 层中有 {strays} 层方向不同。",
            )
        )
    return near


def _parallel(one: Slice, other: Slice) -> bool:
    return bool(one.across @ other.across > 0.9999 and one.down @ other.down > 0.9999)
