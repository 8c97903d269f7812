"""Verdicts: every outcome can be reached, and nothing is claimed beyond what the seeds show."""

from dataclasses import replace

import pandas as pd
import pytest

from mia_book.paper import CLAIMS, TABLE_I, breaks_recall_identity
from mia_core.base.errors import SettingsError
from mia_core.display.tables import difference
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, Claim, _p_value, corrected, judge


def table(left, right, measure="attack_accuracy", names=("a", "b"), **columns):
    rows = [
        (name, seed, value) for name, side in zip(names, (left, right), strict=True) for seed, value in enumerate(side)
    ]
    return pd.DataFrame(rows, columns=["defenses", "seed", measure]).assign(attack="adversary1", **columns)


def claimed(direction="higher", margin=0.0, measure="attack_accuracy", than="b", material=0.0):
    return Claim("text", "here", measure, "a", than, direction, margin, material)


def verdict(differences, direction="higher", margin=0.0, material=0.0):
    pair = table([0.5 + d for d in differences], [0.5] * len(differences))
    return judge(claimed(direction, margin, material=material), pair)


@pytest.mark.parametrize(("direction", "margin", "differences", "expected"), [
    ("lower", 0, [-0.1, -0.11, -0.12], HOLDS), ("lower", 0, [0.1, 0.11, 0.12], DOES_NOT_HOLD),
    ("lower", 0, [0.1, -0.11, 0.02], CANNOT_TELL), ("lower", 0.2, [-0.1, -0.11, -0.12], DOES_NOT_HOLD),
    ("lower", 0, [0.0, 0.0, 0.0], CANNOT_TELL), ("lower", 0, [-0.4], CANNOT_TELL),
    ("lower", 0, [-0.4, -0.4, -0.4], CANNOT_TELL), ("lower", 0, [-0.4, -0.3], CANNOT_TELL),
    ("higher", 0, [0.1, 0.11, 0.12], HOLDS), ("higher", 0, [-0.1, -0.11, -0.12], DOES_NOT_HOLD),
    ("higher", 0.11, [0.1, 0.11, 0.12], CANNOT_TELL),
    ("same", 0, [0.0, 0.0, 0.0], CANNOT_TELL), ("same", 0.02, [0.001, -0.001, 0.0], HOLDS),
    ("same", 0.02, [0.1, 0.11, 0.12], DOES_NOT_HOLD), ("same", 0.02, [-0.1, -0.11, -0.12], DOES_NOT_HOLD),
    ("same", 0.02, [0.1, -0.1, 0.0], CANNOT_TELL), ("same", 0.02, [0.0], CANNOT_TELL),
])  # fmt: skip
def test_outcomes(direction, margin, differences, expected):
    assert verdict(differences, direction, margin).outcome == expected


@pytest.mark.parametrize(("direction", "differences", "expected"), [
    ("lower", [-0.002, 0.001, 0.002], NO_EFFECT), ("higher", [-0.002, 0.001, 0.002], NO_EFFECT),
    ("lower", [-0.003, -0.002, -0.0025], HOLDS), ("lower", [0.003, 0.002, 0.0025], DOES_NOT_HOLD),
    ("lower", [-0.008, 0.004, 0.005], CANNOT_TELL), ("same", [-0.002, 0.001, 0.002], CANNOT_TELL),
    ("lower", [-0.002, 0.001], CANNOT_TELL),
])  # fmt: skip
def test_an_interval_within_what_is_negligible_has_no_material_effect(direction, differences, expected):
    """Where the claim neither holds nor does not; two that are claimed to be the same state a margin of their own."""
    assert verdict(differences, direction, material=0.01).outcome == expected


def family(count, differences, direction="higher", margin=0.0, material=0.0):
    one = verdict(differences, direction, margin, material)
    return [one.outcome, *{other.outcome for other in corrected([one] * count)}]


def test_among_many_comparisons_a_narrow_verdict_cannot_be_told():
    narrow = [0.02, 0.10, 0.12, 0.05, 0.03]
    assert family(1, narrow) == [HOLDS, HOLDS] and family(5, narrow) == [HOLDS, CANNOT_TELL]
    assert family(5, narrow, "lower") == [DOES_NOT_HOLD, CANNOT_TELL]
    assert family(5, [0.1, 0.11, 0.12, 0.1, 0.11]) == [HOLDS, HOLDS]
    certain = judge(Claim("", "", "target_accuracy", "masking", "none", "same"), same_classes())
    assert [one.outcome for one in corrected([certain] * 5)] == [HOLDS] * 5
    small = [-0.004, 0.003, 0.004, -0.001, 0.0005]
    assert family(1, small, material=0.005) == [NO_EFFECT, NO_EFFECT]
    assert family(9, small, material=0.005) == [NO_EFFECT, CANNOT_TELL]
    assert family(3, [0.5]) == [CANNOT_TELL, CANNOT_TELL] and corrected([]) == []
    near = [0.012, -0.012, 0.0, 0.006, -0.006]
    assert family(1, near, "same", 0.014) == [HOLDS, HOLDS] and family(5, near, "same", 0.014) == [HOLDS, CANNOT_TELL]


def test_the_p_value_is_where_the_interval_touches_the_threshold():
    claim, data = claimed(margin=0.02), table([0.53, 0.61, 0.57, 0.60], [0.5] * 4)
    p = _p_value(judge(claim, data), 0.95)
    assert judge(claim, data, confidence=1 - p).low == pytest.approx(0.02)


def test_thresholds_in_words():
    words = [claimed(direction, 0.02, material=0.005).threshold for direction in ("lower", "higher", "same")]
    within = "; no material effect within -0.005 to +0.005"
    same = "holds within -0.02 to +0.02"
    assert words == [f"holds below -0.02{within}", f"holds above +0.02{within}", same]
    low, area = Claim("", "", "tpr_at_fpr_0.001", "a", "b", "lower"), Claim("", "", "auc", "a", "b", "lower")
    assert (low.equivalence, area.equivalence) == (0.0005, 0.01)
    assert Claim("", "", "seconds", "a", "b", "lower").threshold == "holds below +0"


def test_seeds_are_paired_by_number_not_by_position():
    found = judge(claimed(), table([0.1, 0.51, 0.92], [0.0, 0.4, 0.8]).sample(frac=1, random_state=1))
    assert found.holds and found.seeds == 3 and found.difference == pytest.approx(0.11)


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


def test_table_i_as_printed_holds_every_claim_and_is_no_measurement():
    rows = pd.DataFrame(
        {"defenses": name, "seed": 0, "attack": "adversary1", **row._asdict()} for name, row in TABLE_I.items()
    )
    found = [judge(claim, rows, certain="as printed") for claim in CLAIMS]
    assert all(one.holds for one in found) and difference(found[0]) == "-0.310 as printed (1 seed)"
    assert {judge(claim, rows).outcome for claim in CLAIMS} == {CANNOT_TELL}


def same_classes(names=("masking", "none"), measure="target_accuracy", **columns):
    return table([0.6, 0.7, 0.65], [0.6, 0.7, 0.65], measure, names, **columns)


@pytest.mark.parametrize(("names", "measure", "attack", "certain"), [
    (("masking", "none"), "target_accuracy", "adversary1", True),
    (("dropout+masking(k=1)", "dropout+rounding"), "generalisation_gap", "adversary1", True),
    (("label-only", "none"), "attack_accuracy", "gap", True), (("clipping", "none"), "target_accuracy", "loss", True),
    (("clipping(maximum=0.3)", "none"), "target_accuracy", "adversary1", False),
    (("masking", "none"), "attack_accuracy", "adversary1", False),
    (("dropout+masking", "none"), "target_accuracy", "adversary1", False),
    (("a", "b"), "target_accuracy", "adversary1", False),
])  # fmt: skip
def test_only_what_is_the_same_by_construction_is_certain(names, measure, attack, certain):
    claim = Claim("", "", measure, *names, "same")
    found = judge(claim, same_classes(names, measure).assign(attack=attack), attack)
    assert found.outcome == (HOLDS if certain else CANNOT_TELL)
    assert difference(found) == ("+0.000 by construction (3 seeds)" if certain else "+0.000 (3 seeds)")
    counts = {"members": 120, "non_members": 120, "target_train_accuracy": 0.9, "target_accuracy": 0.6}
    known = judge(claim, same_classes(names, measure).assign(attack=attack, **counts), attack)
    assert known.certain if certain else known.high > 0.01


def test_two_seeds_that_agree_say_nothing():
    """Six and three members of 120 found, then three and none: once 'holds', with p = 0."""
    claim = claimed("lower", measure="tpr_at_fpr_0.01")
    for counts in ({}, {"members": 120, "non_members": 120}):
        found = judge(claim, table([0.025, 0], [0.05, 0.025], "tpr_at_fpr_0.01", **counts))
        assert (found.outcome, found.seeds) == (CANNOT_TELL, 2) and _p_value(found, 0.95) > 0.05
    assert found.low < -0.05 and found.high > 0.02


def test_a_bound_is_printed_on_its_side_of_every_threshold():
    found = judge(claimed("lower"), table([0.0, 0.0005, 0.0003], [0.0, 0.0, 0.0]))
    assert difference(found) == "+0.0003 [-0.0004, +0.0009] (3 seeds)"
    near = judge(claimed("lower", 0.025), table([0.47, 0.4705, 0.4696], [0.5] * 3))
    assert near.outcome == HOLDS and difference(near).startswith("-0.030 [-0.031, -0.029]")
    edge = replace(near, high=-0.02504)
    assert difference(edge) == "-0.02997 [-0.03109, -0.02504] (3 seeds)"


def test_measure_that_no_seed_could_measure_cannot_be_told():
    name = "tpr_at_fpr_0.01"
    found = judge(claimed(measure=name, than=0.01), table([None, None], [None, None], name))
    assert (found.outcome, found.difference, found.seeds) == (CANNOT_TELL, None, 0)
    assert difference(found) == "not measurable"
