"""Paired tests over seeds: Student's p, Holm's correction, and no sign that the seeds do not show."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from mia_core.base.errors import SettingsError
from mia_core.measures.paired import holm, paired_tests


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, None, 0.6]) == [1.0, None, 1.0] and holm([]) == []


def test_p_is_scipys():
    first, second = np.random.default_rng(0).normal(size=(2, 6))
    (found,) = paired_tests([first - second])
    assert found.p == found.adjusted == pytest.approx(ttest_rel(first, second).pvalue) and found.seeds == 6


def test_signs_of_what_is_tested_together():
    lower, none, noise = np.array([-0.19, -0.2, -0.21]), np.zeros(3), np.array([0.02, -0.03, 0.02])
    found = paired_tests([lower, noise, none, np.full(3, 0.5), np.array([0.8]), np.array([])])
    assert [one.sign for one in found] == ["lower", None, None, "higher", None, None]
    assert found[0].difference.mean == pytest.approx(-0.2) and found[0].p < found[0].adjusted == 3 * found[0].p
    assert (found[2].p, found[3].p, found[4].p, found[5].p) == (1, 0, None, None)
    assert found[4].difference.low is None and found[5].difference is None
    with pytest.raises(SettingsError, match="alpha"):
        paired_tests([lower], alpha=1)


def test_without_a_difference_even_one_wrong_sign_is_rare():
    random = np.random.default_rng(0)
    wrong = sum(any(one.sign for one in paired_tests(random.normal(size=(6, 5)))) for _ in range(200))
    assert wrong <= 20
