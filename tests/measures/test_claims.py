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


def outcome(direction, differences, margin=0.0):
    claim = Claim("text", "here", "attack_accuracy", "a", "b", direction, margin)
    return judge(claim, table([0.5 + d for d in differences], [0.5] * len(differences))).outcome


@pytest.mark.parametrize(
    ("direction", "differences", "margin", "expected"),
    [
        ("lower", [-0.1, -0.11, -0.12], 0, HOLDS),
        ("lower", [0.1, 0.11, 0.12], 0, DOES_NOT_HOLD),
        ("lower", [0.1, -0.11, 0.02], 0, CANNOT_TELL),
        ("lower", [-0.1, -0.11, -0.12], 0.2, DOES_NOT_HOLD),
        ("lower", [0.0, 0.0, 0.0], 0, DOES_NOT_HOLD),
        ("higher", [0.1, 0.11, 0.12], 0, HOLDS),
        ("higher", [-0.1, -0.11, -0.12], 0, DOES_NOT_HOLD),
        ("higher", [0.1, 0.11, 0.12], 0.11, CANNOT_TELL),
        ("same", [0.0, 0.0, 0.0], 0, HOLDS),
        ("same", [0.001, -0.001, 0.0], 0.02, HOLDS),
        ("same", [0.1, 0.11, 0.1], 0.02, DOES_NOT_HOLD),
        ("same", [-0.1, -0.11, -0.1], 0.02, DOES_NOT_HOLD),
        ("same", [0.1, -0.1, 0.0], 0.02, CANNOT_TELL),
        ("lower", [-0.4], 0, CANNOT_TELL),
        ("same", [0.0], 0.02, CANNOT_TELL),
    ],
)
def test_outcomes(direction, differences, margin, expected):
    assert outcome(direction, differences, margin) == expected


def test_a_seed_that_stands_twice_is_an_error():
    claim = Claim("text", "here", "attack_accuracy", "a", "b", "higher")
    both = table([0.5, 0.6, 0.7], [0.4, 0.5, 0.6])
    with pytest.raises(SettingsError, match="several rows of adversary1 on b for one seed"):
        judge(claim, pd.concat([both, both]))


def family(count, differences, margin=0.0, direction="higher"):
    claim = Claim("text", "here", "attack_accuracy", "a", "b", direction, margin)
    verdict = judge(claim, table([0.5 + d for d in differences], [0.5] * len(differences)))
    return [verdict.outcome, *{other.outcome for other in corrected([verdict] * count)}]


def test_among_many_comparisons_a_narrow_verdict_cannot_be_told():
    narrow = [0.02, 0.10, 0.12, 0.05, 0.03]
    assert family(1, narrow) == [HOLDS, HOLDS] and family(5, narrow) == [HOLDS, CANNOT_TELL]
    assert family(5, narrow, direction="lower") == [DOES_NOT_HOLD, CANNOT_TELL]
    assert family(5, [0.1, 0.11, 0.12, 0.1, 0.11]) == [HOLDS, HOLDS]
    assert family(5, [0.0, 0.0, 0.0], direction="same") == [HOLDS, HOLDS]
    assert family(3, [0.5]) == [CANNOT_TELL, CANNOT_TELL] and corrected([]) == []
    near = [0.012, -0.012, 0.0, 0.006, -0.006]
    assert family(1, near, 0.014, "same") == [HOLDS, HOLDS] and family(5, near, 0.014, "same") == [HOLDS, CANNOT_TELL]


def test_the_p_value_is_where_the_interval_touches_the_threshold():
    claim = Claim("text", "here", "attack_accuracy", "a", "b", "higher", 0.02)
    data = table([0.53, 0.61, 0.57, 0.60], [0.5] * 4)
    p = _p_value(judge(claim, data), 0.95)
    assert judge(claim, data, confidence=1 - p).low == pytest.approx(0.02)


def test_thresholds_in_words():
    words = [Claim("", "", "auc", "a", "b", direction, 0.02).threshold for direction in ("lower", "higher", "same")]
    assert words == ["holds below -0.02", "holds above +0.02", "holds within -0.02 to +0.02"]
    assert Claim("", "", "auc", "a", "b", "lower").threshold == "holds below +0"


def test_seeds_are_paired_by_number_not_by_position():
    claim = Claim("text", "here", "attack_accuracy", "a", "b", "higher")
    shuffled = table([0.1, 0.5, 0.9], [0.0, 0.4, 0.8]).sample(frac=1, random_state=1)
    verdict = judge(claim, shuffled)
    assert verdict.holds and verdict.seeds == 3 and verdict.difference == pytest.approx(0.1)


def test_a_fixed_value_can_be_compared_with():
    claim = Claim("text", "here", "attack_accuracy", "a", 0.5, "higher")
    assert judge(claim, table([0.6, 0.61, 0.62], [0, 0, 0])).holds
    assert judge(claim, table([0.4, 0.41, 0.42], [0, 0, 0])).outcome == DOES_NOT_HOLD


def test_what_is_not_in_the_table_is_an_error():
    claim = Claim("text", "here", "attack_accuracy", "a", "c", "lower")
    with pytest.raises(SettingsError, match="no adversary1 on c; it has: a, b"):
        judge(claim, table([0.5], [0.5]))
    with pytest.raises(SettingsError, match="no measure attack_accuracy"):
        judge(claim, table([0.5], [0.5], "auc"))


def test_table_i_as_printed():
    assert len(TABLE_I) == 8
    broken = [name for name, row in TABLE_I.items() if breaks_recall_identity(row)]
    assert broken == ["smoothing", "masking"]
    for one, other in (("smoothing", "masking"), ("masking", "smoothing")):
        swapped = TABLE_I[one]._replace(recall_non_members=TABLE_I[other].recall_non_members)
        assert not breaks_recall_identity(swapped)


def test_claims_name_combinations_of_the_table():
    assert all({claim.of, claim.than} <= set(TABLE_I) for claim in CLAIMS)


def test_the_report_agrees_with_itself_where_it_can():
    """Table I, read as a study of several identical seeds, makes the claims' directions come out as the text says."""
    rows = [
        {"defenses": d, "seed": s, "attack": "adversary1", **row._asdict()}
        for d, row in TABLE_I.items()
        for s in (0, 1)
    ]
    printed = pd.DataFrame(rows)
    assert all(judge(claim, printed).holds for claim in CLAIMS)


def test_measure_that_no_seed_could_measure_cannot_be_told():
    claim = Claim("The attack finds more than guessing does.", "", "tpr_at_fpr_0.01", "a", 0.01, "higher")
    verdict = judge(claim, table([None, None], [None, None], "tpr_at_fpr_0.01"))
    assert (verdict.outcome, verdict.difference, verdict.seeds) == ("cannot be told", None, 0)
    assert difference(verdict) == "not measurable"
