"""The risk page: every equation with what it rests on, what is missing, and what if."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import risk_scene
import scene
from desk import Desk

from suwen.core.nouns import Band, Finding, Interval, RecordValue
from suwen.health.advice.task import ADVICE, book_of
from suwen.health.risk.compared import compared
from suwen.health.risk.equation import Quantity, library
from suwen.health.tables.diabetes import DIABETES, YES
from suwen.lifecycle import packs
from suwen.server.risk.cards import cited, risks_of

BASE = "PREVENT_2023_hba1c_10y"
LIPIDS = ("2093-3", "2085-9")


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    made = risk_scene.open_clinic(tmp_path_factory.mktemp("risk") / "home")
    made.lacking = risk_scene.admit(made, "Roe, Richard", LIPIDS, "R-2")
    risk_scene.at_home(made, made.patient)
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def doctor(ward):
    desk = Desk(ward, "dr.lin")
    yield desk
    desk.http.close()


@pytest.fixture(scope="module")
def patient(ward):
    desk = Desk(ward, "john.doe")
    yield desk
    desk.http.close()


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def card(html: str, key: str) -> str:
    return html.partition(f'id="risk-{key}"')[2].partition("</article>")[0]


def ask(desk: Desk, patient: str, key: str = BASE, htmx: bool = True, **typed: str):
    return desk.post(f"/cases/{patient}/risk", htmx=htmx, equation=key, **typed)


def test_a_card_tells_value_category_people_and_the_source_with_its_year(ward, doctor):
    html = doctor.get(f"/cases/{ward.patient}/risk").text
    told = words(card(html, BASE))
    assert "13.3% Cardiovascular disease within 10 years" in told
    assert "In about 13 of 100 people with these values" in told
    assert "By 2025 AHA/ACC guideline for high blood pressure (threshold 7.5 %): 7.5 %" in told
    assert "Circulation 149:430-449, 2024" in told
    assert 'href="https://doi.org/10.1161/CIRCULATIONAHA.123.067626"' in card(html, BASE)
    ill = re.search(r'class="ill" d="([^"]*)"', card(html, BASE))[1]
    well = re.search(r'class="well" d="([^"]*)"', card(html, BASE))[1]
    assert (ill.count("M"), well.count("M")) == (13, 87)


def test_beside_the_pooled_cohort_equations_stands_the_person_its_makers_name(ward, doctor):
    html = doctor.get(f"/cases/{ward.patient}/risk").text
    assert "optimal risk factors: 4.8%" in words(card(html, "PCE_2013_Goff"))
    assert "Beside" not in card(html, BASE)


def test_every_input_leads_to_the_record_it_is_from(ward, doctor):
    html = card(doctor.get(f"/cases/{ward.patient}/risk").text, BASE)
    found = re.findall(r'href="(/cases/[^"]+/records/[^"]+)">([^<]*)<', html)
    assert any("Total cholesterol 6.2 mmol/L" in text for _, text in found)
    address = next(address for address, text in found if "Total cholesterol" in text)
    assert "6.2" in words(doctor.get(address).text)
    assert doctor.get(f"/cases/{ward.patient}/records/Observation/nothing").status_code == 404
    assert doctor.get(address.replace(ward.patient, ward.lacking)).status_code == 404


def test_what_is_shown_to_the_care_team_is_logged_before(ward, doctor):
    doctor.get(f"/cases/{ward.lacking}/risk")
    acts = [one.detail.get("pack", "") for one in ward.access().decisions(ward.lacking)]
    assert any("risk" in str(pack) for pack in acts)


def test_what_could_not_be_computed_names_what_is_missing(ward, doctor):
    html = doctor.get(f"/cases/{ward.lacking}/risk").text
    gaps = html.partition('id="gaps"')[2].partition("</section>")[0]
    assert "PREVENT, 10 years Not recorded: Total cholesterol , HDL cholesterol" in words(gaps)
    assert f"?equation={BASE}#try-total_cholesterol-field" in gaps


def test_a_missing_value_can_be_tried_and_nothing_is_stored(ward, doctor):
    count = len(ward.access().case(ward.lacking).records)
    typed = {
        "try-total_cholesterol": "6.2", "unit-try-total_cholesterol": "mmol/L",
        "try-hdl_cholesterol": "1,1", "unit-try-hdl_cholesterol": "mmol/L",
    }  # fmt: skip
    told = words(ask(doctor, ward.lacking, **typed).text)
    assert "are not stored: Total cholesterol 240 mg/dL; HDL cholesterol 42.5 mg/dL" in told
    assert "13.3%" in told, "as of the other man, of whom it is recorded"
    assert len(ward.access().case(ward.lacking).records) == count


@pytest.mark.parametrize(("typed", "told"), [
    ({"try-total_cholesterol": "abc"}, "Total cholesterol: “abc”. Expected: a number, 40 to 1200"),
    ({"try-total_cholesterol": "5"}, "In mmol/L it would be possible: the unit is probably wrong"),
    ({"try-total_cholesterol": "nan"}, "“nan”. Expected: a number"),
    ({"try-total_cholesterol": "200", "unit-try-total_cholesterol": "kg"}, "none of mg/dL, mmol/L"),
    ({"try-total_cholesterol": "400", "try-hdl_cholesterol": "50"}, "outside 130 to 320"),
    ({"try-total_cholesterol": "200"}, "Not known: HDL cholesterol. Expected"),
])  # fmt: skip
def test_what_cannot_be_used_is_told_once_with_what_to_do(ward, doctor, typed, told):
    answer = ask(doctor, ward.lacking, **typed)
    assert answer.status_code == 422
    assert answer.headers["X-Suwen-Partial"] == "problem"
    assert told in words(answer.text)
    assert "What to do" in answer.text
    whole = ask(doctor, ward.lacking, htmx=False, **typed)
    assert whole.status_code == 422
    assert told in words(whole.text), "without a script it stands in the page, beside the form"
    assert f'value="{typed["try-total_cholesterol"]}"' in whole.text


def test_the_page_says_what_the_command_says(ward, doctor):
    rules = risks_of(ward.access().case(ward.patient), "en")
    change = {"systolic_bp": Quantity(125, "mm[Hg]")}
    book = book_of(packs.current(ADVICE))
    found = compared(BASE, rules.known.told, change, rules.rules, book)
    answer = ask(doctor, ward.patient, factor="systolic_bp", **{"to-systolic_bp": "125"})
    told = words(answer.text)
    assert "<html" not in answer.text
    assert f"{found.before:.1f}%" in told
    assert f"{found.after:.1f}%" in told
    assert f"[{found.trials.risk.low:.1f}%, {found.trials.risk.high:.1f}%]" in told
    for line in [one for one in found.lines() if "randomised" not in one.en]:
        assert line.en in told
    assert "lowered to 129 mmHg (the aim of the guideline" in told
    for doi in ("S0140-6736(21)00590-0", "eurheartj/ehab484", "CIRCULATIONAHA.123.067626"):
        assert re.search(rf'href="https://doi.org/10\.\d+/{re.escape(doi)}"', answer.text), doi


def test_without_a_script_the_whole_page_comes_back_with_what_was_typed(ward, doctor):
    typed = {"factor": "systolic_bp", "to-systolic_bp": "125"}
    html = ask(doctor, ward.patient, htmx=False, **typed).text
    assert "<html" in html
    assert 'data-after="9.3%"' in html
    assert 'name="to-systolic_bp" value="125"' in html


def test_published_limits_and_the_graph_are_drawn(ward, doctor):
    key = "Framingham_general_CVD_2008_lipids"
    typed = {"factor": "current_smoker", "to-current_smoker": "no"}
    html = ask(doctor, ward.patient, key, **typed).text
    assert re.search(r"\[[\d.]+%, [\d.]+%\]", html)
    assert "At the limit of the published interval" in html
    assert len(re.findall(r'class="box-held"', html)) == 2, "age and sex"
    assert len(re.findall(r'class="box-missing"', html)) == 1, "income and education"


@pytest.mark.parametrize("typed", [
    {"factor": "age", "to-age": "40"}, {"factor": "systolic_bp"},
    {"factor": "current_smoker", "to-current_smoker": "perhaps"},
])  # fmt: skip
def test_only_a_factor_of_the_list_with_a_value_can_be_changed(ward, doctor, typed):
    assert ask(doctor, ward.patient, **typed).status_code == 422


def test_a_weight_may_be_typed_where_the_height_is_known(ward, doctor):
    assert "kg</option>" not in doctor.get(f"/cases/{ward.patient}/risk").text
    tall = risk_scene.admit(ward, "Long, Tom", (), "R-5")
    ward.access().put([risk_scene.measured(tall, "8302-2", "Height", 200, "cm")], tall)
    html = doctor.get(f"/cases/{tall}/risk").text
    assert "now 31.5 kg/m², 126 kg" in words(html)
    typed = {"factor": "bmi", "to-bmi": "100", "unit-to-bmi": "kg"}
    assert "Body mass index: 31.5 kg/m² → 25 kg/m²" in words(ask(doctor, tall, **typed).text)


def test_what_was_typed_comes_back_as_text_only(ward, doctor):
    typed = {"factor": "systolic_bp", "to-systolic_bp": '"><script>x</script>'}
    html = ask(doctor, ward.patient, htmx=False, **typed).text
    assert "<script>x" not in html
    assert "&lt;script&gt;x" in html


def test_an_equation_that_is_not_offered_is_not_found(ward, doctor):
    assert doctor.get(f"/cases/{ward.patient}/risk?equation=MELD").status_code == 404


def test_a_learned_model_is_asked_when_the_page_stands_and_says_its_interval(ward, doctor):
    glucose = risk_scene.measured(ward.lacking, "1518-0", "Glucose at 2 hours", 9.4, "mmol/L")
    ward.access().put([glucose], ward.lacking)
    address = f"/cases/{ward.lacking}/risk"
    told = doctor.get(address).text
    assert "Diabetes within five years (Pima women)" in told
    assert f'hx-get="{address}?learned=yes"' in told
    assert "Only women of 21 years" in words(doctor.get(f"{address}?learned=yes").text)

    def run(access, patient, task):
        return [diabetes()] if task == DIABETES else []

    bench = doctor.app.state.bench
    doctor.app.state.bench = replace(bench, run=run)
    part = doctor.get(f"{address}?learned=yes", headers={"HX-Request": "true"}).text
    doctor.app.state.bench = bench
    assert "<html" not in part
    assert re.search(
        r"Risk of diabetes within five years out of date .* 41% \(95% CI 30%", words(part)
    )


def diabetes() -> Finding:
    """An answer of a learned model that is past its validity."""
    return Finding(
        task=DIABETES,
        pack="diabetes@1.0.0+" + "0" * 64,
        code=YES,
        band=Band.GREY,
        probability=Interval(value=0.41, low=0.3, high=0.52),
        evidence=(RecordValue(record="Observation/g/_history/1", path="Observation.value"),),
        valid_until=datetime.now(UTC) - timedelta(days=1),
    )


def test_the_page_in_chinese(ward):
    desk = Desk(ward, "dr.lin", "zh")
    html = desk.get(f"/cases/{ward.patient}/risk").text
    assert "数值与此相同的 100 人中，约 13 人将发生：10 年心血管病。" in words(html)
    answer = ask(desk, ward.lacking, **{"try-total_cholesterol": "abc"}).text
    assert "总胆固醇：“abc”。" in answer
    assert "应为：数值，40 至 1200 mg/dL。" in answer
    typed = {"factor": "current_smoker", "to-current_smoker": "no"}
    changed = ask(desk, ward.patient, **typed).text
    assert "目前吸烟：是 → 否" in changed
    assert "并非改变该因素对此人的因果效应" in changed
    desk.http.close()


def test_a_patient_sees_the_own_risk_plainly(ward, patient):
    before = len(ward.access().decisions(ward.patient))
    html = patient.get(f"/cases/{ward.patient}/risk").text
    told = words(html)
    assert "Your risk" in told
    assert "Talk about it with your clinician." in told
    assert "drug treatment of stage 1 hypertension" not in told, "advice is confirmed first"
    assert "Learned models" not in told
    assert html.index(f'id="risk-{BASE}"') < html.index("Other equations")
    typed = {"factor": "current_smoker", "to-current_smoker": "no"}
    assert "an association" in ask(patient, ward.patient, **typed).text
    added = ward.access().decisions(ward.patient)[before:]
    assert not [one for one in added if "risk" in str(one.detail.get("pack", ""))]


def test_a_patient_sees_the_risk_at_home_and_nobody_elses(ward, patient):
    told = words(patient.get(f"/cases/{ward.patient}/home").text)
    assert "Your risk What it rests on, and what if … 13.3%" in told
    assert patient.get(f"/cases/{ward.lacking}/risk").status_code == 403
    assert ask(patient, ward.lacking).status_code == 403
    assert patient.get(f"/cases/{ward.lacking}/records/Patient/{ward.lacking}").status_code == 403


def test_somebody_outside_the_care_team_sees_nothing(ward):
    desk = Desk(ward, "dr.other")
    assert desk.get(f"/cases/{ward.patient}/risk").status_code == 403
    desk.http.close()


def test_an_empty_record_offers_values_to_try(ward, doctor):
    nobody = scene.admit(ward, "Nemo, N", "1970-01-01", "R-9")
    told = words(doctor.get(f"/cases/{nobody}/risk").text)
    assert "Nothing recorded allows an equation to answer" in told
    assert "Missing: try a value" in told


@pytest.mark.parametrize(("source", "text", "url"), [
    ("A et al., X 1:2, 2014, doi 10.1161/01.cir.0000437741.48606.98", "A et al., X 1:2, 2014",
     "https://doi.org/10.1161/01.cir.0000437741.48606.98"),
    ("KDIGO, Kidney Int Suppl 2:1-138, 2012, table 2", "KDIGO, Kidney Int Suppl 2:1-138, 2012, "
     "table 2", ""),
])  # fmt: skip
def test_a_source_is_linked_by_its_identifier(source, text, url):
    found = cited(source)
    assert (found.text, found.url) == (text, url)


@pytest.mark.parametrize("key", sorted(library().equations))
def test_every_equation_has_a_source_with_its_year(key):
    source = cited(str(library().find(key).entry["source"]))
    assert re.search(r"\b(19|20)\d{2}\b", source.text)
    assert "doi" not in source.text


def test_the_words_an_owner_asks_for_are_told_in_chinese_and_what_is_not_confirmed_is_named(ward):
    briton = risk_scene.admit(ward, "Smith, Ann", number="R-uk", country="GB")
    own = "https://suwen.health/fhir/risk-input"
    more = [
        risk_scene.measured(briton, code, code, value, "1")
        for code, value in (("ethnicity", 1), ("townsend-score", 0), ("smoking-category", 4))
    ]
    for one in more:
        one["code"]["coding"][0]["system"] = own
    again = risk_scene.measured(briton, "8480-6", "Systolic", 141, "mm[Hg]", days=40)
    status = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    open_ = {
        "resourceType": "Condition",
        "subject": {"reference": f"Patient/{briton}"},
        "verificationStatus": {"coding": [{"system": status, "code": "provisional"}]},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "G43.1"}]},
    }
    ward.access().put([*more, again, open_], briton)
    desk = Desk(ward, "dr.lin", "zh")
    html = desk.get(f"/cases/{briton}/risk").text
    card = html.partition('id="risk-QRISK3_2017"')[2].partition("</article>")[0]
    assert "ClinRisk Ltd. 以 GNU 宽通用公共许可证发布该代码" in card
    assert "ClinRisk Ltd. have released this code" in card, "the original stands beside it"
    assert "有记录但未经确认，未计入：偏头痛" in words(card)
    desk.http.close()
