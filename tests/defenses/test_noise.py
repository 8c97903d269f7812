"""Noise on the output: its distribution, what fixes it, and that asking often averages nothing away."""

import numpy as np
import pytest
from scipy import stats

from mia_core.base.errors import SettingsError
from mia_core.defenses.gaussian_noise import GaussianNoise
from mia_core.defenses.laplace_noise import LaplaceNoise
from mia_core.defenses.per_query import uniforms

EACH = pytest.mark.parametrize("kind", [GaussianNoise, LaplaceNoise])
ROWS = np.random.default_rng(1).dirichlet(np.full(10, 0.3), size=400)


@EACH
def test_noise_is_fixed_for_each_query_whenever_and_beside_whatever_it_is_asked(kind) -> None:
    answers = kind().outputs(ROWS)
    order = np.random.default_rng(2).permutation(len(ROWS))
    assert np.array_equal(kind().outputs(ROWS[order]), answers[order])
    assert np.array_equal(kind().outputs(ROWS[7]), answers[7])
    often = np.mean([kind().outputs(ROWS) for _ in range(20)], axis=0)
    assert np.abs(often - ROWS).mean() == pytest.approx(np.abs(answers - ROWS).mean())
    # It is the key that an attacker would need, and a last bit is another query.
    others = kind(key=1).outputs(ROWS), kind().outputs(np.nextafter(ROWS, 1))
    assert all((np.abs(other - answers).max(axis=1) > 1e-3).mean() > 0.99 for other in others)


@EACH
def test_a_scale_of_zero_keeps_the_label_and_others_are_refused(kind) -> None:
    assert kind(scale=0, keep_label=False).keeps_prediction
    for value in (-0.1, 11, "much"):
        with pytest.raises(SettingsError, match=r"^scale: "):
            kind(scale=value)


@EACH
def test_the_label_is_kept_or_changes_as_often_as_the_noise_says(kind) -> None:
    sure, unsure = np.array([[0.95, 0.05]] * 100), np.array([[0.51, 0.49]] * 100)
    rows = np.concatenate([unsure, sure]) + np.linspace(0, 1e-9, 200)[:, None]  # each a query of its own
    free = kind(keep_label=False).outputs(rows)
    assert not kind(keep_label=False).keeps_prediction and kind().keeps_prediction
    assert 30 < (free[:100].argmax(axis=1) == 1).sum() < 60 and (free[100:].argmax(axis=1) == 0).all()
    kept = kind().outputs(rows)
    assert (kept.argmax(axis=1) == 0).all() and np.array_equal(np.sort(kept), np.sort(free))
    drowned = kind(scale=10, keep_label=False).outputs(ROWS)
    assert np.allclose(drowned.sum(axis=1), 1) and (drowned >= 0).all()


@pytest.mark.parametrize(("kind", "law"), [(GaussianNoise, stats.norm), (LaplaceNoise, stats.laplace)])
def test_noise_has_the_law_and_the_scale_that_it_says(kind, law) -> None:
    # Of two posteriors near one half, noise leaves (1 + a) / (2 + a + b): its log-odds are a - b to first order.
    rows = np.full((4000, 2), 0.5) + np.linspace(0, 1e-9, 4000)[:, None] * [1, -1]
    first, second = kind(scale=0.001, keep_label=False).outputs(rows).T
    both = law.rvs(size=(2, 4000), random_state=0)
    assert stats.ks_2samp(np.log(first / second) / 0.002, both[0] - both[1]).pvalue > 0.01


def test_uniforms_are_uniform_and_inside() -> None:
    drawn = uniforms(ROWS, 0, 50)
    assert drawn.shape == (400, 50) and 0 < drawn.min() < 0.001 and 0.999 < drawn.max() < 1
    assert stats.kstest(drawn.ravel(), "uniform").pvalue > 0.01
    assert np.array_equal(uniforms(np.array([[0.0, 1.0]]), 3, 4), uniforms(np.array([[-0.0, 1.0]]), 3, 4))
