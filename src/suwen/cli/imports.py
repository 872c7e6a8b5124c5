"""`suwen import PATH --patient ID`: the export of a device or an app into a patient's record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suwen.core.codes import Language, Text
    from suwen.core.errors import SuwenError
    from suwen.gateway.devices.importing import Imported, Tally
    from suwen.gateway.devices.sample import Told

BROKEN = 1
"""Exit status when a file was broken; what could be read is stored."""
SHOWN = 40
"""Most channels and reasons listed."""
NAMED = 5
"""Most files named for one error."""


def command(
    context: typer.Context,
    path: Annotated[
        Path,
        typer.Argument(
            help="A file or folder: Apple Health, Fitbit, Google Fit, Withings, iHealth, "
            "Open mHealth, Garmin FIT, Bluetooth GATT, FHIR R4 or CSV; told by the content."
        ),
    ],
    patient: Annotated[str, typer.Option(help="Whose it is: the id of a patient of the store.")],
    zone: Annotated[
        str, typer.Option(help="Zone of local times, such as Europe/Paris; most need none.")
    ] = "",
    lang: Annotated[str, typer.Option(help="Language: en or zh.")] = "",
) -> None:
    """Store the readings of a device or an app; importing again adds nothing."""
    from suwen.cli import ImportRequest
    from suwen.core.settings import settings

    done = context.obj.import_devices(ImportRequest(path, patient, zone))
    chinese = (lang or settings().language) == "zh"
    for line in _lines(done, "zh" if chinese else "en"):
        typer.echo(f"  {line}")
    if done.errors:
        raise typer.Exit(BROKEN)


def _lines(done: Imported, language: Language) -> Iterator[str]:
    """Yield what is printed: files, channels, counts, what was refused, left out, not read."""
    zh = language == "zh"
    for name, count in sorted(done.files.items()):
        yield f"{name}：{count} 个文件" if zh else f"{name}: {count} file{'s'[: count != 1]}"
    yield from _channels(done, language)
    yield _counts(done, zh)
    if done.observations:
        yield (
            f"其中偶测的生命体征已写入病历：{done.observations} 条 Observation"
            if zh
            else f"vital signs measured now and then, in the record: {done.observations} "
            "Observations"
        )
    yield from _told(done.problems.refused, "拒绝" if zh else "refused", language)
    yield from _told(done.problems.left, "未收录" if zh else "left out", language)
    if done.unknown:
        names = ", ".join(done.unknown[:NAMED]) + ("…" if len(done.unknown) > NAMED else "")
        yield f"非设备导出文件：{names}" if zh else f"no export of a device: {names}"
    yield from _errors(done.errors, zh)


def _errors(errors: Sequence[tuple[str, SuwenError]], zh: bool) -> Iterator[str]:
    """Yield each error once, with the files that have it."""
    files: dict[str, list[str]] = {}
    for name, error in errors:
        files.setdefault(str(error), []).append(name)
    for text, names in files.items():
        shown = ", ".join(names[:NAMED]) + ("…" if len(names) > NAMED else "")
        yield f"未读完（{shown}）：{text}" if zh else f"not read to its end ({shown}): {text}"


def _counts(done: Imported, zh: bool) -> str:
    known = done.absorbed + done.repeated
    if zh:
        return f"新增 {done.stored:,}，已有 {known:,}，与已存值矛盾 {done.conflicting:,}"
    return f"stored {done.stored:,}; known already {known:,}; contradicting {done.conflicting:,}"


def _channels(done: Imported, language: Language) -> Iterator[str]:
    from suwen.core.quantities import unit_sign
    from suwen.gateway.devices.quantities import quantities

    known = quantities()
    channels = sorted(done.channels.items(), key=lambda item: -item[1].count)
    for channel, tally in channels[:SHOWN]:
        name = known.by_key[known.by_code[channel.code]].text.of(language)
        unit = "" if channel.unit.startswith("{") else f" ({unit_sign(channel.unit)})"
        yield f"{name}{unit}: {tally.count:,}, {_span(tally)}, {channel.device}"
    if len(channels) > SHOWN:
        yield f"… {len(channels) - SHOWN}"


def _span(tally: Tally) -> str:
    from datetime import UTC, datetime, timedelta

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first, last = (
        (epoch + timedelta(microseconds=tick)).strftime("%Y-%m-%d %H:%M")
        for tick in (tally.first, tally.last)
    )
    return f"{first} UTC" if first == last else f"{first} – {last} UTC"


def _told(reasons: dict[Text, Told], verb: str, language: Language) -> Iterator[str]:
    ordered = sorted(reasons.items(), key=lambda item: -item[1].count)
    for reason, told in ordered[:SHOWN]:
        yield f"{verb}: {told.count:,} × {reason.of(language)} ({told.first})"
    if len(ordered) > SHOWN:
        yield f"… {len(ordered) - SHOWN}"
