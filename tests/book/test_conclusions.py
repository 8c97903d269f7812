"""The report's conclusions, as they come out on tables with every outcome."""

import pytest

from mia_book import conclusions
from mia_book.claims import counted
from mia_book.conclusions import BEST_TRADEOFF, Conclusion, as_verdict, judge_conclusion, printed_study
from mia_book.paper import TABLE_I
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, Claim, Verdict
from tables_made import repeated


def study(changes, seeds=3):
    """Table I as a study of several seeds, some values changed: {(defenses, measure): value}."""
    rows = printed_study()
    for (name, column), value in changes.items():
        rows.loc[rows["defenses"] == name, column] = value
    return repeated(rows, seeds)


LOWER = Claim("lower", "", "attack_accuracy", "dropout", "none", "lower")
SAME = Claim("same", "", "target_accuracy", "masking", "none", "same", 0.025)
NOTHING = Claim("nothing", "", "attack_accuracy", "dropout+smoothing+masking", "dropout+smoothing", "lower")
FALSE = Claim("higher", "", "attack_accuracy", "dropout", "none", "higher")


@pytest.mark.parametrize(
    ("parts", "unless", "seeds", "outcome", "deciding"),
    [
        ((LOWER, SAME), (), 3, HOLDS, "same"),
        ((LOWER, FALSE), (), 3, DOES_NOT_HOLD, "higher"),
        ((LOWER,), (FALSE,), 3, HOLDS, "lower"),
        ((), (LOWER,), 3, DOES_NOT_HOLD, "lower"),
        ((), (FALSE,), 3, HOLDS, "higher"),
        ((LOWER, SAME), (), 1, CANNOT_TELL, "lower"),
        ((LOWER, NOTHING), (), 3, NO_EFFECT, "nothing"),
        ((FALSE, NOTHING), (), 3, DOES_NOT_HOLD, "higher"),
    ],
)
def test_conclusions_reach_every_outcome(parts, unless, seeds, outcome, deciding):
    judged = judge_conclusion(Conclusion("text", "here", parts, unless), study({}, seeds))
    assert (judged.outcome, judged.deciding.claim.text) == (outcome, deciding)


def measured(spread: tuple[float, float], direction: str, outcome: str, margin: float = 0.025) -> Verdict:
    """A verdict on a claim of this direction, whose interval is `spread`."""
    claim = Claim(f"{direction} {spread}", "", "attack_accuracy", "dropout", "none", direction, margin)
    return Verdict(claim, outcome, sum(spread) / 2, *spread, 3)


@pytest.mark.parametrize(
    ("spread", "direction", "outcome", "room"),
    [
        ((-0.0235, -0.0185), "lower", DOES_NOT_HOLD, 0.0015),
        ((-0.0032, 0.0092), "lower", DOES_NOT_HOLD, 0.0218),
        ((-0.0452, -0.0350), "lower", HOLDS, 0.01),
        ((0.0350, 0.0452), "higher", HOLDS, 0.01),
        ((-0.0032, 0.0092), "higher", DOES_NOT_HOLD, 0.0158),
        ((-0.0032, 0.0092), "same", HOLDS, 0.0158),
        ((0.0350, 0.0452), "same", DOES_NOT_HOLD, 0.01),
        ((-0.0452, -0.0350), "same", DOES_NOT_HOLD, 0.01),
        ((-0.0452, 0.0350), "higher", CANNOT_TELL, 0.0),
    ],
)
def test_room_is_the_distance_to_where_the_outcome_turns(spread, direction, outcome, room):
    assert conclusions._room(measured(spread, direction, outcome)) == pytest.approx(room)


def test_the_test_that_nearly_refuted_decides():
    """Of two combinations that protect no more than dropout, the one that nearly does is shown, not that nearest 0."""
    tests = [Claim(name, "", "attack_accuracy", f"dropout+{name}", "dropout", "lower", 0.025)
             for name in ("smoothing", "masking")]  # fmt: skip
    table = study({("dropout+smoothing", "attack_accuracy"): 0.513, ("dropout+masking", "attack_accuracy"): 0.489})
    for order in (tests, tests[::-1]):
        judged = judge_conclusion(Conclusion("text", "here", unless=tuple(order)), table)
        assert (judged.outcome, judged.deciding.claim.text) == (HOLDS, "masking")


def table_of(recorded, own):
    found = conclusions.conclusions_table(recorded, own, plane="fig-plane", values="tab-values")
    return found.set_index("claim")


def test_every_conclusion_links_to_its_evidence_and_says_what_would_refute_it():
    found = table_of(study({}), study({}))
    assert found["evidence"]["Dropout costs target accuracy."].name == "fig-plane"
    assert found["evidence"]["Dropout reduces the generalisation gap."].name == "tab-values"
    against = [text for text in found["measured"] if text.startswith("refuted if attack accuracy of ")]
    assert len(against) == 3 and sum("is more than 0.025 below" in text for text in against) == 2
    assert found["measured"]["Dropout costs target accuracy."].startswith("-0.110"), "as it is what was compared"
    best = found["measured"]["Dropout is the most effective single defense against the attack."]
    assert best.startswith("attack accuracy of dropout lower than ")
    assert found["measured"].str.contains("recall of members of smoothing").any()


def test_every_conclusion_speaks_of_rows_of_the_printed_table():
    for conclusion in conclusions.CONCLUSIONS:
        claims = (*conclusion.parts, *conclusion.unless)
        assert claims and {claim.of for claim in claims} <= set(TABLE_I)
        assert {claim.than for claim in claims if not isinstance(claim.than, float)} <= set(TABLE_I)


def test_conclusions_turn_with_the_runs():
    agree = table_of(study({}), study({}))
    printed = list(agree["Table I says so"])
    assert printed.count("no") == 1, "both recalls fall, says the text; the table does not"
    assert printed.count("not printed") == 2, "the generalisation gap"
    turned = study({("smoothing", "attack_accuracy"): 0.9, ("dropout", "target_accuracy"): 0.65})
    found = table_of(turned, study({}))
    for claim in ("Label smoothing lowers the attack's accuracy.", "Dropout costs target accuracy."):
        assert (found.loc[claim, "verdict"], found.loc[claim, "on this run"]) == (DOES_NOT_HOLD, HOLDS)
    best = found.loc["Label smoothing alone offers the best trade-off: safer than none, more useful than dropout."]
    assert best["verdict"] == DOES_NOT_HOLD and best["on this run"] == HOLDS
    assert (
        counted([HOLDS, HOLDS, CANNOT_TELL]) == "holds: 2, does not hold: 0, no material effect: 0, cannot be told: 1"
    )


def test_a_conclusion_as_a_verdict():
    for changes, outcome in (({}, HOLDS), ({("smoothing", "attack_accuracy"): 0.9}, DOES_NOT_HOLD)):
        verdict = as_verdict(judge_conclusion(BEST_TRADEOFF, study(changes)))
        assert (verdict.claim.text, verdict.claim.source, verdict.outcome) == (BEST_TRADEOFF.text, "IV-C", outcome)
    # Not to be more than 0.025 lower is to be above -0.025.
    verdict = as_verdict(judge_conclusion(conclusions.NO_COMBINATION, study({})))
    assert verdict.outcome == HOLDS and (verdict.claim.direction, verdict.claim.margin) == ("higher", -0.025)
    assert verdict.low > -0.025
