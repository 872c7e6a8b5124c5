"""What was said in a talk, as a note says it: the third person, no fillers, digits for numbers.

The one a line is about is named once and is `they` after that; verbs follow. Contractions are
written out and word by word repetitions left out. No word of content is added or exchanged:
`suwen.notes.dialogue.draft` counts on that, and `plain` gives the words both have in common.
`knowledge/retelling.toml` has the words.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from suwen.notes.dialogue.talk import Speaker, Voice
from suwen.notes.measures.numerals import with_digits

SOURCE: Final = Path(__file__).parents[1] / "knowledge" / "retelling.toml"
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_TOKEN: Final = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*|[^A-Za-z]+")
_REPEATED: Final = re.compile(r"\b((?:[\w']+ ){0,6}[\w']+)(?:\s*,?\s+\1\b)+", re.IGNORECASE)
_SPACED: Final = re.compile(r"[\s,]+(?=[,.;:!?，。；：！？])|\s+(?=%)")
_RUN: Final = re.compile(r"\s{2,}|\n")
_BEGINS: Final = re.compile(r"^[a-z]|(?<=[.!?] )[a-z]")
_EDGES: Final = " \t\r\n,;:-，、；："
SUBJECTS: Final = ("the patient", "the clinician", "the family member")
ASKED_OF: Final = ("what", "which", "whose", "how")
"""Words that begin a question with a thing between them and its verb."""
_CLOSED: Final = tuple(".!?。！？；;…")


@cache
def _words() -> Mapping[str, Any]:
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


def retold(said: str, voice: Voice) -> str:
    """Return what was said as a sentence of a note; empty where only fillers were said."""
    return closed(told(cleaned(said), voice))


def told(text: str, voice: Voice, named: bool = False) -> str:
    """Return cleaned words in the third person, their numbers as digits.

    Parameters
    ----------
    text
        What `cleaned` returned, or a part of it.
    voice
        Who said it to whom.
    named
        Whether the patient was named before, and is `they` from the beginning.
    """
    if _HAN.search(text):
        chinese = _words()["chinese"]
        me, you = (chinese["names"][who] for who in voice)
        for pattern, put in chinese["person"]:
            text = re.sub(pattern, put.format(me=me, you=you), text)
        return text
    return with_digits(_third_person(text, voice, named))


def closed(text: str) -> str:
    """Return a text whose sentences begin with a capital and end with a stop."""
    text = _SPACED.sub("", text).strip(_EDGES)
    if not text:
        return ""
    text = _BEGINS.sub(lambda match: match[0].upper(), text)
    if text.endswith(_CLOSED):
        return text
    return text + ("。" if _HAN.search(text) else ".")


def cleaned(said: str, whole: bool = False) -> str:
    """Return words without fillers, repetitions and contractions.

    `whole` keeps what stands at the ends and says little by itself (yes, okay): an answer.
    """
    if _HAN.search(said):
        return said.strip(_EDGES) if whole else _chinese(said)
    text = _fillers().sub(" ", written_out(said))
    if not whole:
        before = ""
        while before != text:
            before, text = text, _opening().sub("", text.strip(_EDGES))
    for _ in range(2):
        text = _REPEATED.sub(r"\1", text)
    if not whole:
        text = _closing().sub("", text)
    return _RUN.sub(" ", _SPACED.sub("", text)).strip(_EDGES)


def written_out(said: str) -> str:
    """Return English words with their contractions written out."""
    text = _RUN.sub(" ", said.replace("\u2019", "'"))
    for pattern, put in _contractions():
        text = pattern.sub(put, text)
    return text


def plain(said: str) -> list[str]:
    """Return the words of what was said as `retold` writes them, in any person."""
    text = _SPACED.sub("", written_out(said))
    return re.findall(r"[a-z]+|\d+(?:[.,/]\d+)*|[\u3400-\u9fff]", with_digits(text).lower())


@cache
def _contractions() -> tuple[tuple[re.Pattern[str], str], ...]:
    pairs = _words()["english"]["contractions"]
    return tuple((re.compile(pattern, re.IGNORECASE), put) for pattern, put in pairs)


def _either(words: list[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


@cache
def _fillers() -> re.Pattern[str]:
    words = _either(_words()["english"]["fillers"])
    return re.compile(rf"(?i)(?:(?<=[\s,.])|^)(?:{words})(?=[\s,.!?]|$)\s*,?")


@cache
def _opening() -> re.Pattern[str]:
    """Return a pattern of what is left out at the beginning, some only where it stands alone."""
    english = _words()["english"]
    always, alone, before = (_either(english[n]) for n in ("opening", "opening_alone", "begins"))
    return re.compile(
        rf"(?i)^(?:(?:{always})(?=[\s,.!]|$)|(?:{alone})(?=\s*[,.!]|\s*$|\s+(?:{before})\b))[\s,.!]*"
    )


@cache
def _closing() -> re.Pattern[str]:
    english = _words()["english"]
    always, alone = _either(english["closing"]), _either(english["closing_alone"])
    return re.compile(rf"(?i)(?:[\s,]+(?:{always})[\s?.!]*|\s*,\s*(?:{alone})[\s?.!]*)+$")


@cache
def _others() -> re.Pattern[str]:
    """Return a pattern of other people, beside whom `they` would not say who is meant."""
    return re.compile(rf"(?i)\b(?:{_either(_words()['english']['others'])})\b")


@cache
def _verbs() -> Mapping[str, str]:
    """Return the third person of each verb known."""
    made = {verb: _with_s(verb) for verb in _words()["english"]["verbs"]}
    return made | {"am": "is", "are": "is", "were": "was", "have": "has", "do": "does"}


def _with_s(verb: str) -> str:
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return f"{verb}es"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}s"


@cache
def _people(voice: Voice) -> Mapping[str, tuple[str, str]]:
    """Return what stands for each pronoun at the first mention of the patient, and later."""
    me = {"subject": "i", "object": "me", "owner": "my", "owned": "mine", "self": "myself"}
    you = {"subject": "you", "owner": "your", "owned": "yours", "self": "yourself"}
    return {
        word: _forms(who)[part]
        for who, words in zip(voice, (me, you), strict=True)
        for part, word in words.items()
    }


def _forms(who: Speaker) -> Mapping[str, tuple[str, str]]:
    """Return how a person is called at first and later: only the patient is `they` later."""
    name = {"patient": "the patient", "clinician": "the clinician", "family": "the family member"}
    first = dict.fromkeys(("subject", "object"), name[who])
    first |= dict.fromkeys(("owner", "owned"), f"{name[who]}'s") | {"self": "themselves"}
    later = {"subject": "they", "object": "them", "owner": "their", "owned": "theirs"}
    if who != "patient":
        later = {}
    return {part: (form, later.get(part, form)) for part, form in first.items()}


def _third_person(text: str, voice: Voice, named: bool) -> str:
    """Exchange the persons; the verb beside the first mention of one gets its ending."""
    tokens, people = _TOKEN.findall(text), _people(voice)
    alone = not _others().search(text)
    for place, token in enumerate(tokens):
        forms = people.get(token.lower())
        if forms is None:
            continue
        put = forms[named]
        governed = _is_object(tokens, place)
        if token.lower() == "you" and governed:
            put = put.replace("they", "them")
        tokens[place] = put
        if put in SUBJECTS and not governed:
            _inflect(tokens, place)
        elif token.lower() == "i" and put == "they":
            _plural(tokens, place)
        if alone and (forms[0].startswith("the patient") or forms[0] == "themselves"):
            named = True
    return "".join(tokens)


def _before(tokens: list[str], place: int) -> str:
    """Return the word before a place, empty where a stop or comma stands between."""
    return tokens[place - 2].lower() if place > 1 and tokens[place - 1].isspace() else ""


def _is_object(tokens: list[str], place: int) -> bool:
    """Say whether the pronoun at a place is governed by the word before it (give you, for you)."""
    english, before = _words()["english"], _before(tokens, place)
    after = tokens[place + 2].lower() if place + 2 < len(tokens) else ""
    if before == "have":
        return not _inverted(tokens, place)
    if before in english["watching"]:
        return True
    return before in english["governing"] and after not in {*_verbs(), *english["modals"]}


def _inverted(tokens: list[str], place: int) -> bool:
    """Say whether the verb before the pronoun at a place opens a question (what drugs do you)."""
    before = _before(tokens, place - 2)
    return before in ("", *_words()["english"]["asking"]) or tokens[0].lower() in ASKED_OF


def _inflect(tokens: list[str], place: int) -> None:
    """Give the verb of a subject its ending: before it in a question, after it elsewhere."""
    english, before = _words()["english"], _before(tokens, place)
    if before in ("do", "are", "were", "have", "am") and _inverted(tokens, place):
        tokens[place - 2] = _verbs()[before]
        return
    if before in english["auxiliaries"]:
        return
    at = place + 2
    while at < len(tokens) and tokens[at].lower() in english["adverbs"]:
        at += 2
    if at < len(tokens) and tokens[at - 1].isspace() and tokens[at].lower() in _verbs():
        tokens[at] = _verbs()[tokens[at].lower()]


def _plural(tokens: list[str], place: int) -> None:
    """Write the verb beside a later `they` in the plural."""
    for at in (place - 2, place + 2):
        if 0 <= at < len(tokens) and tokens[at].lower() in ("am", "was"):
            tokens[at] = {"am": "are", "was": "were"}[tokens[at].lower()]


def _chinese(said: str) -> str:
    words = _words()["chinese"]
    text = re.sub(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])", "，", said.strip())
    opening = re.compile(rf"^(?:{_either(words['opening'])})(?=[，,、。！!…\s]|$)[，,、。！!…\s]*")
    while shorter := opening.match(text):
        text = text[shorter.end() :]
    return re.sub(rf"(?:{_either(words['closing'])})+(?=[，。；！？,.;!?]|$)", "", text)
