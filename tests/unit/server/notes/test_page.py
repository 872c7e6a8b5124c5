"""What a clinician reads and decides on the page of a note, and what stays in the store."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import notes_scene
import pytest
import scene
from desk import Desk

from suwen.core.errors import Denied
from suwen.core.nouns import Act
from suwen.notes.entities.corrected import documents
from suwen.notes.entities.corrections import in_case, resource_of
from suwen.notes.entities.data import KINDS
from suwen.notes.entities.task import Entities
from suwen.notes.questions import FACTS
from suwen.notes.vocabulary.names import HPO
from suwen.records import finding_of
from suwen.server.case import reports
from suwen.server.notes.details import detail
from suwen.server.notes.view import visible

FEVER = "Fever"


def noted(home: Path) -> scene.Clinic:
    made = scene.open_clinic(home)
    made.patient = scene.admit(made)
    notes_scene.add_notes(made, made.patient)
    return made


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> scene.Clinic:
    made = noted(tmp_path_factory.mktemp("noted") / "home")
    made.store.close()
    return made


@pytest.fixture(scope="module")
def library(
    written: scene.Clinic, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[scene.Clinic]:
    """A clinic that is only read."""
    opened = scene.copied(written, tmp_path_factory.mktemp("library") / "home")
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def letter(library: scene.Clinic) -> str:
    """The page of the English letter."""
    return shown(Desk(library, "dr.lin"), library)


def address(ward: scene.Clinic) -> str:
    return f"/cases/{ward.patient}/notes"


def note_ids(ward: scene.Clinic) -> dict[str, str]:
    """Return the ids of the notes by their titles."""
    return {
        one.content["content"][0]["attachment"]["title"]: one.id
        for one in ward.access().case(ward.patient).of("DocumentReference")
    }


def shown(desk: Desk, ward: scene.Clinic, title: str = "Referral letter") -> str:
    return desk.get(f"{address(ward)}?note={note_ids(ward)[title]}").text


def read_of(page: str) -> str:
    """Return the note itself."""
    return page.partition('id="read"')[2].partition("</section>")[0]


def group(page: str, key: str) -> str:
    """Return one group of the list of facts."""
    return page.partition(f'class="bundle g-{key}"')[2].partition("</ul></details>\n")[0]


def article(page: str, name: str, how: str = "Present") -> str:
    """Return the card of a fact by its name and status."""
    cards = [f'<article class="fact{one}' for one in page.split('<article class="fact')[1:]]
    return next(
        one.partition("</article>")[0]
        for one in cards
        if f">{name}</a>" in one and f"· {how} · Current ·" in one
    )


def form_of(card: str) -> dict[str, str]:
    """Return the hidden fields of a card's form, without the act."""
    return dict(re.findall(r'name="(fact|seen|note)" value="([^"]*)"', card))


def act(desk: Desk, ward: scene.Clinic, card: str, verdict: str, **more: str):
    return desk.post(f"{address(ward)}/review", act=verdict, **(form_of(card) | more))


CHOSEN = {"kind": "symptom", "presence": "present", "temporality": "recent",
          "experiencer": "patient"}  # fmt: skip


def test_the_note_is_marked_by_kind_and_by_how_it_is_meant(letter) -> None:
    text = read_of(letter)
    for style, words in (
        ("k-problem", "cough"),
        ("k-problem denied clash", "fever"),
        ("k-problem unsure", "pneumonia"),
        ("k-problem family", "breast cancer"),
        ("k-problem unmapped", "funny turn"),
        ("k-allergy", "penicillin"),
        ("k-drug", "Metformin"),
        ("k-value", "Glucose 180 mg/dL"),
    ):
        assert re.search(rf'class="said {style}"[^>]*>{words}</a>', text), words


def test_taking_the_marks_away_leaves_the_note_as_it_was_written(letter) -> None:
    inside = read_of(letter).partition(">")[2].partition("</div>")[0]
    plain = html.unescape(re.sub(r"<[^>]*>", "", inside))
    assert plain == visible(notes_scene.ENGLISH)


def test_a_hostile_note_is_shown_as_characters(letter) -> None:
    page = letter
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page
    assert "\u202e" not in page, "nothing turns the writing round"


def test_a_fact_tells_status_code_value_words_and_every_place(letter, library) -> None:
    page = letter
    glucose = article(page, "glucose")
    for expected in ("9.99 mmol/L", "Glucose 180 mg/dL · 血糖10.0mmol/L", "LOINC", "2 places"):
        assert expected in glucose, expected
    metformin = article(page, "Metformin")
    for expected in ("500 mg", "2 × every 1 d", "oral", "Present · Current · Patient", "D008687"):
        assert expected in metformin, expected
    cough = article(page, "Cough")
    assert cough.count("<li><a href=") == 4, "two notes in English, one in Chinese"
    assert f"?note={note_ids(library)['门诊病历']}#at-" in cough
    assert "mother" in article(page, "Breast Neoplasms"), "the word that made it the family's"


def test_facts_are_grouped_as_a_clinician_looks_for_them(letter) -> None:
    page = letter
    for key, name in (
        ("problem", "Pneumonia"),
        ("denied", "Fever"),
        ("family", "Breast Neoplasms"),
        ("drug", "Metformin"),
        ("allergy", "Penicillins"),
        ("value", "glucose"),
        ("unmapped", "funny turn"),
    ):
        assert f">{name}</a>" in group(page, key), key


def test_a_contradiction_is_flagged_and_leads_to_the_other_place(letter) -> None:
    page = letter
    denied = article(page, FEVER, "Denied or not found")
    assert "contradicted" in denied
    assert "现病史：<" not in denied
    assert re.search(r'<a href="[^"]*note=[^"]*">门诊病历[^<]*Present[^<]*发热', denied)


def test_the_page_speaks_chinese_and_reads_the_chinese_note(ward) -> None:
    desk = Desk(ward, "dr.lin", "zh")
    page = shown(desk, ward, "门诊病历")
    assert re.search(r'class="said k-problem clash"[^>]*>发热</a>', read_of(page))
    assert 'lang="zh-Hans"' in page
    for expected in ("病历所述", "否认或未见", "家族及他人", "过敏", "乳腺肿瘤", "未编码",
                     "2 × every"):  # fmt: skip
        assert (expected in page) == (expected != "2 × every"), expected
    assert "每 1 天 2 次" in page
    desk.http.close()


def test_a_note_with_markup_is_marked_where_a_reader_sees_the_word(desk, ward) -> None:
    text = read_of(shown(desk, ward, "Clinic page"))
    assert re.search(r'Seen in clinic: <a class="said k-problem"[^>]*>cough</a> &amp;', text)


def test_rejecting_leaves_the_list_at_once_stays_in_sight_and_is_logged(desk, ward) -> None:
    card = article(shown(desk, ward), "funny turn")
    answer = act(desk, ward, card, "rejected", reason="a figure of speech")
    assert answer.status_code == 200
    assert group(answer.text, "unmapped") == ""
    assert ">funny turn</a>" in group(answer.text, "rejected")
    assert re.search(r'class="said [^"]*rejected"[^>]*>funny turn</a>', read_of(answer.text))
    (entry,) = [d for d in ward.access().decisions(ward.patient) if d.act == "rejected"]
    assert entry.person == "dr.lin"
    assert entry.detail["reason"] == "a figure of speech"
    assert entry.detail["pack"] == notes_scene.PACK
    logged = [json.dumps(dict(one.detail)) for one in ward.store.log.entries()]
    assert not any("figure of speech" in line or "funny" in line for line in logged)
    assert ward.store.log.verify().intact


def test_a_rejected_mention_may_be_accepted_again_as_a_next_version(desk, ward) -> None:
    act(desk, ward, article(shown(desk, ward), "funny turn"), "rejected")
    back = act(desk, ward, article(shown(desk, ward), "funny turn"), "accepted")
    assert ">funny turn</a>" in group(back.text, "unmapped")
    (one,) = in_case(ward.access().case(ward.patient)).values()
    assert (one.correction.verdict, one.version) == ("accepted", 2)


def test_accepting_a_fact_accepts_every_place(desk, ward) -> None:
    answer = act(desk, ward, article(shown(desk, ward), "Cough"), "accepted")
    assert article(answer.text, "Cough").count("<strong>Accepted</strong>") == 4
    acts = [d.act for d in ward.access().decisions(ward.patient)]
    assert acts.count("accepted") == 4


def test_correcting_the_status_ends_the_contradiction(desk, ward) -> None:
    card = article(shown(desk, ward), FEVER, "Denied or not found")
    answer = act(desk, ward, card, "edited", code="HP:0001945", **CHOSEN)
    fever = article(answer.text, FEVER)
    assert "contradicted" not in answer.text
    assert fever.count("<li><a href=") == 2, "now one fact, said in both notes"
    assert "<strong>Corrected</strong> · Dr Lin Wei" in fever


def test_a_corrected_stretch_is_marked_where_the_words_stand(desk, ward) -> None:
    card = article(shown(desk, ward), "Pneumonia", "Possible")
    more = CHOSEN | {"kind": "problem", "words": "pneumonia on the right"}
    answer = act(desk, ward, card, "edited", code="HP:0002090", **more)
    assert ">pneumonia on the right</a>" in read_of(answer.text)
    refused = act(desk, ward, article(answer.text, "Pneumonia"), "edited",
                  code="HP:0002090", **(more | {"words": "heart failure"}))  # fmt: skip
    assert refused.status_code == 422
    assert "Words that do not stand in this note." in refused.text


def test_one_place_of_several_may_be_rejected_alone(desk, ward) -> None:
    card = article(shown(desk, ward), "Cough")
    where = re.search(r'<option value="(at-[0-9a-f]+)">[^<]*The cough', card)[1]
    answer = act(desk, ward, card, "rejected", where=where)
    assert article(answer.text, "Cough").count("<li><a href=") == 3
    assert len(in_case(ward.access().case(ward.patient))) == 1


def test_who_decides_on_an_old_page_is_told_so(desk, ward) -> None:
    card = article(shown(desk, ward), "Pneumonia", "Possible")
    assert act(desk, ward, card, "accepted").status_code == 200
    late = act(desk, ward, card, "rejected")
    assert late.status_code == 409
    assert "changed since you opened the page" in late.text


def test_every_form_of_a_fact_has_a_place_for_its_refusal(desk, ward) -> None:
    """The script shows a refusal in the form that was sent; what was typed stays."""
    card = article(shown(desk, ward), "Cough")
    form = desk.get(f"{address(ward)}/correct?fact={form_of(card)['fact']}").text
    forms = re.findall(r"<form hx-post.*?</form>", card + form, re.DOTALL)
    assert len(forms) == 3, "accept, reject, correct"
    for one in forms:
        assert one.count('<div class="refused" aria-live="assertive"></div>') == 1
    refused = act(desk, ward, card, "rejected", reason="x" * 501)
    assert refused.status_code == 422
    assert refused.headers["X-Suwen-Partial"] == "problem"
    assert 'role="alert"' in refused.text
    assert "reason" in refused.text
    assert not in_case(ward.access().case(ward.patient))


def test_the_form_of_a_correction_offers_what_the_fact_is_now(desk, ward) -> None:
    card = article(shown(desk, ward), FEVER, "Denied or not found")
    form = desk.get(f"{address(ward)}/correct?fact={form_of(card)['fact']}").text
    assert '<option value="absent" selected>Denied or not found</option>' in form
    assert '<option value="symptom" selected>Symptom</option>' in form
    assert 'name="named" maxlength="200" autocomplete="off" value="Fever"' in form
    assert 'name="code" value="http://human-phenotype-ontology.org|HP:0001945"' in form


def test_a_name_or_code_nobody_knows_is_refused(desk, ward, monkeypatch) -> None:
    class Empty:
        def named(self, words: str) -> list[int]:
            return []

        def concepts(self, system: str, code: str) -> list[int]:
            return []

    monkeypatch.setattr("suwen.notes.entities.corrections.installed", Empty)
    card = article(shown(desk, ward), "funny turn")
    answer = act(desk, ward, card, "edited", code="no such thing", **CHOSEN)
    assert answer.status_code == 422
    assert "A name or code that the vocabulary does not have." in answer.text


@pytest.mark.parametrize(
    "bad", [{"presence": "perhaps"}, {"kind": "spell"}, {"words": "x" * 300}, {"act": "burned"}]
)
def test_a_form_nobody_offered_is_refused(desk, ward, bad) -> None:
    card = article(shown(desk, ward), "Pneumonia", "Possible")
    form = form_of(card) | CHOSEN | {"act": "edited", "code": "HP:0002090"} | bad
    assert desk.post(f"{address(ward)}/review", **form).status_code == 422
    assert in_case(ward.access().case(ward.patient)) == {}


def test_only_the_care_team_reads_and_decides(ward) -> None:
    other = Desk(ward, scene.OTHER.id)
    assert other.get(address(ward)).status_code == 403
    assert (
        other.post(f"{address(ward)}/review", act="accepted", fact="x", seen="at-0:0").status_code
        == 403
    )
    other.http.close()
    desk = Desk(ward, "dr.lin")
    act(desk, ward, article(shown(desk, ward), "Pneumonia", "Possible"), "accepted")
    desk.http.close()
    (one,) = in_case(ward.access().case(ward.patient)).values()
    with pytest.raises(Denied):
        ward.access(scene.OTHER).put([resource_of(one.correction, ward.patient)], ward.patient)


def test_the_most_uncertain_note_waits_first_until_it_is_judged(desk, ward) -> None:
    def waiting() -> list[str]:
        text = desk.get(f"{address(ward)}/next").text
        return re.findall(r">Li, Na · ([^·<]*) ·[^<]*</a><span[^>]*>([^<]*)<", text)

    assert waiting()[0] == ("Referral letter", "2 of 8 mentions unsure")
    act(desk, ward, article(shown(desk, ward), "funny turn"), "rejected")
    act(desk, ward, article(shown(desk, ward), "Cough"), "accepted")
    assert ("Referral letter", "0 of 5 mentions unsure") in waiting()
    assert "Clinic page" not in dict(waiting()), "everything in it was judged"


def test_what_was_decided_becomes_examples_to_train_on(desk, ward) -> None:
    assert Entities().corrected(ward.access()) is None
    act(desk, ward, article(shown(desk, ward), "funny turn"), "rejected")
    card = article(shown(desk, ward), "Pneumonia", "Possible")
    more = CHOSEN | {"kind": "problem", "words": "pneumonia on the right"}
    act(desk, ward, card, "edited", code="HP:0002090", **more)
    (one,) = documents(ward.access())
    words = {one.document.text[start:end]: kind for start, end, kind in one.document.spans}
    assert words["pneumonia on the right"] == "problem", "as it was corrected"
    assert "funny turn" not in words, "what was rejected is no label"
    assert words["penicillin"] == "drug", "what nobody judged stands as it was found"
    assert (one.judged, one.language) == (2, "en")
    found = Entities().corrected(ward.access())
    assert [found.load(i).data.scheme for i in range(2)] == ["corrections", "bc5cdr"]
    kinds = [{KINDS[int(row[2])] for row in found.truth(i)} for i in range(2)]
    assert kinds == [{"problem", "symptom", "drug"}, {"problem", "drug"}]
    assert not found.source.shippable
    assert not any("Li" in key or "pneumonia" in key for key in found.keys)
    assert documents(ward.access(scene.OTHER)) == [], "only what this person may see"


def test_the_case_leads_to_its_notes(desk, ward) -> None:
    assert f'href="{address(ward)}"' in desk.get(f"/cases/{ward.patient}").text


def test_a_case_without_notes_says_so(desk, ward) -> None:
    patient = scene.admit(ward, "Wu, Li", "1950-01-01", "T-9")
    page = desk.get(f"/cases/{patient}/notes")
    assert page.status_code == 200
    assert "This case holds no note that can be read." in page.text
    assert desk.get(f"/cases/{patient}/notes?note=unknown").status_code == 404


@pytest.mark.parametrize(
    ("part", "value", "english", "chinese"),
    [
        ("frequency", "2/1d", "2 × every 1 d", "每 1 天 2 次"),
        ("time", "P1Y6M", "1 y 6 mo", "1 年 6 个月"),
        ("time", "2021-03", "2021-03", "2021-03"),
        ("dose", "2 {tablet}", "2 tablet(s)", "2 片"),
        ("status", "worse", "worse", "加重"),
        ("route", "<b>", "<b>", "<b>"),
    ],
)
def test_details_read_in_both_languages(part, value, english, chinese) -> None:
    assert detail("en", part, value)[1] == english
    assert detail("zh", part, value)[1] == chinese


def test_dates_stand_in_the_text_and_beside_it_with_what_they_mean(letter: str) -> None:
    turn = next(one for one in re.findall(r"<time [^>]*>", letter) if "2026-02-22" in one)
    assert 'title="2026-02-22 (told from the day of the note, 2026-03-01)"' in turn
    assert f"{turn}last week</time>" in letter
    assert re.search(r'datetime="P3D"[^>]*>three days</time>', letter)
    beside = letter[letter.index("Dates and periods") :]
    assert "2026-02-22" in beside
    assert beside.index("2026-02-22") < beside.index("3 d")


MISSED = {"kind": "symptom", "presence": "present", "temporality": "recent",
          "experiencer": "patient"}  # fmt: skip


def stretch(words: str, nth: int = 0) -> str:
    """Return where words stand in the English letter, as the form sends it."""
    at = -1
    for _ in range(nth + 1):
        at = notes_scene.ENGLISH.index(words, at + 1)
    return f"{at}-{at + len(words)}"


def added(desk: Desk, ward: scene.Clinic, words: str, **more: str):
    form = {"note": note_ids(ward)["Referral letter"], "at": stretch(words)} | MISSED
    return desk.post(f"{address(ward)}/add", **(form | more))


def test_a_missed_mention_is_added_told_at_once_and_logged(desk, ward) -> None:
    answer = added(desk, ward, "worse at night", code=f"{HPO}|HP:0030166", reason="missed")
    assert answer.status_code == 200
    sweats = article(answer.text, "Night sweats")
    assert "<strong>Added</strong> · Dr Lin Wei" in sweats
    assert re.search(r'class="said k-problem"[^>]*>worse at night</a>', read_of(answer.text))
    (entry,) = [d for d in ward.access().decisions(ward.patient) if d.act == "added"]
    assert (entry.person, entry.detail["reason"]) == ("dr.lin", "missed")
    (one,) = in_case(ward.access().case(ward.patient)).values()
    assert one.correction.words == "worse at night"
    assert ward.store.log.verify().intact


def test_an_added_mention_becomes_training_text(desk, ward) -> None:
    added(desk, ward, "worse at night")
    (one,) = documents(ward.access())
    words = {one.document.text[start:end]: kind for start, end, kind in one.document.spans}
    assert words["worse at night"] == "symptom"


def test_an_added_mention_joins_the_fact_it_belongs_to(desk, ward) -> None:
    answer = added(desk, ward, "is worse", code="HP:0012735")
    assert article(answer.text, "Cough").count("<li><a href=") == 5


def test_an_added_drug_has_its_dose_and_an_added_result_its_value(desk, ward) -> None:
    act(desk, ward, article(shown(desk, ward), "Metformin"), "rejected")
    drug = added(desk, ward, "Metformin", kind="drug", code="D008687")
    cards = [one for one in drug.text.split("<article") if "<strong>Added</strong>" in one]
    assert ["500 mg" in one for one in cards] == [True]
    act(desk, ward, article(drug.text, "glucose"), "rejected")
    value = added(desk, ward, "Glucose 180 mg/dL", kind="value")
    assert "9.99 mmol/L" in article(value.text, "glucose")
    refused = added(desk, ward, "on the right", kind="value")
    assert refused.status_code == 422
    assert "A result without a number and a unit that are known." in refused.text


@pytest.mark.parametrize("words", ["cough", "Possible pneumonia on", "fever. Possible"])
def test_words_that_something_is_told_by_are_refused_clearly(desk, ward, words) -> None:
    answer = added(desk, ward, words)
    assert answer.status_code == 409
    assert "Words that overlap something that is told by them already." in answer.text
    assert in_case(ward.access().case(ward.patient)) == {}


def test_rejected_words_may_be_added_otherwise(desk, ward) -> None:
    act(desk, ward, article(shown(desk, ward), "funny turn"), "rejected")
    answer = added(desk, ward, "funny turn last week", code="HP:0001279")
    assert answer.status_code == 200
    assert ">funny turn last week</a>" in read_of(answer.text)


def test_an_added_mention_may_be_corrected_and_rejected_again(desk, ward) -> None:
    page = added(desk, ward, "worse at night", code="HP:0030166").text
    more = CHOSEN | {"presence": "absent"}
    card = article(page, "Night sweats")
    page = act(desk, ward, card, "edited", code="HP:0030166", **more).text
    card = article(page, "Night sweats", "Denied or not found")
    page = act(desk, ward, card, "rejected").text
    assert "Night sweats" not in page
    again = added(desk, ward, "worse at night", code="HP:0030166")
    assert again.status_code == 200
    (one,) = in_case(ward.access().case(ward.patient)).values()
    assert (one.correction.verdict, one.version) == ("added", 4)


@pytest.mark.parametrize(
    "bad",
    [{"at": "5-5"}, {"at": "0-100000"}, {"at": ""}, {"at": "x"}, {"kind": "spell"},
     {"presence": "maybe"}, {"note": "unknown"}, {"code": "no such thing"}],
)  # fmt: skip
def test_a_mention_that_cannot_be_is_not_added(desk, ward, bad) -> None:
    assert added(desk, ward, "worse at night", **bad).status_code in (404, 422)
    assert in_case(ward.access().case(ward.patient)) == {}


def test_only_the_care_team_adds(ward) -> None:
    other = Desk(ward, scene.OTHER.id)
    assert added_by(other, ward).status_code == 403
    other.http.close()


def added_by(desk: Desk, ward: scene.Clinic):
    form = {"note": note_ids(ward)["Referral letter"], "at": "3-9"} | MISSED
    return desk.post(f"{address(ward)}/add", **form)


def test_the_form_asks_for_words_or_shows_those_that_were_selected(desk, ward) -> None:
    note = note_ids(ward)["Referral letter"]
    start, _, end = stretch("worse at night").partition("-")
    form = desk.get(f"{address(ward)}/add?note={note}&start={start}&end={end}").text
    assert "<mark>worse at night</mark>" in form
    assert f'name="at" value="{start}-{end}"' in form
    typed = desk.get(f"{address(ward)}/add?note={note}").text
    assert 'name="words"' in typed
    places = desk.get(f"{address(ward)}/places?note={note}&words=WORSE at").text
    assert f'value="{stretch("worse at")}" checked' in places
    none = desk.get(f"{address(ward)}/places?note={note}&words=cough").text
    assert "something is told by them already" in none, "all of them are taken"


def drafted(ward: scene.Clinic) -> None:
    """Compose the draft of what was found in the notes."""
    access = ward.access()
    found = [finding_of(one) for one in access.search("Finding", ward.patient, code=FACTS)]
    scene.report_on(ward, ward.patient, found)


def newest(ward: scene.Clinic):
    return reports.latest(ward.access(), ward.patient).report


def test_the_draft_counts_what_was_corrected_rejected_and_added_at_once(desk, ward) -> None:
    drafted(ward)
    first = newest(ward)
    act(desk, ward, article(shown(desk, ward), "funny turn"), "rejected", reason="no symptom")
    act(desk, ward, article(shown(desk, ward), FEVER, "Denied or not found"), "edited",
        code="HP:0001945", **CHOSEN)  # fmt: skip
    page = added(desk, ward, "worse at night", code="HP:0030166")
    draft = newest(ward)
    assert draft.id == first.id
    assert set(first.findings) <= set(draft.findings), "what the software read stays"
    told = [one.text.en for one in draft.statements if one.section == "notes"]
    assert not any("contradict" in line for line in told)
    assert any("Night sweats (by a clinician)" in line for line in told)
    assert any(line.startswith("Added by a clinician: Night sweats") for line in told)
    assert any("rejected by a clinician: funny turn" in line for line in told)
    assert "signed" not in page.text
    case = desk.get(f"/cases/{ward.patient}").text
    assert "newer records since" not in case, "the draft tells of them"
    assert "Night sweats (by a clinician)" in case


def test_a_signed_report_stays_and_the_page_says_so(desk, ward) -> None:
    drafted(ward)
    access = ward.access()
    stored = reports.latest(access, ward.patient)
    reports.perform(access, ward.patient, "dr.lin", reports.Wish(Act.SIGNED, stored.reference))
    signed = newest(ward)
    page = act(desk, ward, article(shown(desk, ward), "funny turn"), "rejected").text
    assert newest(ward) == signed
    assert "The report of this case is signed." in page
    assert "newer records since" in desk.get(f"/cases/{ward.patient}").text


def test_a_local_term_gives_its_code_on_the_page_and_says_who_mapped_it(desk, ward) -> None:
    desk.post("/terms/map", term="Funny turns", kind="problem", code="HP:0001279")
    syncope = article(shown(desk, ward), "Syncope")
    assert "Funny turns · Dr Lin Wei" in syncope
    assert "HP:0001279" in syncope
