"""Risk again: whether the same images are found, and what values at a bound can tell."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mia_book import claims, reference_attacks, who_is_at_risk, wording
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
    again = who_is_at_risk.found_again(study, level=0.05)
    assert len(again) == 2 * 3 and set(again["defenses"]) == {who_is_at_risk.FOUND, who_is_at_risk.AVERAGE}
    made = attacked(study, "t-lira", answers(study, ()))
    called, ordinary = calls(study, made, 0.05), kinds_of(study)["pool"]
    found = [np.where(made.members[one], called[one], called[one + 1]) for one in (0, 2, 4)]
    of_unit = again[again["seed"] == 1].set_index("defenses")["found"]
    assert of_unit[who_is_at_risk.AVERAGE] == pytest.approx(found[1][ordinary].mean())
    assert of_unit[who_is_at_risk.FOUND] == pytest.approx(found[1][ordinary & (found[0] == 1)].mean())
    first = again[again["seed"] == 0].set_index("defenses")["found"]
    assert first[who_is_at_risk.FOUND] == pytest.approx(found[0][ordinary & (found[2] == 1)].mean())
    assert who_is_at_risk.found_again(study, level=0.001)["found"].isna().all()
    shown = who_is_at_risk.shares(again, "images").set_index("images").iloc[:, 0]
    average = again[again["defenses"] == who_is_at_risk.AVERAGE]["found"]
    assert shown[who_is_at_risk.AVERAGE] == wording.mean_in_words(average)


def test_two_pairs_are_compared_once(tmp_path) -> None:
    small = made_study(tmp_path, record=(), attacks="t-lira", models=4)
    assert who_is_at_risk.found_again(small, level=0.05)["seed"].unique().tolist() == [1]


def test_chance_alone_finds_nobody_again(study: ReferenceStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    real = attacked(study, "t-lira", answers(study, ()))
    noise = np.random.default_rng(0).normal(size=real.scores.shape)

    def judged_again(likelihood: np.ndarray) -> Verdict:
        monkeypatch.setattr(who_is_at_risk, "attacked", lambda *given: replace(real, scores=noise + likelihood))
        table = who_is_at_risk.found_again(study, level=0.1)
        return claims.judged([(who_is_at_risk.AGAIN_CLAIM, "t-lira")], table)[0]

    by_chance = judged_again(real.members)
    assert by_chance.outcome != HOLDS and abs(by_chance.difference) < 0.2
    likelier = real.members * (1 + 3 * (np.arange(noise.shape[1]) % 2))  # every second image, time and again
    assert judged_again(likelier).outcome == HOLDS


def test_the_tenth_at_risk_may_be_picked_in_two_ways(study: ReferenceStudy) -> None:
    same = who_is_at_risk.by_choice(study, (), level=0.05)
    sides = same.pivot_table(index="seed", columns="defenses", values="found")
    assert (sides[who_is_at_risk.PICKED_BEFORE] == sides[who_is_at_risk.PICKED_UNDER]).all()
    masked = who_is_at_risk.by_choice(study, study.combinations[1], level=0.05)
    assert set(masked["attack"]) == {"masking"} and len(masked) == 2 * 3
    groups = who_is_at_risk.by_group(study, level=0.05)
    wanted = groups[(groups["defenses"] == "masking") & (groups["attack"] == who_is_at_risk.AT_RISK)]["found"]
    assert masked[masked["defenses"] == who_is_at_risk.PICKED_UNDER]["found"].tolist() == wanted.tolist()
    (verdict,) = claims.judged([(who_is_at_risk.moved_claim("masking"), "masking")], masked)
    assert "masking" in verdict.claim.text and verdict.seeds == 3


LOWER = Claim("It protects.", "here", "found", "dropout", "none", "lower")


@pytest.mark.parametrize(
    ("none", "dropout", "outcome"),
    [
        ([1.0, 1.0], [1.0, 1.0], CANNOT_TELL),
        ([0.0, 0.0], [0.0, 0.0], CANNOT_TELL),
        ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], CANNOT_TELL),
        ([0.9, 0.9, 0.9], [0.95, 0.96, 0.97], DOES_NOT_HOLD),
        ([1.0, 1.0, 1.0], [0.0, 0.01, 0.02], HOLDS),
    ],
)
def test_without_room_for_a_difference_nothing_can_be_told(none, dropout, outcome) -> None:
    seeds = list(range(len(none)))
    names = ["none"] * len(none) + ["dropout"] * len(none)
    rows = {"defenses": names, "seed": seeds * 2, "found": none + dropout}
    chosen, table = [(LOWER, "canaries")], pd.DataFrame(rows).assign(attack="canaries")
    assert claims.judged(chosen, table, who_is_at_risk.SHARE)[0].outcome == outcome
    assert claims.judged(chosen, table)[0].outcome == outcome


def test_verdicts_are_told_in_a_sentence_and_listed_with_their_evidence() -> None:
    verdict = Verdict(LOWER, HOLDS, -0.25, -0.3, -0.2, 4)
    words = '"It protects": holds, -0.250 [-0.300, -0.200] (4 pairs)'
    assert claims.in_words([verdict]) == words
    assert claims.in_words([verdict, verdict]) == f"{words}; {words}"
    assert claims.in_words([]) == "not measurable"
    listed = claims.listed({"fig-a": [verdict], "fig-b": [], "tab-c": [verdict] * 2})
    assert listed == ([verdict] * 3, ["fig-a", "tab-c", "tab-c"])
    online = pd.DataFrame({"defenses": ["lira", "lira-offline"] * 2, "seed": [0, 0, 1, 1], "auc": [0.6, 0.5] * 2})
    online = online.assign(members=1000, non_members=1000)
    chosen = claims.on("none", reference_attacks.OFFLINE_CLAIMS)
    assert [one.outcome for one in claims.judged(chosen, online.assign(attack="none"))] == [HOLDS]


def test_means_and_shares_come_with_intervals() -> None:
    assert wording.mean_in_words([0.5, 0.5]) == "0.500"
    assert wording.mean_in_words([0.5, 0.5], errors=[0.1, 0.1]) == "0.500 [0.361, 0.639]"
    assert wording.mean_in_words([0.0, 0.5, 1.0]) == "0.500 [0.000, 1.000]"
    assert wording.mean_in_words([0.25]) == "0.250"
    assert wording.mean_in_words([]) == wording.mean_in_words([0.1, np.nan]) == "not measurable"
    assert wording.share_in_words(0.05, 100) == "5.0% [1.6%, 11.3%]"  # Clopper and Pearson's tables
    assert wording.share_in_words(None, 100) == "not measurable"
    units = pd.DataFrame({"defenses": ["loss", "loss", "lira", "lira"], "auc": [0.5, 0.5, 0.7, 0.7]})
    shown = reference_attacks.two_measures(units.assign(**{"tpr_at_fpr_0.01": 0.1, "auc_error": 0.01}))
    assert shown.loc[1, ["attack", "AUC"]].tolist() == ["lira", "0.700 [0.686, 0.714]"]
