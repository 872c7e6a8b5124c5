"""Details of facts as people read them: `2/1d` is twice a day, `-P5D` is 5 days ago."""

from __future__ import annotations

import re
from typing import Final

from suwen.core.codes import Text

_FREQUENCY: Final = re.compile(r"(?P<times>\d+)/(?P<period>\d+)(?P<unit>h|d|wk|mo)")
_LASTING: Final = re.compile(r"(?P<ago>-?)P(?P<time>T?)(?P<number>[\d.]+)(?P<unit>[YMWDHS])")
_UNITS: Final = {
    **{"h": ("hour", "小时"), "d": ("day", "天"), "wk": ("week", "周"), "mo": ("month", "月")},
    **{"Y": ("year", "年"), "M": ("month", "个月"), "W": ("week", "周"), "D": ("day", "天")},
    **{"TH": ("hour", "小时"), "TM": ("minute", "分钟"), "TS": ("second", "秒")},
}
_TIMES: Final = {1: "once", 2: "twice", 3: "three times", 4: "four times"}
_ROUTES: Final = {
    **{"oral": "口服", "intravenous": "静脉", "intramuscular": "肌注", "subcutaneous": "皮下"},
    **{"inhalation": "吸入", "sublingual": "舌下", "topical": "外用", "rectal": "直肠"},
    **{"nasal": "鼻用", "ophthalmic": "滴眼", "transdermal": "透皮"},
}
_DOSE_UNITS: Final = {
    "{tablet}": ("tablet(s)", "片"),
    "{capsule}": ("capsule(s)", "粒"),
    "{puff}": ("puff(s)", "揿"),
    "{drop}": ("drop(s)", "滴"),
    "{sachet}": ("sachet(s)", "袋"),
    "{vial}": ("vial(s)", "支"),
    "[IU]": ("IU", "单位"),
}


def detail(part: str, value: str) -> Text:
    """Return one detail of a fact in words; what is not known stays as it is."""
    if part == "local-term":
        value = value.partition(":")[2]
    if part == "frequency" and (found := _FREQUENCY.fullmatch(value)):
        return _frequency(int(found["times"]), int(found["period"]), found["unit"])
    if found := _LASTING.fullmatch(value):
        return _lasting(found)
    if part == "route":
        return Text(en=value, zh=_ROUTES.get(value, value))
    if part == "as-needed":
        return Text(en="as needed", zh="必要时")
    if part == "dose":
        number, _, unit = value.rpartition(" ")
        en, zh = _DOSE_UNITS.get(unit, (unit, unit))
        return Text(en=f"{number} {en}", zh=f"{number} {zh}")
    return Text(en=value, zh=value)


def _frequency(times: int, period: int, unit: str) -> Text:
    en, zh = _UNITS[unit]
    if period == 1:
        often = _TIMES.get(times, f"{times} times")
        day = "日" if unit == "d" else zh
        return Text(en=f"{often} a {en}", zh=f"每{day}{times}次")
    often = "" if times == 1 else f"{_TIMES.get(times, f'{times} times')} "
    return Text(en=f"{often}every {period} {en}s", zh=f"每{period}{zh}{times}次")


def _lasting(found: re.Match[str]) -> Text:
    en, zh = _UNITS[found["time"] + found["unit"]]
    number = found["number"]
    plural = "" if float(number) == 1 else "s"
    if found["ago"]:
        return Text(en=f"{number} {en}{plural} ago", zh=f"{number}{zh}前")
    return Text(en=f"for {number} {en}{plural}", zh=f"{number}{zh}")
