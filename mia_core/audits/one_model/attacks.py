"""Every attack that needs no other model, each fitted on some examples and counted on others."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks import ATTACKS, make_attack
from mia_core.attacks.contract import Flags, Floats, Labels
from mia_core.audits.one_model.qmia import quantile_scores
from mia_core.measures.ranking import best_balanced_threshold, tie_blocks
from mia_core.references.statistics import log_likelihood, logit_statistic

FOLDS = 5
PLAIN = ("gap", "loss", "modified-entropy", "confidence", "entropy")
"""Attacks whose score is the same whatever they were fitted on; only their threshold is."""
BY_CLASS = ("true-confidence-per-class", "modified-entropy-per-class")
"""Attacks with a threshold for each class."""
ENOUGH_IN_CLASS = 50
"""A class needs as many members and as many non-members for a threshold of its own."""


@dataclass(eq=False)
class Scored:
    """scores    by attack, float64 [N], higher = more likely a member
    called    by attack, bool [N]: called a member at a threshold chosen on other examples
    left_out  attacks that could not be run -> why
    """

    scores: dict[str, Floats] = field(default_factory=dict)
    called: dict[str, Flags] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def folds_of(members: Flags, seed: int) -> NDArray[np.int64]:
    """A fold 0 ... FOLDS - 1 for each example, int [N]: members and non-members by turns, in random order."""
    random, fold = np.random.default_rng(seed), np.empty(len(members), dtype=np.int64)
    for side in (members, ~members):
        rows = random.permutation(np.flatnonzero(side))
        fold[rows] = np.arange(len(rows)) % FOLDS
    return fold


def score_all(
    values: Floats,
    posteriors: Floats,
    labels: Labels | None,
    members: Flags,
    fold: NDArray[np.int64],
    features: Floats | None = None,
    others: Mapping[str, Floats] | None = None,
    seed: int = 0,
) -> Scored:
    """All attacks that these arguments allow.

    values      float64 [N, K], logits or log-posteriors; posteriors: float64 [N, K]
    labels      int64 [N], or None: then only attacks that do not read them
    features    float64 [N, D] of the inputs for quantile regression, or None
    others      scores that were made elsewhere, such as with reference models: only their thresholds are chosen here
    """
    done = Scored()
    for name in PLAIN:
        if labels is None and ATTACKS[name].needs_labels:
            done.left_out[name] = "it needs labels"
            continue
        # The loss from logits keeps the digits of posteriors that round to 1.
        exact = name == "loss" and labels is not None
        done.scores[name] = log_likelihood(values, labels) if exact else make_attack(name).score(posteriors, labels)
    for name in BY_CLASS:
        done.left_out[name] = why = _too_small(labels, members)
        if not why:
            del done.left_out[name]
            done.scores[name] = _joined(name, posteriors, labels, members, fold)
    if labels is None or features is None:
        done.left_out["quantile-regression"] = "it needs the inputs and labels"
    else:
        try:
            done.scores["quantile-regression"] = quantile_scores(
                logit_statistic(values, labels), features, members, fold, seed
            )
        except ValueError as error:
            done.left_out["quantile-regression"] = str(error)
    done.scores |= others or {}
    done.called = {name: _called(scores, members, fold) for name, scores in done.scores.items()}
    return done


def _called(scores: Floats, members: Flags, fold: NDArray[np.int64]) -> Flags:
    """Who is called a member at the threshold with the best balanced accuracy in the other folds: bool [N]."""
    called = np.empty(len(scores), dtype=bool)
    for counted in range(FOLDS):
        rest = fold != counted
        threshold = best_balanced_threshold(tie_blocks(scores[rest], members[rest]))
        called[~rest] = scores[~rest] >= threshold
    return called


def called_at(scores: Floats, members: Flags, fold: NDArray[np.int64], level: float) -> Flags:
    """Who is called a member at the threshold that accuses at most `level` of the non-members of the other folds."""
    called = np.empty(len(scores), dtype=bool)
    for counted in range(FOLDS):
        others = np.sort(scores[(fold != counted) & ~members])
        allowed = int(level * len(others))
        called[fold == counted] = scores[fold == counted] > others[len(others) - allowed - 1]
    return called


def _joined(name: str, posteriors: Floats, labels: Labels, members: Flags, fold: NDArray[np.int64]) -> Floats:
    """Scores of an attack that is fitted anew for each fold, made comparable: each example's rank, 0 to 1, among the
    non-members that its attack was fitted on."""
    scores = np.empty(len(members))
    for counted in range(FOLDS):
        held, rest = fold == counted, fold != counted
        attack = make_attack(name).fit(posteriors[rest], members[rest], labels[rest])
        known = np.sort(attack.score(posteriors[rest], labels[rest])[~members[rest]])
        scores[held] = np.searchsorted(known, attack.score(posteriors[held], labels[held])) / len(known)
    return scores


def _too_small(labels: Labels | None, members: Flags) -> str:
    """Why there are no thresholds by class; empty where every class that occurs is large enough."""
    if labels is None:
        return "it needs labels"
    classes = np.unique(labels)
    least = min(min((labels[side] == one).sum() for one in classes) for side in (members, ~members))
    if len(classes) < 2:
        return "there is one class"
    if least < ENOUGH_IN_CLASS:
        return f"the smallest class has {least} examples on one side, {ENOUGH_IN_CLASS} are needed"
    return ""
