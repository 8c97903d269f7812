"""RMIA and BASE: published answers, the fast rank against the pairwise form, and what the rank does to a ROC."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mia_core.base.errors import ArrayError, SettingsError
from mia_core.gate.posteriors import LOG_FLOOR
from mia_core.measures.metrics import auc, tpr_at_fpr
from mia_core.references import References
from mia_core.references.rmia import BaseSettings, RmiaSettings, base, log_ratio, rank, ratio, rmia
from mia_core.references.target_alone import attack_p

NUMBERS = st.lists(
    st.sampled_from([0.1, 0.3, 1 / 3, 0.7, 1.0, 1.1, 3.0, 1e-30, 1e30]) | st.floats(1e-9, 1e9), min_size=1
)


def assert_rank_is_pairwise(ratios, population, gamma):
    quotients = ratios[:, None] / population
    assert np.array_equal(rank(ratios, population, gamma), (quotients > gamma).mean(axis=1))
    assert np.array_equal(rank(ratios, population, gamma, "at_least"), (quotients >= gamma).mean(axis=1))


@given(NUMBERS, NUMBERS, st.sampled_from([0.5, 1.0, 1.1, 2.0, 3.0]))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_the_fast_rank_is_the_pairwise_one_to_the_last_digit(ratios, population, gamma):
    assert_rank_is_pairwise(np.array(ratios), np.array(population), gamma)


@pytest.mark.parametrize("gamma", [1.0, 1.1, 0.7, 2.0])
def test_the_fast_rank_where_rounded_products_meet(gamma):
    first, other = np.random.default_rng(0).lognormal(size=(2, 500))
    assert_rank_is_pairwise(np.concatenate([first * gamma, np.nextafter(first * gamma, 0), other]), first, gamma)


def test_ties_at_the_top_of_the_rank_cost_the_low_false_positive_rates():
    # Log-ratios as of a model with few sure members: the rank among 1,000 cannot part what lies beyond all of them.
    random = np.random.default_rng(0)
    members = np.arange(20000) < 10000
    logs = random.normal(size=20000) + members * np.where(random.random(20000) < 0.05, 3.5, 0.3)
    population = np.exp(random.normal(size=1000))
    found = {gamma: tpr_at_fpr(rank(np.exp(logs), population, gamma), members, 0.001).tpr for gamma in (0.5, 1, 2)}
    itself = tpr_at_fpr(logs, members, 0.001).tpr
    assert itself > 0.02
    assert found[0.5] == 0 and found[1] < itself / 2
    assert auc(rank(np.exp(logs), population), members) == pytest.approx(auc(logs, members), abs=0.002)


def case():
    random = np.random.default_rng(0)
    members = np.array([[1, 0, 1, 0]] * 2 + [[1, 1, 0, 0], [0, 0, 1, 1]], bool)
    return random.uniform(0.1, 0.9, (4, 4)), members, random.uniform(0.1, 0.9, (4, 30))


def test_forms_by_their_definitions():
    p, members, z = case()
    references = References(p, members, 0, 1)
    outside = np.where(members[2], p[3], p[2])
    np.testing.assert_allclose(ratio(references), p[0] / p[2:].mean(axis=0))
    np.testing.assert_allclose(base(references), log_ratio(references))
    offline = RmiaSettings(form="offline", a=0.4, gamma=1.2, comparison="at_least")
    np.testing.assert_allclose(ratio(references, offline), p[0] / (0.7 * outside + 0.3))
    np.testing.assert_allclose(
        base(references, BaseSettings(form="offline", c=0.3)), np.log(p[0]) - 0.3 * np.log(outside)
    )
    population = References(z, np.zeros(z.shape, bool), 0, 1)
    beaten = (p[0] / (0.7 * outside + 0.3))[:, None] / (z[0] / (0.7 * z[2:].mean(axis=0) + 0.3)) >= 1.2
    assert rmia(references, population, offline).tolist() == beaten.mean(axis=1).tolist()


def test_probabilities_of_zero_and_one_are_finite():
    p, members, _ = case()
    p[:, 0], p[:, 1], p[0, 2] = 0.0, 1.0, 0.0
    for form in ("online", "offline"):
        references = References(p, members, 0, 1)
        assert np.isfinite(log_ratio(references, RmiaSettings(form=form))).all()
        assert np.isfinite(base(references, BaseSettings(form=form))).all()
    assert base(References(p, members, 0, 1))[2] < np.log(LOG_FLOOR) + 3


def test_members_in_the_population_and_logits_are_refused():
    p, members, _ = case()
    with pytest.raises(ArrayError, match="population: found 4 examples that a reference trained on"):
        rmia(References(p, members, 0, 1), References(p, members, 0, 1))
    with pytest.raises(ArrayError, match="outside 0 to 1"):
        base(References(10 * p, members, 0, 1))
    for ranked in (rank, attack_p):
        with pytest.raises(ArrayError, match="population: found no example"):
            ranked(p[0], np.array([]))
    with pytest.raises(SettingsError, match="gamma"):
        RmiaSettings(gamma=0)


# Known answers


def test_published_offline_answers(answers):
    known = answers["rmia_offline"]
    p, members = np.transpose(known["signals"]), np.transpose(known["members"]).astype(bool)
    # The published code averages the highest of the population's signals only, as many as it has OUT references.
    z = np.transpose(known["population"])
    highest = np.sort(z[2:], axis=0)[::-1][: known["num_reference_models"]]
    population = References(np.concatenate([z[:2], highest]), np.zeros((4, z.shape[1]), bool), 0, 1)
    for name, scores in known["scores"].items():
        form = RmiaSettings(form="offline", a=float(name.removeprefix("a=")))
        np.testing.assert_allclose(rmia(References(p, members, 0, 1), population, form), scores, atol=1e-9)
