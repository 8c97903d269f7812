"""ML-Leaks' adversary 1: a binary classifier on the largest posteriors, fitted on one shadow model's outputs.

Salem et al. 2019, "ML-Leaks: Model and Data Independent Membership Inference Attacks and Defenses on Machine
Learning Models": one shadow model, three sorted posteriors, a network with one hidden layer of 64 units.
"""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field

from mia_core.attacks.classifier import Classifier
from mia_core.attacks.contract import Attack, Flags, Floats, Labels, ShadowRecord
from mia_core.base.errors import ArrayError
from mia_core.base.settings import Settings, Whole
from mia_core.gate.posteriors import log_posteriors, over_rows

Scale = Literal["posteriors", "logs"]


class Adversary1Settings(Settings):
    """What adversary 1 sees and how it decides.

    k            how many of the largest posteriors are seen; with fewer classes, all of them
    features     on which scale: "posteriors" or "logs"
    classifier   "logistic" regression, or ML-Leaks' "network" with 64 hidden units
    attack_seed  of the network's initial weights and batches, and of the bootstrap
    """

    k: Annotated[Whole, Field(ge=1)] = 3
    features: Scale = "posteriors"
    classifier: Literal["logistic", "network"] = "logistic"
    attack_seed: Annotated[Whole, Field(ge=0, lt=2**32)] = 0


class Adversary1(Attack):
    """Scores are log-odds of membership, so `threshold` is 0, a probability of one half."""

    threshold = 0.0
    threshold_from = "fixed"

    def __init__(self, settings: Adversary1Settings | None = None) -> None:
        self.settings = settings or Adversary1Settings()

    def fit(self, posteriors: Floats, members: Flags, labels: Labels | None = None) -> Self:
        """Fits the classifier on a shadow's posteriors [N, K] and members [N]; the labels are not used."""
        self.classifier = Classifier(self.settings.classifier, self.settings.attack_seed)
        self.classifier.fit(largest(posteriors, self.settings.k, self.settings.features), members)
        return self

    def score(self, posteriors: Floats, labels: Labels | None = None) -> Floats:
        """Log-odds of membership for each row of `posteriors` [N, K]: float64 [N].

        Raises `ArrayError` where K leaves fewer features than the fit had.
        """
        features = largest(posteriors, self.settings.k, self.settings.features)
        if features.shape[1] != len(self.classifier.centre):
            raise ArrayError(
                f"posteriors: found {features.shape[1]} largest values a row; "
                f"expected the {len(self.classifier.centre)} that the attack was fitted on"
            )
        return self.classifier.log_odds(features)


def largest(posteriors: Floats, k: int, scale: Scale = "posteriors") -> Floats:
    """The `k` largest of each row of `posteriors` [N, K], highest first: float64 [N, min(k, K)].

    scale "logs" takes natural logarithms with the floor of `mia_core.gate.posteriors.LOG_FLOOR`: near 1 and near 0 they
    spread what probabilities squeeze together. Three sorted values are the choice of ML-Leaks (Salem et al. 2019)
    and of the report.
    """
    ordered = over_rows(lambda rows: np.sort(rows, axis=1)[:, ::-1][:, :k], posteriors)
    return log_posteriors(ordered) if scale == "logs" else ordered


RECORDS = (
    ShadowRecord(
        "adversary1", Adversary1, "the report's attack: three sorted posteriors, fitted on one shadow",
        "Salem et al. 2019", order=1, reads=("k", "features", "classifier"),
    ),
)  # fmt: skip
