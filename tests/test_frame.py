"""The frame around the package: its lists of requirements agree, its notebooks are whole, make explains itself."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from mia_core.base.settings import read_settings_file
from mia_core.report.parameters import check_parameters, known_parameters
from mia_core.report.sources import open_book

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
NOTEBOOKS = sorted((ROOT / "book").rglob("*.ipynb"))
NOTEBOOKS = [path for path in NOTEBOOKS if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())


def requirements(*lists: list[str]) -> list[Requirement]:
    return [Requirement(line) for lines in lists for line in lines]


def test_conda_installs_what_make_does_on_the_same_python() -> None:
    *of_conda, of_pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    found = {item.name: item.specifier for item in requirements(of_conda)}
    assert set(found) == {"python", "pip", "make"} and found["python"] == SpecifierSet(PROJECT["requires-python"])
    (line,) = of_pip["pip"]
    (by_make,) = re.findall(r"--editable \"\.\[(book[\w,]*)\]", MAKEFILE)
    extras = re.fullmatch(r"-e \.\[([\w,]+)\]", line)
    assert extras and set(extras[1].split(",")) == set(by_make.split(",")) <= set(EXTRAS)


def test_jupyter_book_is_below_2_wherever_it_is_required_and_torch_has_no_ceiling() -> None:
    found = [item for item in requirements(PROJECT["dependencies"], *EXTRAS.values()) if item.name == "jupyter-book"]
    assert found
    assert all(list(item.specifier.filter(["1.0.4.post1", "2.0.0"])) == ["1.0.4.post1"] for item in found)
    wanted = {item.name: str(item.specifier) for item in requirements(PROJECT["dependencies"])}
    assert (wanted["torch"], wanted["torchvision"]) == (">=2.14", ">=0.29")


def test_version_and_licence_are_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"] and citation["license"] == PROJECT["license"]
    titles = [reference["title"] for reference in citation["references"]]
    assert titles[0] == "Defending Against Membership Inference Attacks" and titles[1].startswith("ML-Leaks")
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


def test_everything_that_sphinx_loads_is_required() -> None:
    wanted = {Requirement(line).name.replace("-", "_") for line in EXTRAS["book"]}
    of_jupyter_book = {
        "sphinx_togglebutton", "sphinx_copybutton", "myst_nb", "jupyter_book", "sphinx_comments",
        "sphinx_external_toc", "sphinx_design", "sphinx_book_theme",
    }  # fmt: skip
    for name in CONFIG["sphinx"]["config"]["extensions"]:
        own = name.startswith(("mia_", "sphinx.ext."))
        assert own or name in of_jupyter_book or name.replace(".", "_") in wanted | {"sphinxcontrib_bibtex"}, name
    assert "sphinx_thebe" not in CONFIG["sphinx"]["config"]["extensions"]


def test_jupyter_book_executes_nothing_and_needs_no_network() -> None:
    settings = CONFIG["sphinx"]["config"]
    assert CONFIG["execute"]["execute_notebooks"] == "off"
    scripts = [settings["mathjax_path"], *settings["tippy_js"], settings["html_js_files"][0][0]]
    for file in [*scripts, *settings["html_css_files"]]:
        assert (ROOT / "book" / "_static" / file).is_file(), file
    assert not (ROOT / "_static").exists(), "every script in it would be put on every page"


def test_no_module_is_documented_twice() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "book").glob("api-*.md")))
    named = re.findall(r"automodule:: (\S+)", pages)
    assert len(set(named)) == len(named) > 0


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_run_from_top_to_bottom_and_keeps_nothing_of_the_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.source.strip() for cell in cells), "an empty code cell never gets a number"
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell.outputs for cell in cells)
    assert not any(output.output_type == "error" for cell in cells for output in cell.outputs)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3" and notebook.metadata.language_info == {"name": "python"}
    assert "papermill" not in {key for cell in notebook.cells for key in cell.metadata}
    assert str(ROOT) not in text and str(Path.home()) + "/" not in text


def test_chapters_that_train_share_their_parameters_and_defaults_and_files_fit_them() -> None:
    defaults: dict[str, dict[str, object]] = {}
    given = read_settings_file(ROOT / "params" / "default.yml")
    for name, path in open_book().chapters.items():
        found = known_parameters(path)
        assert check_parameters(found, found).keys() == found.keys()
        # One trains forests on data of its own, the other reads what benchmarks have measured.
        network = found and name not in ("your-own-model", "what-it-costs")
        assert not network or {"dataset", "epochs", "learning_rate", "precision"} <= set(found), name
        assert not network or {"seeds", "models"} & set(found), f"{name}: nothing says how often it is repeated"
        assert found == found | {key: value for key, value in given.items() if key in found}, name
        for key, value in found.items():
            defaults.setdefault(key, {})[name] = value
    del defaults["defenses"]  # each chapter compares its own
    differing = {key: found for key, found in defaults.items() if len(set(map(str, found.values()))) > 1}
    assert not differing, "what one chapter has trained the next would train again"


def test_parameter_files_fit_the_chapters() -> None:
    known = {key: value for path in open_book().chapters.values() for key, value in known_parameters(path).items()}
    files = sorted((ROOT / "params").glob("*.yml"))
    assert {file.stem for file in files} >= {"default", "quick", "cifar10", "cifar10-jpeg"}
    assert all(check_parameters(read_settings_file(file), known) for file in files)


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")


def make(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(["make", *words], cwd=folder, env=os.environ | environment, capture_output=True, text=True)


@needs_make
def test_make_without_a_target_explains_itself() -> None:
    done = make(ROOT)
    assert done.returncode == 0
    for target in re.findall(r"^\.PHONY: help (.*)$", MAKEFILE, re.MULTILINE)[0].split():
        assert f"make {target}" in done.stdout


@needs_make
def test_make_says_clearly_that_it_found_no_python(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in filter(shutil.which, ("make", "sh", "echo", "touch")):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    for words in ([], [f"PYTHON={tmp_path / 'no-such-python'}"]):
        done = make(tmp_path, "lint", *words, PATH=str(tools))
        assert done.returncode != 0
        assert "Python 3.11, 3.12 or 3.13" in done.stderr and "PYTHON=" in done.stderr
        assert not (tmp_path / ".venv").exists()


def test_ci_runs_what_the_readme_says() -> None:
    script, readme = (ROOT / ".ci" / "run").read_text(), (ROOT / "README.md").read_text()
    assert script.startswith("#!/usr/bin/env bash") and "set -euo pipefail" in script
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    for command in ("make test", "make book"):
        assert command in script and command in readme
    assert "make lint" in script


def test_what_is_made_here_is_neither_committed_nor_left_behind() -> None:
    ignored = set((ROOT / ".gitignore").read_text().split())
    assert {".venv/", "__pycache__/", ".ipynb_checkpoints/"} <= ignored
    cleaned = re.findall(r"^clean:\n\trm -rf (.*)$", MAKEFILE, re.MULTILINE)[0].split()
    assert {f"{name}/" for name in cleaned} <= ignored and {"_build", "build"} <= set(cleaned)
    pytest_config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert "_build" in pytest_config["norecursedirs"]


def test_a_worker_gets_the_tests_of_a_file_together(tmp_path: Path) -> None:
    text = "import pytest\n\n\n@pytest.mark.parametrize('n', range(3))\ndef test_it(n):\n    assert n < 3\n"
    for name in ("test_a", "test_b", "test_c"):
        (tmp_path / f"{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:nbval", "-n2", "-v", "--rootdir", "."]
    path = os.pathsep.join(map(str, (ROOT / "tests", ROOT)))
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    found = re.findall(r"^\[(gw\d)\].*PASSED (test_\w)\.py::", done.stdout, re.MULTILINE)
    assert len(found) == 9 and len(set(found)) == 3, done.stdout
