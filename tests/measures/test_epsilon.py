"""Lower bounds on epsilon: published answers, nothing found where nothing is, all finite."""

import math

import numpy as np
import pytest
from scipy.special import ndtri

from mia_core.base.errors import SettingsError
from mia_core.measures.epsilon import (
    best_guesses,
    delta_of_mu,
    epsilon_any_threshold,
    epsilon_at_threshold,
    epsilon_gaussian,
    epsilon_of_mu,
    epsilon_one_run,
    epsilon_one_run_fdp,
    mu_of_epsilon,
)

MEMBERS = np.repeat([1, 0], 200)
BOUNDS = {
    "at a threshold": lambda s, m: epsilon_at_threshold(s, m, 0.5),
    "any threshold": epsilon_any_threshold,
    "any threshold, hull": lambda s, m: epsilon_any_threshold(s, m, correction="hull"),
    "gaussian": epsilon_gaussian,
    "gaussian, hull": lambda s, m: epsilon_gaussian(s, m, correction="hull"),
    "one run": lambda s, m: epsilon_one_run(len(m), *best_guesses(s, m, len(m) // 4)),
    "one run, f-DP": lambda s, m: epsilon_one_run_fdp(len(m), *best_guesses(s, m, len(m) // 4)),
}
GAUSSIAN = ("gaussian", "gaussian, hull", "one run, f-DP")
"""Those that are about Gaussian mechanisms only."""


@pytest.mark.parametrize("name", BOUNDS)
def test_without_a_signal_no_more_than_chance_is_found(name):
    random = np.random.default_rng(0)
    found = [BOUNDS[name](random.normal(size=400), MEMBERS) for _ in range(100)]
    assert all(math.isfinite(value) and value >= 0 for value in found)
    assert sum(value > 0 for value in found) <= 11


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_lie_below_the_true_epsilon_of_randomised_response(name):
    # A bit that is kept with probability q has epsilon log(q / (1 - q)); the attack reads the bit itself, plus a little
    # to tell scores apart: two whole blocks would be too large for a quarter of guesses.
    random = np.random.default_rng(1)
    true = math.log(0.85 / 0.15)
    answers = [(MEMBERS ^ (random.random(400) > 0.85)) + 1e-3 * random.random(400) for _ in range(60)]
    found = [BOUNDS[name](scores, MEMBERS) for scores in answers]
    if name not in GAUSSIAN:  # whose assumption does not hold here
        assert sum(value > true for value in found) <= 8
    assert min(found) > 0.5


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_lie_below_the_true_epsilon_of_a_gaussian_mechanism(name):
    # At the delta of the bounds that have one. Without any, no epsilon would be large enough.
    random = np.random.default_rng(1)
    found = [BOUNDS[name](random.normal(size=400) + 1.5 * MEMBERS, MEMBERS) for _ in range(60)]
    assert sum(value > epsilon_of_mu(1.5, 1e-5) for value in found) <= 8
    assert min(found) > (2 if name in GAUSSIAN else 0.5)


def test_alpha_is_halved_between_the_two_error_rates():
    # No error of either kind in 10 trials: with probability 0.025 each, a rate of 1 - 0.025^(1/10) makes none.
    rate = 1 - 0.025 ** (1 / 10)
    scores = members = np.repeat([1, 0], 10)
    assert epsilon_at_threshold(scores, members, 0.5, alpha=0.05) == pytest.approx(math.log((1 - rate) / rate))
    assert epsilon_any_threshold(scores, members, alpha=0.1) == pytest.approx(math.log((1 - rate) / rate))


@pytest.mark.parametrize("name", BOUNDS)
def test_perfect_useless_and_reversed_attacks_have_finite_bounds(name):
    perfect = BOUNDS[name](MEMBERS + np.linspace(0, 0.1, 400), MEMBERS)
    assert 1 < perfect < 50
    assert BOUNDS[name](np.zeros(400), MEMBERS) == 0
    assert math.isfinite(BOUNDS[name](1.0 - MEMBERS, MEMBERS))
    assert math.isfinite(BOUNDS[name]([1.0, 0.0], [1, 0]))


def test_sure_non_members_count_as_well():
    # 150 of 200 non-members score below every member: no sure member, many sure non-members.
    scores = np.where(MEMBERS == 1, 1.0, np.where(np.arange(400) < 350, 0.0, 1.0))
    assert epsilon_at_threshold(scores, MEMBERS, 0.5) > 2


def test_smaller_alpha_and_larger_delta_give_smaller_or_equal_bounds():
    random = np.random.default_rng(0)
    scores = random.normal(size=400) + 2 * MEMBERS
    for bound in (epsilon_any_threshold, epsilon_gaussian):
        assert bound(scores, MEMBERS, alpha=0.01) < bound(scores, MEMBERS, alpha=0.05)
        assert bound(scores, MEMBERS, delta=1e-2) < bound(scores, MEMBERS, delta=1e-6)
    for bound in (epsilon_one_run, epsilon_one_run_fdp):
        assert bound(400, 100, 95, alpha=0.01) < bound(400, 100, 95, alpha=0.05)
    assert epsilon_one_run(400, 100, 95, delta=1e-4) < epsilon_one_run(400, 100, 95, delta=0)


def test_counts_at_their_edges():
    for bound in (epsilon_one_run, epsilon_one_run_fdp):
        assert bound(10, 0, 0) == bound(10, 10, 0) == bound(1, 1, 1) == 0
        assert 3 < bound(1000, 1000, 1000) < 20
    assert epsilon_one_run(1000, 1000, 1000, delta=0) == pytest.approx(math.log(1 / (0.05 ** (-1 / 1000) - 1)))


def test_guesses_come_from_both_ends_in_whole_blocks():
    scores, tied, members = [9, 8, 7, 6, 5, 4], [9, 9, 7, 5, 4, 4], [1, 0, 1, 0, 1, 0]
    assert [best_guesses(scores, members, number) for number in (4, 3, 6)] == [(4, 2), (3, 2), (6, 4)]
    assert [best_guesses(tied, members, number) for number in (2, 4)] == [(0, 0), (4, 2)]
    assert best_guesses([1, 1, 1, 1], [1, 0, 1, 0], 4) == (0, 0)
    with pytest.raises(SettingsError, match="0 to 6"):
        best_guesses(scores, members, 7)


def test_mu_and_epsilon_are_inverse_and_a_tiny_delta_has_a_bound_too():
    for epsilon in (0, 0.01, 1.0, 10.0, 80.0):
        assert epsilon_of_mu(mu_of_epsilon(epsilon, 1e-5), 1e-5) == pytest.approx(epsilon, abs=1e-6)
    assert delta_of_mu(1.0, 0.0) == pytest.approx(0.3829249225)  # 2 Phi(1/2) - 1
    for delta in (1e-5, 1e-13, 1e-30):
        assert delta_of_mu(mu_of_epsilon(1.0, delta), 1.0) == pytest.approx(delta, rel=1e-6)
        assert mu_of_epsilon(0.0, delta) > 0
    assert epsilon_one_run_fdp(100, 50, 45, delta=1e-13) > 0


@pytest.mark.parametrize(("bound", "given", "options", "words"), [
    (epsilon_any_threshold, ([1, 0], [1, 0]), {"alpha": 0.6}, "alpha"),
    (epsilon_any_threshold, ([1, 0], [1, 0]), {"delta": -1}, "delta"),
    (epsilon_gaussian, ([1, 0], [1, 0]), {"delta": 0}, "0 < delta"),
    (epsilon_one_run_fdp, (10, 5, 5), {"delta": 0}, "0 < delta"),
    (epsilon_one_run, (10, 5, 6), {}, "correct <= guesses"), (epsilon_one_run, (10, 11, 6), {}, "guesses <= m"),
])  # fmt: skip
def test_settings_refused(bound, given, options, words):
    with pytest.raises(SettingsError, match=words):
        bound(*given, **options)


def test_published_answers(answers):
    known, close = answers["audit_bounds"], lambda value: pytest.approx(value, abs=1e-6)
    outside = ndtri((np.arange(1000) + 0.5) / 1000)
    scores, members = np.concatenate([outside, outside + 1.5]), np.repeat([0, 1], 1000)
    hull = epsilon_any_threshold(scores, members, delta=1e-5, correction="hull")
    assert hull == close(known["epsilon_clopper_pearson_bonferroni"])
    assert epsilon_any_threshold(scores, members, delta=1e-5) < hull
    fixed = epsilon_at_threshold(scores, members, 2.5, delta=1e-5)
    assert fixed == close(known["epsilon_clopper_pearson_threshold_2.5"])
    assert epsilon_gaussian(scores, members, correction="hull") == close(known["epsilon_gaussian_dp"])
    rows = known["one_run (m, guesses, correct, delta) -> Steinke 2023, f-DP (Mahloujifar 2024)"]
    for m, guesses, correct, delta, steinke, fdp in rows:
        assert epsilon_one_run(m, guesses, correct, delta=delta) == close(steinke)
        assert epsilon_one_run_fdp(m, guesses, correct, delta=delta) == close(fdp)


def test_published_answer_at_one_threshold(answers):
    known = answers["epsilon_lower_bound"]
    scores = np.repeat([1, 0, 1, 0], [known[name] for name in ("TP", "FN", "FP", "TN")])
    members = np.repeat([1, 0], [known["TP"] + known["FN"], known["FP"] + known["TN"]])
    assert epsilon_at_threshold(scores, members, 0.5, alpha=0.01) == pytest.approx(known["epsilon"], abs=0.005)


@pytest.mark.parametrize("name", BOUNDS)
def test_reported_case_of_scores_without_a_signal(cases, name):
    with np.load(cases / "scores" / "null_100x400.npz") as file:
        scores, members = file["scores"], file["members"]
    assert sum(BOUNDS[name](row, members) > 0 for row in scores) <= 11
