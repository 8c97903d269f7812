"""What the chapters on combinations and masking put to the test, on tables whose outcome is known."""

import numpy as np
import pandas as pd
import pytest
from mia_core.studies.paper import CLAIMS

from mia_book import combination_claims, masking_claims
from mia_book.conclusions import BEST_TRADEOFF, printed_study
from mia_core.gate.arrays import Outputs
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, judge
from mia_core.measures.intervals import Interval
from mia_core.studies.early_stopping import Held
from mia_core.studies.interactions import Interaction
from mia_core.studies.settings import StudySettings


def interaction(name, verdict, mean=0.1):
    return Interaction(
        name, "attack_accuracy", 0.5, 0.5 + mean, Interval(mean, mean - 0.01, None), 0.01, 0.02, 3, verdict
    )


def held(verdict, mean=-0.1, measure="attack_accuracy"):
    difference = None if mean is None else Interval(mean, mean - 0.01, mean + 0.01)
    return Held("dropout", measure, difference, None, None, 3, 0, 0, verdict)


@pytest.mark.parametrize(
    ("verdicts", "outcome", "decided"),
    [
        (["above the sum", "above the sum"], HOLDS, "b"),
        (["cannot be told", "above the sum"], CANNOT_TELL, "a"),
        (["cannot be told", "below the sum"], DOES_NOT_HOLD, "b"),
    ],
)
def test_sums_of_effects_are_judged_together(verdicts, outcome, decided):
    found = [interaction("a", verdicts[0], 0.2), interaction("b", verdicts[1], 0.1)]
    row = combination_claims.sums_tested(found)
    assert (row.verdict.outcome, row.decided, row.shows) == (outcome, decided, "sums")


@pytest.mark.parametrize(
    ("verdict", "outcome"), [("safer", HOLDS), ("less safe", DOES_NOT_HOLD), ("cannot be told", CANNOT_TELL)]
)
def test_an_earlier_stop_is_judged_by_attack_accuracy(verdict, outcome):
    row = combination_claims.stopping_tested([held("safer", measure="auc"), held(verdict)])
    assert (row.verdict.outcome, row.verdict.difference, row.shows) == (outcome, -0.1, "stopping")
    nothing = combination_claims.stopping_tested([held("cannot be told", None)]).verdict
    assert nothing.difference is None and nothing.outcome == CANNOT_TELL


def test_table_of_what_was_tested():
    rows = combination_claims.tested(printed_study(), [held("safer")], [interaction("a", "above the sum")])
    assert len(rows) == len(CLAIMS) + 5
    shown = combination_claims.tested_table(rows, "tab-values", "tab-sums", "tab-held").set_index("claim")
    best = shown.loc[BEST_TRADEOFF.text]
    assert best["verdict"] == HOLDS == combination_claims.verdict_on(rows, BEST_TRADEOFF.text).outcome
    assert best["measured difference"].startswith("attack accuracy of smoothing lower than none: -0.100 [")
    assert shown.iloc[0]["measured difference"].startswith("-0.310 [")
    assert [cell.name for cell in shown["evidence"]][-3:] == ["tab-values", "tab-sums", "tab-held"]


def study(seeds=3, **points):
    return pd.DataFrame(
        {"defenses": name, "seed": seed, "attack": "adversary1", "target_accuracy": useful, "attack_accuracy": risky}
        for name, (useful, risky) in points.items()
        for seed in range(seeds)
    )


def test_two_directions_are_paired():
    forward = study(none=(0.6, 0.8), smoothing=(0.6, 0.9), masking=(0.6, 0.8))
    reverse = study(none=(0.6, 0.8), smoothing=(0.6, 0.8))
    both = combination_claims.both_directions(forward, reverse)
    assert list(both["defenses"].unique()) == ["none", "smoothing", "none, reversed", "smoothing, reversed"]
    outcomes = [judge(claim, both).outcome for claim in combination_claims.DIRECTION_CLAIMS]
    assert outcomes == [HOLDS, DOES_NOT_HOLD]


def test_best_stop_is_the_most_accurate_epoch_of_each_seed():
    stops = pd.concat([study(none=(0.4 + 0.1 * epoch, 0.5)).assign(epochs=epoch) for epoch in (1, 2)])
    stops.loc[(stops["seed"] == 1) & (stops["epochs"] == 1), "target_accuracy"] = 0.61
    beside = combination_claims.with_best_stop(study(dropout=(0.5, 0.55)), stops)
    best = beside[beside["defenses"] == "best stop"]
    assert list(best["target_accuracy"]) == [pytest.approx(0.6), 0.61, pytest.approx(0.6)] and len(beside) == 6
    assert [judge(claim, beside).outcome for claim in combination_claims.BEST_STOP_CLAIMS] == [DOES_NOT_HOLD, HOLDS]


class Trained:
    """Stands in for a study: two members and a non-member, the same on every seed."""

    settings = StudySettings(seeds=2)

    def outputs(self, seed, model, defenses):
        posteriors = np.array([[0.95, 0.05], [0.6, 0.4], [0.99, 0.01]])
        return Outputs(posteriors, np.array([True, True, False]), None, None, "test")


def test_clipping_moves_the_surest_members():
    clipped = 0.9 / 0.95
    after = (clipped + 0.6) / 2
    assert masking_claims.clipping_moves(Trained()) == f"0.775 to {after:.3f}, by {after - 0.775:+.3f}"


def test_two_posteriors_against_three():
    table = study(**{"k2": (0.6, 0.81), "k3": (0.6, 0.8)})
    assert judge(masking_claims.two_claim("k2", "k3"), table).outcome == HOLDS
