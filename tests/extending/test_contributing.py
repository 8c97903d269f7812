"""Each recipe of CONTRIBUTING.md, performed on a copy of the project: its files, and nothing else, make it work."""

import json
from pathlib import Path

import nbformat
import numpy as np
import pytest

from books import code, write_chapter
from throwaway import Project, copy_project, recipe

RECIPES = ("A defense", "An attack with one shadow, or none", "An attack with reference models", "A source of data")


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy to which every recipe but the chapter's has added its files."""
    made = copy_project(tmp_path_factory.mktemp("extended"))
    for heading in RECIPES:
        for path, text in recipe(heading).items():
            made.add(path, text)
    return made


def test_the_tests_of_the_recipes_pass(extended: Project) -> None:
    files = [path for heading in RECIPES for path in recipe(heading) if path.startswith("tests/")]
    assert len(files) == len(RECIPES)
    done = extended.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *files)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("command", "names"),
    [("study", ("temperature", "margin", "stripes")), ("attack-models", ("median-loss",))],
)
def test_help_names_what_was_added(extended: Project, command: str, names: tuple[str, ...]) -> None:
    shown = extended.mia(command, "--help")
    assert [name for name in names if name not in shown] == []


def test_a_study_has_the_source_the_defense_and_the_attack(extended: Project) -> None:
    small = [word for name in ("network=mlp", "epochs=1", "part=30", "replicates=0") for word in ("-p", name)]
    added = ["--dataset", "stripes", "--defenses", "none,temperature", "--attack", "margin"]
    rows = json.loads(extended.mia("study", "--seeds", "1", *small, *added, "--json"))
    assert [(row["dataset"], row["defenses"], row["attack"]) for row in rows] == [
        ("stripes", "none", "margin"),
        ("stripes", "temperature", "margin"),
    ]


def test_saved_models_are_attacked_with_the_new_references(extended: Project) -> None:
    generator = np.random.default_rng(0)
    members = generator.random((6, 80)) < 0.5
    members[1::2] = ~members[::2]
    logits, labels = generator.normal(size=(6, 80, 3)), generator.integers(0, 3, 80)
    logits[:, np.arange(80), labels] += 3 * members
    np.savez(extended.root / "models.npz", logits=logits, members=members, labels=labels)
    found = json.loads(extended.mia("attack-models", "--models", "models.npz", "--attack", "median-loss", "--json"))
    assert [(one["attack"], one["auc"] > 0.7) for one in found["attacks"]] == [("median-loss", True)]


def write_notebook(path: Path, text: str) -> None:
    """The notebook of CONTRIBUTING.md's chapter, from its cells, each below a line with its kind."""
    cells: list[nbformat.NotebookNode | str] = []
    for part in text.split("# %%")[1:]:
        kind, _, source = part.partition("\n")
        cells.append(source.strip() if kind.strip() == "markdown" else code(source.strip(), *kind.split()))
    write_chapter(path, cells)


def test_a_chapter_is_run_and_rendered(project: Project) -> None:
    files = recipe("A chapter")
    write_notebook(project.root / "book" / "doses.ipynb", files.pop("book/doses.ipynb"))
    before, line = "      - file: book/combinations\n", files.pop("_toc.yml")
    toc = (project.root / "_toc.yml").read_text(encoding="utf-8")
    assert before in toc
    project.add("_toc.yml", toc.replace(before, before + line))
    for path, text in files.items():
        project.add(path, text)
    settings = [f"-p{name}" for name in ("seeds=1", "epochs=1", "part=30")]
    project.mia("report", "--chapter", "doses", *settings, "--out", "site")
    page = (project.root / "site" / "book" / "doses.html").read_text(encoding="utf-8")
    assert "dropout(rate=0.25)" in page and 'id="tab-doses"' in page
