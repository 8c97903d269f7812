"""Bounds on epsilon from canaries: not above the truth more often than they say, and what each of them assumes."""

import math
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from mia_book.grids import refuted
from mia_core.base.errors import MiaWarning, SettingsError
from mia_core.data.splits import pairs
from mia_core.defenses import combination
from mia_core.defenses.dp_sgd import epsilon
from mia_core.measures.epsilon import COINS, DELTA, epsilon_one_run
from mia_core.model.recipe import Recipe
from mia_core.studies.privacy import (
    PRIVACY_COLUMNS,
    canary_bounds,
    check_canaries,
    dependence,
    privacy_table,
    promised,
)
from mia_core.studies.reference_rows import EVERY, answers, attacked
from mia_core.studies.reference_study import ReferenceStudy
from references_made import DATA, made_study

pytestmark = pytest.mark.filterwarnings("ignore:canaries")

BOUNDS = ("at the attack's threshold", "any threshold", "any threshold, Gaussian", "one run", "one run, Gaussian")
ALPHA = 0.05


def too_many(trials, alpha=ALPHA):
    """A number of failures that a bound which keeps its word exceeds once in a thousand times."""
    return binom.ppf(0.999, trials, alpha)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return made_study(tmp_path_factory.mktemp("store"), canaries=24, attacks="loss,lira", record=())


@pytest.fixture(scope="module")
def found(made):
    return privacy_table(made)


@pytest.mark.parametrize("design", ["pairs", "random_halves"])
def test_on_noise_the_bounds_are_above_0_no_more_often_than_alpha(tmp_path, design):
    changes = {"canaries": 24, "attacks": "lira", "design": design, "record": ()}
    studies = [made_study(tmp_path / str(seed), 0.0, seed=seed, **changes) for seed in range(8)]
    tables = pd.concat([privacy_table(study, alpha=0.2) for study in studies])
    assert set(tables["bound"]) == set(BOUNDS)
    for (name, every), rows in tables.groupby(["bound", tables["target"] == EVERY]):
        trials = 8 if every else 8 * 6  # over all targets no more often either
        assert len(rows) == trials and (rows["epsilon"] > 0).sum() <= too_many(trials, 0.2), name


def test_bounds_lie_below_the_true_epsilon_of_randomised_response():
    # Each canary's answer is its coin, kept with probability q, plus a little to tell scores apart: epsilon is
    # log(q / (1 - q)), for coins of canaries of which exactly half of a pool is drawn.
    random, true, failed, least = np.random.default_rng(0), math.log(0.8 / 0.2), dict.fromkeys(BOUNDS, 0), []
    for seed in range(150):
        members = pairs(400, 2, seed).members[0, :40]
        scores = (members ^ (random.random(40) > 0.8)) + 1e-3 * random.random(40)
        for row in canary_bounds(scores, members, 0.5, ALPHA, DELTA, dependence(40, 400)):
            failed[row["bound"]] += row["epsilon"] > true
            least += [row["epsilon"]] if row["bound"] == "one run" else []
    for name in BOUNDS:
        if "Gaussian" not in name:  # whose assumption does not hold here
            assert failed[name] <= too_many(150), name
    assert np.mean(least) > 0.2


@pytest.mark.parametrize(("canaries", "pool"), [(4, 40), (5, 40), (1, 2), (8, 16)])
def test_no_outcome_of_the_coins_is_likelier_than_said(canaries, pool):
    half, total = pool // 2, math.comb(pool, pool // 2)
    ratios = [
        math.comb(pool - canaries, half - inside) / total * 2**canaries for inside in range(min(canaries, half) + 1)
    ]
    assert dependence(canaries, pool) == pytest.approx(max(ratios))


def test_the_dependence_of_few_canaries_is_small():
    assert dependence(0, 1000) == pytest.approx(1)
    assert dependence(210, 21_040) == pytest.approx(1 / math.sqrt(1 - 210 / 21_040), rel=1e-3)


def test_a_row_for_every_attack_target_and_bound_and_attacks_can_be_picked(made, found):
    assert list(found.columns) == list(PRIVACY_COLUMNS)
    assert len(found) == 2 * (6 * 5 + 5) and set(found["bound"]) == set(BOUNDS)
    assert not found.duplicated(["attack", "target", "bound"]).any()
    one, designed = found[found["target"] != EVERY], found[found["by_design"]]
    assert (one["members"] + one["non_members"] == 24).all() and (one["alpha"] == 0.05).all()
    assert (found["epsilon"] >= 0).all() and np.isfinite(found["epsilon"]).all()
    assert (found["neighbours"] == "one example replaced").all()
    assert set(designed["bound"]) == {"one run"} and set(designed["assumes"]) == {COINS}
    assert privacy_table(made, attacks=["lira"]).equals(found[found["attack"] == "lira"].reset_index(drop=True))


def test_what_a_training_promises_stands_beside_the_bounds(found, monkeypatch):
    assert found["promised"].isna().all()
    members = np.zeros((2, 300), bool)
    members[0, :100] = members[1, :90] = True
    study = SimpleNamespace(recipe=Recipe(batch_size=10, epochs=5), split=SimpleNamespace(members=members))
    assert promised(study, combination("dropout")) is None and promised(study, combination("dp-sgd(noise=0)")) is None
    monkeypatch.setitem(sys.modules, "opacus.accountants", None)
    with pytest.warns(MiaWarning, match="dp-sgd: its epsilon needs Opacus"):
        assert promised(study, combination("dp-sgd")) is None
    monkeypatch.undo()
    pytest.importorskip("opacus")
    assert promised(study, combination("dp-sgd(noise=1)")) == pytest.approx(epsilon(1.0, 10 / 90, 9 * 5, DELTA))


def test_what_canaries_give_away_refutes_some_epsilon(found):
    rows = found[(found["attack"] == "lira") & (found["bound"] == "one run") & (found["target"] != EVERY)]
    assert (rows["guesses"] == 12).all() and rows["epsilon"].mean() > 0.5
    row = rows.iloc[0]
    paid = ALPHA / dependence(24, 240)
    assert row["epsilon"] == epsilon_one_run(24, 12, int(row["correct"]), paid, DELTA)


def test_over_all_targets_the_largest_is_paid_for_by_all(made, found):
    canaries, targets = made.canaries[made.pool], made.settings.models
    for (name, bound), rows in found.groupby(["attack", "bound"]):
        each, best = rows[rows["target"] != EVERY], rows[rows["target"] == EVERY]
        tried = attacked(made, name, answers(made, ()))
        paid = [
            row["epsilon"]
            for target, threshold in enumerate(tried.thresholds["canaries"])
            for row in canary_bounds(
                tried.scores[target, canaries], tried.members[target, canaries], threshold,
                ALPHA / targets, DELTA, dependence(24, 240),
            )
            if row["bound"] == bound
        ]  # fmt: skip
        assert len(paid) == targets and best["epsilon"].item() == max(paid) <= each["epsilon"].max()
        assert best["members"].item() == each["members"].sum() == 6 * 12
    largest = found[found["attack"] == "lira"].groupby(["bound", found["target"] == EVERY])["epsilon"].max().unstack()
    something = largest[largest[True] > 0]
    assert len(something) >= 3 and (something[True] < something[False]).all()


def test_independent_coins_are_about_adding_or_removing(tmp_path):
    study = made_study(tmp_path, canaries=24, attacks="lira", design="random_halves", record=())
    table = privacy_table(study)
    assert set(table["neighbours"]) == {"one example added or removed"} and set(table["references"]) == {5}
    row = table[table["bound"] == "one run"].iloc[0]
    assert row["epsilon"] == epsilon_one_run(24, int(row["guesses"]), int(row["correct"]), ALPHA, DELTA)


def test_scores_and_coins_that_say_nothing():
    assert canary_bounds(np.arange(6.0), np.ones(6, bool), None, ALPHA, DELTA) == []  # so may a few coins fall
    rows = canary_bounds(np.zeros(6), np.arange(6) < 3, 0.0, ALPHA, DELTA)
    assert all(row["epsilon"] == 0 for row in rows) and rows[-1]["guesses"] == 0


@pytest.mark.parametrize(("changes", "alpha", "message"), [
    ({"canaries": 0}, 0.05, "canaries: bounds on epsilon need some, found 0"),
    ({"design": "exactly_half"}, 0.05, "exactly_half gives members away"),
    ({}, 0.6, r"alpha: expected a number between 0 and 0.5 .*found 0.6"),
])  # fmt: skip
def test_where_nothing_can_be_bounded_it_is_said_before_training(tmp_path, made, changes, alpha, message):
    empty = ReferenceStudy(made.settings.replace(**changes), type(made.store)(tmp_path), DATA)
    with pytest.raises(SettingsError, match=message):
        check_canaries(empty, alpha)


def test_what_is_refuted_is_told_a_line_a_combination(found):
    (line,) = refuted(found, "lira").to_dict("records")
    chosen = found[(found["bound"] == "one run") & (found["attack"] == "lira")]
    one = chosen[chosen["target"] != EVERY]
    assert line["defenses"] == "none" and line["guesses"] == 12
    assert line["right"] == one["correct"].mean() and line["refutes any ε below"] == one["epsilon"].mean()
    assert line["over all targets, any below"] == chosen[chosen["target"] == EVERY]["epsilon"].item()
