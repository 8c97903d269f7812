"""Cells of tables as chapters show them: which are numbers, what names a row, how far a difference may be off."""

import numpy as np
import pytest

from compared import chapter, results
from mia_book.grids import MARK
from mia_core.measures.intervals import Interval, over_seeds
from mia_core.report.compare.differences import compare, difference
from mia_core.report.compare.results import ShownTable, quantity


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.837 [0.831, 0.843]", (0.837, 0.831, 0.843)),
        ("+0.075 [-0.061, +0.089] (3 seeds)", (0.075, -0.061, 0.089)),
        ("-0.1 (1 seed)", (-0.1, None, None)),
        ("−0.1", (-0.1, None, None)),
        ("0.60 | 0.606 [0.567, 0.645]", (0.606, 0.567, 0.645)),
        (40, (40, None, None)),
        ("1e-07", (1e-7, None, None)),
        ("holds", None),
        ("2 seeds, trained on 2025-11-25", None),
        ("CIFAR-10", None),
        ("2025-11-25", None),
        (True, None),
        ("", None),
        (f"0.181 {MARK} [0.171, 0.191]", (0.181, 0.171, 0.191)),
        (f"0.181 {MARK}", (0.181, None, None)),
        ("lira 0.123 [0.1, 0.2]", (0.123, 0.1, 0.2)),
        ("modified-entropy-per-class 0.060", (0.06, None, None)),
        ("adversary1-logs 0.5 [0.4, 0.6]", (0.5, 0.4, 0.6)),
        ("+0.07 [-0.01, +0.15]: cannot be told", (0.07, -0.01, 0.15)),
        ("-0.019: less safe", (-0.019, None, None)),
        ("less safe, +0.042 [+0.004, +0.089]", (0.042, 0.004, 0.089)),
        ("Smoothing lowers it: -0.310 [-0.332, -0.287] (3 seeds)", (-0.31, -0.332, -0.287)),
        ("2 of 4, 0.500 [0.068, 0.932]", (0.5, 0.068, 0.932)),
        ("42%", (0.42, None, None)),
        ("42.5% [40%, 45%]", (0.425, 0.4, 0.45)),
        ("10,520", (10_520, None, None)),
        ("1,234,567.5", (1_234_567.5, None, None)),
        ("0,123", None),
        ("0, 1", None),
        ("0, -1", None),
        ("12,34", None),
        ("adversary 1", None),
        ("1% FPR", None),
        ("sees nothing", None),
        ("lira on none", None),
        ("1; 1 below", None),
        ("12 of 120 [0.1000]", None),
        ("holds: 5, does not hold: 3", None),
        ("2025-11-25 01:22 UTC", None),
    ],
)
def test_shown_numbers_are_read(text: object, found: tuple | None) -> None:
    assert quantity(text) == (None if found is None else Interval(*found))


def shifts(columns: list[str], a: list[list[str]], b: list[list[str]]) -> list[tuple[str, str, str, float | None]]:
    """(what, A, B, B - A) of all that differs between two reports that show the rows `a` and `b` in a table."""
    one, other = (
        results(x=chapter(tables={"t": ShownTable(caption="T.", columns=columns, rows=rows)})) for rows in (a, b)
    )
    found = compare(one, other).shifts
    assert {shift.where for shift in found} <= {"x, t"}
    return [(s.what, s.a, s.b, s.difference and round(s.difference.mean, 6)) for s in found]


def test_changes_of_the_strongest_attack_are_told_and_nothing_else_is() -> None:
    def rows(lira: str, loss: str) -> list[list[str]]:
        return [
            ["lira", f"{lira} {MARK} [0.171, 0.191]", "0.120 [0.1, 0.14]"],
            ["loss", "0.100 [0.09, 0.11]", f"{loss} {MARK} [0.1, 0.2]"],
        ]

    assert shifts(["attack", "none", "dropout"], rows("0.181", "0.130"), rows("0.581", "0.930")) == [
        ("lira: none", f"0.181 {MARK} [0.171, 0.191]", f"0.581 {MARK} [0.171, 0.191]", 0.4),
        ("loss: dropout", f"0.130 {MARK} [0.1, 0.2]", f"0.930 {MARK} [0.1, 0.2]", 0.8),
    ]
    assert shifts(["attack", "none", "dropout"], rows("0.181", "0.130"), rows("0.181", "0.130")) == []


def test_a_mark_that_moves_is_told_and_moves_no_name() -> None:
    marked, plain = f"0.2 {MARK} [0.1, 0.3]", "0.2 [0.1, 0.3]"
    assert shifts(["attack", "none"], [["lira", marked], ["loss", plain]], [["lira", plain], ["loss", marked]]) == [
        ("lira: none", marked, plain, 0),
        ("loss: none", plain, marked, 0),
    ]


def test_verdicts_and_names_of_attacks_stand_beside_numbers_that_are_compared() -> None:
    columns = ["defenses", "attack accuracy", "strongest", "pairs"]
    a = [["dropout", "+0.07 [-0.01, +0.15]: cannot be told", "lira 0.123 [0.1, 0.2]", "4"]]
    b = [["dropout", "+0.17 [+0.09, +0.25]: less safe", "rmia 0.133 [0.1, 0.2]", "4"]]
    assert shifts(columns, a, b) == [
        ("dropout: attack accuracy", a[0][1], b[0][1], 0.1),
        ("dropout: strongest", a[0][2], b[0][2], 0.01),
    ]


def test_percents_and_thousands_are_compared() -> None:
    a, b = ([["epoch", share, count]] for share, count in (("42%", "10,520"), ("47%", "9,520")))
    assert shifts(["benchmark", "share", "members"], a, b) == [
        ("epoch: share", "42%", "47%", 0.05),
        ("epoch: members", "10,520", "9,520", -1000),
    ]


def test_words_in_the_place_of_a_number_are_no_part_of_the_name_of_their_row() -> None:
    columns = ["defenses", "attack", "auc", "seeds"]
    a = [["none", "gap", "cannot be told", "3"], ["none", "loss", "0.5", "3"]]
    b = [["none", "gap", "0.6", "4"], ["none", "loss", "0.5", "3"]]
    assert shifts(columns, a, b) == [
        ("none, gap: auc", "cannot be told", "0.6", None),
        ("none, gap: seeds", "3", "4", 1),
    ]
    # A whole column of words names rows, unless the other report has numbers there.
    assert shifts(columns, a[:1], b[:1]) == shifts(columns, a, b)
    assert shifts(columns, a[:1], [[*a[0][:3], "4"]]) == [("none, gap, cannot be told: seeds", "3", "4", 1)]


def test_number_that_became_unmeasurable_differs_without_a_difference() -> None:
    rows = [["none", "gap", "not measurable"]] * 2
    changed = chapter(tables={"t": ShownTable(caption="T.", columns=["d", "attack", "auc"], rows=rows)})
    shifts = compare(results(x=chapter()), results(x=changed)).shifts
    assert [(shift.what, shift.a, shift.b, shift.difference) for shift in shifts] == [
        ("none, gap: auc", "0.5", "not measurable", None),
        ("none, gap: auc (2)", "0.5", "not measurable", None),
    ]


def test_interval_of_a_difference_covers_it_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        a, b = (over_seeds(generator.normal(mean, spread, n).tolist()) for mean, spread, n in ((0, 1, 5), (1, 2, 8)))
        found = difference(a, b)
        covered += found.low <= 1 <= found.high
    assert 0.93 <= covered / 400 <= 0.995


def test_sides_of_a_cut_interval_count_each_for_itself() -> None:
    found = difference(Interval(0.9, 0.8, 1.0), Interval(0.5, 0.5, 0.8))
    assert found.low == pytest.approx(-0.4 - 0.1) and found.high == pytest.approx(-0.4 + (0.09 + 0.01) ** 0.5)
    assert difference(None, Interval(1, None, None)) is None
