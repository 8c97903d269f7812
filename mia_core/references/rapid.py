"""RAPID: the loss and the calibrated loss together, weighed by a small network that was fitted on a shadow.

He, Li, Wang et al. 2024, "Is Difficulty Calibration All We Need? Towards More Practical Membership Inference Attacks".
Calibration sets an example's loss against how hard the example is for models that did not train on it. It errs where
those models err; the plain loss next to it lets the attack see when.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mia_core.attacks.classifier import Classifier
from mia_core.attacks.contract import Flags, Floats
from mia_core.base.errors import ArrayError, SettingsError
from mia_core.base.settings import Listed, Settings, Whole
from mia_core.measures.metrics import auc
from mia_core.references.outputs import References
from mia_core.references.record import ReferenceRecord
from mia_core.references.summaries import summarise

if TYPE_CHECKING:
    from mia_core.references.answers import View

FEWEST = 20
"""Members or non-members of the shadow below which no part of them is kept aside to choose a network by."""


class RapidSettings(Settings):
    """How the network is chosen; nothing of it reads the target.

    units        numbers of hidden units, tried in this order for as long as each is better than the one before; 0 is
                 logistic regression
    folds        parts into which the shadow's examples are divided: each is scored by networks fitted on the others,
                 and better is what has the higher AUC there
    choose_by    number of the shadow's examples that this choice looks at, drawn by the seed; the chosen network is
                 fitted on all
    attack_seed  of the drawn examples, the parts, initial weights and batches
    """

    units: Annotated[tuple[Annotated[Whole, Field(ge=0, le=1024)], ...], Listed, Field(min_length=1)] = (0, 16, 64)
    folds: Annotated[Whole, Field(ge=2, le=20)] = 3
    choose_by: Annotated[Whole, Field(ge=2 * FEWEST)] = 4000
    attack_seed: Annotated[Whole, Field(ge=0, lt=2**32)] = 0


class Rapid:
    """Scores are log-odds of membership, so `threshold` is 0. After the fit, `units` says which network was chosen.

    Where it differs from the paper and its published code: the calibration terms are given, so they may come from any
    reference models, whereas the code trains a few on data of neither target nor shadow; a single query stands for
    the code's several augmented ones unless losses are averaged before; one small hidden layer, chosen by
    cross-validation on the shadow's examples alone, stands for a network of three large layers trained for a fixed
    time.
    """

    threshold: float = 0.0

    def __init__(self, settings: RapidSettings | None = None) -> None:
        self.settings = settings or RapidSettings()

    def fit(self, loss: Floats, difficulty: Floats, members: Flags) -> Self:
        """Chooses and fits the network on a shadow's examples.

        loss        [N] of the shadow, in nats
        difficulty  [N], mean loss of reference models that did not train on the example
        members     bool [N], of the shadow; both sides present
        Raises `ArrayError` for lengths that differ or values that are not finite.
        """
        features = _features(loss, difficulty)
        if members.shape != loss.shape or members.all() or not members.any():
            found = f"{members.shape} with {int(members.sum())} members"
            raise ArrayError(f"members: found {found}; expected {loss.shape} with members and non-members")
        # In a fixed order, so that the same rows in any order give the same parts and the same network.
        order = np.lexsort((members, *features.T))
        features, members = features[order], members[order]
        self.units = self._choose(features, members)
        self.classifier = self._new(self.units).fit(features, members)
        return self

    def score(self, loss: Floats, difficulty: Floats) -> Floats:
        """Log-odds of membership for the target's `loss` [N] and the examples' `difficulty` [N]: float64 [N].

        Raises `ArrayError` as `fit` does.
        """
        return self.classifier.log_odds(_features(loss, difficulty))

    def _choose(self, features: Floats, members: Flags) -> int:
        if len(self.settings.units) == 1 or min(members.sum(), (~members).sum()) < FEWEST:
            return self.settings.units[0]
        random = np.random.default_rng(np.random.SeedSequence([self.settings.attack_seed, *b"rapid"]))
        if len(members) > self.settings.choose_by:
            drawn = self._drawn(members, random)
            features, members = features[drawn], members[drawn]
        part = np.empty(len(members), dtype=np.int64)
        for side in (members, ~members):  # every part gets its share of either side
            part[side] = random.permutation(np.arange(side.sum()) % self.settings.folds)
        best, largest = self.settings.units[0], -np.inf
        for units in self.settings.units:
            scores = np.empty(len(members))
            for fold in range(self.settings.folds):
                held, rest = part == fold, part != fold
                scores[held] = self._new(units).fit(features[rest], members[rest]).log_odds(features[held])
            area = auc(scores, members)
            if area <= largest:
                break
            best, largest = units, area
        return best

    def _drawn(self, members: Flags, random: np.random.Generator) -> NDArray[np.int64]:
        """Rows of `choose_by` examples, ascending: of each side its share, and at least `FEWEST`."""
        most = self.settings.choose_by
        inside = int(np.clip(round(most * members.mean()), FEWEST, most - FEWEST))
        parts = [
            random.permutation(np.flatnonzero(side))[:number]
            for side, number in ((members, inside), (~members, most - inside))
        ]
        return np.sort(np.concatenate(parts))

    def _new(self, units: int) -> Classifier:
        return Classifier("network" if units else "logistic", self.settings.attack_seed, units)


def calibration_terms(references: References) -> tuple[Floats, Floats]:
    """Loss of the target and difficulty of the examples, float64 [N] each, from statistics log p_y.

    The difficulty is the mean loss of the OUT references; an example without any takes the average of the others.
    With Q queries both are means over queries.
    """
    loss, difficulty = np.zeros(references.examples), np.zeros(references.examples)
    for query in range(references.queries):
        outside = summarise(references, query)[1]
        loss -= references.of_target(query)
        difficulty -= outside.filled(outside.mean)
    return loss / references.queries, difficulty / references.queries


def rapid(view: "View", settings: RapidSettings | None = None) -> Floats:
    """RAPID's scores of one target among its reference models: float64 [P], for the examples of the pool.

    One of the references is the shadow. It is left out of the target's references, its partner too, and the target
    and its partner are left out of the shadow's, so both have the same references and nothing gives a membership away.
    Raises `SettingsError` where fewer than two references would be left.
    """
    shadow = view.stand_in()
    if shadow is None:
        raise SettingsError(
            f"references: rapid needs a shadow and two references for it, found {view.references} references"
        )
    shared = [row for row in shadow.rows if row not in (shadow.target, shadow.partner)]
    own = tuple(row for row in view.rows if row in (view.target, view.partner) or row in shared)
    attack = Rapid(settings).fit(*calibration_terms(shadow.pool("log-likelihood")), shadow.membership())
    return attack.score(*calibration_terms(replace(view, rows=own, asked=None).pool("log-likelihood")))


def _features(loss: Floats, difficulty: Floats) -> Floats:
    """Loss and calibrated loss, float64 [N, 2]."""
    if loss.ndim != 1 or loss.shape != difficulty.shape or len(loss) == 0:
        raise ArrayError(f"loss, difficulty: found {loss.shape}, {difficulty.shape}; expected two arrays [N], N >= 1")
    features = np.column_stack([loss, loss - difficulty]).astype(np.float64)
    bad = ~np.isfinite(features).all(axis=1)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise ArrayError(f"loss, difficulty: found {int(bad.sum())} rows that are not finite, the first in row {first}")
    return features


RECORDS = (
    ReferenceRecord(
        "rapid", rapid, "loss and calibrated loss, weighed by a network that is fitted on one reference",
        "He et al. 2024", order=24, settings=RapidSettings, threshold=Rapid.threshold, needs=("shadow",),
    ),
)  # fmt: skip
