"""Numbers as text that still know what they are."""

import pytest

from mia_core.measures.intervals import Interval
from mia_core.measures.text import Measured, around, number, p_in_words, percent, signed, with_bounds


@pytest.mark.parametrize(("made", "text", "interval"), [
    (number(-0.0004), "0.000", (0, None, None)), (number(0.83712, 2, "+"), "+0.84", (0.84, None, None)),
    (percent(0.4249), "42%", (0.42, None, None)),
    (with_bounds(percent(0.056, 1), percent(0.04, 1), percent(0.08)), "5.6% [4.0%, 8%]", (0.056, 0.04, 0.08)),
    (signed(Interval(0.1, -0.05, 0.25)), "+0.100 [-0.050, +0.250]", (0.1, -0.05, 0.25)),
    (signed(Interval(0.1, None, None)), "+0.100", (0.1, None, None)),
    (signed(Interval(0.0001, -0.0004, 0.0006)), "+0.0001 [-0.0004, +0.0006]", (0.0001, -0.0004, 0.0006)),
    (signed(Interval(0.003, -0.00002, 0.006)), "+0.00300 [-0.00002, +0.00600]", (0.003, -0.00002, 0.006)),
    (signed(Interval(0.003, 0.0, 0.006)), "+0.003 [+0.000, +0.006]", (0.003, 0, 0.006)),
    (signed(Interval(0.02, 0.01, 0.0304), marks=(0, 0.03)), "+0.0200 [+0.0100, +0.0304]", (0.02, 0.01, 0.0304)),
    (signed(Interval(0.0, -1e-9, 1e-9)), "+0.000 [+0.000, +0.000]", (0, 0, 0)),
    (p_in_words(0.0312), "0.031", (0.031, None, None)), (p_in_words(0.0012), "0.001", (0.001, None, None)),
])  # fmt: skip
def test_a_number_is_that_of_its_text(made: str, text: str, interval: tuple) -> None:
    assert made == text and isinstance(made, Measured)
    assert (made.interval.mean, made.interval.low, made.interval.high) == pytest.approx(interval)


def test_a_longer_text_keeps_the_number_and_words_stay_words() -> None:
    shown = around(number(0.5), "lira 0.500 (3 seeds)", seeds=3)
    assert shown == "lira 0.500 (3 seeds)" and shown.interval.mean == 0.5 and shown.seeds == 3
    assert around(shown, "again").seeds == 3
    assert type(around("not measurable", "gap not measurable")) is str
    assert (p_in_words(0.0004), p_in_words(None)) == ("<0.001", "not measurable")
