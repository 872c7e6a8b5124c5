"""Names, addresses, institutions and departments in Chinese text.

What stands behind a label of a record (姓名：, 住址：, 科别：) is taken for what the label says;
elsewhere surnames, titles and endings decide, with the words of a published tagger. Lists are in
`knowledge/chinese.toml`, with their sources.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from suwen.core.codes import Text
from suwen.privacy.chinese.tagger import LONGEST, Tagged, tagger
from suwen.privacy.words.identifier import Identifier
from suwen.privacy.words.lexicon import table, words

LISTS: Final = "chinese.toml"
HAN: Final = "[\u3400-\u4dbf\u4e00-\u9fff]"
_PIECE: Final = re.compile(rf"[^\n。；;!！?？]{{1,{LONGEST}}}[。；;!！?？]?")

LABEL = Text(en="after the label of a field", zh="字段标签之后")
CUE = Text(en="surname and given name after a word for a person", zh="人物称谓后的姓名")
TITLE = Text(en="surname before a title", zh="职称、称呼前的姓名")
TAGGED = Text(en="tagged as a name, place or institution", zh="分词标注为人名、地名或机构")
ADDRESS = Text(en="administrative division, street and number", zh="行政区划、街道与门牌")
FACILITY = Text(en="name before a kind of care facility", zh="医疗机构名称")
DEPARTMENT = Text(en="department, ward or bed", zh="科室、病区或床号")
ORGANISATION = Text(en="name before a kind of organisation", zh="机构名称")
AGAIN = Text(en="name found elsewhere in the text", zh="文中他处已出现的姓名")


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    lists, forms = table(LISTS), table("chinese_patterns.toml")
    places = [*lists["provinces"], *lists["prefectures"].split()]
    macros = {
        "{EDGE}": forms["edge"],
        "{PART}": forms["part"],
        "{SURNAME}": f"(?:{'|'.join(lists['compound_surnames'])}|[{lists['surnames']}])",
        "{SURNAMES}": lists["surnames"],
        "{NAME_CUE}": _any(lists["name_cues"]),
        "{NAME_LABEL}": lists["name_labels"],
        "{SIGNING}": lists["signing_labels"],
        "{NOT_CALLED}": lists["not_called"],
        "{TITLE}": "|".join(lists["titles"]),
        "{ADDRESS_LABEL}": lists["address_labels"],
        "{EMPLOYER_LABEL}": lists["employer_labels"],
        "{DEPARTMENT_LABEL}": lists["department_labels"],
        "{DEPARTMENT}": _any(lists["departments"].split()),
        "{FACILITY}": "|".join(lists["facility_heads"]),
        "{ORGANISATION}": "|".join(lists["organisation_heads"]),
        "{PLACE}": _any(places),
        "{HAN}": HAN,
    }
    found = {}
    for name, form in forms["patterns"].items():
        pattern = form
        for macro, written in macros.items():
            pattern = pattern.replace(macro, written)
        found[name] = re.compile(pattern)
    return found


def _any(listed: Sequence[str]) -> str:
    return "|".join(sorted(listed, key=len, reverse=True))


def identifiers(text: str) -> list[Identifier]:
    """Return names, addresses, institutions and departments of a folded text."""
    said = [word for piece in _PIECE.finditer(text) if re.search(HAN, piece[0])
            for word in tagger().words(piece[0], piece.start())]  # fmt: skip
    found = [*_labelled(text), *_named(text, said), *_placed(text), *_tagged(text, said)]
    found += _institutions(text, said)
    return [*found, *_again(text, found)]


def _labelled(text: str) -> Iterator[Identifier]:
    patterns = _patterns()
    kinds = (
        ("label", "name", 0.95),
        ("given_label", "name", 0.9),
        ("address_label", "address", 0.9),
        ("employer_label", "organisation", 0.85),
        ("postcode", "address", 0.9),
        ("department_label", "department", 0.85),
    )
    for name, kind, certainty in kinds:
        for found in patterns[name].finditer(text):
            if kind != "name" or not _ordinary(found["v"]):
                yield Identifier(*found.span("v"), kind, LABEL, certainty)


def _ordinary(name: str) -> bool:
    """Say whether a word that begins like a surname is none."""
    if re.search("[癌瘤炎症髂肺肝肾胃肠膜腺淋髋肋腹腔诊]", name) or name[1:2] == "氏":
        return True
    return any(
        name.startswith(one) for one in words(LISTS, "not_names") if one[0] == name[:1]
    ) or name in (
        words(LISTS, "titles") | frozenset(("不详", "未知", "同上", "本人", "家属", "无名氏"))
    )


NAMED: Final = (
    ("cue", CUE, 0.8),
    ("sexed", CUE, 0.8),
    ("signed", LABEL, 0.8),
    ("kin", CUE, 0.7),
    ("owner", CUE, 0.75),
    ("alone", LABEL, 0.7),
    ("given", LABEL, 0.8),
    ("quoted", LABEL, 0.7),
    ("initials", LABEL, 0.85),
    ("foreign", CUE, 0.75),
    ("people", CUE, 0.75),
    ("nick", CUE, 0.7),
    ("called", TITLE, 0.6),
)
"""Forms of names by their pattern, why, and how sure that makes us."""


def _named(text: str, said: Sequence[Tagged]) -> Iterator[Identifier]:
    patterns, word_surnames = _patterns(), table(LISTS)["word_surnames"]
    for name, why, certainty in NAMED:
        for found in patterns[name].finditer(text):
            if not _ordinary(found["v"]):
                yield Identifier(*found.span("v"), "name", why, certainty)
    begins = {word.start for word in said}
    for found in patterns["title"].finditer(text):
        name = found["v"]
        # One character before a title is a surname only where a word begins: 责任护士 names no one.
        one = len(name) == 1 and (name in word_surnames or found.start() not in begins)
        if not _ordinary(name) and not one:
            yield Identifier(*found.span("v"), "name", TITLE, 0.8)
    for found in patterns["dotted"].finditer(text):
        yield Identifier(*found.span(), "name", CUE, 0.7)
    yield from _announced(text, said)


def _announced(text: str, said: Sequence[Tagged]) -> Iterator[Identifier]:
    """Yield words after a word for a person that begin with a surname: 患者甘露诉 ..."""
    cue, first = _patterns()["announced"], table(LISTS)["surnames"]
    for before, word in pairwise(said):
        shown = text[word.start : word.end]
        if (
            len(shown) in (2, 3)
            and shown[0] in first
            and shown[0] not in table(LISTS)["word_surnames"]
            and word.tag in ("PER", "nz", "nw", "n", "a", "an")
            and cue.fullmatch(text[before.start : before.end])
            and not _ordinary(shown)
        ):
            certain = word.tag in ("PER", "nw", "nz")
            yield Identifier(word.start, word.end, "name", CUE, 0.7 if certain else 0.5)


def _placed(text: str) -> Iterator[Identifier]:
    patterns = _patterns()
    for found in patterns["address"].finditer(text):
        kind = "address" if re.search(r"[路街巷弄村镇乡号栋幢室]|小区", found[0]) else "place"
        yield Identifier(*found.span(), kind, ADDRESS, 0.8)
    for found in patterns["street"].finditer(text):
        start = found.start() + _untold(found[0])
        yield Identifier(start, found.end(), "address", ADDRESS, 0.8)
    for name in ("roads", "native"):
        for found in patterns[name].finditer(text):
            yield Identifier(*found.span(), "address", ADDRESS, 0.7)
    for found in patterns["department"].finditer(text):
        yield Identifier(*found.span(), "department", DEPARTMENT, 0.7)


def _untold(text: str) -> int:
    """Return how many characters before a street belong to the sentence, not to its name."""
    found = re.match(r".*(?:住在|位于|现住|家住|住|在|于|到|至|从|自|来)(?=.{2,})", text)
    return found.end() if found else 0


def _tagged(text: str, said: Sequence[Tagged]) -> Iterator[Identifier]:
    """Yield what the tagger takes for names and places; places side by side are one."""
    first = table(LISTS)["surnames"]
    for word in said:
        shown = text[word.start : word.end].strip()
        if word.tag == "PER" and re.fullmatch(rf"{HAN}[{HAN[1:-1]}·\s]{{1,8}}", shown):
            surname = shown[0] in first or shown[:2] in table(LISTS)["compound_surnames"]
            if (surname or "·" in shown) and not _ordinary(shown):
                title = next((one for one in table(LISTS)["titles"] if shown.endswith(one)), "")
                if len(title) < len(shown):
                    yield Identifier(word.start, word.end - len(title), "name", TAGGED, 0.75)
        elif word.tag == "LOC" and re.match(HAN, shown) and len(shown) > 1 and not _bodily(shown):
            head = _patterns()["facility"].search(text, word.start, word.end)
            end = head.end() if head else word.end
            number = re.compile(r"[\dA-Za-z-]{1,6}(?:号楼|号|栋|幢|座|单元|层|室|户|房)").match(
                text, end
            )
            while number is not None:
                end = number.end()
                number = number.re.match(text, end)
            yield Identifier(word.start, end, "place", TAGGED, 0.65)


def _bodily(text: str) -> bool:
    """Say whether a place is one of the body, or of no one."""
    return bool(
        re.search(
            r"[部肺肝肾胃肠骨膝肩髋颈胸腹腰背腔管侧叶脑心脾胰膀胱]|我国|中国|国内|国外|全国|东南亚|非洲|欧洲|美国|日本|韩国|英国|德国",
            text,
        )
    )


def _institutions(text: str, said: Sequence[Tagged]) -> Iterator[Identifier]:
    patterns = _patterns()
    starts = [word.start for word in said]
    for name, kind, why in (
        ("facility", "facility", FACILITY),
        ("organisation", "organisation", ORGANISATION),
    ):
        for found in patterns[name].finditer(text):
            begin = _begin(text, said, starts, found.start(), found.end())
            if begin < found.start():
                after = patterns["campus"].match(text, found.end())
                yield Identifier(begin, after.end() if after else found.end(), kind, why, 0.85)
    for word in said:
        shown = text[word.start : word.end]
        named = word.tag == "ORG" and len(shown) > 3 and re.match(HAN, shown)
        if named and not patterns["department"].fullmatch(shown) and not _generic(shown):
            yield Identifier(word.start, word.end, "organisation", TAGGED, 0.55)


def _generic(text: str) -> bool:
    """Say whether an institution is none in particular: 当地医院, 我院, WHO."""
    head = next(
        (
            one
            for one in (*table(LISTS)["facility_heads"], *table(LISTS)["organisation_heads"])
            if text.endswith(one)
        ),
        "",
    )
    return (
        text.removesuffix(head) in words(LISTS, "generic_facilities")
        or text[:-1] in ("我", "本", "外", "该")
        or text.startswith(("世界卫生组织", "国家卫", "中华医学会", "中华人民共和国"))
    )


def _begin(text: str, said: Sequence[Tagged], starts: Sequence[int], head: int, end: int) -> int:
    """Return where the name of an institution begins whose kind begins at `head`."""
    i = bisect_right(starts, head) - 1
    begin = head
    generic = words(LISTS, "generic_facilities")
    while i >= 0:
        word = said[i]
        if word.end > end or (word.end < begin and text[word.end : begin].strip()):
            break
        shown = text[word.start : min(word.end, begin)]
        if shown and word.start < head:
            named = word.tag in (
                "LOC",
                "ORG",
                "nz",
                "n",
                "nw",
                "PER",
                "f",
                "s",
                "a",
                "an",
                "m",
                "q",
                "j",
                "vn",
                "ns",
            )
            numbered = word.tag == "w" and shown in "（）()·"
            if not (named or numbered) or shown in generic or _stop(shown):
                break
            begin = word.start
        i -= 1
    while begin < head and text[begin] in "（）()· ":
        begin += 1
    name = text[begin:head]
    trimmed = re.match(
        r".*(?:就诊于|入住|转入|转至|送至|送往|前往|收住|外院|我院|当地|患者|家属|于|在|到|至|往|由|从|经|赴)(?=.{2,})",
        name,
    )
    begin += trimmed.end() if trimmed else 0
    return head if text[begin:head] in generic or not text[begin:head].strip() else begin


def _stop(text: str) -> bool:
    return text in (
        "患者",
        "病人",
        "家属",
        "医生",
        "医师",
        "时间",
        "日期",
        "诊断",
        "目前",
        "入院",
        "出院",
        "住院",
        "门诊",
        "急诊",
        "单位",
        "地址",
    )


def _again(text: str, found: Sequence[Identifier]) -> Iterator[Identifier]:
    """Yield where a name found before stands again, also with blanks put into it."""
    for name in {text[one.start : one.end] for one in found if one.type == "name"}:
        letters = re.sub(r"\s", "", name)
        if len(letters) > 1 and re.fullmatch(rf"(?:{HAN}|·)+", letters):
            pattern = r"\s{0,3}".join(map(re.escape, letters))
            for match in re.finditer(pattern, text):
                yield Identifier(*match.span(), "name", AGAIN, 0.75)
