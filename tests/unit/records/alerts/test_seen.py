"""An alert is told until somebody sees it, a snooze holds, and no rule sounds untried."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from suwen.core.errors import BadInput, Conflict, Denied, NotFound
from suwen.core.settings import Settings
from suwen.records import Store
from suwen.records.alerts.book import AlertBook, Begun, Ended
from suwen.records.alerts.rulebook import AlertRules, Scope
from suwen.records.alerts.seen import Alerts
from suwen.records.alerts.wards import Rung, Ward, Wards

NOW = datetime.now(UTC).replace(microsecond=0)
RULE = {"key": "spo2-low", "limit": 91}
LADDER = (Rung(0, ("nurse-wu",)), Rung(120, ("dr-li",)), Rung(300, ("*",)))


class Bay:
    """A ward with one patient, its nurse and its doctor."""

    def __init__(self, clinic) -> None:
        self.clinic, self.store = clinic, clinic.store
        for person in (clinic.doctor_person, clinic.nurse_person, clinic.other_person):
            self.store.add_person(person, "x")
        self.patient = clinic.doctor.new_patient([("urn:mrn", "1")])
        self.book = AlertBook(self.store)
        self.wards = Wards(self.store, clinic.doctor_person, "treatment")
        self.rules = AlertRules(self.store, clinic.doctor_person, "treatment")
        self.alerts = Alerts(self.store, clinic.doctor_person, "treatment")
        self.wards.define(Ward("icu", "Intensive care", LADDER, budget=10))
        self.wards.place(self.patient, "icu", "12 A")

    def begun(self, priority: str = "high", after: float = 0, rule: str = "spo2-low") -> list[str]:
        at = NOW + timedelta(seconds=after)
        content = {"name": {"en": "Saturation low", "zh": "血氧低"}, "value": 84, "unit": "%"}
        one = Begun(self.patient, rule, "f" * 64, priority, at, content)
        return self.book.note([one], [], at)

    def ended(self, after: float, rule: str = "spo2-low") -> None:
        self.book.note([], [Ended(self.patient, rule)], NOW + timedelta(seconds=after))

    def told(self, after: float) -> list[str]:
        at = NOW + timedelta(seconds=after)
        self.book.pages.escalate(at)
        pages = self.book.pages.waiting(at)
        for page in pages:
            self.book.pages.told(page, "sent", at)
        return [page.person for page in pages]

    def acts(self) -> list[str]:
        return [one.act for one in self.store.log.entries()]


@pytest.fixture
def bay(sqlite_clinic) -> Bay:
    return Bay(sqlite_clinic)


def test_a_red_alert_pages_at_once_then_the_next_then_all(bay: Bay) -> None:
    bay.begun("high")
    assert bay.told(0) == ["nurse-wu"]
    assert bay.told(60) == []
    assert bay.told(120) == ["dr-li"]
    assert bay.told(300) == ["nurse-wu", "dr-li"]
    assert bay.told(9000) == []
    assert bay.acts().count("alert-escalated") == 3
    assert bay.store.log.verify().intact


def test_a_page_names_the_bed_the_values_and_a_location_that_is_shared(bay: Bay) -> None:
    bay.wards.share_location(bay.patient, {"latitude": 31.2, "longitude": 121.5})
    bay.begun("high")
    page = bay.book.pages.waiting(NOW + timedelta(seconds=1))[0]
    assert page.alert.content["value"] == 84
    assert page.place is not None
    assert (page.place.bed, page.place.location["latitude"]) == ("12 A", 31.2)
    bay.wards.share_location(bay.patient, None)
    place = bay.book.pages.waiting(NOW + timedelta(seconds=1))[0].place
    assert (place.bed, place.location) == ("12 A", None)


def test_what_is_amber_waits_and_what_is_low_stands_on_the_board_only(bay: Bay) -> None:
    bay.begun("medium")
    bay.begun("low", rule="glucose-very-high")
    assert bay.told(100) == []
    assert bay.told(300) == ["nurse-wu"]
    assert len(bay.alerts.open([bay.patient])) == 2


def test_without_a_ward_the_care_team_is_paged(bay: Bay) -> None:
    bay.wards.place(bay.patient, "")
    bay.begun("high")
    assert bay.told(0) == ["dr-li"]


def test_who_cannot_be_reached_is_no_reason_to_wait(bay: Bay) -> None:
    bay.begun("high")
    at = NOW
    for _ in range(5):
        for page in bay.book.pages.waiting(at):
            bay.book.pages.told(page, "failed", at)
        at += timedelta(seconds=60)
    bay.book.pages.escalate(NOW + timedelta(seconds=61))
    assert [page.person for page in bay.book.pages.waiting(at)] == ["dr-li"], (
        "before its two minutes"
    )


def test_acknowledging_ends_the_paging_and_says_why(bay: Bay) -> None:
    (name,) = bay.begun("high")
    assert bay.told(0) == ["nurse-wu"]
    with pytest.raises(BadInput):
        bay.alerts.acknowledge(name, "because")
    with pytest.raises(BadInput):
        bay.alerts.acknowledge(name, "other")
    bay.alerts.acknowledge(name, "artefact", "the probe hung loose at the cot")
    assert bay.told(9000) == []
    with pytest.raises(Conflict):
        bay.alerts.acknowledge(name, "acted")
    one = bay.alerts.open([bay.patient])[0]
    assert (one.state(NOW), one.acknowledged_by, one.reason) == (
        "acknowledged", "dr-li", "artefact")  # fmt: skip
    bay.ended(400)
    assert bay.alerts.open([bay.patient]) == []
    assert len(bay.alerts.open([bay.patient], NOW - timedelta(hours=1))) == 1
    log = bay.clinic.doctor.decisions(bay.patient)
    said = next(entry for entry in log if entry.act == "alert-acknowledged")
    assert said.detail["comment"] == "the probe hung loose at the cot"
    raw = next(entry for entry in bay.store.log.entries() if entry.act == "alert-acknowledged")
    assert "loose" not in str(raw.detail), "what people write is sealed"


def test_a_red_alert_that_is_over_stays_until_somebody_saw_it(bay: Bay) -> None:
    (name,) = bay.begun("high")
    bay.begun("medium", rule="heart-rate-high")
    bay.ended(10)
    bay.ended(10, "heart-rate-high")
    assert [one.id for one in bay.alerts.open([bay.patient])] == [name]
    assert bay.told(0) == ["nurse-wu"], "and the page that was written is sent"
    assert bay.told(500) == [], "but nobody more is woken"
    bay.alerts.acknowledge(name, "acted")
    assert bay.alerts.open([bay.patient]) == []


def test_a_condition_that_stands_begins_no_second_alert(bay: Bay) -> None:
    assert len(bay.begun()) == 1
    assert bay.begun(after=1) == []
    bay.ended(2)
    assert len(bay.begun(after=3)) == 1


def test_a_snooze_holds_over_a_new_alert_and_over_a_restart(bay: Bay) -> None:
    (name,) = bay.begun("high")
    assert bay.told(0) == ["nurse-wu"]
    until = bay.alerts.snooze(name, 10, "suction is under way")
    assert bay.told(130) == []
    bay.ended(140)
    settings = Settings(home=bay.clinic.home)
    with Store.open(settings) as again:
        book = AlertBook(again)
        at = NOW + timedelta(seconds=200)
        content = {"name": {"en": "x", "zh": "x"}}
        book.note([Begun(bay.patient, "spo2-low", "f", "high", at, content)], [], at)
        assert book.pages.escalate(at) == 0
        assert book.pages.waiting(at) == []
        states = [one.state(at) for one in Alerts(again, bay.clinic.doctor_person, "treatment")
                  .open([bay.patient])]  # fmt: skip
        assert states == ["snoozed", "snoozed"]
        assert book.pages.escalate(until + timedelta(seconds=1)) == 1, (
            "when it ends the ladder begins"
        )


def test_a_red_alert_is_not_silenced_for_long(bay: Bay) -> None:
    (name,) = bay.begun("high")
    for minutes in (0, 31):
        with pytest.raises(BadInput):
            bay.alerts.snooze(name, minutes, "quiet please")
    with pytest.raises(BadInput):
        bay.alerts.snooze(name, 5, "")


def test_who_does_not_care_for_the_patient_sees_and_does_nothing(bay: Bay) -> None:
    (name,) = bay.begun()
    stranger = Alerts(bay.store, bay.clinic.other_person, "treatment")
    assert stranger.open([bay.patient]) == []
    assert stranger.patients() == {}
    with pytest.raises(Denied):
        stranger.acknowledge(name, "acted")
    with pytest.raises(Denied):
        stranger.snooze(name, 5, "not mine at all")
    with pytest.raises(NotFound):
        bay.alerts.acknowledge("nothing", "acted")


def test_who_looks_is_logged_once_an_opening(bay: Bay) -> None:
    for _ in range(3):
        bay.alerts.open([bay.patient])
    assert bay.acts().count("alerts-listed") == 1


def test_a_rule_is_enabled_only_after_a_dry_run_of_that_very_rule_on_that_history(bay) -> None:
    icu, own = Scope(ward="icu"), Scope(patient=bay.patient)
    with pytest.raises(Conflict):
        bay.rules.enable(icu, RULE, "f1")
    bay.rules.keep_trial(icu, RULE, "f1", {"alerts": 3})
    with pytest.raises(Conflict):
        bay.rules.enable(icu, RULE, "f2")
    with pytest.raises(Conflict):
        bay.rules.enable(own, RULE, "f1")
    first = bay.rules.enable(icu, RULE, "f1")
    again = bay.rules.enable(icu, RULE, "f1")
    assert [one.id for one in bay.book.rules()] == [again] != [first]
    assert bay.book.rules()[0].content == RULE
    assert bay.rules.trials(icu)[0].content["result"] == {"alerts": 3}
    bay.rules.disable(again, "too many alerts at night")
    assert bay.book.rules() == []
    with pytest.raises(NotFound):
        bay.rules.disable(again, "twice is too often")


def test_a_patients_own_rule_is_the_patients(bay: Bay) -> None:
    own = Scope(patient=bay.patient)
    bay.rules.keep_trial(own, RULE, "f1", {})
    bay.rules.enable(own, RULE, "f1")
    assert bay.book.rules()[0].scope == own
    stranger = AlertRules(bay.store, bay.clinic.other_person, "treatment")
    assert stranger.list() == []
    with pytest.raises(Denied):
        stranger.keep_trial(own, RULE, "f1", {})
    bay.clinic.admin.destroy_patient(bay.patient, "asked to be forgotten")
    assert bay.book.rules() == []


def test_a_nurse_does_not_change_the_rules_of_a_ward(bay: Bay) -> None:
    nurse = AlertRules(bay.store, bay.clinic.nurse_person, "treatment")
    with pytest.raises(Denied):
        nurse.keep_trial(Scope(ward="icu"), RULE, "f1", {})
    with pytest.raises(Denied):
        Wards(bay.store, bay.clinic.nurse_person, "treatment").define(Ward("icu"))


def test_alerts_are_gone_with_the_patients_key_and_turn_with_it(bay: Bay) -> None:
    bay.begun()
    bay.clinic.admin.rotate_data_key(bay.patient)
    assert bay.alerts.open([bay.patient])[0].content["value"] == 84
    bay.clinic.admin.destroy_patient(bay.patient, "asked to be forgotten")
    assert bay.alerts.open([bay.patient]) == []
    assert bay.begun(rule="heart-rate-low") == [], "and no new ones come"


@pytest.mark.parametrize(
    "change",
    [
        {"id": "Bed 3, Mr Wang"},
        {"ladder": (Rung(60, ("a",)), Rung(0, ("b",)))},
        {"ladder": (Rung(0, ()),)},
        {"budget": 0},
        {"silence": {"8867-4": -1}},
    ],
)
def test_a_ward_that_cannot_be_is_refused(change) -> None:
    with pytest.raises(BadInput):
        Ward(**{"id": "icu"} | change)


def test_a_ladder_of_strangers_is_refused(bay: Bay) -> None:
    with pytest.raises(NotFound):
        bay.wards.define(Ward("icu", ladder=(Rung(0, ("dr.who",)),)))
    with pytest.raises(NotFound):
        bay.wards.place(bay.patient, "nowhere")


def test_the_heartbeat_is_the_last_one(bay: Bay) -> None:
    assert bay.alerts.heartbeat("alerts") is None
    bay.book.beat("alerts", NOW)
    bay.book.beat("alerts", NOW + timedelta(seconds=5))
    assert bay.alerts.heartbeat("alerts") == NOW + timedelta(seconds=5)


def test_alerts_stand_alike_on_both_databases(clinic) -> None:
    bay = Bay(clinic)
    (name,) = bay.begun()
    assert bay.told(0) == ["nurse-wu"]
    bay.alerts.snooze(name, 5, "suction is under way")
    bay.alerts.acknowledge(name, "acted")
    bay.ended(5)
    assert bay.alerts.count("icu", NOW - timedelta(days=1)) == (1, 1)
    bay.book.over_budget("icu", "2026-03-01", 40, 1)
    bay.book.over_budget("icu", "2026-03-01", 41, 1)
    assert bay.acts().count("alert-budget-exceeded") == 1
