"""Verdicts: every outcome can be reached, and nothing is claimed beyond what the seeds show."""

import pandas as pd
import pytest

from mia_book.paper import CLAIMS, TABLE_I, breaks_recall_identity
from mia_core.base.errors import SettingsError
from mia_core.display.tables import difference
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, _p_value, corrected, judge


def table(left, right, measure="attack_accuracy"):
    rows = [("a", seed, value) for seed, value in enumerate(left)] + [("b", s, v) for s, v in enumerate(right)]
    return pd.DataFrame(rows, columns=["defenses", "seed", measure]).assign(attack="adversary1")


def claimed(direction="higher", margin=0.0, measure="attack_accuracy", than="b"):
    return Claim("text", "here", measure, "a", than, direction, margin)


def verdict(differences, direction="higher", margin=0.0):
    return judge(claimed(direction, margin), table([0.5 + d for d in differences], [0.5] * len(differences)))


@pytest.mark.parametrize(("direction", "margin", "differences", "expected"), [
    ("lower", 0, [-0.1, -0.11, -0.12], HOLDS), ("lower", 0, [0.1, 0.11, 0.12], DOES_NOT_HOLD),
    ("lower", 0, [0.1, -0.11, 0.02], CANNOT_TELL), ("lower", 0.2, [-0.1, -0.11, -0.12], DOES_NOT_HOLD),
    ("lower", 0, [0.0, 0.0, 0.0], DOES_NOT_HOLD), ("lower", 0, [-0.4], CANNOT_TELL),
    ("higher", 0, [0.1, 0.11, 0.12], HOLDS), ("higher", 0, [-0.1, -0.11, -0.12], DOES_NOT_HOLD),
    ("higher", 0.11, [0.1, 0.11, 0.12], CANNOT_TELL),
    ("same", 0, [0.0, 0.0, 0.0], HOLDS), ("same", 0.02, [0.001, -0.001, 0.0], HOLDS),
    ("same", 0.02, [0.1, 0.11, 0.1], DOES_NOT_HOLD), ("same", 0.02, [-0.1, -0.11, -0.1], DOES_NOT_HOLD),
    ("same", 0.02, [0.1, -0.1, 0.0], CANNOT_TELL), ("same", 0.02, [0.0], CANNOT_TELL),
])  # fmt: skip
def test_outcomes(direction, margin, differences, expected):
    assert verdict(differences, direction, margin).outcome == expected


def family(count, differences, direction="higher", margin=0.0):
    one = verdict(differences, direction, margin)
    return [one.outcome, *{other.outcome for other in corrected([one] * count)}]


def test_among_many_comparisons_a_narrow_verdict_cannot_be_told():
    narrow = [0.02, 0.10, 0.12, 0.05, 0.03]
    assert family(1, narrow) == [HOLDS, HOLDS] and family(5, narrow) == [HOLDS, CANNOT_TELL]
    assert family(5, narrow, "lower") == [DOES_NOT_HOLD, CANNOT_TELL]
    assert family(5, [0.1, 0.11, 0.12, 0.1, 0.11]) == [HOLDS, HOLDS]
    assert family(5, [0.0, 0.0, 0.0], "same") == [HOLDS, HOLDS]
    assert family(3, [0.5]) == [CANNOT_TELL, CANNOT_TELL] and corrected([]) == []
    near = [0.012, -0.012, 0.0, 0.006, -0.006]
    assert family(1, near, "same", 0.014) == [HOLDS, HOLDS] and family(5, near, "same", 0.014) == [HOLDS, CANNOT_TELL]


def test_the_p_value_is_where_the_interval_touches_the_threshold():
    claim, data = claimed(margin=0.02), table([0.53, 0.61, 0.57, 0.60], [0.5] * 4)
    p = _p_value(judge(claim, data), 0.95)
    assert judge(claim, data, confidence=1 - p).low == pytest.approx(0.02)


def test_thresholds_in_words():
    words = [claimed(direction, 0.02).threshold for direction in ("lower", "higher", "same")]
    assert words == ["holds below -0.02", "holds above +0.02", "holds within -0.02 to +0.02"]


def test_seeds_are_paired_by_number_not_by_position():
    found = judge(claimed(), table([0.1, 0.5, 0.9], [0.0, 0.4, 0.8]).sample(frac=1, random_state=1))
    assert found.holds and found.seeds == 3 and found.difference == pytest.approx(0.1)


def test_a_fixed_value_can_be_compared_with():
    assert judge(claimed(than=0.5), table([0.6, 0.61, 0.62], [0, 0, 0])).holds
    assert judge(claimed(than=0.5), table([0.4, 0.41, 0.42], [0, 0, 0])).outcome == DOES_NOT_HOLD


@pytest.mark.parametrize(("changes", "copies", "message"), [
    ({"than": "c"}, 1, "no adversary1 on c; it has: a, b"), ({"measure": "auc"}, 1, "no measure auc"),
    ({}, 2, "several rows of adversary1 on b for one seed"),
])  # fmt: skip
def test_what_is_missing_or_stands_twice_is_an_error(changes, copies, message):
    with pytest.raises(SettingsError, match=message):
        judge(claimed(**changes), pd.concat([table([0.5, 0.6], [0.4, 0.5])] * copies))


def test_table_i_as_printed():
    assert len(TABLE_I) == 8
    broken = [name for name, row in TABLE_I.items() if breaks_recall_identity(row)]
    assert broken == ["smoothing", "masking"]
    for one, other in (("smoothing", "masking"), ("masking", "smoothing")):
        swapped = TABLE_I[one]._replace(recall_non_members=TABLE_I[other].recall_non_members)
        assert not breaks_recall_identity(swapped)


def test_table_i_read_as_identical_seeds_holds_every_claim():
    rows = [
        {"defenses": name, "seed": seed, "attack": "adversary1", **row._asdict()}
        for name, row in TABLE_I.items()
        for seed in (0, 1)
    ]
    assert all(judge(claim, pd.DataFrame(rows)).holds for claim in CLAIMS)


def test_measure_that_no_seed_could_measure_cannot_be_told():
    name = "tpr_at_fpr_0.01"
    found = judge(claimed(measure=name, than=0.01), table([None, None], [None, None], name))
    assert (found.outcome, found.difference, found.seeds) == (CANNOT_TELL, None, 0)
    assert difference(found) == "not measurable"
