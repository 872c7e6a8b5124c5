"""One suite for every shipped Pack, and the proof that none escapes it."""

from __future__ import annotations

import math
import re
import shutil
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from suwen.core import registry
from suwen.core.errors import BadInput, IntegrityError
from suwen.core.nouns import Band, Finding, RecordValue, SimilarExample, canonical
from suwen.lifecycle import assemble, golden, packs, rules, run
from suwen.lifecycle.compression import compress
from suwen.lifecycle.compression.compress import Way
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.pack import SETTINGS, Pack
from suwen.lifecycle.reasons import similar
from suwen.lifecycle.sealed import gallery, gallery_pictures, keys
from suwen.lifecycle.sealed.gallery_pictures import Pictured
from suwen.lifecycle.task import Resembles

from .conftest import SOURCE, registered, shipped, toy_pack, toys

EXECUTABLE = (".py", ".pyc", ".so", ".pkl", ".pickle", ".pt", ".pth", ".joblib", ".bin")
CHINESE = re.compile("[一-鿿]")


def trusted_for(pack, request):
    """The keys under which a pack loads."""
    if pack.task.startswith("toy."):
        return assemble.own_key(request.getfixturevalue("toy_home"))
    return keys.trusted_keys()


def test_a_pack_is_signed_with_a_key_that_ships(pack, request):
    assert Pack.load(pack.folder, trusted_for(pack, request)).sha256 == pack.sha256


def test_a_pack_with_one_byte_changed_is_refused(pack, request, tmp_path):
    copy = shutil.copytree(pack.folder, tmp_path / "pack")
    trusted = trusted_for(pack, request)
    parts = (".onnx", ".gz", ".txt", ".toml", ".json")
    weights = sorted(path for path in copy.glob("member-*/*") if path.suffix in parts)
    for path in [weights[0], copy / "calibrator.json", copy / "card.json"]:
        if not path.exists():
            continue
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        original, _ = path.read_bytes(), path.write_bytes(bytes(content))
        with pytest.raises(IntegrityError, match=path.name):
            Pack.load(copy, trusted)
        path.write_bytes(original)
    Pack.load(copy, trusted)


def test_a_pack_holds_nothing_that_could_be_executed(pack):
    for path in pack.folder.rglob("*"):
        assert path.suffix not in EXECUTABLE, path.name


def test_a_pack_belongs_to_a_registered_task(pack, task_of_pack):
    assert pack.task == task_of_pack.name
    assert pack.settings["answers"] == task_of_pack.answers.kind
    assert pack.settings["dataset"] in task_of_pack.datasets


def test_every_member_has_weights(pack):
    if rules.is_ruled(pack):
        pytest.skip("rules instead of weights, see the next test")
    for member in range(pack.members):
        assert list(assemble.weight_files(pack.folder / f"member-{member}"))


def test_a_pack_of_rules_holds_those_of_its_room_and_names_their_sources(pack, task_of_pack):
    if not rules.is_ruled(pack):
        pytest.skip("weights, see the test before")
    assert pack.member(0)["rules"] == [path.name for path in task_of_pack.rules]
    for path in task_of_pack.rules:
        assert pack.path(path.name, 0).read_bytes() == path.read_bytes(), (
            f"{path.name} has changed: make the pack again with `suwen train {pack.task}`"
        )
    card = pack.content("card.json", needed=True)
    assert card["sources"] == list(task_of_pack.sources)
    assert card["limits"] == list(task_of_pack.limits)
    assert "clinician" in card["intended_use"]
    assert card["sources"]
    assert card["limits"]


def test_a_card_is_complete_with_intervals_floors_and_limits(pack):
    if rules.is_ruled(pack):
        pytest.skip("published rules have no figures of their own here")
    card = pack.content("card.json", needed=True)
    results = card["results"]
    assert results["n"] >= results["groups"] > 1
    for name, entry in results["metrics"].items():
        assert entry["low"] <= entry["value"] <= entry["high"], name
        assert all(math.isfinite(entry[key]) for key in ("value", "low", "high"))
    assert results["floor"], "a floor stands beside the figures"
    for table in results["floor"].values():
        assert any(name.startswith("gain_") for name in table)
    assert results["subgroups"]
    assert card["limits"]
    for key in ("name", "url", "licence", "citation"):
        assert card["data"][key]
    assert card["data"]["shippable"]
    assert card["split"]["kind"] == ("out-of-fold" if pack.members > 1 else "held out")
    assert card["cost"]["median_ms"] > 0
    assert card["cost"]["peak_mb"] > 0
    assert card["cost"]["unwanted_imports"] == []
    assert "clinician" in card["intended_use"]


def test_the_page_of_a_card_shows_every_picture_it_names(pack):
    page = pack.path("card.md").read_text(encoding="utf-8")
    for line in page.splitlines():
        if line.startswith("<img"):
            assert pack.path(line.split('"')[1]).stat().st_size > 1000


def test_bands_keep_their_error_budget_and_say_what_was_measured(pack, task_of_pack):
    if pack.settings["answers"] != "choice":
        pytest.skip("only classes have bands")
    several = len(task_of_pack.answers.classes) > 2
    cuts = pack.answers.class_thresholds if several else pack.answers.thresholds
    rule_in = cuts.rule_in if several else (cuts.rule_in,)
    alarms = cuts.measured_false_alarms if several else (cuts.measured_false_alarms,)
    assert all(0 <= cut <= 1 for cut in (*rule_in, cuts.rule_out))
    assert several or cuts.rule_out <= cuts.rule_in
    assert all(rate <= cuts.rule_in_false_alarms + 0.05 for rate in alarms)
    assert cuts.measured_misses <= cuts.rule_out_misses + 0.05


def test_explanations_were_checked_when_the_pack_was_made(pack, task_of_pack):
    from suwen.lifecycle.reasons.explain import methods_of

    assert set(pack.content("explain.json")) == set(methods_of(task_of_pack))


def resembles(task):
    return isinstance(task, Resembles) and isinstance(task.answers, Choice)


def golden_answers(pack, task):
    """Each golden case that is answered, with its findings; placed, as in use."""
    place = RecordValue(record="ImagingStudy/1/_history/1", path="ImagingStudy.series[0]")
    for sample, _, _ in golden.cases(task, pack):
        placed = replace(sample, evidence=(place,))
        found = run.answer(task, pack, placed)
        if any(one.band is not Band.ABSTAIN for one in found):
            yield placed, found


def examples_named(findings):
    return [one for each in findings for one in each.evidence if isinstance(one, SimilarExample)]


def test_a_pack_keeps_a_gallery_exactly_where_its_task_can_name_similar_examples(
    pack, task_of_pack
):
    assert (pack.gallery is not None) == resembles(task_of_pack)
    assert bool(pack.content(similar.MEASURED)) == resembles(task_of_pack)
    if pack.gallery is not None:
        card = pack.content("card.json", needed=True)
        assert len(pack.gallery.keys) == card["data"]["n"]
        assert card["similar"] == pack.content(similar.MEASURED)
        assert "## Similar examples" in pack.path("card.md").read_text(encoding="utf-8")
        assert (pack.folder / gallery.FILE).stat().st_size < 1 << 20


def test_a_gallery_holds_a_small_picture_of_each_example_where_its_task_draws_them(
    pack, task_of_pack
):
    drawn = resembles(task_of_pack) and isinstance(task_of_pack, Pictured)
    assert (pack.pictures is not None) == drawn
    if not drawn:
        return
    assert len(pack.pictures) == len(pack.gallery.keys)
    for i in range(0, len(pack.pictures), 50):
        with Image.open(BytesIO(pack.pictures.of(i))) as opened:
            assert opened.format == "WEBP"
            assert max(opened.size) <= 72
    assert CHINESE.search(task_of_pack.pictures_show.zh)


def test_packs_take_little_room_in_all():
    packs = {path.parent for path in shipped()}
    files = [path for one in packs for path in one.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 79e6


def test_pictures_of_examples_take_little_room_in_all():
    folders = [path for path in shipped() if (path / gallery_pictures.FILE).is_file()]
    assert folders
    assert sum((path / gallery_pictures.FILE).stat().st_size for path in folders) < 8e6


def test_a_golden_case_names_the_same_similar_examples_each_time_none_of_its_own_patient(
    pack, task_of_pack
):
    if not resembles(task_of_pack):
        pytest.skip("names no similar examples")
    kept = pack.gallery
    for sample, found in golden_answers(pack, task_of_pack):
        named = examples_named(found)
        assert len(named) == similar.NEIGHBOURS
        repeated = run.answer(task_of_pack, pack, sample)
        assert [one.id for one in repeated] == [one.id for one in found]
        weights = [one.weight for one in named]
        assert weights == sorted(weights, reverse=True)
        assert -1 <= weights[-1] <= weights[0] <= 1
        own = kept.group_of(sample.key)
        assert own is not None
        for one in named:
            kind, data_set, key = one.record.split("/", 2)
            assert (kind, data_set) == ("example", pack.settings["dataset"])
            assert kept.group_of(key) not in (own, None)
            assert CHINESE.search(one.label.zh)
            assert one.note is None or CHINESE.search(one.note.zh)
        assert "Most similar development examples" in found[0].reason.en
        assert "最相似的开发样例" in found[0].reason.zh
        again = Finding.model_validate_json(canonical(found[0].model_dump(mode="json")))
        assert again == found[0].model_copy(update={"attachments": again.attachments})


def test_a_pack_from_before_there_were_galleries_answers_without_examples(
    pack, task_of_pack, tmp_path
):
    if not resembles(task_of_pack):
        pytest.skip("names no similar examples")
    copy = shutil.copytree(pack.folder, tmp_path / "pack")
    (copy / gallery.FILE).unlink()
    (copy / similar.MEASURED).unlink()
    old = Pack.draft(copy)
    answers = [found for _, found in golden_answers(old, task_of_pack)]
    assert answers
    for found in answers:
        assert not examples_named(found)
        assert "development examples" not in (found[0].reason.en if found[0].reason else "")


def test_a_recipe_that_asks_for_a_robustness_card_has_one_sealed_in(pack):
    recipe, found = pack.settings.get("recipe", {}), pack.content("robustness.json")
    assert bool(found) == (recipe.get("stress", 0) > 0)
    if found:
        assert found["n"] >= min(recipe["stress"], pack.content("card.json")["results"]["n"])
        assert "## Robustness" in pack.path("card.md").read_text(encoding="utf-8")


def test_every_method_makes_a_draft_that_answers_like_the_pack(
    pack_folder, request, toy_data, tmp_path
):
    if not isinstance(pack_folder, str):
        pytest.skip("a shipped pack is compressed by `suwen compress`, which takes minutes")
    pack = toy_pack(pack_folder, request)
    task = toys(request)[pack.task]
    examples = task.examples(toy_data, "squares").subset(range(40))
    sample = examples.load(0)
    wanted = task.predict(pack, sample)
    refused = []
    for method in compress.METHODS:
        try:
            draft = compress.made_of(task, pack, examples, Way(method, 0.05), tmp_path / method)
        except BadInput as error:
            refused.append(str(error))
            continue
        found = task.predict(draft, sample)
        assert found.scores.shape == wanted.scores.shape
        if wanted.mask is None:
            assert found.scores == pytest.approx(wanted.scores, abs=0.5)
        else:
            assert found.mask.shape == wanted.mask.shape
        sizes = [compress.size_of(each)["networks_mb"] for each in (draft, pack)]
        assert sizes[0] <= 2 * sizes[1] + 0.001
    assert len(refused) < len(compress.METHODS)
    assert all("leaves as they are" in text for text in refused)


def test_no_pack_folder_of_any_room_escapes_this_suite():
    found = sorted(path.parent for root in packs.shipped() for path in root.rglob(SETTINGS))
    assert found == shipped()
    for root in SOURCE.glob("*/packs"):
        for folder in root.iterdir():
            if folder.is_dir() and folder.name != "__pycache__":
                assert list(folder.rglob(SETTINGS)), f"{folder} holds no pack"


def test_no_two_shipped_packs_of_one_data_set_answer_one_task():
    drafts = [Pack.draft(folder) for folder in shipped()]
    answered = [(pack.task, pack.settings["dataset"]) for pack in drafts]
    assert len(set(answered)) == len(answered)


def test_a_shipped_pack_of_the_first_data_set_answers_cases(pack, task_of_pack):
    if not pack.task.startswith("toy."):
        assert packs.current(pack.task).settings["dataset"] == task_of_pack.datasets[0]


def test_every_task_whose_data_may_ship_has_a_pack_or_says_none():
    answered = {Pack.draft(folder).task for folder in shipped()}
    assert answered <= set(registered())
    for name in registered():
        if name not in answered:
            assert getattr(registry.find(name), "unshipped", ""), (
                f"{name} has no pack: ship one, or say why in its attribute `unshipped`"
            )
