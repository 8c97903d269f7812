"""The attacks by name. An attack is fitted on a shadow's outputs and scores a target's; it never sees the target's
membership.

A new attack is one class with the members of `Attack`, one line in `ATTACKS`, and one test.
"""

from typing import Annotated, Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from mia_core.attacks.adversary1 import Adversary1, Adversary1Settings
from mia_core.attacks.adversary3 import Adversary3, Adversary3Deviation, Adversary3Entropy
from mia_core.attacks.risk_score import PrivacyRiskScore
from mia_core.attacks.shokri import Shokri
from mia_core.attacks.song_mittal import (
    Entropy,
    EntropyPerClass,
    ModifiedEntropy,
    ModifiedEntropyPerClass,
    TrueConfidence,
    TrueConfidencePerClass,
)
from mia_core.attacks.yeom import Gap, Loss
from mia_core.base.errors import SettingsError
from mia_core.base.messages import brief, nearest
from mia_core.base.settings import Number, Whole


class Attack(Protocol):
    """What every attack offers. Scores are float64 [N], higher = more likely a member; an example is called a member
    where its score is at least `threshold`.

    needs_labels, fit_needs_labels  whether `score` and `fit` cannot do without labels
    reads           which of the settings k, features and classifier it reads
    threshold_from  "shadow", "random inputs", or "fixed" where nothing is to be chosen
    """

    needs_labels: ClassVar[bool]
    fit_needs_labels: ClassVar[bool]
    reads: ClassVar[tuple[str, ...]]
    threshold: float
    threshold_from: str

    def __init__(self, settings: Any = None) -> None: ...

    def fit(
        self, posteriors: NDArray[np.float64], members: NDArray[np.bool_], labels: NDArray[np.int64] | None
    ) -> Self: ...

    def score(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64] | None) -> NDArray[np.float64]: ...


ATTACKS: dict[str, type[Attack]] = {
    "adversary1": Adversary1,
    "gap": Gap,
    "loss": Loss,
    "confidence": Adversary3,
    "deviation": Adversary3Deviation,
    "entropy": Entropy,
    "modified-entropy": ModifiedEntropy,
    "true-confidence": TrueConfidence,
    "entropy-per-class": EntropyPerClass,
    "modified-entropy-per-class": ModifiedEntropyPerClass,
    "true-confidence-per-class": TrueConfidencePerClass,
    "shokri": Shokri,
    "risk-score": PrivacyRiskScore,
    "adversary3": Adversary3,
    "adversary3-deviation": Adversary3Deviation,
    "adversary3-entropy": Adversary3Entropy,
}
EVERY = tuple(name for name in ATTACKS if not name.startswith("adversary3"))
"""What the word "all" stands for. Adversary 3's names are left out: with its threshold from the shadow it is
"confidence", "deviation" and "entropy" under the name of its paper."""


def _names(value: Any) -> Any:
    """A list of names, or text with commas; "all" stands for `EVERY`."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)) or not given:
        raise ValueError(f"expected one or more attacks, found {brief(value)}")
    names: list[Any] = []
    for item in given:
        for word in item.split(",") if isinstance(item, str) else [item]:
            name = word.strip() if isinstance(word, str) else word
            names += EVERY if name == "all" else [name]
    for name in names:
        if not isinstance(name, str) or name not in ATTACKS:
            known = nearest(name if isinstance(name, str) else brief(name), list(ATTACKS))
            raise ValueError(f"found the unknown attack {brief(name)}; {known}")
    if len(set(names)) < len(names):
        raise ValueError(f"expected each attack once, found {', '.join(names)}")
    return tuple(names)


class AttackSettings(Adversary1Settings):
    """Which attacks run, in which direction, and how their intervals are made.

    attacks     names from `ATTACKS`, or "all" for all of them
    direction   "shadow_to_target" fits on the shadow and attacks the target; "target_to_shadow" is the reverse, which
                the report's published code did
    replicates  of the bootstrap over examples; 0 for no such intervals
    confidence  of all intervals
    """

    attacks: Annotated[tuple[str, ...], BeforeValidator(_names)] = ("adversary1",)
    direction: Literal["shadow_to_target", "target_to_shadow"] = "shadow_to_target"
    replicates: Annotated[Whole, Field(ge=0, le=100_000)] = 1000
    confidence: Annotated[Number, Field(gt=0, lt=1)] = 0.95


def make_attack(name: str, settings: Adversary1Settings | None = None) -> Attack:
    """A new attack, not yet fitted. Raises `SettingsError` for an unknown name, with the nearest known one."""
    if name not in ATTACKS:
        raise SettingsError(f"attack: unknown {brief(name)}; {nearest(name, list(ATTACKS))}")
    return ATTACKS[name](settings)
