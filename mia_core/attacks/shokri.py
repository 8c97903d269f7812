"""The first attack with shadow models: one attack model for each class, on the whole posterior.

Shokri, Stronati, Song, Shmatikov 2017, "Membership Inference Attacks Against Machine Learning Models".
"""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field

from mia_core.attacks.adversary1 import Adversary1Settings, Scale
from mia_core.attacks.classes import check_classes, classes_with_both
from mia_core.attacks.classifier import Classifier
from mia_core.attacks.contract import Attack, Flags, Floats, Labels, ShadowRecord
from mia_core.base.settings import Settings, Whole
from mia_core.gate.posteriors import log_posteriors


class ShokriSettings(Settings):
    """What each class's attack model sees and how it decides.

    features     on which scale the whole posterior is seen: "posteriors" or "logs"
    classifier   "logistic" regression, or a "network" with one hidden layer of 64 units, as in the paper
    attack_seed  of the network's initial weights and batches
    """

    features: Scale = "posteriors"
    classifier: Literal["logistic", "network"] = "logistic"
    attack_seed: Annotated[Whole, Field(ge=0, lt=2**32)] = 0


class Shokri(Attack):
    """Scores are log-odds of membership, so `threshold` is 0, a probability of one half. Of the settings of adversary 1
    it takes those that it has itself.

    Several shadows are given to `fit` as one: their rows one below the other. A class without members or without
    non-members in all of them is judged by a model fitted on all classes together, which sees the posterior of the true
    class first and the others from large to small, so that what it learned of other classes is true of this one;
    scoring rows of such a class gives one `MiaWarning` that names the class and the number of rows.
    """

    threshold = 0.0
    threshold_from = "fixed"

    def __init__(self, settings: ShokriSettings | Adversary1Settings | None = None) -> None:
        self.settings = settings or ShokriSettings()

    def fit(self, posteriors: Floats, members: Flags, labels: Labels) -> Self:
        """Fits a model for each class of the shadows' posteriors [N, K], members [N], labels [N]; where a class lacks
        members or non-members, one on all rows."""
        features = self._features(posteriors)
        self.fitted = classes_with_both(members, labels, posteriors.shape[1])
        if not self.fitted.all():
            self.pooled = self._new().fit(_true_class_first(features, labels), members)
        self.models = {
            int(label): self._new().fit(features[labels == label], members[labels == label])
            for label in np.flatnonzero(self.fitted)
        }
        return self

    def score(self, posteriors: Floats, labels: Labels) -> Floats:
        """Log-odds of membership by the model of each row's class, for `posteriors` [N, K], `labels` [N]: [N].

        Raises `ArrayError` where K is not the shadows'.
        """
        check_classes(posteriors, labels, self.fitted)
        features = self._features(posteriors)
        scores = np.empty(len(labels))
        for label in np.unique(labels):
            rows = labels == label
            if label in self.models:
                scores[rows] = self.models[int(label)].log_odds(features[rows])
            else:
                scores[rows] = self.pooled.log_odds(_true_class_first(features[rows], labels[rows]))
        return scores

    def _features(self, posteriors: Floats) -> Floats:
        return log_posteriors(posteriors) if self.settings.features == "logs" else posteriors

    def _new(self) -> Classifier:
        return Classifier(self.settings.classifier, self.settings.attack_seed)


def _true_class_first(features: Floats, labels: Labels) -> Floats:
    """Rows [N, K] with the value of the label's class in front and the others behind it, falling."""
    rows = np.arange(len(labels))
    others = np.ones(features.shape, dtype=bool)
    others[rows, labels] = False
    rest = -np.sort(-features[others].reshape(len(labels), features.shape[1] - 1), axis=1)
    return np.column_stack([features[rows, labels], rest])


RECORDS = (
    ShadowRecord(
        "shokri", Shokri, "whole posteriors, an attack model for each class, fitted on one shadow",
        "Shokri et al. 2017", order=12, reads=("features", "classifier"),
        needs_labels=True, fit_needs_labels=True, by_class=True,
    ),
)  # fmt: skip
