"""Beside an answer stand pictures of the case and of the examples it is compared with."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from PIL import Image

from suwen.core.errors import IntegrityError
from suwen.core.nouns import COMPARED, Attachment, Case, Finding, Report, SimilarExample
from suwen.diagnosis.compose import compose
from suwen.diagnosis.html import html_report
from suwen.diagnosis.likeness import similar_examples
from suwen.diagnosis.pdf import pdf_report
from suwen.diagnosis.view import Particulars, view

KEY_IMAGES = 4
ALT = re.compile(r'<img src="data:image/(?:jpeg|webp);base64,[^"]+" alt="([^"]+)"')


def drawn(level: int, kind: str) -> bytes:
    out = BytesIO()
    Image.new("L", (72, 60), level).save(out, kind)
    return out.getvalue()


@pytest.fixture(params=["JPEG", "WEBP"])
def kind(request: pytest.FixtureRequest) -> str:
    """How packs keep pictures: those of earlier releases as JPEG."""
    return request.param


@pytest.fixture
def compared(findings: list[Finding], kind: str) -> Finding:
    """The suspicious nodule with a picture of itself and of each example."""
    found = findings[3]
    roles = [COMPARED, *(e.picture_role for e in found.evidence if isinstance(e, SimilarExample))]
    files = {role: drawn(60 * k, kind) for k, role in enumerate(roles)}
    more = [Attachment.of(role, f"image/{kind.lower()}", file) for role, file in files.items()]
    return found.model_copy(update={"attachments": (*found.attachments, *more)})


@pytest.fixture
def pictured(case: Case, findings: list[Finding], compared: Finding) -> Report:
    return compose(case, [*findings[:3], compared, *findings[4:]], (), case.at)


def bytes_of(report: Report) -> dict[str, bytes]:
    return {a.digest: a.data for f in report.findings for a in f.attachments if a.data}


@pytest.mark.parametrize(
    ("language", "this", "example"),
    [
        ("en", "This case, drawn as the examples are", "Development example, malignant in"),
        ("zh", "本例，绘制方式与样例相同", "开发样例，放射科医师判断为恶性"),
    ],
)
def test_the_page_shows_the_case_and_then_each_example_with_a_text_for_who_sees_none(
    pictured, language, this, example
):
    said = ALT.findall(html_report(pictured, language, bytes_of(pictured)))
    assert len(said) == 3
    assert said[0] == this
    assert said[1].startswith(example)


def test_the_order_is_that_of_the_similarity_and_the_case_has_none(compared, kind):
    kept = {a.digest: a.data for a in compared.attachments}
    own, first, second = similar_examples([compared], "en", kept.__getitem__)
    assert [own.similarity, first.similarity, second.similarity] == ["", "0.91", "0.74"]
    assert own.what == "This case"
    assert [one.picture.data for one in (own, first, second)] == [
        drawn(level, kind) for level in (0, 60, 120)
    ]


def test_a_picture_of_an_example_is_never_a_key_image_of_the_patient(pictured):
    shown = view(pictured, "en", Particulars(), bytes_of(pictured))
    assert sum(len(card.pictures) for card in shown.cards) == KEY_IMAGES
    assert {p.media_type for card in shown.cards for p in card.pictures} == {"image/png"}


def test_the_pdf_holds_them_too(pictured):
    pages = pdf_report(pictured, "en", bytes_of(pictured))
    assert pages.count(b"/Subtype /Image") == KEY_IMAGES + 3


def test_other_bytes_than_those_of_the_finding_are_refused(compared):
    with pytest.raises(IntegrityError, match="not those of the finding"):
        similar_examples([compared], "en", lambda digest: drawn(200, "JPEG"))


def test_examples_from_before_there_were_pictures_are_listed_without(findings):
    listed = similar_examples([findings[3]], "en", lambda digest: b"")
    assert [one.picture for one in listed] == [None, None]
    assert "This case" not in [one.what for one in listed]
