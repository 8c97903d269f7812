"""Numbers stored in the chapters, which nbval does not compare because machines differ: each lies where it must.

The numbers are those of `make notebooks`: digits, 5 seeds, 50 epochs.
"""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mia_core.report.compare.results import Results, quantity
from mia_core.report.results import collect
from mia_core.report.sources import open_book

WITH_INTERVAL = re.compile(r"[-+−]?\d+\.\d+ \[[^\]]*\]")

# (measure, defenses, low, high, why)
EXPECTED = (
    (
        "attack_accuracy",
        "none",
        0.77,
        0.85,
        "0.81 here, and 4 half-widths of its interval over 5 seeds, 0.01, around it",
    ),
    (
        "target_accuracy",
        "none",
        0.54,
        0.67,
        "0.61 here; a single seed may lie 0.06 off, as its standard deviation is 0.03",
    ),
    ("attack_accuracy", "dropout", 0.53, 0.66, "0.59 here; below the undefended attack by far more than seeds differ"),
    ("attack_accuracy", "smoothing", 0.85, 0.94, "0.89 here; above the undefended attack by more than seeds differ"),
)


@pytest.fixture(scope="module")
def stored() -> Results:
    """The results in the notebooks as they are stored."""
    return results_of(open_book().chapters)


def results_of(chapters: dict[str, Path]) -> Results:
    return collect({}, {name: {} for name in chapters}, chapters)


def texts(results: Results) -> Iterator[tuple[str, str]]:
    """(where, text) of everything that a run put on a page."""
    for name, chapter in results.chapters.items():
        yield from ((f"{name}: {key}", str(value)) for key, value in chapter.glued.items())
        yield from ((f"{name}: {verdict.claim}", verdict.measured) for verdict in chapter.verdicts)
        for key, table in chapter.tables.items():
            yield from ((f"{name}, {key}", cell) for row in table.rows for cell in row)


def outside(results: Results) -> list[str]:
    """Numbers that lie outside the interval that stands behind them."""
    found = []
    for where, text in texts(results):
        for part in WITH_INTERVAL.findall(text):
            number = quantity(part)
            if number is None or not number.low <= number.mean <= number.high:
                found.append(f"{where}: {part}")
    return found


def test_numbers_lie_within_their_intervals(stored: Results) -> None:
    assert sum(len(WITH_INTERVAL.findall(text)) for _, text in texts(stored)) >= 50
    assert outside(stored) == []


@pytest.mark.parametrize(("measure", "defenses", "low", "high", "why"), EXPECTED)
def test_measures_lie_where_other_machines_find_them(
    stored: Results, measure: str, defenses: str, low: float, high: float, why: str
) -> None:
    table_one = stored.chapters["combinations"].tables["table-one"]
    column = table_one.columns.index(measure.replace("_", " "))
    (cell,) = [row[column] for row in table_one.rows if row[0] == f"{defenses}, this run"]
    number = quantity(cell)
    assert low <= number.mean <= high, why


def test_chapters_agree_on_what_they_share(stored: Results) -> None:
    """The undefended study is one and the same in every chapter that glues its accuracies."""
    shared = {
        f"{name}: {key}": str(value)
        for name, chapter in stored.chapters.items()
        for key, value in chapter.glued.items()
        if (name, key) in {("attack-mechanism", "attack-accuracy"), ("why-models-leak", "last-attack")}
    }
    assert len(shared) == 2 and len(set(shared.values())) == 1, shared


def changed(path: Path, folder: Path, old: str, new: str) -> dict[str, Path]:
    notebook = copy.deepcopy(nbformat.read(path, as_version=4))
    places = 0
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        for kind, text in list(output.get("data", {}).items()):
            places += old in text
            output["data"][kind] = text.replace(old, new)
    assert places
    nbformat.write(notebook, folder / path.name)
    return {path.stem: folder / path.name}


def test_number_that_was_tampered_with_is_found(stored: Results, tmp_path: Path) -> None:
    chapter = stored.chapters["attack-mechanism"]
    old: Any = chapter.glued["attack-accuracy"]
    mean = old.partition(" ")[0]
    path = open_book().chapters["attack-mechanism"]
    assert outside(results_of(changed(path, tmp_path, mean, "0.999"))) != []
