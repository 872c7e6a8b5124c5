"""What a clinician sees and does on a case, and what stands in the log afterwards."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import nibabel
import numpy as np
import pytest
import scene
from desk import Desk

from suwen.core.codes import Text
from suwen.core.nouns import Band, Finding
from suwen.records import report_of


def version(clinic: scene.Clinic) -> str:
    return clinic.access().search("Report", patient=clinic.patient)[-1].reference


def report(clinic: scene.Clinic):
    return report_of(clinic.access().search("Report", patient=clinic.patient)[-1])


def finding(clinic: scene.Clinic, chance: float) -> Finding:
    return next(f for f in clinic.findings if f.probability and f.probability.value == chance)


def acts(clinic: scene.Clinic) -> list[str]:
    return [decision.act for decision in clinic.access().decisions(clinic.patient)]


def test_a_case_shows_findings_context_and_what_was_not_understood(clinic, clinician) -> None:
    text = clinician.get(f"/cases/{clinic.patient}").text
    for expected in (
        "Li, Na",
        "87% (95% CI 74% to 94%)",
        "Right lung",
        "former smoker",
        "既往吸烟史",
        "14.2 mg/L",
        "Oxygen saturation",
        "scan.bin: not a known kind of file",
        "faithfulness 0.71",
        "the map did not change with the model",
        "lung-malignancy@1.0.0",
        "Download",
    ):
        assert expected in text, expected


def test_a_finding_lists_similar_development_examples_with_what_is_known_of_them(
    clinic, clinician
) -> None:
    english = clinician.get(f"/cases/{clinic.patient}").text
    chinese = Desk(clinic, "dr.lin", "zh").get(f"/cases/{clinic.patient}").text
    for expected in ("Most similar development examples", "marked spiculation", "0.91"):
        assert expected in english, expected
    for expected in ("最相似的开发样例", "明显毛刺", "lidc_voi/LIDC-IDRI-0078_R_2"):
        assert expected in chinese, expected
    assert "example/lidc_voi" not in english


def test_pictures_of_the_nodule_and_of_what_it_is_like_stand_on_the_page_of_the_case_and_of_images(
    clinic, clinician
) -> None:
    shown = [f"data:image/webp;base64,{b64encode(one.data).decode()}" for one in scene.DRAWN]
    for where in ("", "/images"):
        page = clinician.get(f"/cases/{clinic.patient}{where}").text
        places = [page.index(one) for one in shown]
        assert places == sorted(places)
        assert 'alt="Development example, malignant in the radiologists&#39; opinion"' in page
    chinese = Desk(clinic, "dr.lin", "zh").get(f"/cases/{clinic.patient}").text
    assert 'alt="开发样例，放射科医师判断为恶性"' in chinese


def test_the_same_case_reads_in_chinese(clinic) -> None:
    desk = Desk(clinic, "dr.lin", "zh")
    text = desk.get(f"/cases/{clinic.patient}").text
    for expected in (
        "恶性概率",
        "右肺",
        "结节 1",
        "签署报告",
        "未能理解的内容",
        "热图不随模型权重变化",
    ):
        assert expected in text, expected
    desk.http.close()


def test_a_number_above_its_range_is_flagged(clinic, clinician) -> None:
    text = clinician.get(f"/cases/{clinic.patient}").text
    assert re.search(r'class="number flag">14.2 mg/L high', text)
    assert 'class="number ">132 g/L' in text


def test_the_ct_arrives_as_nifti_in_its_true_place(clinic, clinician) -> None:
    page = clinician.get(f"/cases/{clinic.patient}").text
    address = re.search(r'value="(/cases/[^"]+\.nii\.gz)"', page)[1]
    answer = clinician.get(address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    assert image.get_data_dtype() == np.int16
    assert image.shape == clinic.phantom.volume.values.shape[::-1]
    nodule = clinic.phantom.nodules[0].centre
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    index = np.rint(np.linalg.inv(lps) @ [*nodule, 1.0])[:3].astype(int)
    assert np.asanyarray(image.dataobj)[tuple(index)] > -300, "the nodule is where it was drawn"
    assert clinician.get(address).content == answer.content


def test_no_address_carries_a_uid(clinic, clinician) -> None:
    page = clinician.get(f"/cases/{clinic.patient}").text
    addresses = re.findall(r'(?:href|src|value|hx-get|hx-post|action)="(/[^"]*)"', page)
    assert len(addresses) > 10
    assert not [a for a in addresses if re.search(r"\d+\.\d+\.\d+", a) and "/static/" not in a]


def overlays(page: str) -> list[dict[str, str]]:
    found = re.findall(r"data-overlays='([^']*)'", page)
    return [item for text in found for item in json.loads(text)]


def test_the_mask_is_sent_and_a_failed_saliency_is_sent_to_no_one(clinic, clinician) -> None:
    items = overlays(clinician.get(f"/cases/{clinic.patient}").text)
    kinds = [(item["kind"], "hidden" in item) for item in items]
    assert kinds == [("mask", False), ("saliency", False), ("mask", False), ("saliency", True)]
    for item in items:
        if "url" in item:
            assert clinician.get(item["url"]).content[:2] == b"\x1f\x8b"
    hidden = finding(clinic, 0.31).attachments[0].digest
    answer = clinician.get(f"/cases/{clinic.patient}/blobs/{hidden}.nii.gz")
    assert answer.status_code == 404


def test_a_blob_that_is_no_attachment_is_not_sent(clinic, clinician) -> None:
    note = clinic.access().put_blob(clinic.patient, b"a secret note", "text/plain")
    assert clinician.get(f"/cases/{clinic.patient}/blobs/{note}.nii.gz").status_code == 404


def test_accepting_editing_and_rejecting_each_leave_a_decision(fresh) -> None:
    desk = Desk(fresh, "dr.lin")
    where = f"/cases/{fresh.patient}/findings"
    high, grey = finding(fresh, 0.87), finding(fresh, 0.31)
    answer = desk.post(f"{where}/{high.id}/review", act="accepted", version=version(fresh))
    assert "Accepted" in answer.text
    answer = desk.post(
        f"{where}/{grey.id}/review",
        act="edited",
        version=version(fresh),
        text="Intrapulmonary lymph node, benign.",
        reason="typical shape and place",
    )
    assert "Intrapulmonary lymph node, benign." in answer.text
    answer = desk.post(
        f"{where}/{high.id}/review", act="rejected", version=version(fresh), reason="artefact"
    )
    assert "Rejected" in answer.text
    assert [a for a in acts(fresh) if a in {"accepted", "edited", "rejected"}] == [
        "accepted",
        "edited",
        "rejected",
    ]
    reasons = [d.detail.get("reason") for d in fresh.access().decisions(fresh.patient)]
    assert "typical shape and place" in reasons
    logged = [json.dumps(dict(e.detail)) for e in fresh.store.log.entries()]
    assert not any("typical shape" in line for line in logged), "the log itself holds no free text"
    desk.http.close()


def test_a_rejection_needs_a_reason(clinic, clinician) -> None:
    before = version(clinic)
    answer = clinician.post(
        f"/cases/{clinic.patient}/findings/{finding(clinic, 0.87).id}/review",
        act="rejected",
        version=before,
    )
    assert answer.status_code == 422
    assert answer.headers["x-suwen-partial"] == "problem"
    assert "No reason." in answer.text
    assert version(clinic) == before


def test_two_clinicians_cannot_overwrite_each_other(fresh) -> None:
    one, two = Desk(fresh, "dr.lin"), Desk(fresh, "dr.lin")
    seen = version(fresh)
    where = f"/cases/{fresh.patient}/findings/{finding(fresh, 0.87).id}/review"
    assert one.post(where, act="accepted", version=seen).status_code == 200
    late = two.post(where, act="rejected", version=seen, reason="no")
    assert late.status_code == 409
    assert "changed since you opened it" in late.text
    assert report(fresh).reviews[-1].act == "accepted"
    one.http.close()
    two.http.close()


def test_signing_needs_the_confirmation_and_is_final(fresh) -> None:
    desk = Desk(fresh, "dr.lin")
    where = f"/cases/{fresh.patient}/sign"
    assert desk.post(where, version=version(fresh)).status_code == 422
    assert report(fresh).status == "draft"
    answer = desk.post(where, version=version(fresh), confirmed="yes")
    assert 'data-status="final"' in answer.text
    assert "Signed by Dr Lin Wei" in answer.text
    assert "Save the edit" not in answer.text
    assert desk.post(where, version=version(fresh), confirmed="yes").status_code == 409
    assert acts(fresh).count("signed") == 1
    text = desk.get("/").text
    assert 'class="chip routine"' in text, "a signed case waits for no one"
    desk.http.close()


def test_a_nurse_reviews_but_does_not_sign(fresh) -> None:
    fresh.store.administer(scene.ADMINISTRATOR).share(fresh.patient, "nurse.amy")
    desk = Desk(fresh, "nurse.amy")
    page = desk.get(f"/cases/{fresh.patient}").text
    assert "Accept" in page
    assert "Sign the report" not in page
    where = f"/cases/{fresh.patient}/sign"
    assert desk.post(where, version=version(fresh), confirmed="yes").status_code == 403
    assert report(fresh).status == "draft"
    assert "signed" not in acts(fresh)
    desk.http.close()


def test_a_withdrawn_report_says_so(fresh) -> None:
    desk = Desk(fresh, "dr.lin")
    where = f"/cases/{fresh.patient}/withdraw"
    answer = desk.post(where, version=version(fresh), reason="wrong patient's images")
    assert 'data-status="withdrawn"' in answer.text
    assert "withdrawn" in acts(fresh)
    desk.http.close()


def test_an_expired_finding_and_later_records_are_shown_as_stale(fresh) -> None:
    desk = Desk(fresh, "dr.lin")
    page = desk.get(f"/cases/{fresh.patient}").text
    assert "out of date" not in page
    assert "newer records since" not in page
    fresh.access().put(
        [{"resourceType": "Condition", "subject": {"reference": f"Patient/{fresh.patient}"},
          "code": {"text": "Haemoptysis"}}],
        fresh.patient,
    )  # fmt: skip
    page = desk.get(f"/cases/{fresh.patient}").text
    assert "newer records since" in page
    assert "Haemoptysis" in page
    past = datetime.now(UTC) - timedelta(hours=1)
    old = [f.model_copy(update={"valid_until": past}) for f in fresh.findings]
    scene.report_on(fresh, fresh.patient, old)
    assert "out of date" in desk.get(f"/cases/{fresh.patient}").text
    assert "out of date" in desk.get("/").text
    desk.http.close()


def test_an_abstention_shows_its_reason_and_no_number(fresh) -> None:
    nothing = Finding(
        task="imaging.nodule_malignancy",
        pack=scene.PACK,
        code=scene.codes.MALIGNANCY_PROBABILITY,
        band=Band.ABSTAIN,
        reason=Text(en="The slices are 10 mm thick; at most 5 mm were learnt.", zh="层厚为10 mm。"),
    )
    scene.report_on(fresh, fresh.patient, [nothing])
    desk = Desk(fresh, "dr.lin")
    page = desk.get(f"/cases/{fresh.patient}").text
    assert "The slices are 10 mm thick" in page
    assert '<span class="chip abstain">no answer</span>' in page
    assert 'class="chance"' not in page
    assert 'class="soon"' in desk.get("/").text, "an open question is looked at soon"
    desk.http.close()


def test_a_point_is_recorded_and_a_diagnosis_asked_for(fresh) -> None:
    desk = Desk(fresh, "dr.lin")
    x, y, z = -60.0, -20.0, 30.0
    answer = desk.post(f"/cases/{fresh.patient}/points", x=x, y=y, z=z)
    assert 'data-job="done"' in answer.text
    (record,) = fresh.access().search("BodyStructure", patient=fresh.patient)
    given = {e["url"]: e.get("valueDecimal") for e in record.content["extension"][0]["extension"]}
    assert (given["x"], given["y"], given["z"]) == (x, y, z)
    job = fresh.jobs.payloads["job-1"]
    assert job["patient"] == fresh.patient
    assert job["person"]["id"] == "dr.lin"
    desk.http.close()


def test_a_second_click_on_a_measured_nodule_makes_no_second_nodule(fresh) -> None:
    desk = Desk(fresh, "dr.lin", "zh")
    x, y, z = scene.NODULES[0].centre
    answer = desk.post(f"/cases/{fresh.patient}/points", x=x + 2, y=y, z=z)
    assert answer.status_code == 409
    assert "此处的结节已经测量。" in answer.text
    assert fresh.access().search("BodyStructure", patient=fresh.patient) == []
    for one in fresh.findings[:2]:
        desk.post(
            f"/cases/{fresh.patient}/findings/{one.id}/review",
            act="rejected",
            version=version(fresh),
            reason="outline too large",
        )
    again = desk.post(f"/cases/{fresh.patient}/points", x=x + 2, y=y, z=z)
    assert again.status_code == 200, "what was rejected may be measured again"
    desk.http.close()


@pytest.mark.parametrize("x", ["9000", "nan", "inf", "left"])
def test_a_point_outside_the_images_is_refused(clinic, clinician, x: str) -> None:
    answer = clinician.post(f"/cases/{clinic.patient}/points", x=x, y="0", z="0")
    assert answer.status_code == 422
    assert clinic.access().search("BodyStructure", patient=clinic.patient) == []


def test_outputs_are_files_named_without_the_patient(clinic, clinician) -> None:
    answer = clinician.get(f"/cases/{clinic.patient}/outputs/txt")
    assert answer.text == f"en:{report(clinic).id}"
    name = answer.headers["content-disposition"]
    assert name.startswith('attachment; filename="suwen-')
    assert clinic.patient not in name
    assert clinician.get(f"/cases/{clinic.patient}/outputs/exe").status_code == 404


def test_an_outsider_sees_nothing_until_the_glass_is_broken(fresh) -> None:
    desk = Desk(fresh, "dr.other")
    address = f"/cases/{fresh.patient}"
    assert "Li, Na" not in desk.get("/").text
    refused = desk.get(address)
    assert refused.status_code == 403
    assert "Break the glass" in refused.text
    for part in (
        "/panel",
        "/outputs/txt",
        f"/blobs/{fresh.findings[0].attachments[0].digest}.nii.gz",
    ):
        assert desk.get(address + part).status_code == 403
    token = {"csrf": desk.token("/")}
    refusal = desk.http.post(f"{address}/break-glass", data={**token, "reason": " "})
    assert refusal.status_code == 422
    opened = desk.http.post(
        f"{address}/break-glass",
        data={**token, "reason": "unconscious in the emergency room"},
        follow_redirects=True,
    )
    assert opened.status_code == 200
    assert "Emergency access: everything you do here is reviewed." in opened.text
    desk.http.close()

    admin = Desk(fresh, "admin")
    queue = admin.get("/admin").text
    assert "unconscious in the emergency room" in queue
    assert "break-glass" in queue
    glass = re.search(r'action="(/admin/break-glass/[^"]+)"', queue)[1]
    assert admin.post(glass, htmx=False, justified="yes").status_code == 303
    assert "unconscious" not in admin.get("/admin").text
    admin.http.close()


def test_the_worklist_is_sorted_by_risk_and_filtered(fresh) -> None:
    calm = scene.admit(fresh, "Zhou, Ming", number="T-9")
    low = finding(fresh, 0.31).model_copy(
        update={
            "band": Band.RULE_OUT,
            "probability": scene.Interval(value=0.02, low=0.0, high=0.05),
        }
    )
    scene.report_on(fresh, calm, [low])
    desk = Desk(fresh, "dr.lin")
    names = re.findall(r'class="patient"><a href="[^"]+">([^<]+)<', desk.get("/").text)
    assert names == ["Li, Na", "Zhou, Ming", "王小明"]
    only = desk.get("/?level=urgent").text
    assert "Li, Na" in only
    assert "Zhou" not in only
    found = desk.get("/?q=zhou").text
    assert "Zhou, Ming" in found
    assert "Li, Na" not in found
    assert "Zhou" not in desk.get("/?status=none").text
    desk.http.close()


def test_roles_without_patients_see_no_worklist(clinic) -> None:
    for name in ("sci", "admin"):
        desk = Desk(clinic, name)
        start = desk.get("/")
        assert "Li, Na" not in start.text
        if name == "admin":
            assert (start.status_code, start.headers["location"]) == (303, "/admin")
        else:
            assert "No case to show" in start.text
        assert desk.get(f"/cases/{clinic.patient}").status_code == 403
        desk.http.close()


def test_only_the_administrator_reads_the_whole_log(clinic, clinician, administrator) -> None:
    assert clinician.get("/admin").status_code == 403
    page = administrator.get("/admin").text
    assert "signed in" in page
    assert "Li, Na" not in page
    verdict = administrator.post("/admin/verify").text
    assert 'data-verdict="intact"' in verdict
    assert clinician.post("/admin/verify").status_code == 403


def test_a_job_of_someone_else_is_not_found(clinic, clinician) -> None:
    job = clinic.jobs.submit("diagnose", {"person": {"id": "dr.other"}, "patient": "p"})
    assert clinician.get(f"/jobs/{job}").status_code == 404
    assert job not in clinician.get("/jobs").text


def test_values_of_one_moment_stand_together_the_abnormal_first(clinic, clinician) -> None:
    text = clinician.get(f"/cases/{clinic.patient}").text
    labs = text[text.index("<h2>Laboratory") : text.index("<h2>Vital signs")]
    assert labs.count("<caption>") == 1, "one moment is told once"
    assert labs.index("14.2 mg/L") < labs.index("132 g/L")
