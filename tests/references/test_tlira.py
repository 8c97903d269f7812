"""t-LiRA: the published form's answers, its prior on variances with a known law, and where normal limits are."""

import math

import numpy as np
import pytest
from scipy.special import polygamma
from scipy.stats import norm, t

from mia_core.data.splits import pairs
from mia_core.measures.metrics import auc
from mia_core.references import References
from mia_core.references.lira import LiraSettings, lira
from mia_core.references.summaries import summarise
from mia_core.references.tlira import TLiraSettings, fit_prior, tlira, trigamma_inverse


def test_trigamma_inverse():
    values = np.geomspace(1e-9, 1e10, 200)
    np.testing.assert_allclose(polygamma(1, trigamma_inverse(values)), values, rtol=1e-5)
    middle = values[(values > 1e-6) & (values < 1e7)]
    np.testing.assert_allclose(polygamma(1, trigamma_inverse(middle)), middle, rtol=1e-9)


def world(models, examples, degrees, seed=0):
    """Pairs with a signal of 2, variances scaled inverse chi-square of `degrees` around 2 (inf: all 2)."""
    random = np.random.default_rng(seed)
    split = pairs(examples, models, seed)
    variance = 2.0 if math.isinf(degrees) else 2 * degrees / random.chisquare(degrees, examples)
    noise = np.sqrt(variance) * random.normal(size=(models, examples))
    return random.normal(size=examples) + noise + 2 * split.members, split.members


@pytest.mark.parametrize("degrees", [4.0, 10.0, math.inf])
def test_the_prior_is_found_again(degrees):
    statistics, members = world(10, 20000, degrees)
    for side in summarise(References(statistics, members, 0, 1)):
        prior = fit_prior(side)
        assert prior.variance == pytest.approx(2, rel=0.05)
        assert prior.degrees > 100 if math.isinf(degrees) else prior.degrees == pytest.approx(degrees, rel=0.2)


def test_scores_are_scipys_densities():
    statistics, members = world(8, 200, 4.0)
    references = References(statistics, members, 0, 1)
    logs = []
    for side in summarise(references):
        prior = fit_prior(side)
        moderated = (prior.degrees * prior.variance + side.squares) / (prior.degrees + 2)
        logs.append(t(prior.degrees + 2, side.mean, np.sqrt(moderated * 4 / 3)))
    expected = logs[0].logpdf(statistics[0]) - logs[1].logpdf(statistics[0])
    np.testing.assert_allclose(tlira(references), expected, rtol=1e-9)
    offline = tlira(references, TLiraSettings(form="offline"))
    np.testing.assert_allclose(offline, logs[1].logcdf(statistics[0]), rtol=1e-6)


def test_few_references_with_unequal_variances_are_used_better_than_by_lira():
    statistics, members = world(12, 8000, 3.0)
    references = References(statistics, members, 0, 1)
    others = [lira(references, LiraSettings(variance=variance)) for variance in ("fixed", "example")]
    assert auc(tlira(references), members[0]) > max(auc(scores, members[0]) for scores in others) + 0.003


def test_one_reference_a_side_is_a_normal_density_of_the_raw_variance():
    statistics = np.array([[0.0, 1.0, 2.0], [1, 3, 5], [0, 1, 4]])
    members = np.array([[0] * 3, [1] * 3, [0] * 3], bool)
    spreads = [np.std(row) * math.sqrt(2) for row in statistics[1:]]
    inside, outside = norm.logpdf(statistics[0], statistics[1:], np.c_[spreads])
    np.testing.assert_allclose(tlira(References(statistics, members, 0, None)), inside - outside)


def test_an_example_without_references_is_spread_over_all_centres():
    statistics, members = world(8, 2000, 3.0)
    members[2:, 0] = False
    references = References(statistics, members, 0, 1)
    inside, outside = summarise(references)
    assert inside.count[0] == 0 and outside.count[0] == 6
    mine, other = fit_prior(inside), fit_prior(outside)
    scale = math.sqrt(mine.variance + inside.mean[1:].var())
    moderated = (other.degrees * other.variance + outside.squares[0]) / (other.degrees + 5)
    expected = t(mine.degrees, inside.mean[1:].mean(), scale).logpdf(statistics[0, 0])
    expected -= t(other.degrees + 5, outside.mean[0], math.sqrt(moderated * 7 / 6)).logpdf(statistics[0, 0])
    assert tlira(references)[0] == pytest.approx(expected, rel=1e-9)


def test_high_offline_scores_stay_apart():
    statistics, members = world(8, 200, 4.0)
    statistics[0, :4] = [1e2, 1e3, 1e4, 1e5]
    statistics[2:, :4] = np.random.default_rng(0).normal(size=(6, 1))
    scores = tlira(References(statistics, members, 0, 1), TLiraSettings(form="offline"))
    assert np.isfinite(scores).all() and (scores < 0).all() and len(np.unique(scores[:4])) == 4


def test_published_answers(answers):
    known = answers["t_lira"]
    m, j = np.arange(9)[:, None], np.arange(12)[None]
    q = (m - 1) // 2
    members = (7 * q + j * (q + 1) + (m - 1) % 2) % 2 == 0
    statistics = np.sin(1.7 * m**2 + 2.3 * j) + 0.1 * (j + 1) * np.cos(m + j**2) + 0.8 * members
    references = References(statistics, members, 0, None)
    for side in summarise(references):
        prior, expected = fit_prior(side), known["prior"][side.name]
        np.testing.assert_allclose([prior.degrees, prior.variance], [float(expected["d0"]), expected["s02"]], rtol=1e-9)
    np.testing.assert_allclose(tlira(references), known["online"], atol=1e-6)
    np.testing.assert_allclose(tlira(references, TLiraSettings(form="offline")), known["offline"], atol=1e-6)
