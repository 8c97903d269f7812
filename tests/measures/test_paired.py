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
    lower, noise = np.array([-0.19, -0.2, -0.21]), np.array([0.02, -0.03, 0.03])
    differences = [lower, noise, np.zeros(3), np.full(3, 0.5), np.array([0.8]), np.array([])]
    found = paired_tests(differences)
    assert [one.sign for one in found] == ["lower", None, None, None, None, None]
    assert found[0].difference.mean == pytest.approx(-0.2) and found[0].p < found[0].adjusted == 2 * found[0].p
    assert [one.p for one in found[2:]] == [None] * 4, "equal differences say nothing without counts"
    assert found[4].difference.low is None and found[5].difference is None
    known = paired_tests(differences, errors=[np.full(len(one), 0.01) for one in differences], material=0.05)
    assert [one.sign for one in known] == ["lower", None, "same", "higher", None, None]
    assert known[:2] == paired_tests(differences, errors=[np.full(len(one), 1e-9) for one in differences])[:2]
    assert 0 < known[3].p < 0.01 and known[2].p == 1
    with pytest.raises(SettingsError, match="alpha"):
        paired_tests([lower], alpha=1)


def test_without_a_difference_even_one_wrong_sign_is_rare():
    random = np.random.default_rng(0)
    wrong = sum(any(one.sign for one in paired_tests(random.normal(size=(6, 5)))) for _ in range(200))
    assert wrong <= 20
