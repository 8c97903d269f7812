"""Each recipe of CONTRIBUTING.md, performed on a copy of the project: its files, and nothing else, make it work."""

import json
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pytest

from books import code, write_chapter
from throwaway import ROOT, Project, copy_project, recipe

RECIPES = ("A defense", "An attack with one shadow, or none", "An attack with reference models", "A source of data")
ASK = """
import contextlib, io, json, sys
from mia_book.all_attacks import attacks_reference
from mia_book.what_goes_in import settings_reference
from mia_core.cli.main import main
from mia_core.studies.settings import ReferenceSettings, StudySettings

def shown(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        main(list(arguments))
    return " ".join(out.getvalue().split())

sides = ["--shadow", sys.argv[1], "--target", sys.argv[2], "--replicates", "0", "--json"]
print(json.dumps({
    "help": {name: shown(name, "--help") for name in ("attack", "study", "references", "attack-models")},
    "unknown": [
        shown("attack", *sides, "--attack", "margn"), shown("references", "--attack", "median-los"),
        shown("study", "--defenses=fog"), shown("study", "--dataset=zebra"),
    ],
    "report": shown("attack", *sides, "--attack", "all"),
    "studies": [StudySettings(attacks="all").attacks, ReferenceSettings(attacks="all").attacks],
    "attacks": attacks_reference().iloc[:, 0].to_list(),
    "dataset": settings_reference(StudySettings).set_index("setting").meaning["dataset"],
}))
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy, its tests included, to which every recipe but the chapter's has added its files."""
    made = copy_project(tmp_path_factory.mktemp("extended"))
    shutil.copytree(ROOT / "tests", made.root / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    for heading in RECIPES:
        for path, text in recipe(heading).items():
            made.add(path, text)
    return made


def test_the_tests_of_the_recipes_and_those_of_every_attack_pass(extended: Project) -> None:
    files = [path for heading in RECIPES for path in recipe(heading) if path.startswith("tests/")]
    assert len(files) == len(RECIPES)
    every = ["tests/attacks/test_every_attack.py", "tests/references/test_reference_attacks.py"]
    for chosen, least in ((files, len(files)), (["-k", "margin or median-loss", *every], 10)):
        done = extended.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen)
        assert done.returncode == 0, done.stdout
        assert int(done.stdout.split(" passed")[0].split()[-1]) >= least


def test_help_errors_settings_and_tables_name_what_was_added(extended: Project, shadow: str, target: str) -> None:
    done = extended.python("-c", ASK, shadow, target)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for command, words in {
        "attack": ["the two largest posteriors"],
        "study": ["the two largest posteriors", "label-only, mixing", "stripes (stripes with noise; noise)"],
        "references": ["minus its median over OUT"],
        "attack-models": ["minus its median over OUT"],
    }.items():
        assert [text for text in words if text not in found["help"][command]] == [], command
    told = ("did you mean margin?", "did you mean median-loss?", "label-only, mixing", "stripes, arrays:<path>")
    assert [words for words, text in zip(told, found["unknown"], strict=True) if words not in text] == []
    assert found["report"].count('"attack": "margin"') == 1
    assert "margin" in found["studies"][0] and "median-loss" in found["studies"][1]
    assert found["attacks"][-1] == "median-loss"
    assert "stripes, arrays:<path>" in found["dataset"]


def test_two_attacks_of_one_name_are_refused(extended: Project) -> None:
    twin = extended.add("mia_core/attacks/twin.py", recipe(RECIPES[1])["mia_core/attacks/margin.py"])
    assert "expected one record for each name" in extended.python("-c", "import mia_core.attacks").stderr
    twin.unlink()


def test_a_study_has_the_source_the_defense_and_the_attack(extended: Project) -> None:
    small = [word for name in ("network=mlp", "epochs=1", "part=30", "replicates=0") for word in ("-p", name)]
    added = ["--dataset", "Stripes", "--defenses", "none,mixing(share=0.25)+masking", "--attack", "margin"]
    rows = json.loads(extended.mia("study", "--seeds", "1", *small, *added, "--json"))
    assert [(row["dataset"], row["defenses"], row["attack"]) for row in rows] == [
        ("stripes", "none", "margin"),
        ("stripes", "masking+mixing(share=0.25)", "margin"),
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


def without_api(root: Path) -> None:
    """Leave the pages of the API out of a book: they take a minute to render."""
    pages = sorted(root.glob("book/api*.md"))
    toc = (root / "_toc.yml").read_text(encoding="utf-8")
    own = [toc.index(f"- file: book/{page.stem}\n") for page in pages]
    begin, end = toc.rindex("\n", 0, min(own)) + 1, toc.index("\n", max(own)) + 1
    (root / "_toc.yml").write_text(toc[:begin] + toc[end:], encoding="utf-8")
    for page in pages:
        page.unlink()


def test_a_chapter_is_run_and_rendered(tmp_path: Path) -> None:
    project, files = copy_project(tmp_path), recipe("A chapter")
    write_notebook(project.root / "book" / "doses.ipynb", files.pop("book/doses.ipynb"))
    before, line = "      - file: book/combinations\n", files.pop("_toc.yml")
    toc = (project.root / "_toc.yml").read_text(encoding="utf-8")
    assert before in toc
    project.add("_toc.yml", toc.replace(before, before + line))
    without_api(project.root)
    shutil.rmtree(project.root / "mia_core" / "fast")  # in a new place it would be compiled anew
    for path, text in files.items():
        project.add(path, text)
    settings = [f"-p{name}" for name in ("seeds=1", "epochs=1", "part=30")]
    project.mia("report", "--chapter", "doses", *settings, "--out", "site")
    page = (project.root / "site" / "book" / "doses.html").read_text(encoding="utf-8")
    assert "dropout(rate=0.25)" in page and 'id="tab-doses"' in page
