"""A pack of published rules: signed, with golden cases, and refused when a rule was changed."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from suwen.cli.train import command
from suwen.core.codes import Text
from suwen.core.errors import BadInput, IntegrityError, NotFound
from suwen.core.registry import find
from suwen.imaging.followup import task as followup
from suwen.imaging.followup.growth import FollowUp
from suwen.imaging.management import task as management
from suwen.lifecycle import golden, rules
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.sealed import keys

TASKS = (followup.FOLLOWUP, management.MANAGEMENT)


@pytest.mark.parametrize("name", TASKS)
def test_the_rules_of_a_task_become_a_signed_pack(name, tmp_path):
    task = find(name)
    pack = rules.make(task, tmp_path)
    assert rules.is_ruled(pack)
    assert pack.identity.startswith(f"{name}@")
    assert golden.check(task, pack) == []
    assert [path.name for path in task.rules] == pack.member(0)["rules"]
    page = pack.path("card.md").read_text(encoding="utf-8")
    assert all(source in page for source in task.sources)


def test_a_pack_with_one_threshold_changed_is_refused(tmp_path):
    pack = rules.make(find(management.MANAGEMENT), tmp_path)
    path = pack.path("lung_rads_2022.toml", 0)
    path.write_text(path.read_text(encoding="utf-8").replace("8 = 268", "8 = 368"), "utf-8")
    with pytest.raises(IntegrityError, match="lung_rads_2022"):
        Pack.load(pack.folder, keys.trusted_keys(tmp_path))


def test_the_answer_follows_the_rules_of_the_pack_not_those_of_the_room(tmp_path):
    task = find(followup.FOLLOWUP)
    pack = rules.make(task, tmp_path)
    path = pack.path(followup.RULES, 0)
    path.write_text(
        path.read_text(encoding="utf-8").replace("solid = 0.25", "solid = 0.9", 1), "utf-8"
    )
    older = Pack.draft(pack.folder)
    data = FollowUp("matched", 180, 200.0, 340.0)
    assert followup.change_in(older, data).trend == "unchanged"


def test_a_trained_task_has_no_rules(toy, tmp_path):
    task = toy.tasks()["toy.squares"]
    assert not rules.has_rules(task)
    with pytest.raises(BadInput, match="has no rules"):
        rules.make(task, tmp_path)


@pytest.mark.parametrize("name", TASKS)
def test_there_is_nothing_to_train_and_it_says_what_to_do(name, tmp_path):
    with pytest.raises(NotFound, match="published rules"):
        find(name).examples(DataFolders((tmp_path,)), "none")


def test_training_a_task_of_rules_puts_its_pack_together(settled, tmp_path):
    import typer

    settled(home=tmp_path)
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [followup.FOLLOWUP])
    assert result.exit_code == 0, result.output
    assert f"pack  {followup.FOLLOWUP}@" in result.output
    assert "suwen packs install" in result.output


def test_domain_names_are_said_in_both_languages():
    for name in TASKS:
        for span in find(name).domain.values():
            assert isinstance(span.name, Text)
            assert span.name.zh != span.name.en
