"""Verdicts stored in the chapters, whose words nbval does not compare: each follows from the interval beside it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import nbformat
import pytest
from bs4 import BeautifulSoup

from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT
from mia_core.report.sources import open_book

ROUNDING = 0.0006  # intervals are stored with three digits
MEASURED = re.compile(r"[-+]\d+\.\d+ \[(?P<low>[-+]\d+\.\d+), (?P<high>[-+]\d+\.\d+)\]")
BOUND = re.compile(r"holds (?P<side>below|above) (?P<bound>[-+][\d.e-]+)")
CERTAIN = re.compile(r"(?P<low>[-+]\d+\.\d+) by construction")
BAND = re.compile(r"holds within (?P<least>[-+][\d.e-]+) to (?P<most>[-+][\d.e-]+)")
EQUIVALENCE = re.compile(r"no material effect within (?P<least>[-+][\d.e-]+) to (?P<most>[-+][\d.e-]+)")


class Row(NamedTuple):
    """A line of a table of verdicts; `threshold` is what appears when a reader points at the verdict."""

    where: str
    measured: str
    threshold: str
    verdict: str


def stored_rows() -> Iterator[Row]:
    for name, path in open_book().chapters.items():
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", ()):
                html = output.get("data", {}).get("text/html", "")
                page = BeautifulSoup(html if "mia-evidence" in html else "", "html.parser")
                heads = [part.get_text() for part in page.select("thead th")]
                for line in page.select("tr:has(.mia-evidence):has([title])"):
                    cells = [part.get_text() for part in line.find_all(["th", "td"])]
                    measured, judged = cells[heads.index("measured difference")], line.select_one("[title]")
                    yield Row(f"{name}: {cells[0]}", measured, judged["title"], judged.get_text())


def possible(row: Row) -> set[str]:
    """The outcomes that the interval allows; where many are compared, any may have become one that cannot be told."""
    interval, found = MEASURED.search(row.measured) or CERTAIN.search(row.measured), {CANNOT_TELL}
    for shift in (-ROUNDING, 0.0, ROUNDING) if interval else ():  # a bound at the threshold may be on either side of it
        low, high = (float(interval.groupdict().get(end) or interval["low"]) + shift for end in ("low", "high"))
        if band := BAND.match(row.threshold):
            least, most = float(band["least"]), float(band["most"])
            inside, outside = least <= low and high <= most, low > most or high < least
        else:
            bound = BOUND.match(row.threshold)
            value, below = float(bound["bound"]), bound["side"] == "below"
            inside = high < value if below else low > value
            outside = low >= value if below else high <= value
        found |= ({HOLDS} if inside else set()) | ({DOES_NOT_HOLD} if outside else set())
        if (band := EQUIVALENCE.search(row.threshold)) and float(band["least"]) <= low and high <= float(band["most"]):
            found |= set() if inside or outside else {NO_EFFECT}
    return found


ROWS = list(stored_rows())
MATERIAL = "no material effect within -0.01 to +0.01"


def test_every_chapter_with_claims_has_stored_verdicts() -> None:
    assert len({row.where.partition(":")[0] for row in ROWS}) >= 12 and len(ROWS) >= 80


@pytest.mark.parametrize("row", ROWS, ids=[row.where[:60] for row in ROWS])
def test_a_stored_verdict_follows_from_its_interval(row: Row) -> None:
    assert row.verdict in possible(row)


def test_a_verdict_that_contradicts_its_interval_would_be_found() -> None:
    decided = [row for row in ROWS if not {HOLDS, DOES_NOT_HOLD} <= possible(row)]
    assert sum(row.verdict in (HOLDS, DOES_NOT_HOLD) for row in decided) >= 60


@pytest.mark.parametrize(
    ("measured", "threshold", "outcomes"),
    [
        ("+0.075 [+0.061, +0.089] (3 seeds)", "holds above +0", {CANNOT_TELL, HOLDS}),
        ("+0.075 [+0.061, +0.089] (3 seeds)", "holds below +0", {CANNOT_TELL, DOES_NOT_HOLD}),
        ("+0.075 [+0.061, +0.089] (3 seeds)", "holds below -0.1", {CANNOT_TELL, DOES_NOT_HOLD}),
        ("+0.075 [-0.061, +0.189] (3 seeds)", "holds above +0", {CANNOT_TELL}),
        ("+0.010 [-0.010, +0.015] (3 seeds)", "holds within -0.02 to +0.02", {CANNOT_TELL, HOLDS}),
        ("+0.110 [+0.090, +0.135] (3 seeds)", "holds within -0.02 to +0.02", {CANNOT_TELL, DOES_NOT_HOLD}),
        (
            "+0.0002 [-0.0005, +0.0009] (3 seeds)",
            f"holds below +0; {MATERIAL}",
            {CANNOT_TELL, NO_EFFECT, DOES_NOT_HOLD},
        ),
        ("+0.001 [-0.005, +0.009] (3 seeds)", f"holds below +0; {MATERIAL}", {CANNOT_TELL, NO_EFFECT}),
        ("+0.003 [-0.005, +0.019] (3 seeds)", f"holds below +0; {MATERIAL}", {CANNOT_TELL}),
        ("+0.004 [+0.001, +0.009] (3 seeds)", f"holds below +0; {MATERIAL}", {CANNOT_TELL, DOES_NOT_HOLD}),
        ("+0.000 by construction (3 seeds)", "holds within -0.025 to +0.025", {CANNOT_TELL, HOLDS}),
        ("not measurable", "holds above +0", {CANNOT_TELL}),
        ("+0.100 (1 seed)", "holds above +0", {CANNOT_TELL}),
    ],
)
def test_what_an_interval_allows(measured: str, threshold: str, outcomes: set[str]) -> None:
    assert possible(Row("", measured, threshold, "")) == outcomes
