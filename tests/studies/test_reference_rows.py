"""The table with reference models: who is judged on what, by whom, and what no attack may read."""

import dataclasses

import numpy as np
import pytest

from mia_core.base.errors import MiaWarning, SettingsError
from mia_core.defenses import combination
from mia_core.measures.intervals import clopper_pearson
from mia_core.references import REFERENCE_ATTACKS
from mia_core.references.answers import Answers, View, seen_as_logits, without_zeros
from mia_core.studies.columns import REFERENCE_COLUMNS
from mia_core.studies.reference_rows import EVERY, answers, attacked, judge_scores, table, views
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.vulnerability import vulnerability
from references_made import DATA, made_study

pytestmark = pytest.mark.filterwarnings("ignore:canaries")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return made_study(tmp_path_factory.mktemp("store"), defenses="none,masking(k=2),dropout")


@pytest.fixture(scope="module")
def found(made):
    return table(made)


def test_every_model_is_the_target_once_for_every_attack_and_recorded_epoch(found):
    case = ["defenses", "epochs", "attack", "examples", "target"]
    assert not found.duplicated(case).any()
    assert len(found) == (2 + 2 + 1) * len(REFERENCE_ATTACKS) * 2 * (6 + 1)
    assert set(found["target"]) == {EVERY, *"012345"} and set(found["references"]) == {4}
    assert set(found.columns) == set(REFERENCE_COLUMNS)


def test_canaries_are_judged_apart(found, tmp_path):
    judged = found["members"] + found["non_members"]
    one = found["target"] != EVERY
    assert (judged[one & (found["examples"] == "pool")] == 240 - 8).all()
    assert (judged[one & (found["examples"] == "canaries")] == 8).all()
    assert (judged[~one & (found["examples"] == "canaries")] == 6 * 8).all()
    without = table(made_study(tmp_path, canaries=0, attacks="lira", models=4))
    assert set(without["examples"]) == {"pool"}
    # With four models no stand-in is left to try a threshold on; the rest is measured.
    assert without["balanced_accuracy"].isna().all() and without["auc"].notna().all()


def test_references_find_what_one_threshold_does_not(found):
    last = found[(found["defenses"] == "none") & (found["examples"] == "pool") & (found["target"] == EVERY)]
    auc = last[last["epochs"] == 2].set_index("attack")["auc"]
    assert auc["lira"] > auc["loss"] + 0.05 and auc["t-lira"] > 0.9
    assert auc["base"] == auc["rmia"]
    assert last[last["epochs"] == 1].set_index("attack")["auc"]["lira"] < 0.7


def test_the_threshold_comes_from_a_stand_in(found):
    rows = found[(found["attack"] == "lira") & (found["defenses"] == "none") & (found["epochs"] == 2)]
    pool = rows[(rows["examples"] == "pool") & (rows["target"] != EVERY)]
    assert (pool["balanced_accuracy"] > 0.85).all()
    assert np.allclose(pool["balanced_accuracy"], (pool["recall_members"] + pool["recall_non_members"]) / 2)
    assert rows["balanced_accuracy"][rows["target"] == EVERY].isna().all()
    masked = found[(found["defenses"] == "masking(k=2)") & (found["examples"] == "pool")]
    assert masked["auc"].between(0, 1).all() and (masked["note"] == "").all()
    assert masked["balanced_accuracy"][masked["target"] != EVERY].between(0, 1).all()


@pytest.mark.parametrize("name", list(REFERENCE_ATTACKS))
def test_no_attack_reads_the_targets_membership_or_its_partner(made, name):
    known = answers(made, made.combinations[0])
    before = attacked(made, name, known)
    members = known.members.copy()
    members[2, : known.pool] = np.random.default_rng(0).permutation(members[2, : known.pool])
    values = known.values.copy()
    values[3] = 7.0 * values[3][..., ::-1]
    changed = dataclasses.replace(known, members=members, values=values, kept={})
    after = attacked(made, name, changed)
    assert np.array_equal(before.scores[2], after.scores[2]) and np.isfinite(before.scores).all()
    assert before.thresholds["pool"][2] == after.thresholds["pool"][2]
    assert not np.array_equal(before.scores[3], after.scores[3])


def test_a_stand_in_leaves_target_and_partner_out(made):
    view = views(made, answers(made, made.combinations[0]))[3]
    assert (view.target, view.partner, view.references) == (3, 2, 4)
    stand_in = view.stand_in()
    assert (stand_in.rows, stand_in.target, stand_in.partner, stand_in.references) == ((0, 1, 4, 5), 5, 4, 2)


def test_every_target_has_a_stand_in_of_its_own_that_knows_no_more_models_than_the_attacker():
    answered, all_rows = Answers(np.zeros((8, 1, 1, 2)), np.zeros(1, int), np.zeros((8, 1), bool), 1), tuple(range(8))
    paired = [View(answered, all_rows, target, target ^ 1).stand_in() for target in range(8)]
    assert [(view.target, view.partner) for view in paired] == [(row, row ^ 1) for row in (2, 3, 4, 5, 6, 7, 0, 1)]
    coins = [View(answered, all_rows, target, None).stand_in().target for target in range(8)]
    assert coins == [1, 2, 3, 4, 5, 6, 7, 0]
    for partner, asked, rows, references in [
        (2, 4, (0, 1, 4, 5), 2), (2, None, (0, 1, 4, 5, 6, 7), 4), (None, 3, (0, 1, 2), 2)
    ]:  # fmt: skip
        stand_in = View(answered, all_rows, 3, partner, asked=asked).stand_in()
        assert (stand_in.rows, stand_in.references) == (rows, references)
    assert View(answered, all_rows, 3, 2, asked=2).stand_in() is None


def test_fewer_references_can_be_used_and_other_numbers_are_refused(made):
    few = table(ReferenceStudy(made.settings.replace(attacks="lira"), made.store, DATA), 2)
    assert set(few["references"]) == {2} and few["auc"].between(0, 1).all()
    for number in (1, 3, 6):
        with pytest.raises(SettingsError, match=f"references: expected an even number from 2 to 4, found {number}"):
            table(made, number)


def test_independent_halves_leave_out_the_target_alone(tmp_path):
    study = made_study(tmp_path, design="random_halves", attacks="lira")
    found = table(study)
    assert set(found["references"]) == {5} and set(found["design"]) == {"random_halves"}
    assert (found[(found["examples"] == "pool") & (found["epochs"] == 2)]["auc"] > 0.85).all()


def test_of_all_attacks_those_that_models_or_population_do_not_suffice_for_are_left_out_and_said(tmp_path):
    study = made_study(tmp_path, population=0, models=4)
    with pytest.warns(MiaWarning) as said:
        found = table(study)
    needy = [
        name for need in ("population", "shadow") for name, record in REFERENCE_ATTACKS.items() if need in record.needs
    ]
    assert set(found["attack"]) == set(REFERENCE_ATTACKS) - set(needy)
    lines = [str(line.message) for line in said if "left out" in str(line.message)]
    assert [line.split()[1] for line in lines] == needy
    assert "rapid left out: needs a shadow and two references for it, at least 4 references (6 models" in lines[-1]


@pytest.mark.parametrize(("changes", "references", "message"), [
    ({"models": 4}, None, r"at least 4 references \(6 models in pairs\), found 2"),
    ({"models": 6}, 2, r"at least 4 references \(6 models in pairs\), found 2"),
    ({"models": 4, "design": "random_halves"}, 2, r"at least 3 references \(4 models\), found 2"),
    ({"population": 0, "attacks": "lira,attack-p"}, None, "attack-p needs examples that no model trains on"),
])  # fmt: skip
def test_an_attack_asked_for_by_name_without_enough_models_is_refused_before_training(
    tmp_path, made, changes, references, message
):
    settings = made.settings.replace(**{"attacks": "rapid"} | changes)
    with pytest.raises(SettingsError, match=f"^attacks: .*{message}"):
        table(ReferenceStudy(settings, type(made.store)(tmp_path), DATA), references)


def test_rapid_comes_with_its_threshold_and_finds_members_with_the_fewest_models(tmp_path, found):
    rows = found[(found["attack"] == "rapid") & (found["defenses"] == "none") & (found["epochs"] == 2)]
    pool = rows[(rows["examples"] == "pool") & (rows["target"] != EVERY)]
    assert (pool["auc"] > 0.85).all() and (pool["balanced_accuracy"] > 0.75).all()
    four = table(made_study(tmp_path, design="random_halves", attacks="rapid", models=4))
    four = four[(four["examples"] == "pool") & (four["epochs"] == 2) & (four["target"] != EVERY)]
    assert (four["auc"] > 0.75).all() and four["balanced_accuracy"].notna().all()


def test_scores_are_measured_at_real_thresholds_with_exact_intervals():
    members = np.arange(1000) < 500
    scores = np.where(members, np.arange(1000) % 100, np.arange(1000) % 100 - 50.0)
    found = judge_scores(scores, members, threshold=50.0)
    assert found["recall_non_members"] == 1 and found["recall_members"] == 0.5
    assert (found["false_positives_at_0.01"], found["fpr_at_0.01"]) == (5, 0.01)
    assert found["tpr_at_fpr_0.01"] == 0.51  # 49 ... 99: one block of five non-members lies at 49
    assert (found["tpr_at_fpr_0.01_low"], found["tpr_at_fpr_0.01_high"]) == clopper_pearson(255, 500)
    assert found["tpr_at_fpr_0.001"] is None and found["note"] == ""


def test_scores_that_say_nothing_are_said_to():
    found = judge_scores(np.zeros(300), np.arange(300) < 100, threshold=0.0)
    assert found["note"] == "sees nothing: all scores are equal" and found["distinct_scores"] == 1
    assert found["auc"] == 0.5 and found["tpr_at_fpr_0.01"] == 0
    found = judge_scores(np.arange(3.0), np.ones(3, bool), threshold=1.0)
    assert found["auc"] is None and found["note"] == "members and non-members needed"


def test_the_examples_that_give_themselves_away_come_first(made):
    found = vulnerability(made, made.combinations[0], "lira")
    assert len(found) == 240 and found["canary"].sum() == 8 and (found["targets"] == 3).all()
    assert np.array_equal(np.sort(found["row"]), made.pool)
    assert found["found"].is_monotonic_decreasing and found["found"].iloc[0] == 1
    assert found["falsely_accused"].mean() < 0.02 < found["found"].mean()
    assert found["score"].mean() > found["score_out"].mean()
    early = vulnerability(made, made.combinations[0], "lira", epoch=1)
    assert early["found"].mean() < found["found"].mean() / 2
    assert vulnerability(made, made.combinations[0], "loss", level=0.001)["found"].isna().all()  # too few examples


def test_what_a_mask_hides_counts_as_half_of_the_least_it_shows():
    logits = np.log([[0.6, 0.25, 0.1, 0.05], [0.1, 0.2, 0.3, 0.4]])
    two, one = (np.exp(without_zeros(seen_as_logits(combination(f"masking(k={k})"), logits))) for k in (2, 1))
    kept = np.array([[0.6, 0.25], [0.3, 0.4]]) / [[0.85], [0.7]]
    assert np.allclose(two, [[*kept[0], kept[0, 1] / 2, kept[0, 1] / 2], [kept[1, 0] / 2, kept[1, 0] / 2, *kept[1]]])
    assert without_zeros(logits) is logits and np.allclose(one[0], [1, 0.5, 0.5, 0.5])


def test_a_reference_study_judges_accuracy_behind_the_defense(tmp_path):
    study = made_study(tmp_path, defenses=["none", "clipping(maximum=0.34)"], attacks="loss")
    accuracy = table(study).groupby("defenses")["target_accuracy"].mean()
    assert accuracy["clipping(maximum=0.34)"] < accuracy["none"] - 0.01
