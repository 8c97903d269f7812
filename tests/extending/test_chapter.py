"""What a contributor adds shows up: a throw-away chapter in the book, a throw-away defense in the chapters' grids."""

import shutil
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from books import ROOT, code, write_chapter
from mia_core.defenses import DEFENSES
from mia_core.defenses.base import Defense, Stage
from mia_core.report import build_report
from mia_core.report.sources import open_book
from turned import run_chapter

HELPER = '''"""Of "A new chapter": one number."""


def half(accuracy: float) -> float:
    """Half of it."""
    return accuracy / 2
'''
CELL = """\
import pandas as pd
from mia_book.new_chapter import half
from mia_core import glue, show

show(pd.DataFrame({"what": ["half"], "value": [half(0.5)]}), name="half", caption="Half of one half.")
glue("half", half(0.5))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the book that a test may add to."""
    shutil.copytree(ROOT / "book", tmp_path / "book", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("_toc.yml", "_config.yml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_chapter_is_a_notebook_a_module_and_a_line(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)  # it may name the folder of this checkout's own helpers
    text = "# A new chapter\n\nThe number is {glue:text}`half`, see [](#tab-half)."
    write_chapter(checkout / "book" / "new-chapter.ipynb", [text, code(CELL)])
    (checkout / "book" / "mia_book" / "new_chapter.py").write_text(HELPER)
    contents = (checkout / "_toc.yml").read_text()
    line = "      - file: book/what-it-costs\n"
    assert line in contents
    (checkout / "_toc.yml").write_text(contents.replace(line, f"{line}      - file: book/new-chapter\n"))
    assert "new-chapter" in open_book(checkout).chapters
    site = build_report({}, tmp_path_factory.mktemp("out") / "site", ["new-chapter"], source=checkout)
    page = (site / "book" / "new-chapter.html").read_text(encoding="utf-8")
    assert "Half of one half." in page and "The number is" in page and "0.25" in page
    assert "new-chapter.html" in (site / "book" / "index.html").read_text(encoding="utf-8"), "the contents list it"


class Halving(Defense):
    """Halves every posterior and gives what is missing to all classes alike."""

    name: ClassVar[str] = "halving"
    stage: ClassVar[Stage] = "output"

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        return posteriors / 2 + 0.5 / posteriors.shape[-1]


@pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")
@pytest.mark.parametrize(
    "name", ["combinations", "adversaries", "strongest-attack", "reference-attacks", "report-under-test"]
)
def test_a_defense_shows_up_in_the_grids_of_a_chapter(
    name: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEFENSES, "halving", Halving)
    run = run_chapter(open_book().chapters[name], None, monkeypatch, defenses="none,dropout,halving")
    shown = [*run.captions, *(table.to_string() for table in run.tables), *run.glued.values()]
    if name == "report-under-test":  # its rows are those of Table I; what it claims of others cannot be told
        assert run.glued["conclusions"] == "18" and any("cannot be told" in text for text in shown)
    else:
        assert sum("halving" in text for text in shown) >= 2
