"""Verdicts: every outcome can be reached, and nothing is claimed beyond what the seeds show."""

import pandas as pd
import pytest

from mia_core.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, judge
from mia_core.errors import SettingsError
from mia_core.report import CLAIMS, TABLE_I, breaks_recall_identity
from mia_core.tables import difference


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
