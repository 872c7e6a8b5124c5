"""The checks a series passes before a volume is built from it.

Whatever could put a finding at the wrong place, in the wrong patient or on the wrong scale is a
refusal; what merely lowers quality (a missing slice bridged by interpolation, a repeated file) is
a warning. A problem never quotes a value from the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from suwen.core.errors import BadInput
from suwen.imaging.reading.geometry import Slice, Stack
from suwen.imaging.reading.instance import Instance
from suwen.imaging.reading.problem import Problem, refusal, warning

CT_CLASSES: Final = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2",
        "1.2.840.10008.5.1.4.1.1.2.1",
        "1.2.840.10008.5.1.4.1.1.2.2",
    }
)
"""CT, Enhanced CT and Legacy Converted Enhanced CT Image Storage."""
CAPTURE_CLASS: Final = "1.2.840.10008.5.1.4.1.1.7"
"""Secondary Capture Image Storage, and the start of its multi-frame kinds."""
VOLUME_MODALITIES: Final = frozenset({"CT", "MR", "PT"})
"""Modalities whose screen copies are no images to measure on."""
LEAST_CT_BITS: Final = 9
"""Hounsfield units do not fit fewer; an 8-bit CT had a window burned in."""
UNEVEN_SHARE: Final = 0.25
"""Neighbouring distances that differ by more than this share of the mean are uneven ..."""
REPEATED_SHARE: Final = 0.05
"""... and where the same ones come again within this share, scans lie in each other."""
LEAST_DISTANCES: Final = 5
MAX_MISSING_IN_A_ROW: Final = 2
MAX_MISSING_SHARE: Final = 0.1
_SAME_PATIENT = ("PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex")
_SAME_SERIES = (
    ("StudyInstanceUID", "mixed-studies", "研究"),
    ("FrameOfReferenceUID", "mixed-frames-of-reference", "参考坐标系"),
    ("Modality", "mixed-modalities", "检查类型"),
)


def field_text(instance: Instance, keyword: str) -> str:
    """Return a header field as text; empty when absent or unreadable."""
    try:
        return instance.text(keyword)
    except BadInput:
        return ""


def without_repeats(group: Sequence[Instance], problems: list[Problem]) -> list[Instance]:
    """Keep one of each SOP Instance UID; two different objects under one UID are a refusal."""
    kept: dict[str, Instance] = {}
    anonymous: list[Instance] = []
    repeats = 0
    for instance in group:
        uid = field_text(instance, "SOPInstanceUID")
        if not uid:
            anonymous.append(instance)
        elif uid not in kept:
            kept[uid] = instance
        elif _digest(kept[uid]) == _digest(instance):
            repeats += 1
        else:
            problems.append(
                refusal(
                    "two-objects-one-uid",
                    "Two different objects carry the same SOP Instance UID.",
                    "两个不同的对象使用了同一个 SOP Instance UID。",
                )
            )
    if repeats:
        problems.append(
            warning(
                "duplicates",
                f"{repeats} file(s) came more than once; one of each was kept.",
                f"{repeats} 个文件重复，只保留一份。",
            )
        )
    if anonymous:
        problems.append(
            refusal(
                "no-instance-uid",
                "An object has no SOP Instance UID.",
                "有对象缺少 SOP Instance UID。",
            )
        )
    return [*kept.values(), *anonymous]


def _digest(instance: Instance) -> bytes:
    return hashlib.sha256(instance.load()).digest()


def check_identity(uid: str, group: Sequence[Instance], problems: list[Problem]) -> None:
    """Refuse what mixes patients, studies, frames of reference or modalities."""
    if not uid:
        problems.append(
            refusal(
                "no-series-uid",
                "An object has no Series Instance UID.",
                "有对象缺少 Series Instance UID。",
            )
        )
    for keyword in _SAME_PATIENT:
        values = {field_text(instance, keyword) for instance in group}
        if keyword != "PatientID":
            values.discard("")
        if len(values) > 1:
            problems.append(
                refusal(
                    "mixed-patients",
                    f"The series mixes patients: {keyword} differs between its instances.",
                    f"该序列混有不同患者的图像：{keyword} 不一致。",
                )
            )
    for keyword, code, name in _SAME_SERIES:
        asked = group if keyword != "FrameOfReferenceUID" else [i for i in group if not _scout(i)]
        if len({field_text(instance, keyword) for instance in asked}) > 1:
            problems.append(
                refusal(
                    code,
                    f"{keyword} differs between the instances of the series.",
                    f"该序列各图像的{name}（{keyword}）不一致。",
                )
            )


def images_of(group: Sequence[Instance], problems: list[Problem]) -> list[Instance]:
    """Return the acquired images; note what was left out and why."""
    images = [instance for instance in group if instance.has_pixels]
    scouts = [one for one in images if _scout(one)]
    if len(images) < len(group):
        build = warning if images else refusal
        problems.append(
            build(
                "not-images",
                f"{len(group) - len(images)} object(s) of the series hold no image.",
                f"该序列中有 {len(group) - len(images)} 个对象不含图像。",
            )
        )
    if scouts:
        build = warning if len(scouts) < len(images) else refusal
        problems.append(
            build(
                "localizers",
                f"{len(scouts)} localizer image(s) (scouts) were set aside; they are no volume.",
                f"已排除 {len(scouts)} 张定位像（不构成体数据）。",
            )
        )
    kept = [instance for instance in images if instance not in scouts]
    problems.extend(problem for instance in kept for problem in instance.problems)
    return kept


def _scout(instance: Instance) -> bool:
    return "LOCALIZER" in field_text(instance, "ImageType").split("\\")


def check_captures(images: Sequence[Instance], problems: list[Problem]) -> bool:
    """Refuse a volume series of nothing but screen copies; say whether it is one."""
    if not images or not all(
        field_text(one, "SOPClassUID").startswith(CAPTURE_CLASS)
        and field_text(one, "Modality") in VOLUME_MODALITIES
        for one in images
    ):
        return False
    problems.append(
        refusal(
            "secondary-captures",
            "The images are secondary captures (copies of a screen): they hold no Hounsfield "
            "units and no place in the patient. Send the original series.",
            "图像为二次捕获（屏幕拷贝），不含 HU 值和空间位置。请发送原始序列。",
        )
    )
    return True


def check_grid(slices: Sequence[Slice], problems: list[Problem]) -> None:
    """Refuse slices that differ in size or spacing, and colour."""
    sizes = {(one.instance.rows, one.instance.columns) for one in slices}
    spacings = {tuple(round(length, 3) for length in one.spacing) for one in slices}
    if len(sizes) > 1 or len(spacings) > 1:
        problems.append(
            refusal(
                "mixed-grids",
                "The slices differ in size or pixel spacing.",
                "各层图像的尺寸或像素间距不一致。",
            )
        )
    if any(one.instance.text("SamplesPerPixel") not in ("", "1") for one in slices):
        problems.append(refusal("colour", "The images are in colour.", "图像为彩色。"))


def check_order(stack: Stack, problems: list[Problem]) -> None:
    """Note missing and uneven slices and a tilted gantry."""
    if len(stack.slices) == 1:
        problems.append(warning("single-slice", "The series is one slice.", "该序列仅有一层。"))
        return
    if any(problem.code == "same-position" for problem in problems):
        return
    if _interleaved(stack):
        problems.append(
            refusal(
                "interleaved",
                "The slices are spaced as two scans laid into each other, and nothing tells them "
                "apart. Send each acquisition as a series of its own.",
                "层间距呈两次扫描交错的样式，且无法区分。请将每次采集作为独立序列发送。",
            )
        )
        return
    if gaps := stack.missing():
        problems.append(_missing(stack, gaps))
    elif not stack.regular:
        problems.append(
            warning(
                "uneven-spacing",
                "The slices are unevenly spaced; they were interpolated onto an even grid.",
                "层间距不均匀，已插值到等距网格。",
            )
        )
    if stack.tilted:
        problems.append(
            warning(
                "gantry-tilt",
                "The gantry was tilted; the slices were resampled onto an upright grid.",
                "机架倾斜，图像已重采样为直立网格。",
            )
        )


def _missing(stack: Stack, gaps: list[tuple[int, int]]) -> Problem:
    """Say which slices are missing: a warning where they could be interpolated."""
    lost = sum(count for _, count in gaps)
    worst = max(count for _, count in gaps)
    total = len(stack.slices) + lost
    bridged = worst <= MAX_MISSING_IN_A_ROW and lost <= max(1, MAX_MISSING_SHARE * total)
    build = warning if bridged else refusal
    after = ", ".join(str(index + 1) for index, _ in gaps[:5])
    places = ", ".join(_between(stack, index) for index, _ in gaps[:5])
    return build(
        "missing-slices",
        f"{lost} slice(s) are missing, after slice {after} of {len(stack.slices)} ({places})"
        + ("; the gap was interpolated." if bridged else ". Send the series again, whole."),
        f"缺少 {lost} 层（在第 {after} 层之后，{places}）"
        + ("，已插值。" if bridged else "。请重新发送完整序列。"),
    )


def _interleaved(stack: Stack) -> bool:
    """Say whether uneven distances come again and again, as where scans lie in each other."""
    distances = np.diff(stack.heights)
    if len(distances) < LEAST_DISTANCES:
        return False
    mean = float(distances.mean())

    def change(period: int) -> float:
        return float(np.median(np.abs(distances[period:] - distances[:-period]))) / mean

    return change(1) > UNEVEN_SHARE and any(change(n) < REPEATED_SHARE for n in (2, 3, 4))


def _between(stack: Stack, index: int) -> str:
    """Return where the gap after a slice lies, along the axis of the body it is mostly on."""
    axis = int(np.abs(stack.slices[0].normal).argmax())
    ends = [float(stack.slices[n].position[axis]) for n in (index, index + 1)]
    return f"{'xyz'[axis]} = {ends[0]:.1f} .. {ends[1]:.1f} mm"


def check_ct(stack: Stack, problems: list[Problem]) -> None:
    """Refuse CT without Hounsfield units."""
    bits = {next(iter(one.instance.numbers("BitsStored")), 16.0) for one in stack.slices}
    if min(bits) < LEAST_CT_BITS:
        problems.append(
            refusal(
                "eight-bit",
                "CT images of 8 bits a pixel: a window was burned in, so their values are not "
                "Hounsfield units. Send the original series.",
                "CT 图像每像素仅 8 位：已固化窗宽窗位，像素值不是 HU。请发送原始序列。",
            )
        )
    if any(one.instance.text("SOPClassUID") not in CT_CLASSES for one in stack.slices):
        problems.append(
            refusal(
                "not-ct-images",
                "The series says CT but holds other objects than CT images.",
                "序列标注为 CT，但其对象不是 CT 图像。",
            )
        )
    if not all(one.rescaled for one in stack.slices):
        problems.append(
            refusal(
                "no-hounsfield",
                "CT images without rescale intercept: their values are not Hounsfield units.",
                "CT 图像缺少 RescaleIntercept，像素值不是 HU。",
            )
        )
