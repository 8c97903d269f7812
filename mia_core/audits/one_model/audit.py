"""Puts an audit together: what each attack finds, what of it is no chance, whom it finds, and what to doubt."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtri

from mia_core.attacks.contract import Flags, Floats, Labels
from mia_core.audits.one_model.attacks import called_at, folds_of, score_all
from mia_core.audits.one_model.best import PERMUTATIONS, max_t
from mia_core.audits.one_model.validity import ALPHA, Blind, blind_baselines, cautions, duplicates
from mia_core.base.settings import Number, Settings, Whole
from mia_core.gate.arrays import Outputs
from mia_core.measures.counts import auc_error_of
from mia_core.measures.epsilon import epsilon_at_threshold
from mia_core.measures.intervals import clopper_pearson, difference_interval
from mia_core.measures.metrics import low_fpr, most_false_positives
from mia_core.measures.ranking import tie_blocks
from mia_core.measures.risk import PRIORS, precision_at

FORMAT = 1
"""Version of the dict that `audit_outputs` returns."""
LEVEL = 0.01
LEVELS = (0.01, 0.001)
SHOWN = 20
"""Rows that are named as the most exposed."""
QUICK_FROM = 100_000
"""From this many examples on, fewer permutations are drawn, for time."""


class AuditSettings(Settings):
    """confidence    of all intervals
    permutations  of membership, by which the best of several attacks is judged; fewer for very many examples
    seed          of folds, permutations and whatever else is random
    """

    confidence: Annotated[Number, Field(gt=0.5, lt=1)] = 0.95
    permutations: Annotated[Whole, Field(ge=99, le=100_000)] = PERMUTATIONS
    seed: Annotated[Whole, Field(ge=0)] = 0


def audit_outputs(
    outputs: Outputs,
    settings: AuditSettings | None = None,
    *,
    features: Floats | None = None,
    values: Floats | None = None,
    reference: Mapping[str, Floats] | None = None,
    references: int = 0,
    group: NDArray[Any] | None = None,
    class_names: tuple[Any, ...] | None = None,
    keeps_rows: str | None = None,
    criteria: str | None = None,
) -> tuple[dict[str, Any], dict[str, Floats]]:
    """The audit of one model's outputs as a dict for strict JSON, and every attack's scores [N] by name.

    features    float64 [N, D] of the inputs, for quantile regression, blind baselines and duplicates; None: those are
                not tested, and the audit says so
    values      logits or log-posteriors [N, K], where they say more than the posteriors
    reference   scores of attacks with reference models by name; references: how many models there were
    group       [N], such as a hospital or an age group: the share at risk is told for each
    class_names by label; keeps_rows: see `ask.Asked`; criteria: the reader's own, echoed word for word

    With A attacks the best is judged by max-T permutation, and its intervals hold for all A at once (Bonferroni).
    """
    settings = settings or AuditSettings()
    members, labels = outputs.members, outputs.labels
    if values is None:
        from mia_core.gate.posteriors import log_posteriors

        values = outputs.logits if outputs.logits is not None else log_posteriors(outputs.posteriors)
    fold = folds_of(members, settings.seed)
    done = score_all(values, outputs.posteriors, labels, members, fold, features, reference, settings.seed)
    drawn = settings.permutations if len(members) < QUICK_FROM else min(settings.permutations, 199)
    tested = max_t(done.scores, members, fold, LEVEL, drawn, settings.seed)
    results = [
        _measured(name, done.scores[name], done.called[name], members, tested, settings, len(done.scores))
        for name in done.scores
    ]
    widest = max(results, key=lambda result: result["advantage"])
    sharpest = max(results, key=lambda result: (result["found"][0]["tpr"] or 0, result["auc"]))
    p = min(one.p for one in tested.values())
    leak = p <= 1 - settings.confidence
    blind = blind_baselines(features, members, settings.seed) if features is not None else []
    differ = min(blind, key=lambda one: one.p, default=None)
    same, near = duplicates(features, members) if features is not None else (0, 0)
    correct = outputs.correct
    report = {
        "format": FORMAT,
        "model": outputs.source,
        "fingerprint": _fingerprint(outputs),
        "members": int(members.sum()),
        "non_members": int((~members).sum()),
        "classes": outputs.classes,
        "train_accuracy": None if correct is None else float(correct[members].mean()),
        "test_accuracy": None if correct is None else float(correct[~members].mean()),
        "confidence": settings.confidence,
        "seed": settings.seed,
        "permutations": drawn,
        "reference_models": references,
        "leak": bool(leak),
        "p": float(p),
        "best_advantage": widest["attack"],
        "best_at_low_fpr": sharpest["attack"],
        "epsilon": _epsilon(done.scores[sharpest["attack"]], members, fold, settings, len(results)),
        "attacks": results,
        "left_out": done.left_out,
        "not_tested": _not_tested(references, features is not None, labels is not None),
        "precision": _precision(sharpest, members),
        "blind": [asdict(one) for one in blind],
        "void": _void(blind, same + near, members),
        "duplicates": {"same": same, "near": near},
        "cautions": cautions(members, outputs.posteriors, correct, keeps_rows, leak, differ),
        "at_risk": _at_risk(done.scores[sharpest["attack"]], members, labels, group, class_names, settings.confidence),
        "criteria": criteria,
        "notes": list(outputs.notes),
    }
    return report, done.scores


def _measured(
    name: str, scores: Floats, called: Flags, members: Flags, tested: Mapping[Any, Any], settings: AuditSettings,
    attacks: int,
) -> dict[str, Any]:  # fmt: skip
    """One attack's measures, each interval wide enough to hold for all attacks at once."""
    each = 1 - (1 - settings.confidence) / attacks
    inside, outside = int(members.sum()), int((~members).sum())
    true, false = int(called[members].sum()), int(called[~members].sum())
    auc, blocks = tested[name, "auc"], tie_blocks(scores, members)
    found = []
    for level in LEVELS:
        point = low_fpr(blocks, level)
        known = point.tpr is not None
        allowed = most_false_positives(outside, level) or 0
        found.append(
            {
                "level": level,
                "tpr": point.tpr,
                "low": clopper_pearson(point.true_positives, inside, each)[0] if known else None,
                "high": clopper_pearson(point.true_positives, inside, each)[1] if known else None,
                "true_positives": point.true_positives,
                "false_positives": point.false_positives,
                "fpr_at_most": clopper_pearson(allowed, outside, 0.9)[1] if known else None,
                "reason": point.reason,
            }
        )
    low, high = difference_interval(true, inside, false, outside, each)
    reach = float(ndtri((1 + each) / 2) * auc_error_of(blocks))
    at_low = tested.get((name, "tpr"))
    return {
        "attack": name,
        "auc": auc.value,
        "auc_low": max(auc.value - reach, 0.0),
        "auc_high": min(auc.value + reach, 1.0),
        "p_auc": auc.p,
        "tpr": true / inside,
        "fpr": false / outside,
        "advantage": true / inside - false / outside,
        "advantage_low": low,
        "advantage_high": high,
        "found": found,
        "p_found": None if at_low is None else at_low.p,
    }


def _epsilon(
    scores: Floats, members: Flags, fold: NDArray[np.int64], settings: AuditSettings, attacks: int
) -> dict[str, Any]:
    """The one lower bound on epsilon: at thresholds chosen on other examples, alpha divided among all attacks."""
    called = called_at(scores, members, fold, LEVEL)
    alpha = (1 - settings.confidence) / attacks
    bound = epsilon_at_threshold(called.astype(np.float64), members, 0.5, alpha)
    counts = {"true_positives": int(called[members].sum()), "false_positives": int(called[~members].sum())}
    why = None if bound > 0 else "the counts at 1% FPR are consistent with epsilon 0"
    return {"at_least": bound if bound > 0 else None, "why_none": why, "level": LEVEL, **counts}


def _precision(result: Mapping[str, Any], members: Flags) -> list[dict[str, Any]]:
    """Who is called a member at 1% FPR is one with this probability, for several shares of members among candidates."""
    point = result["found"][0]
    if point["tpr"] is None:
        return []
    inside, outside = int(members.sum()), int((~members).sum())
    fpr = point["false_positives"] / outside
    tpr_limits = clopper_pearson(point["true_positives"], inside, 0.975)
    fpr_limits = clopper_pearson(point["false_positives"], outside, 0.975)
    return [
        {
            "prior": prior,
            "precision": precision_at(prior, point["tpr"], fpr),
            "low": precision_at(prior, tpr_limits[0], fpr_limits[1]),
            "high": precision_at(prior, tpr_limits[1], fpr_limits[0]),
        }
        for prior in PRIORS
    ]


def _at_risk(
    scores: Floats, members: Flags, labels: Labels | None, group: NDArray[Any] | None, names: tuple[Any, ...] | None,
    confidence: float,
) -> dict[str, Any]:  # fmt: skip
    """Which members the sharpest attack finds at 1% FPR: by class, by group, and the rows that stand out most.

    Rows are counted from 0 among the members, in the order in which they were given.
    """
    point = low_fpr(tie_blocks(scores, members), LEVEL)
    found = np.zeros(len(scores), dtype=bool)
    if point.threshold is not None:
        found = members & (scores >= point.threshold)

    def shares(values: NDArray[Any]) -> list[dict[str, Any]]:
        rows = []
        for value in np.unique(values[members]):
            those = members & (values == value)
            count, total = int(found[those].sum()), int(those.sum())
            low, high = clopper_pearson(count, total, confidence)
            rows.append({"name": str(value), "found": count, "members": total, "low": low, "high": high})
        return sorted(rows, key=lambda row: -row["found"] / row["members"])

    inside = scores[members]
    first = np.argsort(-inside, kind="stable")[:SHOWN]
    named = labels if names is None or labels is None else np.array([str(name) for name in names])[labels]
    return {
        "by_class": [] if named is None else shares(named),
        "by_group": [] if group is None else shares(np.asarray(group).astype(str)),
        "most_exposed": [
            {"row": int(row), "score": float(inside[row]), "found": bool(found[members][row])} for row in first
        ],
    }


def _fingerprint(outputs: Outputs) -> str:
    """Identity of what was audited: the beginning of the SHA-256 of posteriors, membership and labels."""
    digest = hashlib.sha256()
    for array in (outputs.posteriors, outputs.members, outputs.labels):
        digest.update(b"" if array is None else np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _not_tested(references: int, inputs: bool, labels: bool) -> list[str]:
    found = []
    if not references:
        found.append("attacks with reference models (LiRA, log ratio), which usually find more")
    if not inputs:
        found.append("attacks and checks that read the inputs: quantile regression, blind baselines, duplicates")
    if not labels:
        found.append("attacks that read labels, such as gap and loss")
    return [
        *found,
        "repeated queries with changed inputs, which find more where training augmented its inputs",
        "whoever has the model itself, its weights or its gradients",
        "other models trained on the same data, and other attacks such as inversion or extraction",
    ]


def _void(blind: list[Blind], shared: int, members: Flags) -> str | None:
    """Why the audit says nothing about the model; None where nothing was found that makes it void."""
    telling = [one for one in blind if one.p <= ALPHA]
    if telling:
        best = max(telling, key=lambda one: one.auc)
        return (
            f"a {best.classifier} classifier that never saw the model tells members from non-members by their inputs "
            f"alone (AUC {best.auc:.3f}, p {best.p:.3g}): the two sides differ in more than membership"
        )
    if shared > 0.5 * members.sum():
        return f"{shared} of {int(members.sum())} members are, exactly or nearly, among the non-members too"
    return None
