"""Risk again: whether the same images are found, and what values at a bound can tell."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mia_book import reference_claims, reference_sweeps, risk_tables
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, Verdict
from mia_core.studies.reference_rows import answers, attacked, kinds_of
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.vulnerability import calls
from references_made import made_study

# The made study has more canaries than is advised.
pytestmark = pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ReferenceStudy:
    return made_study(tmp_path_factory.mktemp("store"), record=(), attacks="t-lira", defenses="none,masking")


def test_found_again_is_counted_among_those_found_before(study: ReferenceStudy) -> None:
    again = risk_tables.found_again(study, level=0.05)
    assert len(again) == 2 * 3 and set(again["defenses"]) == {risk_tables.FOUND, risk_tables.AVERAGE}
    made = attacked(study, "t-lira", answers(study, ()))
    called, ordinary = calls(study, made, 0.05), kinds_of(study)["pool"]
    found = [np.where(made.members[one], called[one], called[one + 1]) for one in (0, 2, 4)]
    of_unit = again[again["seed"] == 1].set_index("defenses")["found"]
    assert of_unit[risk_tables.AVERAGE] == pytest.approx(found[1][ordinary].mean())
    assert of_unit[risk_tables.FOUND] == pytest.approx(found[1][ordinary & (found[0] == 1)].mean())
    first = again[again["seed"] == 0].set_index("defenses")["found"]
    assert first[risk_tables.FOUND] == pytest.approx(found[0][ordinary & (found[2] == 1)].mean())
    assert risk_tables.found_again(study, level=0.001)["found"].isna().all()
    shown = risk_tables.shares(again, "images")
    assert list(shown["images"]) == [risk_tables.FOUND, risk_tables.AVERAGE]
    assert shown.iloc[1, 1] == reference_sweeps.mean_in_words(again[again["defenses"] == risk_tables.AVERAGE]["found"])


def test_two_pairs_are_compared_once(tmp_path) -> None:
    small = made_study(tmp_path, record=(), attacks="t-lira", models=4)
    assert risk_tables.found_again(small, level=0.05)["seed"].unique().tolist() == [1]


def judged_again(study: ReferenceStudy) -> Verdict:
    table = risk_tables.found_again(study, level=0.1)
    return reference_claims.judged([(reference_claims.AGAIN_CLAIM, "t-lira")], table)[0]


def test_chance_alone_finds_nobody_again(study: ReferenceStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    real = attacked(study, "t-lira", answers(study, ()))
    noise = np.random.default_rng(0).normal(size=real.scores.shape)
    monkeypatch.setattr(risk_tables, "attacked", lambda *given: replace(real, scores=noise + real.members))
    by_chance = judged_again(study)
    assert by_chance.outcome != HOLDS and abs(by_chance.difference) < 0.2
    likelier = real.members * (1 + 3 * (np.arange(noise.shape[1]) % 2))  # every second image, time and again
    monkeypatch.setattr(risk_tables, "attacked", lambda *given: replace(real, scores=noise + likelier))
    assert judged_again(study).outcome == HOLDS


def test_the_tenth_at_risk_may_be_picked_in_two_ways(study: ReferenceStudy) -> None:
    same = risk_tables.by_choice(study, (), level=0.05)
    sides = same.pivot_table(index="seed", columns="defenses", values="found")
    assert (sides[risk_tables.PICKED_BEFORE] == sides[risk_tables.PICKED_UNDER]).all()
    masked = risk_tables.by_choice(study, study.combinations[1], level=0.05)
    assert set(masked["attack"]) == {"masking"} and len(masked) == 2 * 3
    groups = risk_tables.by_group(study, level=0.05)
    wanted = groups[(groups["defenses"] == "masking") & (groups["attack"] == risk_tables.AT_RISK)]["found"]
    assert masked[masked["defenses"] == risk_tables.PICKED_UNDER]["found"].tolist() == wanted.tolist()
    (verdict,) = reference_claims.judged([(reference_claims.moved_claim("masking"), "masking")], masked)
    assert "masking" in verdict.claim.text and verdict.seeds == 3


LOWER = Claim("It protects.", "here", "found", "dropout", "none", "lower")


def two(none: list[float], dropout: list[float]) -> pd.DataFrame:
    rows = [("none", seed, value) for seed, value in enumerate(none)]
    rows += [("dropout", seed, value) for seed, value in enumerate(dropout)]
    return pd.DataFrame(rows, columns=["defenses", "seed", "found"]).assign(attack="canaries")


@pytest.mark.parametrize(
    ("none", "dropout", "outcome"),
    [
        ([1.0, 1.0], [1.0, 1.0], CANNOT_TELL),
        ([0.0, 0.0], [0.0, 0.0], CANNOT_TELL),
        ([0.5, 0.5], [0.5, 0.5], DOES_NOT_HOLD),
        ([1.0, 0.9], [1.0, 0.9], DOES_NOT_HOLD),
        ([1.0, 1.0], [0.0, 0.0], HOLDS),
    ],
)
def test_without_room_for_a_difference_nothing_can_be_told(none, dropout, outcome) -> None:
    claims, table = [(LOWER, "canaries")], two(none, dropout)
    assert reference_claims.judged(claims, table, reference_claims.SHARE)[0].outcome == outcome
    usual = reference_claims.judged(claims, table)[0].outcome
    assert usual == (outcome if outcome != CANNOT_TELL else DOES_NOT_HOLD)


def test_verdicts_are_told_in_a_sentence_and_listed_with_their_evidence() -> None:
    verdict = Verdict(LOWER, HOLDS, -0.25, -0.3, -0.2, 4)
    words = '"It protects": holds, -0.250 [-0.300, -0.200] (4 pairs)'
    assert reference_claims.in_words([verdict]) == words
    assert reference_claims.in_words([verdict, verdict]) == f"{words}; {words}"
    assert reference_claims.in_words([]) == "not measurable"
    assert reference_claims.listed({"fig-a": [verdict], "fig-b": [], "tab-c": [verdict] * 2}) == (
        [verdict] * 3,
        ["fig-a", "tab-c", "tab-c"],
    )
    online = pd.DataFrame({"defenses": ["lira", "lira-offline"] * 2, "seed": [0, 0, 1, 1], "auc": [0.6, 0.5] * 2})
    claims = reference_claims.on("none", reference_claims.OFFLINE_CLAIMS)
    assert [one.outcome for one in reference_claims.judged(claims, online.assign(attack="none"))] == [HOLDS]


def test_means_and_shares_come_with_intervals() -> None:
    assert reference_sweeps.mean_in_words([0.5, 0.5]) == "0.500 [0.500, 0.500]"
    assert reference_sweeps.mean_in_words([0.0, 1.0]) == "0.500 [0.000, 1.000]"
    assert reference_sweeps.mean_in_words([0.25]) == "0.250"
    assert reference_sweeps.mean_in_words([]) == reference_sweeps.mean_in_words([0.1, np.nan]) == "not measurable"
    assert reference_sweeps.share_in_words(0.05, 100) == "5.0% [1.6%, 11.3%]"  # Clopper and Pearson's tables
    assert reference_sweeps.share_in_words(None, 100) == "not measurable"
    units = pd.DataFrame({"defenses": ["loss", "loss", "lira", "lira"], "auc": [0.5, 0.5, 0.7, 0.7]})
    shown = reference_sweeps.two_measures(units.assign(**{"tpr_at_fpr_0.01": 0.1}))
    assert list(shown.columns) == ["attack", "AUC", "TPR at 1% FPR"] and list(shown["attack"]) == ["loss", "lira"]
    assert shown.loc[1, "AUC"] == "0.700 [0.700, 0.700]"
