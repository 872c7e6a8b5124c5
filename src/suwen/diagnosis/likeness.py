"""What an answer is compared with: similar development examples, in words and as small pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from suwen.core.codes import Language
from suwen.core.nouns import COMPARED, Digest, Finding, SimilarExample
from suwen.diagnosis.language import say
from suwen.diagnosis.pictures import PICTURES, Picture, picture
from suwen.diagnosis.wording import quoted

EXAMPLE = "example/"
"""Begins the reference of a development example."""


@dataclass(frozen=True)
class Likeness:
    """One similar development example; or this case itself, with a picture and no similarity."""

    what: str
    known: str = ""
    similarity: str = ""
    example: str = ""
    """Data set and key."""
    picture: Picture | None = None


def similar_examples(
    findings: Sequence[Finding], language: Language, blob: Callable[[Digest], bytes]
) -> tuple[Likeness, ...]:
    """Return the development examples that findings are compared with, the most similar first.

    Where they have pictures, the case itself comes first, drawn as they are.

    Parameters
    ----------
    findings, language
        What was answered, and the language of the words.
    blob
        Returns the bytes of an attachment by SHA-256; none where it is not at hand.
    """
    return tuple(one for finding in findings for one in _compared(finding, language, blob))


def _compared(
    finding: Finding, language: Language, blob: Callable[[Digest], bytes]
) -> Iterator[Likeness]:
    kept = {one.role: one for one in finding.attachments if one.media_type in PICTURES}

    def shown(role: str, caption: str) -> Picture | None:
        attachment = kept.get(role)
        return picture(caption, attachment, blob(attachment.digest)) if attachment else None

    this = say(language, "This case")
    if own := shown(COMPARED, say(language, "This case, drawn as the examples are")):
        yield Likeness(this, picture=own)
    for one in finding.evidence:
        if isinstance(one, SimilarExample):
            what, name = quoted(one.label.of(language)), one.record.removeprefix(EXAMPLE)
            caption = say(language, "Development example, %(what)s", what=what)
            yield Likeness(
                what=what,
                known=quoted(one.note.of(language)) if one.note else "",
                similarity=f"{one.weight:.2f}",
                example=quoted(name, 120),
                picture=shown(one.picture_role, caption),
            )
