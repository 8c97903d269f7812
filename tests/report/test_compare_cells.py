"""Cells of tables as chapters show them: which are numbers, what names a row, how far a difference may be off."""

import numpy as np
import pytest

from compared import chapter, number, results, table
from mia_core.measures.intervals import Interval, over_seeds
from mia_core.report.compare.differences import compare, difference


def shifts(columns, a, b):
    """(what, A, B, B - A) of all that differs between two reports that show the rows `a` and `b` in a table."""
    one, other = (results(x=chapter(tables=table(*rows, columns=columns))) for rows in (a, b))
    found = compare(one, other).shifts
    assert {shift.where for shift in found} <= {"x, t"}
    return [(s.what, s.a, s.b, s.difference and round(s.difference.mean, 6)) for s in found]


def test_numbers_are_compared_by_their_value_and_told_as_they_are_shown():
    columns = ("defenses", "strongest", "change", "pairs", "as percent")
    a = [["dropout", number("lira 0.123", 0.123), number("+0.07: cannot be told", 0.07), 4, number("42%", 0.42)]]
    b = [["dropout", number("rmia 0.133", 0.133), number("+0.17: less safe", 0.17), 4, number("47%", 0.47)]]
    assert shifts(columns, a, b) == [
        ("dropout: strongest", "lira 0.123", "rmia 0.133", 0.01),
        ("dropout: change", "+0.07: cannot be told", "+0.17: less safe", 0.1),
        ("dropout: as percent", "42%", "47%", 0.05),
    ]
    assert shifts(columns, a, a) == []


def test_a_mark_that_moves_is_told_and_moves_no_name():
    marked, plain = number("0.2 ◆ [0.1, 0.3]", 0.2, 0.1, 0.3), number("0.2 [0.1, 0.3]", 0.2, 0.1, 0.3)
    a, b = [["lira", marked], ["loss", plain]], [["lira", plain], ["loss", marked]]
    moved = [("lira: none", marked.text, plain.text, 0), ("loss: none", plain.text, marked.text, 0)]
    assert shifts(("attack", "none"), a, b) == moved


def test_words_in_the_place_of_a_number_are_no_part_of_the_name_of_their_row():
    columns = ("defenses", "attack", "auc", "seeds")
    a = [["none", "gap", "cannot be told", 3], ["none", "loss", number("0.5", 0.5), 3]]
    b = [["none", "gap", number("0.6", 0.6), 4], ["none", "loss", number("0.5", 0.5), 3]]
    told = [("none, gap: auc", "cannot be told", "0.6", None), ("none, gap: seeds", "3", "4", 1)]
    assert shifts(columns, a, b) == told
    # A whole column of words names rows, unless the other report has numbers there.
    assert shifts(columns, a[:1], b[:1]) == told
    assert shifts(columns, a[:1], [[*a[0][:3], 4]]) == [("none, gap, cannot be told: seeds", "3", "4", 1)]


def test_number_that_became_unmeasurable_differs_without_a_difference():
    rows = [["none", "gap", "not measurable"]] * 2
    found = compare(results(x=chapter()), results(x=chapter(tables=table(*rows)))).shifts
    told = [(shift.what, shift.a, shift.b, shift.difference) for shift in found]
    assert told == [(f"none, gap: auc{second}", "0.500", "not measurable", None) for second in ("", " (2)")]


def test_interval_of_a_difference_covers_it_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        a, b = (over_seeds(generator.normal(mean, spread, n).tolist()) for mean, spread, n in ((0, 1, 5), (1, 2, 8)))
        found = difference(a, b)
        covered += found.low <= 1 <= found.high
    assert 0.93 <= covered / 400 <= 0.995


def test_sides_of_a_cut_interval_count_each_for_itself():
    found = difference(Interval(0.9, 0.8, 1.0), Interval(0.5, 0.5, 0.8))
    assert found.low == pytest.approx(-0.4 - 0.1) and found.high == pytest.approx(-0.4 + (0.09 + 0.01) ** 0.5)
    assert difference(None, Interval(1, None, None)) is None
