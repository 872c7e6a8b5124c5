"""Samples as readings: in canonical units, possible, timely, each source id once."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Final, NamedTuple

from suwen.core.codes import Text
from suwen.core.streams import Channel, Reading
from suwen.gateway.devices.quantities import quantities
from suwen.gateway.devices.sample import NOT_A_NUMBER, Problems, Sample
from suwen.gateway.devices.times import EARLIEST, LATEST
from suwen.gateway.vitals import Vital

IDS_KEPT: Final = 200_000
"""Source ids remembered of one import, about 20 MB; the store knows readings by their time."""
KINDS_KEPT: Final = 10_000
"""Different quantities, units and devices remembered."""
_TOO_EARLY: Final = Text(en="the time is before 1970: the clock was not set", zh="时间早于 1970 年")
_TOO_LATE: Final = Text(en="the time lies in the future: the clock is wrong", zh="时间在未来")
_CLOCK: Final = Text(
    en="set the device's clock; correct the times at their source and send it again",
    zh="请校正设备时钟；在来源处更正时间后重新发送",
)
_UNIT: Final = Text(
    en="say which unit it is: where it is asked, or in the file",
    zh="请说明单位：在询问处选择，或写入文件",
)
_SENSOR: Final = Text(
    en="check the unit and the sensor there; correct it at its source and send it again",
    zh="请检查该处的单位与传感器；在来源处更正后重新发送",
)


class _Kind(NamedTuple):
    channel: Channel
    quantity: Vital
    same: bool
    """The unit given is the canonical one: nothing to convert."""


class Converter:
    """Turns the samples of one import into readings, and counts what it refuses.

    Parameters
    ----------
    problems
        Where refused samples are noted.
    now
        The present moment; readings much later than it are refused.
    assumed
        Unit of a quantity (its key) where a sample gives none, as somebody said.
    """

    def __init__(
        self,
        problems: Problems,
        now: datetime | None = None,
        assumed: Mapping[str, str] | None = None,
    ) -> None:
        self.read = 0
        self.repeated = 0
        self.without_unit: Counter[str] = Counter()
        """Samples by quantity whose unit nobody said."""
        self._assumed = dict(assumed or {})
        self._problems = problems
        self._latest = (now or datetime.now(UTC)) + LATEST
        self._kinds: dict[tuple[str, str, str], _Kind | None] = {}
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def readings(self, samples: Iterable[Sample]) -> Iterator[Reading]:
        """Yield a reading for each sample that can be one."""
        for sample in samples:
            self.read += 1
            if sample.source and self._again(sample):
                self.repeated += 1
                continue
            reading = self._reading(sample)
            if reading is not None:
                yield reading

    def _again(self, sample: Sample) -> bool:
        """Say whether this id gave this quantity already."""
        name = (sample.key, f"{sample.device}|{sample.source}")
        if name in self._seen:
            return True
        self._seen[name] = None
        if len(self._seen) > IDS_KEPT:
            self._seen.popitem(last=False)
        return False

    def _reading(self, sample: Sample) -> Reading | None:
        key, at, value, unit, device, _ = sample
        name = (key, unit, device)
        try:
            kind = self._kinds[name]
        except KeyError:
            if len(self._kinds) >= KINDS_KEPT:
                self._kinds.clear()
            kind = self._kinds[name] = self._kind(key, unit, device)
        quantity = quantities().by_key[key] if kind is None else kind.quantity
        if kind is None:
            if not unit:
                self.without_unit[key] += 1
            self._refuse(f"{quantity.text.en}: a unit that is not known, or none",
                         f"{quantity.text.zh}：单位未知或缺失", _UNIT)  # fmt: skip
            return None
        if not isfinite(value):
            self._problems.refuse(NOT_A_NUMBER, self._where())
            return None
        if not kind.same:
            said = unit or self._assumed.get(key, "")
            value = quantities().canonical(key, value, said) or 0.0
        if not quantity.low <= value <= quantity.high:
            limits = f"{quantity.low:g}-{quantity.high:g} {quantity.unit}"
            self._refuse(f"{quantity.text.en}: not possible (expected {limits})",
                         f"{quantity.text.zh}：数值不可能（应为 {limits}）", _SENSOR)  # fmt: skip
            return None
        if not EARLIEST <= at <= self._latest:
            reason = _TOO_EARLY if at < EARLIEST else _TOO_LATE
            self._problems.refuse(reason, self._where(), _CLOCK)
            return None
        return Reading(kind.channel, at, value)

    def _kind(self, key: str, unit: str, device: str) -> _Kind | None:
        quantity = quantities().by_key[key]
        said = unit or self._assumed.get(key, "")
        one = quantities().canonical(key, 1.0, said)
        if one is None:
            return None
        same = one == 1.0 and quantities().canonical(key, 0.0, said) == 0.0
        return _Kind(Channel(quantity.codes[0][0], quantity.unit, device), quantity, same)

    def _refuse(self, en: str, zh: str, todo: Text) -> None:
        self._problems.refuse(Text(en=en, zh=zh), self._where(), todo)

    def _where(self) -> str:
        return f"value {self.read}"
