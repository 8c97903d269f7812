"""Intervals: against textbook values, against sampling again, and the same for any order of rows."""

import time

import numpy as np
import pytest
from scipy import stats

from arrays import base, low_fpr
from mia_core.base.errors import ArrayError, SettingsError
from mia_core.measures.intervals import bootstrap, clopper_pearson, over_seeds
from mia_core.measures.metrics import measure
from mia_core.measures.ranking import tie_blocks


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 10), (1, 1000), (60, 1000), (5000, 10520)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_clopper_pearson_is_scipys_exact_interval(successes, trials, confidence):
    expected = stats.binomtest(successes, trials).proportion_ci(confidence, method="exact")
    assert clopper_pearson(successes, trials, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_over_seeds_is_students_interval_and_one_seed_has_no_bounds():
    values = [0.82, 0.84, 0.83, 0.86]
    interval, one = over_seeds(values, 0.9), over_seeds([0.8])
    low, high = stats.t.interval(0.9, 3, np.mean(values), stats.sem(values))
    assert (interval.mean, interval.low, interval.high) == pytest.approx((np.mean(values), low, high))
    assert over_seeds(values[::-1], 0.9) == interval and (one.mean, one.low, one.high) == (0.8, None, None)
    for values in ([], [0.8, float("nan")]):
        with pytest.raises(ArrayError):
            over_seeds(values)


@pytest.mark.parametrize("confidence", [0, 1, 95, float("nan")])
def test_a_confidence_that_is_none_is_refused(confidence):
    for call in (lambda: clopper_pearson(1, 2, confidence), lambda: over_seeds([1, 2], confidence)):
        with pytest.raises(SettingsError, match="confidence"):
            call()


@pytest.mark.parametrize("call", [
    lambda: clopper_pearson(-1, 10), lambda: clopper_pearson(11, 10), lambda: clopper_pearson(0, 0),
    lambda: bootstrap(tie_blocks(np.arange(2.0), np.arange(2) == 0), 0, replicates=1),
])  # fmt: skip
def test_impossible_counts_are_refused(call):
    with pytest.raises(SettingsError, match=r"successes: |replicates: "):
        call()


def test_bootstrap_holds_the_estimates_and_its_width_is_that_of_theory():
    arrays = base("target")
    top = arrays["posteriors"].max(axis=1).astype(float)
    values = measure(top, arrays["members"], 0.85)
    intervals = bootstrap(tie_blocks(top, arrays["members"] == 1), 0.85, replicates=4000)
    assert list(intervals) == list(values)
    assert all(low <= values[name] <= high for name, (low, high) in intervals.items())
    for name, share in (("recall_members", 0.85), ("recall_non_members", 0.67)):
        low, high = intervals[name]
        assert high - low == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / 1000), rel=0.1)


def test_bootstrap_agrees_with_drawing_rows_again():
    scores, members = low_fpr()
    scores, members = scores[::10], members[::10]
    inside, outside = scores[members == 1], scores[members == 0]
    random = np.random.default_rng(1)
    values = []
    for _ in range(500):
        again = [random.choice(side, len(side)) for side in (inside, outside)]
        rows = np.concatenate(again), np.repeat([1, 0], [len(inside), len(outside)])
        values.append(measure(*rows, 0.6, levels=(0.1,)))
    intervals = bootstrap(tie_blocks(scores, members == 1), 0.6, levels=(0.1,), replicates=2000)
    for name, interval in intervals.items():
        again = np.quantile([value[name] for value in values], [0.025, 0.975])
        assert interval == pytest.approx(again, abs=0.35 * (interval[1] - interval[0])), name


@pytest.mark.parametrize("distinct", [2, 5, 1000])
def test_a_replicate_measures_what_its_rows_measure(distinct):
    random = np.random.default_rng(distinct)
    scores, members = random.integers(0, distinct, 60) / 7, np.arange(60) % 3 == 0
    inside, outside = (-np.sort(-scores[side]) for side in (members, ~members))
    draws = np.random.default_rng(0)
    drawn = [side[draws.integers(0, len(side), (50, len(side)))] for side in (inside, outside)]
    sides = np.repeat([1, 0], [len(inside), len(outside)])
    levels = (0.0, 0.05, 0.5)
    values = [measure(np.concatenate(rows), sides, scores[0], levels) for rows in zip(*drawn, strict=True)]
    for name, found in bootstrap(tie_blocks(scores, members), scores[0], levels, replicates=50).items():
        expected = np.quantile([value[name] for value in values], [0.025, 0.975])
        assert found == pytest.approx(expected, abs=1e-12), name


def test_permuted_rows_give_the_same_interval_and_another_seed_another():
    scores, members = low_fpr()
    order = np.random.default_rng(2).permutation(len(scores))
    first = bootstrap(tie_blocks(scores, members == 1), 0.5, replicates=100)
    assert bootstrap(tie_blocks(scores[order], members[order] == 1), 0.5, replicates=100) == first
    assert bootstrap(tie_blocks(scores, members == 1), 0.5, replicates=100, seed=1) != first


def test_levels_that_cannot_be_measured_have_no_interval():
    intervals = bootstrap(tie_blocks(np.arange(4.0), np.arange(4) % 2 == 1), 1, replicates=10)
    assert intervals["tpr_at_fpr_0.01"] is None and intervals["auc"] is not None


def test_unequal_sides_are_resampled_each_by_itself():
    scores = np.arange(1000.0)
    for threshold, share in ((990, 1), (5000, 0.99)):  # always 990 of 1000 non-members, whatever is drawn
        found = bootstrap(tie_blocks(scores, scores >= 990), threshold, replicates=50)["attack_accuracy"]
        assert found == (share, share)


def test_the_reports_size_takes_about_a_second():
    random = np.random.default_rng(0)
    scores, members = random.normal(size=21040), np.arange(21040) % 2
    start = time.process_time()
    bootstrap(tie_blocks(scores, members == 1), 0.0)
    assert time.process_time() - start < 5  # 0.5 s on an idle core; the rest is for slow machines
