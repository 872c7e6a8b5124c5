"""What stands for an identifier where a text has to read on: consistent within one subject.

Names keep their script, case, gender and initials; numbers their length, separators and check
digits, in ranges that nobody is given; institutions and addresses their kind. Nothing is drawn at
random: the subject's key and the original decide, so that the same name is the same again in
every note of one patient and in no note of another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from suwen.privacy.chinese.names import HAN
from suwen.privacy.subjects.subject import Subject
from suwen.privacy.subjects.surrogate_numbers import number_like
from suwen.privacy.words.folding import fold
from suwen.privacy.words.lexicon import english_names, table, words

LISTS: Final = "surrogates.toml"
_WORD: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_PARTS: Final = re.compile(
    "(省|自治区|自治州|地区|市|区|县|旗|镇|乡|街道|村|社区|屯|组|队|大道|胡同|路|街|巷|弄|道|里|小区|花园|苑|大厦|广场|家园|"
    "公寓|新村|号楼|号院|号|楼|栋|幢|座|单元|层|室|户|院区|分院|总院)"
)
_SMALL: Final = frozenset(
    ["of", "and", "the", "in", "at", "for", "on", "de", "la", "el", "st", "saint", "mt", "mount"]
)


def surrogate(subject: Subject, kind: str, text: str) -> str:
    """Return what stands for an identifier that is no date and no age.

    Parameters
    ----------
    subject
        Whose text it is in.
    kind
        Key of its type.
    text
        As it is written.
    """
    plain = fold(text).text
    if kind == "name":
        return digits_like(subject, kind, _person(subject, plain))
    if kind in ("place", "facility", "organisation", "address", "department"):
        if re.search(HAN, plain):
            return _chinese_place(subject, kind, plain)
        return _english_place(subject, kind, plain)
    return number_like(subject, kind, plain)


def _pick(subject: Subject, kind: str, original: str, pool: Sequence[str]) -> str:
    """Return the member of a pool that stands for an original, never the original itself."""
    for number in subject.draws(kind, original):
        chosen = pool[number % len(pool)]
        if chosen != original and chosen not in original:
            return chosen
    return pool[0]  # draws never end: for the type checker


def _like(new: str, old: str) -> str:
    """Return a word in the case of another."""
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new.capitalize() if old[:1].isupper() else new.lower()


@lru_cache(maxsize=4)
def _english(flag: str) -> tuple[str, ...]:
    listed = english_names().items()
    return tuple(
        name for name, flags in listed if flag in flags and "w" not in flags and len(name) > 2
    )


def _person(subject: Subject, text: str) -> str:
    if re.search(HAN, text):
        return _chinese_person(subject, text)
    kept = words("english.toml", "titles") | words("english.toml", "particles")
    kept |= words("english.toml", "degrees") - {"ot"}
    found = [one for one in _WORD.finditer(text) if one[0].lower() not in kept]
    if not found:
        # Doctor Do, Mr. Al: a title or a particle can be all there is of a name.
        kept = words("english.toml", "titles") if len(_WORD.findall(text)) > 1 else frozenset()
        found = [one for one in _WORD.finditer(text) if one[0].lower() not in kept]
    last = found[-1].start() if len(found) > 1 else -1

    def other(one: re.Match[str]) -> str:
        low = one[0].lower().removesuffix("'s")
        if low in kept:
            return one[0]
        if len(low) == 1:
            letter = _pick(subject, "initial", low, "abcdefghjklmnprstw")
            return _like(letter, one[0]) if one[0].islower() else letter.upper()
        gender = english_names().get(low, "")[:1]
        if gender in ("m", "f") and not (one.start() == last and len(found) > 1):
            chosen = _pick(subject, "first name", low, _english(gender))
        elif gender == "b" and not (one.start() == last and len(found) > 1):
            chosen = _pick(subject, "first name", low, _english("b"))
        else:
            chosen = _pick(subject, "surname", low, _english("l"))
        return _like(chosen, one[0])

    return _WORD.sub(other, text)


def _chinese_person(subject: Subject, text: str) -> str:
    lists, own = table("chinese.toml"), table(LISTS)
    title = next(
        (one for one in sorted(lists["titles"], key=len, reverse=True) if text.endswith(one)), ""
    )
    title = title if len(title) < len(text) else ""
    name = re.sub(r"\s", "", text[: len(text) - len(title)])
    if "·" in name:
        parts = (
            "".join(_pick(subject, "given name", one, own["zh_foreign"]) for one in part)
            for part in name.split("·")
        )
        return "·".join(parts) + title
    compound = next((one for one in lists["compound_surnames"] if name.startswith(one)), "")
    surname, given = (compound, name[len(compound) :]) if compound else (name[:1], name[1:])
    pool = lists["compound_surnames"][:20] if compound else lists["surnames"][:100]
    chosen = _pick(subject, "surname", surname, pool)
    female = any(one in own["zh_female"] for one in given)
    male = any(one in own["zh_male"] for one in given)
    letters = own["zh_other"] if female == male else own["zh_female" if female else "zh_male"]
    return chosen + "".join(_pick(subject, "given name", one, letters) for one in given) + title


@lru_cache(maxsize=1)
def _kinds() -> tuple[frozenset[str], frozenset[str]]:
    """Return words that say what a facility is, and words that say what a street or state is."""
    lists = table("english.toml")
    heads = " ".join([*lists["facility_heads"], *lists["facility_weak"]])
    facility = frozenset(re.findall(r"[a-z]+", heads.replace("\\s", " "))) - {"s", "jefferson"}
    streets = frozenset(re.findall(r"[a-z]+", lists["street_ends"].replace("\\s", " ")))
    return facility, streets | frozenset(
        ["apt", "suite", "unit", "floor", "po", "box", "north", "south", "east", "west"]
    )


def _english_place(subject: Subject, kind: str, text: str) -> str:
    facility, streets = _kinds()
    pool = table(LISTS)["places"].split()
    states = words("english.toml", "states")
    kept = _SMALL | (streets if kind == "address" else facility if kind != "place" else frozenset())
    low_pool = [one.lower() for one in pool]

    def other(one: re.Match[str]) -> str:
        low = one[0].lower().removesuffix("'s")
        state = low in states and one[0].isupper() and one.start() > 0
        if low in kept or state:
            return one[0]
        return _like(_pick(subject, "place", low, low_pool), one[0])

    changed = _WORD.sub(other, text)
    if changed == text and not re.search(r"\d", text):
        changed = f"{_pick(subject, 'place', text, pool)} {text.rsplit(maxsplit=1)[-1]}"
        changed = changed if text[:1].isupper() else changed.lower()
    return digits_like(subject, kind, changed)


def digits_like(subject: Subject, kind: str, text: str) -> str:
    """Return a text with other digits; five in a row begin with 000, a postal code of nowhere."""

    def other(one: re.Match[str]) -> str:
        drawn = (str(number % 10) for number in subject.draws(kind, one[0]))
        new = "".join(next(drawn) for _ in one[0])
        while new == one[0]:
            new = "".join(next(drawn) for _ in one[0])
        if len(new) == 5:
            return "000" + new[3:]
        return new

    return re.sub(r"\d+", other, text)


def _chinese_place(subject: Subject, kind: str, text: str) -> str:
    lists, pool = table("chinese.toml"), table(LISTS)["zh_places"].split()
    if kind == "department":
        listed = lists["departments"].split()
        head = next(
            (one for one in sorted(listed, key=len, reverse=True) if text.startswith(one)), ""
        )
        new = _pick(subject, kind, head, listed[:40]) if head else ""
        rest = digits_like(subject, kind, text[len(head) :])
        return new + rest if head or rest != text else _pick(subject, kind, text, listed[:40])
    heads = [*lists["facility_heads"], *lists["organisation_heads"]]
    head = next((one for one in sorted(heads, key=len, reverse=True) if one in text), "")
    if kind in ("facility", "organisation") or (head and "路" not in text and "号" not in text):
        return _pick(subject, "place", text, pool) + (head or "单位")
    pieces: list[str] = []
    for place, piece in enumerate(_PARTS.split(text)):
        letters = re.sub(rf"(?:{HAN})+", lambda one: _pick(subject, "place", one[0], pool), piece)
        pieces.append(piece if place % 2 else digits_like(subject, kind, letters))
    return "".join(pieces)
