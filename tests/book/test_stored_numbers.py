"""Numbers stored in the chapters, which nbval does not compare because machines differ: each lies where it must.

The numbers are those of `make notebooks`: digits, 5 seeds, 50 epochs.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mia_core.report.compare.results import Results, quantity, shown
from mia_core.report.results import collect
from mia_core.report.sources import open_book

WITH_INTERVAL = re.compile(r"([-+]?\d+\.\d+) \[([-+]?\d+\.\d+), ([-+]?\d+\.\d+)\]")

# (measure, defenses, low, high, why)
EXPECTED = (
    ("attack", "none", 0.77, 0.85, "0.81 here, and 4 half-widths (0.01) of its interval around it"),
    ("target", "none", 0.54, 0.67, "0.61 here; a single seed (standard deviation 0.03) may lie 0.06 off"),
    ("attack", "dropout", 0.53, 0.66, "0.59 here; below the undefended attack by far more than seeds differ"),
    ("attack", "smoothing", 0.85, 0.94, "0.89 here; above the undefended attack by more than seeds differ"),
)  # fmt: skip


@pytest.fixture(scope="module")
def stored() -> Results:
    chapters = open_book().chapters
    return collect({}, {name: {} for name in chapters}, chapters)


def intervals(results: Results) -> Iterator[tuple[str, list[float]]]:
    """(where, [number, low, high]) of every number with an interval that a run put in its tables and its text."""
    for name, chapter in results.chapters.items():
        cells = [*chapter.glued.values(), *(verdict.measured for verdict in chapter.verdicts)]
        cells += [cell for table in chapter.tables.values() for row in table.rows for cell in row]
        for found in (found for cell in cells for found in WITH_INTERVAL.findall(shown(cell).replace("−", "-"))):
            yield name, [float(part) for part in found]


def outside(results: Results) -> list[str]:
    return [f"{where}: {mean}" for where, (mean, low, high) in intervals(results) if not low <= mean <= high]


def test_numbers_lie_within_their_intervals(stored: Results) -> None:
    assert len(list(intervals(stored))) >= 1500
    assert outside(stored) == []


@pytest.mark.parametrize(("measure", "defenses", "low", "high", "why"), EXPECTED)
def test_measures_lie_where_other_machines_find_them(stored: Results, measure, defenses, low, high, why) -> None:
    values = stored.chapters["combinations"].tables["values"]
    (row,) = [row for row in values.rows if row[0] == defenses]
    assert low <= quantity(row[values.columns.index(f"{measure}, measured")]).mean <= high, why


def test_chapters_agree_on_what_they_share(stored: Results) -> None:
    """The undefended study is one and the same in every chapter that glues its accuracies."""
    places = (("attack-mechanism", "attack-accuracy"), ("why-models-leak", "last-attack"))
    first, second = (stored.chapters[name].glued[key] for name, key in places)
    assert shown(first) == shown(second)


def test_number_that_was_tampered_with_is_found(stored: Results, tmp_path: Path) -> None:
    mean = shown(stored.chapters["attack-mechanism"].glued["attack-accuracy"]).partition(" ")[0]
    path = open_book().chapters["attack-mechanism"]
    changed = tmp_path / path.name
    changed.write_text(path.read_text(encoding="utf-8").replace(mean, "0.999"), encoding="utf-8")
    assert outside(collect({}, {path.stem: {}}, {path.stem: changed})) != []
