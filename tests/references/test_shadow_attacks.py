"""An attack on one shadow, next to those with references, is the attack itself, and says what it needs."""

from dataclasses import replace

import numpy as np
import pytest

from mia_core.attacks import AttackSettings, make_attack
from mia_core.base.errors import SettingsError
from mia_core.gate.posteriors import softmax
from mia_core.references import REFERENCE_ATTACKS
from mia_core.references.answers import View
from mia_core.references.on_shadow import on_shadow
from reference_attacks import small, view


@pytest.fixture
def target() -> View:
    return view(*small(pool=200), 0, 1)


@pytest.mark.parametrize("name", ["adversary1", "shokri", "modified-entropy-per-class", "risk-score"])
def test_it_is_fitted_on_a_reference_and_scores_the_target(target: View, name: str) -> None:
    shadow, seen = target.stand_in(), target.answers
    assert shadow is not None and shadow.target not in (target.target, target.partner)
    pool, labels = slice(0, seen.pool), seen.labels[: seen.pool]
    attack = make_attack(name, AttackSettings())
    attack.fit(softmax(seen.values[shadow.target, 0, pool]), seen.members[shadow.target, pool], labels)
    expected = attack.score(softmax(seen.values[target.target, 0, pool]), labels)
    assert np.array_equal(REFERENCE_ATTACKS[name].attack(target), expected)
    assert attack.threshold == REFERENCE_ATTACKS[name].threshold


def test_too_few_references_and_mere_statistics_are_refused(target: View) -> None:
    with pytest.raises(SettingsError, match="references: shokri needs one of them as a shadow, found 2"):
        on_shadow("shokri")(replace(target, rows=target.rows[:4]))
    bare = replace(target.answers, values=target.answers.values[..., :0])
    with pytest.raises(SettingsError, match="attack: shokri reads posteriors, found only a statistic"):
        on_shadow("shokri")(replace(target, answers=bare))
