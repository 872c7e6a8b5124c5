"""The documents are true: commands exist, links lead somewhere, figures are those of the cards."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from suwen.cli import COMMANDS
from suwen.lifecycle import packs

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], key=lambda path: path.as_posix())
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]
FIGURE_PAGES = [ROOT / "docs/figures.md", ROOT / "docs/figures.zh.md"]
FIGURES = {
    "imaging.nodule_malignancy": ("auroc", "size_matched_auroc", "ece"),
    "imaging.nodule_segmentation": ("dice",),
    "health.ecg_beats": ("f1_v", "f1_s", "j_kappa", "qrs_sensitivity", "qrs_ppv"),
    "health.af": ("f1", "f1_n", "f1_a", "f1_o"),
    "health.glucose_forecast": ("rmse_30", "rmse_60", "mae_60", "coverage_90"),
    "health.heart_disease": ("auroc",),
    "health.survival": ("auroc", "ece"),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", READMES, ids=lambda path: path.name)
def test_every_command_a_readme_shows_exists(page):
    text = page.read_text()
    shown = set(re.findall(r"\bsuwen ([a-z]+)\b", text))
    assert shown
    assert shown <= set(COMMANDS)
    goals = set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE))
    assert {"demo", "test"} <= goals
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{goal}:", makefile, re.MULTILINE) for goal in goals)


@pytest.mark.parametrize("page", [*READMES, *FIGURE_PAGES], ids=lambda path: path.name)
@pytest.mark.parametrize("task", FIGURES)
def test_the_figures_of_a_page_are_those_of_the_shipped_card(page, task):
    text = page.read_text()
    card = json.loads((packs.current_folder(task) / "card.json").read_text())
    for metric in FIGURES[task]:
        found = card["results"]["metrics"][metric]
        shown = f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
        assert shown in text, f"{page.name} lacks {metric} of {task}: {shown}"


@pytest.mark.parametrize(
    ("readme", "page"), list(zip(READMES, FIGURE_PAGES, strict=True)), ids=("en", "zh")
)
def test_what_a_readme_shows_stands_on_the_page_of_all_figures(readme, page):
    shown = set(re.findall(r"-?\d[\d.,]* \[-?[\d.]+, -?[\d.]+\]", readme.read_text()))
    assert shown
    assert not {figure for figure in shown if figure not in page.read_text()}


def test_both_readmes_say_that_this_is_no_medical_device():
    assert "Not a medical device" in READMES[0].read_text()
    assert "不是医疗器械" in READMES[1].read_text()


def test_the_layers_of_the_architecture_page_are_the_linted_ones():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract, *floors = project["tool"]["importlinter"]["contracts"]
    page = (ROOT / "ARCHITECTURE.md").read_text()
    drawn = re.search(r"```\n(.*?)```", page, re.DOTALL)[1].splitlines()
    assert [re.split(r"\s{2,}", line)[0] for line in drawn] == contract["layers"]
    rooms = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    folders = {path.parent.name for path in (ROOT / "src/suwen").glob("*/__init__.py")}
    assert rooms == folders
    assert all(each["exhaustive"] for each in (contract, *floors))


def test_the_changelog_opens_with_what_is_unreleased():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_every_constraint_pins_one_version():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+", line), line
