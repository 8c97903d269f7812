"""The table of a study with reference models, and what its attacks score and judge.

Two kinds of examples: "pool", without the canaries, is the average case; "canaries" are the worst case.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import MiaWarning, SettingsError
from mia_core.defenses import Combination
from mia_core.measures.intervals import clopper_pearson
from mia_core.measures.metrics import from_blocks, low_fpr
from mia_core.measures.ranking import best_balanced_threshold, tie_blocks
from mia_core.references import REFERENCE_ATTACKS, unusable
from mia_core.references.answers import Answers, View, seen_as_logits
from mia_core.studies.columns import REFERENCE_LEVELS, level_columns
from mia_core.studies.reference_study import ReferenceStudy

if TYPE_CHECKING:
    import pandas as pd

EVERY = "all"
"""What stands for a target in rows that put the scores of all targets together."""


@dataclass(frozen=True, eq=False)
class Scores:
    """One attack on every target: scores and the answers, [T, P], and a threshold for each kind of examples, [T].

    thresholds  kind -> one per target, chosen on a stand-in; None where there are too few models for that. Where the
                attack comes with one (`mia_core.references.record.ReferenceRecord`), that one
    """

    scores: NDArray[np.float64]
    members: NDArray[np.bool_]
    thresholds: dict[str, list[float | None]]


def table(study: ReferenceStudy, references: int | None = None) -> "pd.DataFrame":
    """The tidy table, with the columns of `mia_core.studies.columns.REFERENCE_COLUMNS`: one row per combination,
    recorded epoch, attack, kind of examples and target, and one more for all targets together.

    references  how many reference models the attacks use, the first ones; by default all there are. In pairs an even
                number, so that each example has as many that trained on it as did not
    Attacks that models or population do not suffice for are left out with a `MiaWarning` where all were asked for.
    Raises `SettingsError` for a number of references that there is not, and for such an attack asked for by name, and
    `RunError` before training.
    """
    import pandas as pd

    check_references(study, references)
    left_out = check_attacks(study, references)
    for name, why in left_out.items():
        warnings.warn(f"attacks: {name} left out: {why}", MiaWarning, stacklevel=2)
    return pd.DataFrame(
        row
        for defenses in study.combinations
        for epoch in study.epochs(defenses)
        for row in _rows(study, defenses, epoch, references, [n for n in study.settings.attacks if n not in left_out])
    )


def answers(study: ReferenceStudy, defenses: Combination, epoch: int | None = None) -> Answers:
    """What all models of a combination answer on pool and population, behind its output-stage defenses."""
    columns = np.concatenate([study.pool, study.population])
    logits = np.stack([study.queried(model, defenses, epoch)[:, columns] for model in range(study.settings.models)])
    members = study.split.members[:, columns]
    return Answers(seen_as_logits(defenses, logits), study.dataset.labels[columns], members, len(study.pool))


def views(study: ReferenceStudy, found: Answers, references: int | None = None) -> list[View]:
    """Every model as the target once."""
    models = tuple(range(study.settings.models))
    return [View(found, models, target, study.partner(target), references) for target in models]


def attacked(study: ReferenceStudy, name: str, found: Answers, references: int | None = None) -> Scores:
    """Scores of one attack by name on every target, and thresholds that were chosen without the target's answers."""
    attack, kinds = REFERENCE_ATTACKS[name].attack, kinds_of(study)
    scores, members = [], []
    thresholds: dict[str, list[float | None]] = {kind: [] for kind in kinds}
    fixed = REFERENCE_ATTACKS[name].threshold
    for view in views(study, found, references):
        scores.append(attack(view))
        members.append(view.membership())
        if fixed is not None:
            for chosen_by_kind in thresholds.values():
                chosen_by_kind.append(fixed)
            continue
        stand_in = view.stand_in()
        tried = None if stand_in is None else attack(stand_in)
        for kind, chosen in kinds.items():
            inside = None if stand_in is None else stand_in.membership()[chosen]
            known = inside is not None and inside.any() and not inside.all()
            thresholds[kind].append(best_balanced_threshold(tie_blocks(tried[chosen], inside)) if known else None)
    return Scores(np.stack(scores), np.stack(members), thresholds)


def kinds_of(study: ReferenceStudy) -> dict[str, NDArray[np.bool_]]:
    """Kind of examples -> bool [P], which of the pool; canaries only where there are some."""
    canaries = study.canaries[study.pool]
    return {"pool": ~canaries} | ({"canaries": canaries} if canaries.any() else {})


def judge_scores(
    scores: NDArray[np.float64],
    members: NDArray[np.bool_],
    threshold: float | None,
    confidence: float = 0.95,
    levels: Sequence[float] = REFERENCE_LEVELS,
) -> dict[str, Any]:
    """The measures of a row, for `scores` [n] and `members` bool [n]; None where something cannot be measured.

    Intervals of TPRs are Clopper and Pearson's, for the threshold as it is. Examples of one training count as
    independent there, which they are not quite.
    """
    counts = {"members": int(members.sum()), "non_members": int((~members).sum())}
    shares = ["auc", "balanced_accuracy", "recall_members", "recall_non_members"]
    names = [c for level in levels for c in level_columns(level)]
    values: dict[str, Any] = dict.fromkeys([*shares, *names])
    if not counts["members"] or not counts["non_members"]:
        return values | counts | {"distinct_scores": len(np.unique(scores)), "note": "members and non-members needed"}
    blocks = tie_blocks(scores, members)
    measured = from_blocks(blocks, blocks.cut(np.inf if threshold is None else threshold), ())
    values |= {name: float(measured[name]) for name in (shares if threshold is not None else shares[:1])}
    for level in levels:
        found = low_fpr(blocks, level)
        if found.tpr is None or found.true_positives is None:
            continue
        interval = clopper_pearson(found.true_positives, counts["members"], confidence)
        values |= dict(zip(level_columns(level), (found.tpr, *interval, found.fpr, found.false_positives), strict=True))
    note = "sees nothing: all scores are equal" if len(blocks.thresholds) == 1 else ""
    return values | counts | {"distinct_scores": len(blocks.thresholds), "note": note}


def check_references(study: ReferenceStudy, references: int | None) -> None:
    """Raises `SettingsError` unless there are this many reference models, in pairs whole pairs of them."""
    paired, most = study.paired, study.references()
    if references is None or (2 <= references <= most and not (paired and references % 2)):
        return
    even = "an even number from 2" if paired else "2"
    raise SettingsError(f"references: expected {even} to {most}, found {references}")


def check_attacks(study: ReferenceStudy, references: int | None = None) -> dict[str, str]:
    """Those of all attacks that the study's models or population do not suffice for, and why: name -> reason.

    Raises `SettingsError` where not all attacks were asked for, but such a one by its name.
    """
    found = unusable(study.references(references), study.paired, len(study.population))
    for name, why in found.items():
        if name in study.settings.attacks and set(study.settings.attacks) != set(REFERENCE_ATTACKS):
            raise SettingsError(f"attacks: {name} {why}")
    return {name: why for name, why in found.items() if name in study.settings.attacks}


def _rows(
    study: ReferenceStudy, defenses: Combination, epoch: int, references: int | None, attacks: Sequence[str]
) -> Iterator[dict[str, Any]]:
    found, accuracies = answers(study, defenses, epoch), _accuracies(study, defenses, epoch)
    settings = study.settings
    said = {"design": settings.design, "references": study.references(references), "queries": len(settings.queries)}
    for name in attacks:
        made = attacked(study, name, found, references)
        for kind, chosen in kinds_of(study).items():
            scores, members = made.scores[:, chosen], made.members[:, chosen]
            judged = [*zip(scores, members, made.thresholds[kind], accuracies, strict=True)]
            judged.append((scores.ravel(), members.ravel(), None, accuracies.mean(axis=0)))
            for target, (of_scores, inside, threshold, models) in enumerate(judged):
                measured = dict(zip(("target_train_accuracy", "target_accuracy"), models.tolist(), strict=True))
                measured |= judge_scores(of_scores, inside, threshold, settings.confidence)
                said |= {"examples": kind, "target": str(target) if target < len(scores) else EVERY}
                yield study.row(defenses, settings.seed, name, epoch, measured, **said)


def _accuracies(study: ReferenceStudy, defenses: Combination, epoch: int) -> NDArray[np.float64]:
    """Train and test accuracy of every model, float64 [M, 2], canaries left out of both."""
    found = []
    for model in range(study.settings.models):
        run = study.run(model, defenses, epoch)
        judged = run.counted & ~study.canaries
        correct = seen_as_logits(defenses, run.logits[judged]).argmax(axis=1) == run.labels[judged]
        members = run.members[judged]
        found.append([correct[members].mean(), correct[~members].mean()])
    return np.array(found)
