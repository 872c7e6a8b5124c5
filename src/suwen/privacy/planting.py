"""Identifiers planted into notes, plainly and in disguise, to count what survives.

A planted identifier survives if its letters and digits, or a telling part of them (a name of a
person, seven digits in a row), can still be read in the de-identified text. Everything is drawn
from a seed; what is planted belongs to nobody (see `knowledge/planted.toml`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from suwen.core.codes import Language
from suwen.privacy.words import checksums
from suwen.privacy.words.folding import fold
from suwen.privacy.words.lexicon import table

LISTS: Final = "planted.toml"
_SLOT: Final = re.compile(r"\{(\w+)\}")


@lru_cache(maxsize=32)
def _pool(name: str) -> tuple[str, ...]:
    """Return what is drawn from, single characters where nothing parts them."""
    listed: str = table(LISTS)["pools"][name]
    return tuple(listed.split("|") if "|" in listed else listed)


@dataclass(frozen=True)
class Planted:
    """A note with identifiers of which each is known.

    `values` holds type of slot, the value as it was drawn and as it is written in the text.
    """

    text: str
    language: Language
    disguise: str
    values: tuple[tuple[str, str, str], ...]


def _digits(draw: random.Random, count: int) -> str:
    return str(draw.randint(1, 9)) + "".join(str(draw.randint(0, 9)) for _ in range(count - 1))


def _day(draw: random.Random) -> date:
    return date(2015, 1, 1) + timedelta(days=draw.randint(0, 3600))


def _english_day(draw: random.Random) -> str:
    day = _day(draw)
    ending = "th" if 10 < day.day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return draw.choice(
        (
            f"{day:%m/%d/%Y}",
            f"{day:%Y-%m-%d}",
            f"{_pool('months')[day.month - 1]} {day.day}{ending}, {day.year}",
            f"{_pool('months')[day.month - 1][:3]} {day.day}, {day.year}",
            f"{day.day}-{_pool('months')[day.month - 1][:3]}-{day.year}",
            f"{day:%m/%d/%y}",
        )
    )


def _chinese_day(draw: random.Random) -> str:
    day = _day(draw)
    forms = (
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%Y-%m-%d}",
        f"{day.month}月{day.day}日",
        f"{day:%Y/%m/%d}",
        f"{day.year}年{day.month}月{day.day}号",
    )
    chosen: str = draw.choice(forms)
    return chosen


def _english_name(draw: random.Random) -> str:
    return f"{draw.choice(_pool('first'))} {draw.choice(_pool('last'))}"


def _chinese_name(draw: random.Random) -> str:
    surname = draw.choice([*_pool("zh_surnames"), "欧阳", "诸葛", "司马"])
    return surname + "".join(draw.choice(_pool("zh_given")) for _ in range(draw.choice((1, 2, 2))))


def _resident(draw: random.Random) -> str:
    born = date(1940, 1, 1) + timedelta(days=draw.randint(0, 27000))
    body = (
        f"{draw.choice(('110105', '330106', '510107', '420102'))}{born:%Y%m%d}"
        f"{draw.randint(0, 999):03d}"
    )
    return body + checksums.resident_digit(body)


def _card(draw: random.Random) -> str:
    body = f"62{_digits(draw, 16)}"
    return body + checksums.luhn_digit(body)


def _vin(draw: random.Random) -> str:
    body = "".join(draw.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(17))
    body = body[:8] + "0" + body[9:]
    return body[:8] + checksums.vin_digit(body) + body[9:]


def _iban(draw: random.Random) -> str:
    account = f"{draw.randint(10**17, 10**18 - 1)}"
    return f"DE{checksums.iban_digits('DE', account)}{account}"


def _phone(draw: random.Random) -> str:
    area, office, line = draw.randint(201, 989), draw.randint(200, 999), draw.randint(0, 9999)
    return draw.choice(
        ("{}-{}-{:04d}", "({}) {}-{:04d}", "{}.{}.{:04d}", "+1 {} {} {:04d}")
    ).format(area, office, line)


Draw = Callable[[random.Random], str]
_BOTH: Final[Mapping[str, Draw]] = {
    "email": lambda d: (
        f"{d.choice(_pool('first')[:4]).lower()}.{_digits(d, 3)}@{d.choice(('mail', 'clinic'))}.com"
    ),
    "url": lambda d: f"https://records.example.com/p/{_digits(d, 6)}",
    "ip": lambda d: ".".join(str(d.randint(11, 250)) for _ in range(4)),
    "device": lambda d: f"PM{_digits(d, 8)}",
    "card": _card,
    "passport": lambda d: f"E{_digits(d, 8)}",
    "old": lambda d: str(d.randint(91, 104)),
}
_ENGLISH: Final[Mapping[str, Draw]] = {
    **_BOTH,
    "name": _english_name,
    "doctor": _english_name,
    "family": _english_name,
    "date": _english_day,
    "date2": _english_day,
    "mrn": lambda d: d.choice(("{}", "MR-{}", "{}-XY")).format(_digits(d, 7)),
    "phone": _phone,
    "fax": _phone,
    "ssn": lambda d: f"{d.randint(100, 665)}-{d.randint(10, 99)}-{d.randint(1000, 9999)}",
    "plan": lambda d: f"HP-{_digits(d, 7)}",
    "account": lambda d: _digits(d, 10),
    "license": lambda d: f"D{_digits(d, 8)}",
    "plate": lambda d: f"{d.randint(1, 9)}ABC{d.randint(100, 999)}",
    "vin": _vin,
    "iban": _iban,
    "biometric": lambda d: f"FP{_digits(d, 6)}",
    "social": lambda d: f"user_{_digits(d, 6)}",
    "hospital": lambda d: d.choice(_pool("hospitals")),
    "city": lambda d: d.choice(_pool("cities")),
    "address": lambda d: (
        f"{d.randint(10, 9999)} {d.choice(_pool('streets'))}, {d.choice(_pool('cities'))}, "
        f"{d.choice(('MA', 'TX', 'WA'))} {_digits(d, 5)}"
    ),
}
_CHINESE: Final[Mapping[str, Draw]] = {
    **_BOTH,
    "name": _chinese_name,
    "doctor": _chinese_name,
    "family": _chinese_name,
    "date": _chinese_day,
    "date2": _chinese_day,
    "id": _resident,
    "phone": lambda d: f"1{d.choice('3578')}{_digits(d, 9)}",
    "landline": lambda d: f"0{d.choice(('10', '21', '571'))}-{d.randint(2, 8)}{_digits(d, 7)}",
    "mrn": lambda d: d.choice(("{}", "ZY{}", "B{}")).format(_digits(d, 8)),
    "plan": lambda d: _digits(d, 12),
    "plate": lambda d: (
        f"{d.choice('京沪浙粤川鄂')}{d.choice('ABCDE')}{d.choice(('·', ''))}"
        f"{d.choice('ABCDEFGH')}{_digits(d, 4)}"
    ),
    "wechat": lambda d: f"wx_{d.choice(_pool('first')[:4]).lower()}{_digits(d, 4)}",
    "qq": lambda d: _digits(d, 9),
    "hospital": lambda d: d.choice(_pool("zh_hospitals")),
    "dept": lambda d: d.choice(_pool("zh_depts")),
    "bed": lambda d: f"{d.randint(1, 60)}",
    "city": lambda d: d.choice(_pool("zh_cities")),
    "work": lambda d: d.choice(_pool("zh_work")),
    "address": lambda d: (
        f"{d.choice(_pool('zh_cities'))}{d.choice(_pool('zh_districts'))}{d.choice(_pool('zh_roads'))}"
        f"{d.randint(1, 999)}号{d.randint(1, 30)}幢{d.randint(101, 2909)}室"
    ),
}
DRAWS: Final[Mapping[Language, Mapping[str, Draw]]] = {"en": _ENGLISH, "zh": _CHINESE}
_LOOKALIKE: Final = str.maketrans("AaBCcEeHIiJjKMOoPpSsTXxy", "АаВСсЕеНІіЈјКМОоРрЅѕТХху")


def _between(mark: str) -> Callable[[str, random.Random], str]:
    def put(value: str, draw: random.Random) -> str:
        place = draw.randint(1, max(1, len(value) - 1))
        return value[:place] + mark + value[place:]

    return put


def _broken(value: str, draw: random.Random) -> str:
    """Break a line where a value has a blank, or within its digits."""
    if " " in value:
        return value.replace(" ", "\n", 1)
    found = list(re.finditer(r"\d(?=\d)", value))
    if len(found) < 5:
        return value
    place = found[len(found) // 2].end()
    return value[:place] + "\n" + value[place:]


DISGUISES: Final[Mapping[str, Callable[[str, random.Random], str]]] = {
    "plain": lambda value, draw: value,
    "full-width": lambda value, draw: "".join(
        chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in value
    ),
    "zero-width": _between("\u200b"),
    "soft hyphen": _between("\u00ad"),
    "word joiner": lambda value, draw: "\u2060".join(value),
    "lookalikes": lambda value, draw: value.translate(_LOOKALIKE),
    "Arabic-Indic digits": lambda value, draw: value.translate(
        str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    ),
    "line break": _broken,
    "lower case": lambda value, draw: value.lower(),
    "upper case": lambda value, draw: value.upper(),
}


def plant(
    seed: int, disguises: Mapping[str, Callable[[str, random.Random], str]] = DISGUISES
) -> Iterator[Planted]:
    """Yield every template of both languages in every disguise, filled from a seed."""
    draw = random.Random(seed)
    for language, draws in DRAWS.items():
        for template in table(LISTS)[language]:
            for name, disguise in disguises.items():
                yield _filled(template, language, name, disguise, draws, draw)


def _filled(
    template: str,
    language: Language,
    name: str,
    disguise: Callable[[str, random.Random], str],
    draws: Mapping[str, Draw],
    draw: random.Random,
) -> Planted:
    values: list[tuple[str, str, str]] = []

    def fill(found: re.Match[str]) -> str:
        value = draws[found[1]](draw)
        # Prose in capitals or without any: the whole note is, below.
        written = value if name.endswith("case") else disguise(value, draw)
        values.append((found[1], value, written))
        return written

    text = _SLOT.sub(fill, template)
    if name.endswith("case"):
        text = disguise(text, draw)
    return Planted(text, language, name, tuple(values))


def survivors(planted: Planted, text: str) -> list[tuple[str, str]]:
    """Return type and value of what was planted and can still be read in a text."""
    read = _read(text)
    return [(slot, value) for slot, value, _ in planted.values if _survives(slot, value, read)]


def _read(text: str) -> str:
    """Return what a determined reader makes of a text: folded, in lower case, one line."""
    return re.sub(r"\s+", " ", fold(text).text.lower())


def _survives(slot: str, value: str, read: str) -> bool:
    plain = fold(value).text.lower()
    solid = re.sub(r"[\W_]", "", plain)
    if slot == "bed":
        return re.search(rf"床号[:：]\s?{solid}|(?<!\d){solid}床", read) is not None
    if slot == "old":
        return (
            re.search(rf"(?<!\d){solid}(?:岁|\s?-?years?)|(?:age:?|年龄[:：]?)\s?{solid}", read)
            is not None
        )
    if slot in ("name", "doctor", "family") and plain.isascii():
        parts = [one for one in plain.split() if len(one) > 2]
        return any(re.search(rf"(?<![a-z]){re.escape(one)}(?![a-z])", read) for one in parts)
    digits = re.sub(r"\D", "", plain)
    runs = re.sub(r"(?<=\d)[\W_](?=\d)", "", read)
    if len(digits) >= 7 and digits[:7] in runs:
        return True
    return solid in re.sub(r"[\W_]", "", read)
