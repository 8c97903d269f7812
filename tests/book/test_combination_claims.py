"""What the chapters on combinations and masking put to the test, on tables whose outcome is known."""

import numpy as np
import pandas as pd
import pytest

from mia_book import combinations, confidence_masking
from mia_book.claims import compared, told
from mia_book.conclusions import BEST_TRADEOFF, printed_study
from mia_core.gate.arrays import Outputs
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, judge
from mia_core.measures.intervals import Interval
from mia_core.studies.early_stopping import AT_ACCURACY, AT_LEAK, Held
from mia_core.studies.interactions import Interaction
from mia_core.studies.settings import StudySettings
from tables_made import repeated


def interaction(name, verdict, mean=0.1):
    excess = Interval(mean, mean - 0.01, None)
    return Interaction(name, "attack_accuracy", 0.5, 0.5 + mean, excess, 0.01, 0.02, 3, verdict)


def held(verdict, mean=-0.1, measure="attack_accuracy", question=AT_ACCURACY):
    difference = None if mean is None else Interval(mean, mean - 0.01, mean + 0.01)
    return Held("dropout", measure, question, (5,), difference, None, None, 3, 0, verdict)


@pytest.mark.parametrize(
    ("verdicts", "outcome", "decided"),
    [
        (["above the sum", "above the sum"], HOLDS, "b"),
        (["cannot be told", "above the sum"], CANNOT_TELL, "a"),
        (["cannot be told", "no material effect"], NO_EFFECT, "b"),
        (["cannot be told", "below the sum"], DOES_NOT_HOLD, "b"),
    ],
)
def test_sums_of_effects_are_judged_together(verdicts, outcome, decided):
    found = [interaction("a", verdicts[0], 0.2), interaction("b", verdicts[1], 0.1)]
    row = combinations.sums_tested(found)
    assert (row.verdict.outcome, row.decided, row.shows) == (outcome, decided, "sums")


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [("safer", HOLDS), ("less safe", DOES_NOT_HOLD), ("cannot be told", CANNOT_TELL), (NO_EFFECT, NO_EFFECT)],
)
def test_an_earlier_stop_is_judged_by_attack_accuracy(verdict, outcome):
    row = combinations.stopping_tested(
        [held("safer", measure="auc"), held("less accurate", question=AT_LEAK), held(verdict)]
    )
    assert (row.verdict.outcome, row.verdict.difference, row.shows) == (outcome, -0.1, "stopping")
    nothing = combinations.stopping_tested([held("cannot be told", None)]).verdict
    assert nothing.difference is None and nothing.outcome == CANNOT_TELL


def test_table_of_what_was_tested():
    rows = combinations.tested(repeated(printed_study()), [held("safer")], [interaction("a", "above the sum")])
    assert len(rows) == 9
    shown = combinations.tested_table(rows, "tab-values", "tab-sums", "tab-held").set_index("claim")
    best = shown.loc[BEST_TRADEOFF.text]
    assert best["verdict"] == HOLDS == combinations.verdict_on(rows, BEST_TRADEOFF.text).outcome
    assert best["measured difference"].startswith("attack accuracy of smoothing lower than none: -0.100 [")
    assert shown.iloc[0]["measured difference"].startswith("+0.010 [")
    assert [cell.name for cell in shown["evidence"]][-3:] == ["tab-values", "tab-sums", "tab-held"]


def study(**points):
    return repeated(
        pd.DataFrame(
            {"defenses": name, "attack": "adversary1", "target_accuracy": useful, "attack_accuracy": risky}
            for name, (useful, risky) in points.items()
        )
    )


def test_claims_on_defenses_that_a_run_lacks_cannot_be_told():
    few = study(none=(0.6, 0.8), clipping=(0.6, 0.7))
    rows = combinations.tested(few, [], combinations.sums(few))
    assert len(rows) == len(combinations.ON_COMBINATIONS) + 5 == 9 and {row.verdict.outcome for row in rows} == {
        CANNOT_TELL
    }
    assert told(combinations.DIRECTION_CLAIMS, few) == "not measurable"
    assert compared("dropout,masking") == ("none", "dropout", "masking") and compared(["none"]) == ("none",)


def test_two_directions_and_the_best_stop_are_paired():
    points = {"none": 0.8, "none, reversed": 0.8, "smoothing": 0.9, "smoothing, reversed": 0.8}
    both = study(**{name: (0.6, attack) for name, attack in points.items()})
    assert [judge(claim, both).outcome for claim in combinations.DIRECTION_CLAIMS] == [HOLDS, DOES_NOT_HOLD]
    beside = study(**{"best stop": (0.6, 0.5), "dropout": (0.5, 0.55)})
    assert [judge(claim, beside).outcome for claim in combinations.BEST_STOP_CLAIMS] == [DOES_NOT_HOLD, HOLDS]


class Trained:
    """Stands in for a study: two members and a non-member, the same on every seed."""

    settings = StudySettings(seeds=2)

    def outputs(self, seed, model, defenses):
        posteriors = np.array([[0.95, 0.05], [0.6, 0.4], [0.99, 0.01]])
        return Outputs(posteriors, np.array([True, True, False]), None, None, "test")


def test_clipping_moves_the_surest_members_and_two_posteriors_stand_against_three():
    after = (0.9 / 0.95 + 0.6) / 2
    assert confidence_masking.clipping_moves(Trained()) == f"0.775 to {after:.3f}, by {after - 0.775:+.3f}"
    table = study(**{"k2": (0.6, 0.81), "k3": (0.6, 0.8)})
    assert judge(confidence_masking.two_claim("k2", "k3"), table).outcome == HOLDS
