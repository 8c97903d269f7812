"""Attacks on one shadow, put beside those with reference models: one reference is the shadow, the others are not used.

So both kinds of attackers meet the same targets, the same examples and the same defenses.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks import AttackSettings, make_attack
from mia_core.base.errors import SettingsError
from mia_core.gate.posteriors import softmax

if TYPE_CHECKING:
    from collections.abc import Callable

    from mia_core.references.answers import View


def on_shadow(name: str, **settings: str) -> "Callable[[View], NDArray[np.float64]]":
    """An attack of `mia_core.attacks.ATTACKS` as a function of a target's view: scores [P] of the examples of the pool.

    settings  of `mia_core.attacks.adversary1.Adversary1Settings`
    The function raises `SettingsError` where no reference can be the shadow (see `View.stand_in`), and for answers
    that hold a statistic and no outputs.
    """

    def score(view: "View") -> NDArray[np.float64]:
        if view.answers.values.shape[-1] == 0:
            raise SettingsError(f"attack: {name} reads posteriors, found only a statistic of them")
        shadow = view.stand_in()
        if shadow is None:
            raise SettingsError(f"references: {name} needs one of them as a shadow, found {view.references}")
        labels = view.answers.labels[: view.answers.pool]
        attack = make_attack(name, AttackSettings(**settings))
        attack.fit(_posteriors(view, shadow.target), shadow.membership(), labels)
        return attack.score(_posteriors(view, view.target), labels)

    return score


def _posteriors(view: "View", model: int) -> NDArray[np.float64]:
    """Posteriors [P, K] of a model on the pool, mean over queries."""
    return softmax(view.answers.values[model][:, : view.answers.pool]).mean(axis=0)
