"""LiRA: published answers, each variant by its definition, and the analytic AUC on Gaussians."""

import numpy as np
import pytest
from scipy.stats import norm

from mia_core.data.splits import pairs
from mia_core.measures.metrics import auc
from mia_core.references import References
from mia_core.references.lira import LiraSettings, lira
from mia_core.references.summaries import SPREAD_FLOOR

PUBLISHED = {"variance": "example", "centre": "median", "divisor": "n"}


def test_online_on_gaussians_reaches_the_analytic_area():
    # N(0, 1) against N(d, 1): the best test has an AUC of Phi(d / sqrt 2). Each example has its own centre.
    split = pairs(6000, 130, 0)
    random = np.random.default_rng(0)
    statistics = 3 * random.normal(size=6000) + random.normal(size=(130, 6000)) + 1.5 * split.members
    expected = norm.cdf(1.5 / np.sqrt(2))
    for settings in ({}, {"variance": "example"}, {"centre": "median"}, {"form": "offline_tail"}):
        scores = lira(References(statistics, split.members, 0, 1), LiraSettings(**settings))
        assert auc(scores, split.members[0]) == pytest.approx(expected, abs=0.015), settings


def test_each_variant_by_its_definition():
    statistics = np.array([[0.5, 2.0], [0, 1], [4, 3], [1, 0], [3, 5], [2, 2], [8, 4.0]])
    members = np.array([[0, 0], [1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [0, 1]], bool)
    sides = [[statistics[1::2, 0], statistics[2::2, 0]], [statistics[2::2, 1], statistics[1::2, 1]]]
    groups = np.array(sides)  # [example, IN or OUT, reference]
    for divisor, ddof in (("n-1", 1), ("n", 0)):
        residual = ((groups - groups.mean(2, keepdims=True)) ** 2).sum((0, 2)) / (2 * (3 - ddof))
        spreads = {
            ("example", "residuals"): groups.std(2, ddof=ddof),
            ("fixed", "residuals"): np.sqrt([residual] * 2),
            ("fixed", "raw"): np.array([groups.std((0, 2), ddof=ddof)] * 2),
        }
        for (variance, pooled), spread in spreads.items():
            for centre, middle in (("mean", groups.mean(2)), ("median", np.median(groups, 2))):
                inside, outside = norm.logpdf(statistics[0][:, None], middle, spread).T
                tail = norm.logcdf(statistics[0], middle[:, 1], spread[:, 1])
                forms = {"online": inside - outside, "offline_density": -outside, "offline_tail": tail}
                for form, expected in forms.items():
                    settings = LiraSettings(form=form, variance=variance, pooled=pooled, centre=centre, divisor=divisor)
                    scores = lira(References(statistics, members, 0, None), settings)
                    np.testing.assert_allclose(scores, expected, rtol=1e-12, err_msg=str(settings))


def test_one_reference_a_side_takes_the_raw_spread():
    statistics = np.array([[0.0, 1.0, 2.0], [1, 3, 5], [0, 1, 4]])
    members = np.array([[0] * 3, [1] * 3, [0] * 3], bool)
    inside, outside = (norm.logpdf(statistics[0], row, np.std(row, ddof=1)) for row in statistics[1:])
    for variance in ("fixed", "example"):
        scores = lira(References(statistics, members, 0, None), LiraSettings(variance=variance))
        np.testing.assert_allclose(scores, inside - outside)


def test_a_single_reference_takes_the_average_spread_of_the_others():
    statistics = np.array([[1.0, 2.0, 3.0], [0, 1, 2], [2, 5, 9], [4, 3, 9]])
    members = np.zeros((4, 3), bool)
    members[2:, 0] = True  # example 0 has one OUT reference, the others three
    scores = lira(References(statistics, members, 0, None), LiraSettings(form="offline_density", variance="example"))
    spreads = statistics[1:, 1:].std(axis=0, ddof=1)
    np.testing.assert_allclose(scores[0], -norm.logpdf(1, 0, spreads.mean()))
    np.testing.assert_allclose(scores[1:], -norm.logpdf([2, 3], statistics[1:, 1:].mean(axis=0), spreads))


def test_high_scores_stay_apart_where_a_distribution_function_is_1():
    statistics = np.array([[9.0, 10.0, 20.0, 30.0], [1] * 4, [-1] * 4])
    references = References(statistics, np.zeros((3, 4), bool), 0, None)
    scores = lira(references, LiraSettings(form="offline_tail", divisor="n"))
    assert (np.diff(scores) > 0).all() and scores[-1] < 0


def test_agreeing_references_have_the_smallest_spread():
    statistics = np.array([[1.0, 1.1], [1, 1], [1, 1]])
    scores = lira(References(statistics, np.zeros((3, 2), bool), 0, None), LiraSettings(form="offline_density"))
    np.testing.assert_allclose(scores, -norm.logpdf([1, 1.1], 1, SPREAD_FLOOR))


# Known answers


def test_published_answers_online_and_density(answers):
    known = answers["lira_online"]
    statistics = np.concatenate([known["check_scores"], known["scores"]])
    references = References(statistics, np.array([[0] * 3, *known["keep"]], bool), 0, None)
    np.testing.assert_allclose(lira(references, LiraSettings(**PUBLISHED)), np.negative(known["online"]), rtol=1e-9)
    density = lira(references, LiraSettings(form="offline_density", **PUBLISHED))
    np.testing.assert_allclose(density, np.negative(known["offline"]), rtol=1e-9)


@pytest.mark.parametrize("centre", ["mean", "median"])
@pytest.mark.parametrize(("variance", "suffix"), [("example", ""), ("fixed", "_fix_variance")])
def test_published_answers_for_one_side(answers, centre, variance, suffix):
    # The density under one side is what "offline_density" computes, so the published IN models stand in for OUT here.
    known = answers["lira_one_statistic"]
    statistics = np.zeros((3, 4))
    statistics[0] = np.ravel(known["target"])
    members = np.ones((3, 4), bool)
    for example, values in enumerate(known["in_models"]):
        statistics[1 : 1 + len(values), example] = values
        members[1 : 1 + len(values), example] = False
    settings = LiraSettings(form="offline_density", variance=variance, centre=centre, divisor="n")
    scores = lira(References(statistics, members, 0, None), settings)
    np.testing.assert_allclose(scores, known["negative_log_density_in" + suffix], atol=1e-6)
