"""The report leaves as FHIR, HTML and PDF: complete, validated, and harmless to its reader."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from suwen.core.codes import Language, Text
from suwen.core.errors import IntegrityError
from suwen.core.nouns import Act, Attachment, Band, Case, Finding, Report, SimilarExample, digest_of
from suwen.diagnosis.compose import compose
from suwen.diagnosis.fhir import fhir_bundle
from suwen.diagnosis.html import html_report
from suwen.diagnosis.pdf import pdf_report
from suwen.diagnosis.problems import Problem
from suwen.diagnosis.reasons import provenance_groups
from suwen.diagnosis.review import review, sign, withdraw
from suwen.diagnosis.view import Particulars, view
from suwen.records.fhir.door import validate

AT = datetime(2026, 3, 2, 11, tzinfo=UTC)
FOOT = 46.0
"""Height of the foot of a page in points."""
Images = dict[str, bytes]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [entry["resource"] for entry in bundle["entry"]]
    return [resource for resource in found if resource["resourceType"] == kind]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def answers(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """The Observations of findings, without those of lesions."""
    return [one for one in resources(bundle, "Observation") if "method" in one]


def lesions(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in resources(bundle, "Observation") if "method" not in one]


class TestFhir:
    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("state", ["draft", "final", "withdrawn"])
    def test_every_state_validates_as_fhir_r4(
        self, report: Report, particulars: Particulars, language: Language, state: str
    ) -> None:
        if state != "draft":
            report = sign(report, "dr-wang", AT)
        if state == "withdrawn":
            report = withdraw(report, "dr-wang", "wrong series", AT)
        bundle = fhir_bundle(report, language, particulars)
        assert fhirkit.validate(json.dumps(bundle)) == []
        everything = [bundle, *(entry["resource"] for entry in bundle["entry"])]
        for resource, problems in zip(everything, validate(everything), strict=True):
            assert problems == [], resource["resourceType"]

    def test_the_validator_used_here_does_find_a_fault(self, report: Report) -> None:
        bundle = fhir_bundle(report, "en")
        del resources(bundle, "Observation")[0]["code"]
        assert validate([bundle])[0]
        assert any(
            "code" in issue.message + issue.path for issue in fhirkit.validate(json.dumps(bundle))
        )

    def test_status_follows_the_review(self, report: Report) -> None:
        final = sign(report, "dr-wang", AT)
        expected = {
            "preliminary": report,
            "final": final,
            "cancelled": withdraw(report, "dr-wang", "wrong series", AT),
            "entered-in-error": withdraw(final, "dr-wang", "wrong series", AT),
        }
        for status, state in expected.items():
            bundle = fhir_bundle(state, "en")
            assert resources(bundle, "DiagnosticReport")[0]["status"] == status
            assert {o["status"] for o in resources(bundle, "Observation")} == {status}

    def test_a_rejected_finding_is_no_result_and_stays_as_an_error(self, report: Report) -> None:
        key = report.findings[3].id
        bundle = fhir_bundle(review(report, key, Act.REJECTED, "dr-wang", "a vessel", at=AT), "en")
        rejected = next(
            o for o in resources(bundle, "Observation") if o["identifier"][0]["value"] == key
        )
        assert rejected["status"] == "entered-in-error"
        results = list(references(resources(bundle, "DiagnosticReport")[0]["result"]))
        assert f"Observation/{rejected['id']}" not in results
        assert len(results) == len(report.findings) - 1

    def test_an_edited_finding_carries_the_persons_words_and_none_of_the_models_numbers(
        self, report: Report
    ) -> None:
        key = report.findings[3].id
        words = "Hamartoma with fat."
        bundle = fhir_bundle(
            review(report, key, Act.EDITED, "dr-wang", "fat density", words, AT), "en"
        )
        assert fhirkit.validate(json.dumps(bundle)) == []
        edited = answers(bundle)[3]
        assert edited["valueString"] == words
        assert not {"valueQuantity", "interpretation", "component"} & set(edited)
        assert edited["meta"]["security"][0]["code"] == "CLINAST"

    def test_everything_asserted_by_a_model_says_so(self, report: Report) -> None:
        bundle = fhir_bundle(report, "en")
        for kind in ("Observation", "DiagnosticReport", "Provenance"):
            for resource in resources(bundle, kind):
                assert resource["meta"]["security"][0]["code"] == "AIAST"

    def test_provenance_names_the_packs_the_person_and_the_inputs(
        self, report: Report, particulars: Particulars
    ) -> None:
        bundle = fhir_bundle(sign(report, "dr-wang", AT), "en", particulars)
        (provenance,) = resources(bundle, "Provenance")
        agents = [(a["type"]["coding"][0]["code"], a["who"]) for a in provenance["agent"]]
        devices = {f"Device/{device['id']}" for device in resources(bundle, "Device")}
        assert {who["reference"] for kind, who in agents if kind == "assembler"} == devices
        assert [who["display"] for kind, who in agents if kind == "verifier"] == [
            "Dr Wang Min (王敏)"
        ]
        inputs = {e["what"].get("identifier", {}).get("value") for e in provenance["entity"]}
        assert "03" * 32 in inputs

    def test_what_a_finding_is_compared_with_is_no_source_of_it(
        self, report: Report, particulars: Particulars
    ) -> None:
        assert any(isinstance(e, SimilarExample) for f in report.findings for e in f.evidence)
        assert "LIDC-IDRI" not in json.dumps(fhir_bundle(report, "en", particulars))

    def test_every_reference_leads_into_the_bundle_or_to_a_record(
        self, report: Report, case: Case
    ) -> None:
        bundle = fhir_bundle(report, "en")
        inside = {entry["request"]["url"] for entry in bundle["entry"]}
        outside = {record.reference for record in case.records} | {"Patient/p1"}
        outside |= {f"BodyStructure/p{i}/_history/1" for i in range(1, 5)}
        assert set(references(bundle)) <= inside | outside

    def test_the_probability_has_unit_interval_and_interpretation(self, report: Report) -> None:
        observation = answers(fhir_bundle(report, "en"))[3]
        quantity = observation["valueQuantity"]
        assert (quantity["value"], quantity["code"]) == (87.0, "%")
        low, high, level = quantity["extension"][0]["extension"]
        assert (low["valueDecimal"], high["valueDecimal"], level["valueDecimal"]) == (
            74.0,
            94.0,
            0.95,
        )
        assert observation["interpretation"][0]["coding"][0]["code"] == "POS"

    def test_an_abstention_has_a_reason_and_no_value(self, report: Report) -> None:
        observation = answers(fhir_bundle(report, "en"))[-1]
        assert "valueQuantity" not in observation
        assert "7.5 mm thick" in observation["dataAbsentReason"]["text"]

    def test_each_lesion_is_one_observation_with_its_findings_and_their_values(
        self, report: Report, case: Case, particulars: Particulars
    ) -> None:
        bundle = fhir_bundle(report, "en", particulars)
        tracked = {one.tracking.uid for one in report.findings if one.tracking}
        found = {one["identifier"][1]["value"]: one for one in lesions(bundle)}
        assert set(found) == {f"urn:oid:{uid}" for uid in tracked}
        own = {one["identifier"][0]["value"]: f"Observation/{one['id']}" for one in answers(bundle)}
        for uid in tracked:
            on_it = [one for one in report.findings if one.tracking and one.tracking.uid == uid]
            lesion = found[f"urn:oid:{uid}"]
            members = {one["reference"] for one in lesion["hasMember"]}
            assert members == {own[one.id] for one in on_it}
            codes = [one["code"]["coding"][0]["code"] for one in lesion.get("component", ())]
            measured = {m.code.code for one in on_it for m in one.measures}
            assert measured <= set(codes)
            assert len(codes) == len(set(codes))
            assert all(
                one["reference"].startswith("ImagingStudy/") for one in lesion["derivedFrom"]
            )

    def test_a_lesion_whose_findings_were_all_rejected_is_an_error(self, report: Report) -> None:
        key = next(one.tracking.uid for one in report.findings if one.tracking)
        state = report
        for one in report.findings:
            if one.tracking and one.tracking.uid == key:
                state = review(state, one.id, Act.REJECTED, "dr-wang", "a vessel", at=AT)
        found = {one["identifier"][0]["value"]: one for one in lesions(fhir_bundle(state, "en"))}
        rejected = found.pop(f"lesion/{key}")
        assert rejected["status"] == "entered-in-error"
        assert not {"hasMember", "component"} & set(rejected)
        assert all(one["status"] == "preliminary" for one in found.values())

    def test_the_imaging_study_goes_along_without_what_is_internal(
        self, report: Report, particulars: Particulars
    ) -> None:
        reference = next(
            one.record
            for finding in report.findings
            for one in finding.evidence
            if one.record.startswith("ImagingStudy/")
        )
        inside = {"url": "https://suwen.health/fhir/blob", "valueString": "ab" * 32}
        study = {
            "resourceType": "ImagingStudy",
            "status": "available",
            "subject": {"reference": "Patient/p1"},
            "series": [
                {
                    "uid": "1.2.3",
                    "modality": {"code": "CT"},
                    "instance": [
                        {
                            "uid": "1.2.3.4",
                            "sopClass": {"code": "urn:oid:1.2"},
                            "extension": [inside],
                        }
                    ],
                }
            ],
        }
        known = replace(particulars, studies={reference: study, "ImagingStudy/other": study})
        bundle = fhir_bundle(report, "en", known)
        (sent,) = resources(bundle, "ImagingStudy")
        assert f"ImagingStudy/{sent['id']}" == reference.partition("/_history")[0]
        assert "ab" * 32 not in json.dumps(bundle)
        assert fhirkit.validate(json.dumps(bundle)) == []
        assert validate([sent])[0] == []

    def test_sending_twice_is_the_same_put(self, report: Report) -> None:
        assert fhir_bundle(report, "en") == fhir_bundle(report, "en")
        assert {e["request"]["method"] for e in fhir_bundle(report, "en")["entry"]} == {"PUT"}


class Reader(HTMLParser):
    """Collects the tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


class TestHtml:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_every_statement_and_picture_is_on_the_page(
        self, report: Report, images: Images, particulars: Particulars, language: Language
    ) -> None:
        page = Reader(html_report(report, language, images, particulars))
        for statement in report.statements:
            assert statement.text.of(language) in page.text
        assert page.tags.count("img") == 4

    @pytest.mark.parametrize(
        ("language", "words"),
        [
            ("en", ("Most similar development examples", "marked spiculation", "Similarity")),
            ("zh", ("最相似的开发样例", "明显毛刺", "相似度")),
        ],
    )
    def test_similar_examples_are_listed_apart_from_the_evidence(
        self, report: Report, images: Images, language: Language, words: tuple[str, ...]
    ) -> None:
        html = html_report(report, language, images)
        for word in (*words, "lidc_voi/LIDC-IDRI-0078_R_2", "0.91"):
            assert word in html
        shown = view(report, language, Particulars(), images)
        cards = [card for card in shown.cards if card.similar]
        assert [[one.similarity for one in card.similar] for card in cards] == [["0.91", "0.74"]]
        assert not [what for card in shown.cards for what, _ in card.evidence if "LIDC" in what]

    def test_what_a_person_rewrote_is_compared_with_nothing(
        self, report: Report, images: Images
    ) -> None:
        answered = next(f for f in report.findings if len(f.evidence) == 3)
        edited = review(report, answered.id, Act.EDITED, "dr-wang", "seen before", "A scar.", AT)
        assert "LIDC-IDRI-0078" not in html_report(edited, "en", images)

    def test_hostile_note_text_stays_text(
        self, report: Report, images: Images, particulars: Particulars
    ) -> None:
        html = html_report(report, "en", images, particulars)
        page = Reader(html)
        assert "<script>alert('x')</script>" in page.text
        assert "script" not in page.tags
        assert not [name for name, _ in page.attributes if name.startswith("on")]

    def test_a_hostile_name_label_and_review_stay_text(
        self, case: Case, findings: list[Finding], images: Images
    ) -> None:
        evil = '"><svg onload=alert(1)>'
        tracking = findings[3].tracking
        assert tracking
        hostile = findings[3].model_copy(
            update={
                "tracking": tracking.model_copy(update={"label": evil}),
                "reason": Text(en=evil, zh=evil),
                "pack": evil,
            }
        )
        report = compose(case, [hostile], [Text(en=evil, zh=evil)], case.at)
        report = review(report, hostile.id, Act.EDITED, evil, evil, evil, AT)
        who = Particulars(patient={"name": [{"text": evil}]}, people={evil: evil})
        page = Reader(html_report(report, "en", images, who))
        assert "svg" not in page.tags
        assert page.text.count(evil) >= 6

    def test_nothing_is_loaded_from_anywhere(self, report: Report, images: Images) -> None:
        page = Reader(html_report(report, "en", images))
        links = [value for name, value in page.attributes if name in {"src", "href", "srcset"}]
        assert links
        assert all(value and value.startswith("data:image/png;base64,") for value in links)
        assert "link" not in page.tags

    def test_the_band_is_told_in_words_and_by_a_sign_not_by_colour_alone(
        self, report: Report, images: Images
    ) -> None:
        text = Reader(html_report(report, "en", images)).text
        for chip in (
            "▲ HIGH · rule-in range",
            "◆ INDETERMINATE · grey zone",
            "▼ LOW · rule-out range",
            "○ NO ANSWER · abstained",
        ):
            assert chip in text

    def test_an_unfaithful_saliency_map_is_not_shown_but_explained(
        self, report: Report, findings: list[Finding], images: Images
    ) -> None:
        hidden = findings[5].attachments[0]
        page = html_report(report, "en", images)
        assert hidden.data
        assert base64.b64encode(hidden.data).decode() not in page
        assert "is not shown: removing the highlighted region did not change" in page

    def test_an_edited_finding_shows_no_band_bar_or_map_of_the_model(
        self, report: Report, images: Images
    ) -> None:
        key = report.findings[3].id
        edited = review(report, key, Act.EDITED, "dr-wang", "fat", "Hamartoma with fat.", AT)
        page = Reader(html_report(edited, "en", images))
        assert "HIGH · rule-in range" not in page.text
        assert "EDITED · by a person" in page.text
        assert "87%" not in page.text
        assert page.tags.count("img") == 3

    def test_a_score_that_expired_since_is_marked(
        self, case: Case, findings: list[Finding], images: Images
    ) -> None:
        soon = findings[1].model_copy(update={"valid_until": case.at + timedelta(hours=1)})
        report = compose(case, [soon], (), case.at)
        words = "This value expired on 2026-03-02 10:30 UTC and is not current."
        assert words not in html_report(report, "en", images)
        later = Particulars(at=case.at + timedelta(hours=2))
        assert words in html_report(report, "en", images, later)

    def test_a_draft_is_marked_and_a_signed_report_names_its_person(
        self, report: Report, images: Images, particulars: Particulars
    ) -> None:
        draft = html_report(report, "en", images, particulars)
        assert 'class="watermark"' in draft
        final = html_report(sign(report, "dr-wang", AT), "en", images, particulars)
        assert 'class="watermark"' not in final
        assert "Signed by Dr Wang Min (王敏) at 2026-03-02 11:00 UTC." in final
        assert "Draft by software" not in final
        gone = html_report(
            withdraw(report, "dr-wang", "wrong series", AT), "en", images, particulars
        )
        assert "Withdrawn by Dr Wang Min (王敏) at 2026-03-02 11:00 UTC: wrong series" in gone

    def test_bytes_that_are_not_the_findings_own_are_refused(
        self, report: Report, images: Images
    ) -> None:
        swapped = dict.fromkeys(images, b"\x89PNG\r\n\x1a\nother")
        with pytest.raises(IntegrityError, match="not those of the finding"):
            html_report(report, "en", swapped)

    def test_a_picture_that_is_absent_is_said_to_be_absent(self, report: Report) -> None:
        page = html_report(report, "en", {})
        assert page.count("image not available") == 4
        assert "<img" not in page

    def test_identity_decision_and_inputs_are_shown(
        self, report: Report, images: Images, particulars: Particulars
    ) -> None:
        text = Reader(html_report(report, "zh", images, particulars)).text
        for shown in (
            "李喆堃",
            "MRN 004711",
            "1961-07-14（64 岁）",
            "女",
            "测试数据",
            "blob/" + "03" * 32,
        ):
            assert shown in text
        assert particulars.decisions[report.findings[0].id] == 41

    def test_the_test_banner_is_absent_for_a_real_patient(
        self, report: Report, images: Images, particulars: Particulars
    ) -> None:
        patient = {key: value for key, value in particulars.patient.items() if key != "meta"}
        page = html_report(report, "en", images, replace(particulars, patient=patient))
        assert "TEST DATA" not in page


class TestPdf:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_the_same_report_gives_the_same_bytes(
        self, report: Report, images: Images, particulars: Particulars, language: Language
    ) -> None:
        first, second = (pdf_report(report, language, images, particulars) for _ in range(2))
        assert digest_of(first) == digest_of(second)
        assert first.startswith(b"%PDF-1.")
        assert first.count(b"/Subtype /Image") == 4

    def test_a_broken_picture_is_said_to_be_absent(
        self, case: Case, findings: list[Finding]
    ) -> None:
        broken = Attachment.of("key-image", "image/png", b"\x89PNG\r\n\x1a\ntruncated")
        finding = findings[0].model_copy(update={"attachments": (broken,)})
        report = compose(case, [finding], (), case.at)
        assert broken.data
        assert b"/Subtype /Image" not in pdf_report(report, "en", {broken.digest: broken.data})

    def test_a_report_of_many_nodules_and_a_very_long_edit_breaks_over_pages(
        self, case: Case, findings: list[Finding], images: Images
    ) -> None:
        report = compose(case, findings, (), case.at)
        long = "Spiculated 毛刺 " * 900
        report = review(report, findings[3].id, Act.EDITED, "dr-wang", "long", long, AT)
        pages = pdf_report(report, "zh", images).count(b"/Type /Page\n")
        assert pages > 5


@pytest.mark.peer
@pytest.mark.parametrize("language", LANGUAGES)
def test_poppler_reads_the_text_the_pages_and_only_embedded_fonts(
    report: Report, images: Images, particulars: Particulars, language: Language, tmp_path: Path
) -> None:
    if shutil.which("pdftotext") is None or shutil.which("pdffonts") is None:
        pytest.skip("poppler-utils is not installed")
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_report(report, language, images, particulars))
    text = printed(["pdftotext", "-layout", str(path), "-"])
    together = "".join(text.split())
    assert "李喆堃" in together
    assert {"en": "Page1of", "zh": "第1页，共"}[language] in together
    for statement in report.statements:
        for word in re.split("[ “”]+", statement.text.of(language).replace("⁹", "^9")):
            assert word[:6] in together
    fonts = printed(["pdffonts", str(path)]).splitlines()[2:]
    assert fonts
    assert all("WenQuanYiMicroHei" in line and " yes yes yes " in line for line in fonts)


def test_findings_of_one_concept_pack_and_input_share_a_line_of_provenance(
    findings: list[Finding],
) -> None:
    one = findings[0]
    other = one.model_copy(update={"band": Band.GREY})
    inputs = {finding.id: ("ImagingStudy/1",) for finding in (one, other)}
    (group,) = provenance_groups(Problem((one, other)), "en", {one.id: 7, other.id: 8}, inputs)
    assert [value for label, value in group[1] if label == "Pack"] == [one.pack]
    assert [value for label, value in group[1] if label == "Decision log"] == ["7", "8"]
    apart = inputs | {other.id: ("ImagingStudy/2",)}
    assert len(provenance_groups(Problem((one, other)), "en", {}, apart)) == 2


@pytest.mark.peer
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("lines", [0, 5, 10, 15, 20, 25, 30])
def test_no_page_is_left_half_empty_wherever_a_card_with_three_images_begins(
    report: Report, images: Images, language: Language, lines: int, tmp_path: Path
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("poppler-utils is not installed")
    third = Attachment.of("key-image-other", "image/png", next(iter(images.values())) + b"\0")
    findings = [
        one.model_copy(update={"attachments": (*one.attachments, third)})
        if one.probability
        else one
        for one in report.findings
    ]
    first = report.statements[0].model_copy(update={"findings": (), "records": ("Patient/p1",)})
    statements = (*(first,) * lines, *report.statements)
    more = report.model_copy(update={"statements": statements, "findings": tuple(findings)})
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_report(more, language, images | {third.digest: third.data}))
    pages = printed(["pdftotext", "-bbox", str(path), "-"]).split("<page ")[1:]
    for page in pages[:-1]:
        height = float(re.search(r'height="([\d.]+)"', page)[1])
        ends = sorted(float(end) for end in re.findall(r'yMax="([\d.]+)"', page))
        lowest = max(end for end in ends if end < height - FOOT)
        assert height - FOOT - lowest < height / 3
    heading = {"en": "Findings", "zh": "所见"}[language]
    (begun,) = (page for page in pages if f">{heading}<" in page)
    assert begun.index(heading) < begun.rindex(">75%<"), "with the scale of the first card"


def printed(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
