"""No interval over seeds is surer than the counts behind it, and the usual ones are hardly wider for that."""

import numpy as np
import pandas as pd
import pytest
from intervals import LOW, cases, coverage
from scipy import stats

from mia_core.measures.counts import auc_error, auc_error_of, errors, mean_over, rate_error, tpr_error
from mia_core.measures.examples import over_examples
from mia_core.measures.intervals import bootstrap, clopper_pearson, over_seeds
from mia_core.measures.metrics import measure, tpr_at_fpr
from mia_core.measures.ranking import tie_blocks

WIDER = 1.1


def test_the_simulation_of_measures_of_few_values_and_of_the_usual_ones():
    every = cases(many=400)
    few = ("gap 1/0.02", "gap 0.5/0.5", "TPR of 120, shift 0", "TPR of 120, shift 0.5")
    usual = ("TPR of 400, shift 1", "AUC of 400, shift 1")
    chances = pd.DataFrame(coverage({name: every[name] for name in few}, draws=600, pool=2000))
    assert len(chances) == 24 and chances["covers"].min() >= 0.94, chances
    assert chances[["above", "below"]].to_numpy().max() <= 0.035 and chances["no width"].max() == 0, chances
    assert chances["Student covers"].min() < 0.85, "alone, Student's interval does not hold this"
    widths = pd.DataFrame(coverage({name: every[name] for name in usual}, draws=300, pool=2000))
    assert widths["width"].between(1, WIDER).all(), widths


def normals(shift, members, non_members, random):
    scores = np.concatenate([random.normal(shift, 1, members), random.normal(size=non_members)])
    return scores, np.arange(members + non_members) < members


@pytest.mark.parametrize(("members", "non_members"), [(300, 300), (500, 200)])
def test_errors_are_those_of_sampling_again(members, non_members):
    random = np.random.default_rng(0)
    drawn = [normals(1.0, members, non_members, random) for _ in range(400)]
    found = pd.DataFrame(measure(*one, 0.5) for one in drawn)
    known = found.assign(members=members, non_members=non_members)
    for name in ("attack_accuracy", "balanced_accuracy", "recall_members", "recall_non_members", "auc", LOW):
        told = errors(known, name).mean() / found[name].std()
        assert 0.9 < told < 1.25, (name, told)
    exact = np.mean([auc_error_of(tie_blocks(*one)) for one in drawn])
    assert exact == pytest.approx(found["auc"].std(), rel=0.12)


def test_errors_by_hand_and_where_nothing_is_known():
    assert rate_error(0.0, 96) == pytest.approx(np.sqrt(0.02 * 0.98 / 100)) == rate_error(1.0, 96)
    slope = stats.norm.pdf(stats.norm.ppf(52 / 104)) / stats.norm.pdf(stats.norm.ppf(0.01))
    spread = np.hypot(rate_error(0.5, 100), slope * np.sqrt(0.01 * 0.99 / 400))
    assert tpr_error(0.5, 0.01, 100, 400) == pytest.approx(spread)
    assert 0 < auc_error(1.0, 20, 20) < auc_error(1.0, 10, 10) and auc_error(0.5, 50, 50) == pytest.approx(
        np.sqrt(101 / 12 / 2500), rel=0.01
    ), "Mann and Whitney's for scores that know nothing"
    row = {"members": [100.0], "non_members": [50.0], "target_train_accuracy": [1.0], "target_accuracy": [0.5]}
    gap = pd.DataFrame(row | {"generalisation_gap": [0.5], "memorised": [0.2], "auc": [None]})
    assert errors(gap, "generalisation_gap")[0] == pytest.approx(np.hypot(rate_error(1, 100), rate_error(0.5, 50)))
    assert np.isnan([errors(gap, name)[0] for name in ("memorised", "auc", "absent")]).all()
    assert np.isnan(errors(gap.drop(columns="members"), "target_accuracy")).all()
    assert errors(gap.assign(memorised_error=0.25), "memorised") == [0.25]


def test_over_seeds_needs_three_distinct_values_or_the_counts():
    nothing = over_seeds([0.5, 0.5, 0.6])
    assert (nothing.low, nothing.high) == (None, None)
    equal, few = over_seeds([0.5, 0.5], errors=[0.1, 0.1]), over_seeds([0.5, 0.5, 0.6], errors=[1e-6] * 3)
    assert equal.high - equal.mean == pytest.approx(1.959964 * 0.1 / np.sqrt(2))
    assert (few.low, few.high) == pytest.approx(stats.t.interval(0.95, 2, 1.6 / 3, stats.sem([0.5, 0.5, 0.6])))
    values = [0.50, 0.51, 0.52]
    level, paired = (over_seeds(values, errors=[0.1] * 3, paired=one) for one in (False, True))
    assert level.high - level.mean == pytest.approx(1.959964 * 0.1 / np.sqrt(3))
    assert paired == over_seeds(values) == over_seeds(values, errors=[np.nan, 0.1, 0.1])
    assert over_seeds([0.5], errors=[0.1]).low is None
    rows = pd.DataFrame({"recall_members": [1.0, 1.0], "members": 20, "non_members": 20})
    assert mean_over(rows, "recall_members").low < 0.93


def test_twenty_of_twenty_are_not_certain_and_rates_are_exact():
    scores, members = np.repeat([1.0, 0.0], 20), np.arange(40) < 20
    found = over_examples(tie_blocks(scores, members), 1.0, levels=(0.0, 0.1))
    exact = clopper_pearson(20, 20)
    assert found["recall_members"] == found["recall_non_members"] == found["tpr_at_fpr_0.1"] == exact
    assert exact[0] == pytest.approx(0.8316, abs=1e-4) and found["attack_accuracy"] == clopper_pearson(40, 40)
    for name in ("auc", "balanced_accuracy"):
        assert found[name][0] < 0.95 and found[name][1] == 1
    nobody = over_examples(tie_blocks(scores, ~members), 1.0)
    assert nobody["auc"][0] == 0 and nobody["auc"][1] > 0.05 and nobody["tpr_at_fpr_0.01"] is None


def test_intervals_over_examples_of_usual_sizes_are_the_bootstraps():
    scores, members = normals(1.0, 500, 500, np.random.default_rng(1))
    blocks = tie_blocks(scores, members)
    found, drawn = over_examples(blocks, 0.5), bootstrap(blocks, 0.5)
    exact = clopper_pearson(tpr_at_fpr(scores, members, 0.01).true_positives, 500)
    for name in ("auc", "balanced_accuracy", LOW):
        (low, high), (least, most) = found[name], drawn[name]
        assert low <= least and most <= high and high - low <= WIDER * (most - least)
    assert found[LOW][0] <= exact[0] and exact[1] <= found[LOW][1]
