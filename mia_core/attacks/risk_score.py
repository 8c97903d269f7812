"""The privacy risk score: for every single example, the probability that the target trained on it.

Song and Mittal 2021, "Systematic Evaluation of Privacy Risks of Machine Learning Models".
"""

from typing import Any, Self

import numpy as np

from mia_core.attacks.classes import check_classes, classes_with_both
from mia_core.attacks.contract import Attack, Flags, Floats, Labels, ShadowRecord
from mia_core.base.errors import SettingsError
from mia_core.gate.posteriors import modified_entropy

BINS = 5
"""Bins of a histogram, the number in Song and Mittal's published code."""


class PrivacyRiskScore(Attack):
    """Bayes' rule on histograms of the modified entropy of the shadow's members and non-members, for each class.

    The bins are quantiles of the shadow's values of the class, where the published code takes equal steps of the
    logarithm, and every bin counts one member and one non-member more than were seen: no bin is empty, and a few
    examples never make a risk of 0 or 1. A class without members or non-members in the shadow takes the histogram of
    all classes; scoring rows of it gives one `MiaWarning`.

    bins   number of bins, at least 2; equal values make it fewer
    prior  share of members among the candidates, between 0 and 1
    """

    threshold = 0.5
    threshold_from = "fixed"

    def __init__(self, settings: Any = None, bins: int = BINS, prior: float = 0.5) -> None:
        if bins < 2:
            raise SettingsError(f"bins: expected at least 2, found {bins}")
        if not 0 < prior < 1:
            raise SettingsError(f"prior: expected a number between 0 and 1, found {prior}")
        self.bins, self.prior = bins, prior

    def fit(self, posteriors: Floats, members: Flags, labels: Labels) -> Self:
        """Takes the histograms from the shadow's posteriors [N, K], members [N] and labels [N]."""
        values = modified_entropy(posteriors, labels)
        self.fitted = classes_with_both(members, labels, posteriors.shape[1])
        self.pooled = self._histogram(values, members)
        self.histograms = {
            int(label): self._histogram(values[labels == label], members[labels == label])
            for label in np.flatnonzero(self.fitted)
        }
        return self

    def score(self, posteriors: Floats, labels: Labels) -> Floats:
        """Probability of membership of each row of `posteriors` [N, K] with its label [N]: float64 [N], in (0, 1).

        Raises `ArrayError` where K is not the shadow's.
        """
        check_classes(posteriors, labels, self.fitted)
        values = modified_entropy(posteriors, labels)
        scores = np.empty(len(labels))
        for label in np.unique(labels):
            edges, risks = self.histograms.get(int(label), self.pooled)
            rows = labels == label
            scores[rows] = risks[np.searchsorted(edges, values[rows], side="left")]
        return scores

    def _histogram(self, values: Floats, members: Flags) -> tuple[Floats, Floats]:
        """Inner edges [B - 1] of at most `bins` bins, and the risk in each [B]."""
        shares = np.arange(1, self.bins) / self.bins
        edges = np.unique(np.quantile(values, shares, method="inverted_cdf"))
        edges = edges[edges < values.max()]  # an edge belongs to the bin below it: above the largest value lies nothing
        bins = np.searchsorted(edges, values, side="left")
        inside, outside = (np.bincount(bins[side], minlength=len(edges) + 1) + 1 for side in (members, ~members))
        member = self.prior * inside / inside.sum()
        return edges, member / (member + (1 - self.prior) * outside / outside.sum())


RECORDS = (
    ShadowRecord(
        "risk-score", PrivacyRiskScore, "share of members among a shadow's examples of like modified entropy and class",
        "Song and Mittal 2021", order=13, needs_labels=True, fit_needs_labels=True, by_class=True,
    ),
)  # fmt: skip
