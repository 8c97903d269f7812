"""Attacks on one shadow, next to those with reference models: one reference is the shadow, the others are not used.

So both kinds of attackers meet the same targets, the same examples and the same defenses.
"""

from typing import TYPE_CHECKING

from mia_core.attacks import ATTACKS, AttackSettings, make_attack
from mia_core.attacks.contract import Floats
from mia_core.base.errors import SettingsError
from mia_core.gate.posteriors import softmax
from mia_core.references.record import ReferenceRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from mia_core.references.answers import View


def on_shadow(name: str, **settings: str) -> "Callable[[View], Floats]":
    """An attack of `mia_core.attacks.ATTACKS` as a function of a target's view: scores [P] of the examples of the pool.

    settings  of `mia_core.attacks.adversary1.Adversary1Settings`
    The function raises `SettingsError` where no reference can be the shadow (see `View.stand_in`), and for answers
    that hold a statistic and no outputs.
    """

    def score(view: "View") -> Floats:
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


def _posteriors(view: "View", model: int) -> Floats:
    """Posteriors [P, K] of a model on the pool, mean over queries."""
    return softmax(view.answers.values[model][:, : view.answers.pool]).mean(axis=0)


def _record(order: int, name: str, as_in: str, *words: str, **settings: str) -> ReferenceRecord:
    """The record of an attack of `ATTACKS`, `as_in`; `words`: what it compares and its source, where they differ."""
    known = ATTACKS[as_in]
    words = words or (known.compares, known.source)
    attack, threshold = on_shadow(as_in, **settings), known.attack.threshold
    return ReferenceRecord(name, attack, *words, order=order, threshold=threshold, needs=("shadow",))


RECORDS = (
    _record(2, "adversary1", "adversary1"),
    _record(
        3, "adversary1-logs", "adversary1", "the same on logarithms of the posteriors", "this book", features="logs"
    ),
    _record(4, "shokri", "shokri"),
    _record(5, "modified-entropy-per-class", "modified-entropy-per-class"),
    _record(6, "risk-score", "risk-score"),
)
