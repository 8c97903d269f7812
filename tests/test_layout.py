"""The layout of the project is as its page says, and a deliberate violation of the rooms is found."""

import ast
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from throwaway import copy_project

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book" / "layout.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
ROOMS = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
SOURCES = {
    path.relative_to(ROOT): path.read_text(encoding="utf-8")
    for folder in ("mia_core", "book", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
}


def test_there_are_at_most_fifteen_rooms_that_say_their_job_and_the_page_names_them_in_their_order() -> None:
    found = {path.parent.name for path in (ROOT / "mia_core").glob("*/__init__.py")}
    assert found == set(ROOMS) and len(found) <= 15
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == ROOMS
    for room in ROOMS:
        said = ast.get_docstring(ast.parse(SOURCES[Path("mia_core", room, "__init__.py")]))
        assert said and len(said.split()) >= 5, room


def test_tests_are_in_the_rooms_of_what_they_test() -> None:
    assert {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")} == {*ROOMS, "book", "extending"}


def test_what_is_called_slow_is_there() -> None:
    lines = (ROOT / "tests" / "slow.txt").read_text(encoding="utf-8").splitlines()
    for line in filter(lambda line: line and line[0] != "#", lines):
        file, _, function = line.partition("::")
        assert (ROOT / "tests" / file).exists(), line
        assert not function or f"def {function}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), line


def test_the_page_is_linked_and_what_it_names_is_there() -> None:
    for file in ("README.md", "CONTRIBUTING.md"):
        assert "(book/layout.md)" in (ROOT / file).read_text(encoding="utf-8"), file
    for name in re.findall(r"\{py:\w+\}`([\w.]+)`", PAGE):
        assert pkgutil.resolve_name(name) is not None
    for path in re.findall(r"`((?:mia_core|book|tests|params|results|benchmarks)/[\w/.]*)`", PAGE):
        assert "NAME" in path or (ROOT / path).exists(), path


def test_the_core_is_read_in_an_hour() -> None:
    named = re.findall(r"^\d\. `(mia_core/[\w/.]+)`", PAGE, re.MULTILINE)
    lines = {
        name: sum(len(text.splitlines()) for path, text in SOURCES.items() if path.as_posix().startswith(name))
        for name in named
    }
    assert len(named) == 6 and all(lines.values()) and sum(lines.values()) < 2000


def test_no_file_is_longer_than_500_lines_and_the_package_imports_nothing_of_the_chapters() -> None:
    assert not {str(path): lines for path, text in SOURCES.items() if (lines := len(text.splitlines())) > 500}
    imports = re.compile(r"^\s*(?:from|import) mia_book\b", re.MULTILINE)
    assert not [path for path, text in SOURCES.items() if path.parts[0] == "mia_core" and imports.search(text)]


@pytest.mark.parametrize(
    ("files", "contract", "named"),
    [
        ({"base/wrong.py": "import mia_core.studies.study"}, "Rooms: imports go one way", "mia_core.base.wrong"),
        ({"base/one.py": "import mia_core.base.two", "base/two.py": "import mia_core.base.one"},
         "No circles", r"\.(one -> \.two|two -> \.one) "),
    ],
    ids=["a room that imports from one above it", "a circle within a room"],
)  # fmt: skip
def test_a_violation_of_the_rooms_breaks_lint(files: dict[str, str], contract: str, named: str, tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    for name, text in files.items():
        project.add(f"mia_core/{name}", text + "\n")
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(lint, cwd=project.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and re.search(rf"{contract}.*BROKEN", done.stdout)
    assert re.search(named, done.stdout)


def test_no_two_test_files_have_one_name() -> None:
    """A worker that has collected one of them would refuse the other, which another worker hides now and then."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert [name for name in set(names) if names.count(name) > 1] == []
