"""Attacks with reference models by name. Each is a function of a target's `View`: scores [P], higher = member."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import DataError
from mia_core.references import References
from mia_core.references.answers import View
from mia_core.references.attack_p import attack_p
from mia_core.references.attack_r import attack_r
from mia_core.references.calibrated_loss import difficulty_calibrated
from mia_core.references.label_only import label_only
from mia_core.references.lira import LiraSettings, lira
from mia_core.references.on_shadow import on_shadow
from mia_core.references.rapid import rapid
from mia_core.references.rmia import BaseSettings, RmiaSettings, base, log_ratio, rmia
from mia_core.references.tlira import TLiraSettings, tlira

Attack = Callable[[View], NDArray[np.float64]]


def _on(statistic: str, attack: Callable[[References], NDArray[np.float64]]) -> Attack:
    return lambda view: attack(view.pool(statistic))


def _lira(statistic: str = "logit", **settings: str) -> Attack:
    return _on(statistic, lambda references: lira(references, LiraSettings(**settings)))


def _attack_p(view: View) -> NDArray[np.float64]:
    return attack_p(view.of_target("log-likelihood"), view.of_target("log-likelihood", population=True))


def _rmia_rank(view: View) -> NDArray[np.float64]:
    population = view.population("probability")
    if population is None:
        raise DataError("population: rmia-rank needs examples that no model trains on, found none")
    return rmia(view.pool("probability"), population)


REFERENCE_ATTACKS: dict[str, Attack] = {
    "gap": lambda view: view.of_target("correctness"),
    "adversary1": on_shadow("adversary1"),
    "adversary1-logs": on_shadow("adversary1", features="logs"),
    "shokri": on_shadow("shokri"),
    "modified-entropy-per-class": on_shadow("modified-entropy-per-class"),
    "risk-score": on_shadow("risk-score"),
    "loss": lambda view: view.of_target("log-likelihood"),
    "attack-p": _attack_p,
    "attack-r": _on("log-likelihood", attack_r),
    "calibrated-loss": _on("log-likelihood", difficulty_calibrated),
    "lira": _lira(),
    "lira-own-variance": _lira(variance="example"),
    "lira-hinge": _lira("hinge"),
    "lira-offline": _lira(form="offline_tail"),
    "lira-offline-own-variance": _lira(form="offline_tail", variance="example"),
    "t-lira": _on("logit", tlira),
    "t-lira-offline": _on("logit", lambda references: tlira(references, TLiraSettings(form="offline"))),
    "base": _on("probability", base),
    "base-offline": _on("probability", lambda references: base(references, BaseSettings(form="offline"))),
    "rmia": _on("probability", log_ratio),
    "rmia-offline": _on("probability", lambda references: log_ratio(references, RmiaSettings(form="offline"))),
    "rmia-rank": _rmia_rank,
    "label-only": _on("correctness", label_only),
    "rapid": rapid,
}
"""What each is:

gap                        no reference: whether the prediction is right (Yeom et al. 2018)
adversary1(-logs)          the report's attack, with one reference as its shadow, on posteriors or on their logarithms
shokri                     the same, one attack model a class (Shokri et al. 2017)
modified-entropy-per-class one reference as the shadow, a threshold a class (Song and Mittal 2021)
risk-score                 one reference as the shadow, the share of members among like examples (Song and Mittal 2021)
loss                       no reference, the baseline: log p_y, one threshold for all examples
attack-p                   the loss's rank among the population (Ye et al. 2022)
attack-r                   the loss's rank among the OUT references (Ye et al. 2022)
calibrated-loss            log p_y minus its mean over OUT references (Watson et al. 2022)
lira, lira-own-variance    online LiRA, one variance for all examples or each example's own (Carlini et al. 2022)
lira-hinge                 the same with the hinge statistic
lira-offline(...)          offline LiRA, the tail's probability
t-lira, t-lira-offline     LiRA with Student's t and a variance learned over examples
base, base-offline         log p_y minus the log of the references' mean p_y (Lassila et al. 2025)
rmia, rmia-offline         the logarithm of RMIA's ratio (Zarifzadeh et al. 2024); BASE's where online, of one query
rmia-rank                  RMIA's score itself, the rank among the population, with its ties at the top
label-only                 correctness alone against the references' (Aerni et al. 2024)
rapid                      loss and calibrated loss weighed by a network, see `mia_core.references.rapid` (He et al.
                           2024)
"""
NEED_POPULATION = ("attack-p", "rmia-rank")
NEED_SHADOW = ("rapid", "adversary1", "adversary1-logs", "shokri", "modified-entropy-per-class", "risk-score")
"""Those that are fitted on one reference, which needs two references of its own beside the target's partner."""
FIXED_THRESHOLDS = {
    "gap": 0.5,
    "adversary1": 0.0,
    "adversary1-logs": 0.0,
    "shokri": 0.0,
    "modified-entropy-per-class": 0.0,
    "risk-score": 0.5,
    "rapid": 0.0,
}
"""Attack -> the threshold it comes with, such as log-odds of 0 where a reference was the shadow that it was fitted on,
so that nothing is left to choose; of the others one is chosen on a reference."""


def unusable(references: int, paired: bool, population: int) -> dict[str, str]:
    """The attacks that so many reference models and examples of the population do not suffice for: name -> why.

    paired  the models are complementary pairs, so that a shadow's partner is lost as well
    """
    needed = 4 if paired else 3
    found = dict.fromkeys(NEED_POPULATION if population == 0 else (), "needs examples that no model trains on, found 0")
    if references < needed:
        models = f"{needed + 2} models in pairs" if paired else f"{needed + 1} models"
        words = f"needs a shadow and two references for it, at least {needed} references ({models}), found {references}"
        found |= dict.fromkeys(NEED_SHADOW, words)
    return found
