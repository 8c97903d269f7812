"""From scores to a report: every measure with its interval, its reason where undefined, and the bounds on epsilon.

A report is a dict of plain Python values that strict JSON can hold: no NaN, no infinity; what is undefined is None
and has its reason under `reasons`.
"""

import math
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from mia_core.attacks import AttackSettings
from mia_core.attacks.contract import Flags, Floats
from mia_core.base.errors import MiaWarning
from mia_core.base.messages import one_line
from mia_core.gate.arrays import Gate, check_scores
from mia_core.gate.npz import open_archive, read_score_sets
from mia_core.measures.epsilon import every_bound
from mia_core.measures.examples import over_examples
from mia_core.measures.intervals import clopper_pearson
from mia_core.measures.metrics import from_blocks, level_column, low_fpr
from mia_core.measures.ranking import Blocks, tie_blocks
from mia_core.measures.risk import PRIORS, low_fnr, precision_at

LEVELS = (0.0, 0.001, 0.01, 0.1)
"""FPR levels of a report."""
FNR_LEVELS = (0.001, 0.01)
FAR_BELOW = 0.45
"""An AUC below this, and further below 0.5 than chance gives, is pointed out: membership may be coded the other way."""
GUESSES = 4
"""The bounds on epsilon from one run guess about one in this many examples, fixed before any score is seen."""
NAMED = 5
"""Most attacks that one warning names."""
SAME = "every example has the same score, so nothing tells members from non-members"


def measure_file(path: str | os.PathLike[str], settings: AttackSettings | None = None) -> dict[str, Any]:
    """Judges scores that any attack has saved (`scores` and `members` [N] in one .npz); what `mia measure` prints.

    scores [N], or [S, N]: S sets of scores of the same examples, such as one a repetition, each judged by itself.
    No threshold is known, so accuracies and recalls are None with their reason. Where the file has `judged` [N], as
    those of `mia attack-models` have, only the examples that it marks are judged.
    """
    settings = settings or AttackSettings()
    with recorded() as messages:
        sets, members, left_out = _judged_sets(path)
        results = [judge(scores, members, None, settings) for scores in sets]
        source = one_line(os.fspath(path))
        low = [row for row, result in enumerate(results) if far_below(result, members)]
        named = {f"set {row}" if len(sets) > 1 else "": results[row]["auc"] for row in low}
        warn_of_low(source, named, "do higher scores mean members, and is membership coded 1 = member?")
    counts = {"examples": len(members), "members": int(members.sum()), "non_members": int((~members).sum())}
    names = ["scores from the file" + (f", set {row}" if len(sets) > 1 else "") for row in range(len(sets))]
    notes = [f"{source}: {not_judged(left_out, len(members) + left_out)}: judged is 0 there"] if left_out else []
    about = {"scores": {"file": source, "sets": len(sets), **counts, "examples_not_judged": left_out}}
    attacks = [{"attack": name, **result} for name, result in zip(names, results, strict=True)]
    return about | report_end(settings, attacks, notes, messages)


def report_end(
    settings: AttackSettings, attacks: list[dict[str, Any]], notes: list[str], messages: list[str]
) -> dict[str, Any]:
    """What every report ends with."""
    return {
        "confidence": settings.confidence,
        "bootstrap_replicates": settings.replicates,
        "seed": settings.attack_seed,
        "attacks": attacks,
        "notes": notes,
        "warnings": messages,
    }


def judge(scores: Floats, members: Flags, threshold: float | None, settings: AttackSettings) -> dict[str, Any]:
    """Every measure of checked scores with its interval, and every TPR with what is behind it.

    threshold: the attack's own, or None where it is not known.
    """
    at = float(scores.max()) if threshold is None else threshold
    blocks = tie_blocks(scores, members)
    measured = from_blocks(blocks, blocks.cut(at), LEVELS)
    values: dict[str, Any] = {name: None if value is None else float(value) for name, value in measured.items()}
    intervals: dict[str, Any] = dict.fromkeys(values)
    reasons = {}
    if settings.replicates:
        intervals = over_examples(blocks, at, LEVELS, settings.replicates, settings.confidence, settings.attack_seed)
    else:
        reasons["intervals"] = "the number of bootstrap replicates is 0"
    if threshold is None:
        for name in ("attack_accuracy", "balanced_accuracy", "recall_members", "recall_non_members"):
            values[name] = intervals[name] = None
            reasons[name] = "no threshold is known for saved scores"
        reasons["threshold"] = "no threshold is known for saved scores"
    points = []
    for level in LEVELS:
        point = low_fpr(blocks, level)
        column = level_column(level)
        if point.reason:
            reasons[column] = point.reason
        total = int(members.sum())
        exact = None if point.reason else list(clopper_pearson(point.true_positives, total, settings.confidence))
        points.append(
            {
                "level": level,
                "tpr": point.tpr,
                "tpr_interval": _pair(intervals[column]),
                "tpr_clopper_pearson": exact,
                "realised_fpr": point.fpr,
                "true_positives": point.true_positives,
                "false_positives": point.false_positives,
                "threshold": point.threshold,
                "reason": point.reason or (None if point.threshold is not None else "no score stays within the level"),
            }
        )
    bounds = _bounds(blocks, threshold, settings.confidence)
    result: dict[str, Any] = {"threshold": threshold}
    for name, value in values.items():
        result[name] = value
        result[f"{name}_interval"] = _pair(intervals[name])
    result |= _advantage(result, reasons)
    result["precision"] = _precisions(result)
    result["tnr_at_fnr"] = [asdict(low_fnr(blocks, level)) for level in FNR_LEVELS]
    remark = SAME if len(blocks.thresholds) == 1 else None
    return {**result, "tpr_at_fpr": points, "epsilon": bounds, "reasons": reasons, "remark": remark}


def _bounds(blocks: Blocks, threshold: float | None, confidence: float) -> list[dict[str, Any]]:
    """Every lower bound on epsilon; None with its reason where the confidence bounds nothing.

    A bound above 0 from one model attacked once is evidence about its training only under what it assumes.
    """
    alpha = round(1 - confidence, 12)
    reason = "a confidence of at most 0.5 bounds nothing" if alpha >= 0.5 else None
    guesses = int(blocks.members.sum() + blocks.non_members.sum()) // GUESSES
    found = every_bound(blocks, threshold, guesses, 0.05 if reason else alpha)
    return [
        {
            "bound": row["bound"],
            "epsilon": None if reason else row["epsilon"],
            "alpha": alpha,
            "delta": row["delta"],
            "assumes": row["assumes"],
            "reason": reason,
        }
        for row in found
    ]


def _advantage(result: Mapping[str, Any], reasons: dict[str, str]) -> dict[str, Any]:
    """The membership advantage at the threshold, TPR - FPR (Yeom et al. 2018), with its interval."""
    balanced, interval = result["balanced_accuracy"], result["balanced_accuracy_interval"]
    if balanced is None:
        reasons["advantage"] = reasons["balanced_accuracy"]
        return {"advantage": None, "advantage_interval": None}
    return {
        "advantage": 2 * balanced - 1,
        "advantage_interval": None if interval is None else [2 * bound - 1 for bound in interval],
    }


def _precisions(result: Mapping[str, Any]) -> list[dict[str, float | None]]:
    """The precision at the threshold, if it is known, for several shares of members among the candidates."""
    if result["recall_members"] is None:
        return []
    fpr = 1 - result["recall_non_members"]
    return [{"prior": prior, "precision": precision_at(prior, result["recall_members"], fpr)} for prior in PRIORS]


def far_below(result: dict[str, Any], members: Flags) -> bool:
    """Whether a result's AUC is far below 0.5, by more than chance gives among this many `members` and non-members."""
    inside, outside = int(members.sum()), int((~members).sum())
    # Of the AUC of scores that know nothing (Mann and Whitney 1947); ties make it smaller.
    error = math.sqrt((inside + outside + 1) / (12 * inside * outside))
    interval = result["auc_interval"]
    return result["auc"] < min(FAR_BELOW, 0.5 - 3 * error) and (interval is None or interval[1] < 0.5)


def warn_of_low(source: str, areas: Mapping[str, float], question: str) -> None:
    """One warning for all AUCs far below 0.5, by the name of the attack, with what to ask oneself."""
    if areas:
        shown = [f"{name} {area:.4f}".strip() for name, area in list(areas.items())[:NAMED]]
        more = f" and {len(areas) - NAMED} more" if len(areas) > NAMED else ""
        message = f"{source}: AUC far below 0.5 ({', '.join(shown)}{more}): {question}"
        warnings.warn(message, MiaWarning, stacklevel=3)


def not_judged(count: int, examples: int) -> str:
    """How many of the examples are left out of every measure, in words."""
    return f"{count} of {examples} examples not judged"


def _judged_sets(path: str | os.PathLike[str]) -> tuple[list[Floats], Flags, int]:
    """Sets of scores and membership of the examples to be judged, and how many are not."""
    sets, members = read_score_sets(path)
    with open_archive(path) as archive:
        if "judged" not in archive.entries():
            return sets, members, 0
        marks = archive.read({"judged": "judged"})["judged"]
        gate = Gate(archive.source)
    marks = gate.finite("judged", gate.numeric("judged", marks))
    if marks.shape != members.shape or ((marks != 0) & (marks != 1)).any():
        raise gate.refuse("judged", f"shape {marks.shape}", f"1 = judged or 0 for each of the {len(members)} examples")
    judged = marks == 1
    if not judged.any():
        raise gate.refuse("judged", "no example to be judged", "members and non-members among them")
    checked = [check_scores(scores[judged], members[judged], gate.source) for scores in sets]
    return [scores for scores, _ in checked], checked[0][1], int((~judged).sum())


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Collects the messages of `MiaWarning` for a report, and passes every warning on afterwards.

    After an error nothing is passed on: a refusal is one line.
    """
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MiaWarning)
        yield messages
    told = {str(item.message): item for item in caught}  # once, however many attacks came upon it
    messages += [message for message, item in told.items() if issubclass(item.category, MiaWarning)]
    for item in told.values():
        warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)


def _pair(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
