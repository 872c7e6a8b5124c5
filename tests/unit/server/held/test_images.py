"""The images page: which series, where findings lie on them, and who may see them."""

from __future__ import annotations

import gzip
import json
import re
from io import BytesIO

import nibabel
import numpy as np
import pytest
import scene
from desk import Desk
from PIL import Image

from suwen.core.codes import Text
from suwen.core.nouns import Status
from suwen.server.case.view import band_chip
from suwen.server.held.images import SeriesEntry, Shelf, named

WORD = Text(en="4A", zh="4A")


def attribute(page: str, name: str) -> list:
    return [json.loads(text) for text in re.findall(rf"data-{name}='([^']*)'", page)]


def options(page: str) -> list[dict[str, str]]:
    """Return the series offered: the attributes of each option."""
    found = re.findall(r"<option value=\"(/cases[^\"]+)\"([^>]*)>([^<]*)", page)
    return [
        {"url": url, "label": label, **dict(re.findall(r'data-(\w+)="([^"]*)"', rest))}
        for url, rest, label in found
    ]


def test_the_images_page_lists_findings_the_worrying_first_with_their_places(
    clinic, clinician
) -> None:
    page = clinician.get(f"/cases/{clinic.patient}/images").text
    assert re.findall(r'data-title="([^"]+)"', page) == ["Nodule 1", "Nodule 2"]
    (series,) = options(page)
    assert series["windows"].split() == ["lung", "mediastinum", "bone", "soft"]
    for places, nodule in zip(attribute(page, "places"), scene.NODULES, strict=True):
        (place,) = places
        assert place["series"] == series["key"]
        assert place["point"] == pytest.approx(nodule.centre)
        wide = np.subtract(place["high"], place["low"])
        assert wide == pytest.approx([nodule.diameter_mm] * 3)
    for masks in attribute(page, "overlays"):
        assert masks[0]["kind"] == "mask"
        assert masks[0]["series"] == series["key"]
    assert "87% high" in page
    assert "17.0 mm" in page


def test_the_images_page_speaks_chinese(clinic) -> None:
    desk = Desk(clinic, "dr.lin", "zh")
    page = desk.get(f"/cases/{clinic.patient}/images").text
    for expected in ("肺窗", "纵隔窗", "骨窗", "软组织窗", "测距", "结节 1", "返回病例"):
        assert expected in page, expected
    desk.http.close()


def test_an_earlier_ct_is_what_the_newest_is_compared_with(fresh) -> None:
    scene.follow_up(fresh, fresh.patient)
    scene.report_on(fresh, fresh.patient, fresh.findings)
    desk = Desk(fresh, "dr.lin")
    page = desk.get(f"/cases/{fresh.patient}/images").text
    newest, earlier = options(page)
    assert newest["label"].startswith("2000-01-01 · CT")
    assert earlier["label"].startswith(f"{scene.EARLIER} · CT")
    assert (newest["prior"], earlier["prior"]) == (earlier["key"], "")
    followed = next(one for one in attribute(page, "places") if len(one) == 2)
    assert [place["series"] for place in followed] == [newest["key"], earlier["key"]]
    now, before = (np.array(place["point"]) for place in followed)
    assert before - now == pytest.approx(scene.MOVED)
    desk.http.close()


def test_a_radiograph_is_shown_with_the_map_over_it(fresh) -> None:
    finding = scene.add_radiograph(fresh, fresh.patient)
    scene.report_on(fresh, fresh.patient, [finding])
    desk = Desk(fresh, "dr.lin")
    page = desk.get(f"/cases/{fresh.patient}/images").text
    picture = next(one for one in options(page) if one["kind"] == "picture")
    assert picture["unit"] == "mm at the detector"
    assert attribute(page, "places") == [[{"series": picture["key"], "point": None}]]
    ((layer,),) = attribute(page, "overlays")
    assert (layer["kind"], layer["form"]) == ("saliency", "picture")
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(desk.get(picture["url"]).content))
    assert image.shape == (144, 120, 1)
    heat = nibabel.Nifti1Image.from_bytes(gzip.decompress(desk.get(layer["url"]).content))
    assert np.asanyarray(heat.dataobj)[0, 0, 0].tolist() == (220, 90, 20)
    desk.http.close()


def test_a_map_of_a_picture_that_failed_its_check_is_sent_to_no_one(fresh) -> None:
    finding = scene.add_radiograph(fresh, fresh.patient)
    why = scene.Text(en="it followed the frame", zh="热图跟随边框")
    failed = finding.explanations[0].model_copy(update={"hidden_because": why})
    finding = finding.model_copy(update={"explanations": (failed,)})
    scene.report_on(fresh, fresh.patient, [finding])
    desk = Desk(fresh, "dr.lin")
    page = desk.get(f"/cases/{fresh.patient}/images").text
    assert attribute(page, "overlays") == [[{"kind": "saliency", "hidden": why.en}]]
    blob = f"/cases/{fresh.patient}/blobs/{finding.attachments[0].digest}.nii.gz"
    assert desk.get(blob).status_code == 404
    desk.http.close()


def test_a_browser_without_volumes_gets_the_slice_through_a_finding(clinic, clinician) -> None:
    (series,) = options(clinician.get(f"/cases/{clinic.patient}/images").text)
    address = series["url"].replace(".nii.gz", "/slice.png")
    x, y, z = scene.NODULES[0].centre
    answer = clinician.get(f"{address}?window=lung&x={x}&y={y}&z={z}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-suwen-slices"] == "56"
    wanted = clinic.phantom.volume.to_index((x, y, z))[0]
    assert int(answer.headers["x-suwen-slice"]) == pytest.approx(wanted, abs=0.5)
    shown = np.asarray(Image.open(BytesIO(answer.content)))
    assert shown.shape == (128, 128, 3)
    assert clinician.get(f"{address}?window=lung&level=99").headers["x-suwen-slice"] == "55"
    assert clinician.get(f"{address}?window=night&level=1").status_code == 404
    assert clinician.get(f"{address}?window=lung&x=nan&y=0&z=0").status_code == 422


def test_images_follow_the_policy_of_the_case(clinic) -> None:
    clinician, outsider = Desk(clinic, "dr.lin"), Desk(clinic, "dr.other")
    (series,) = options(clinician.get(f"/cases/{clinic.patient}/images").text)
    piece = series["url"].replace(".nii.gz", "/slice.png?window=lung")
    for address in (f"/cases/{clinic.patient}/images", series["url"], piece):
        before = len(list(clinic.store.log.entries()))
        assert clinician.get(address).status_code == 200
        assert len(list(clinic.store.log.entries())) > before, "each reading is logged"
        assert clinician.get(address).headers["cache-control"] == "no-store"
        refused = outsider.get(address)
        assert refused.status_code == 403
        assert b"Li, Na" not in refused.content
    for desk in (clinician, outsider):
        desk.http.close()


def test_evidence_finds_its_series_by_instance_first_then_by_series() -> None:
    entries = [
        SeriesEntry("a", "", uids=frozenset({"1", "1.1"})),
        SeriesEntry("b", "", uids=frozenset({"1", "1.2"})),
    ]
    assert named(entries, "1", "1.2") == "b"
    assert named(entries, "1", "9") == "a"
    assert named(entries, "", "1.2") == "b"
    assert named(entries, "2", "1.2") == "b"
    assert named(entries, "2", "9") == ""


def test_a_rejected_lesion_is_marked_so_in_the_list(fresh) -> None:
    desk = Desk(fresh, "dr.lin")
    for finding in [one for one in fresh.findings if one.tracking.label == "Nodule 2"]:
        version = fresh.access().search("Report", patient=fresh.patient)[-1].reference
        desk.post(
            f"/cases/{fresh.patient}/findings/{finding.id}/review",
            act="rejected",
            version=version,
            reason="vessel",
        )
    page = desk.get(f"/cases/{fresh.patient}/images").text
    marked = re.findall(r'data-title="([^"]+)"[^>]*data-rejected', page)
    assert marked == ["Nodule 2"]
    desk.http.close()


def test_a_list_of_series_is_read_once(fresh, monkeypatch) -> None:
    case = fresh.access().case(fresh.patient)
    shelf = Shelf()
    first = shelf.entries(case)
    monkeypatch.setattr("suwen.server.held.images.case_series", lambda case: [])
    assert shelf.entries(case) is first


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ("rule-in", "high")),
        ({"status": Status.SUGGESTED}, ("measured", "suggested")),
        ({"code": scene.codes.Code(system=scene.codes.CATEGORIES, code="4A", name=WORD)},
         ("measured", "category")),
    ],
)  # fmt: skip
def test_a_mark_of_a_search_and_a_category_are_not_called_high(clinic, change, told) -> None:
    score = next(one for one in clinic.findings if one.band == "rule-in" and one.probability)
    assert band_chip("en", score.model_copy(update=change)) == told
