"""From two files of outputs to one report: every measure of every attack, with intervals, reasons and warnings.

A report is a dict of plain Python values that strict JSON can hold: no NaN, no infinity; what is undefined is None
and has its reason under `reasons`.
"""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks import ATTACKS, EVERY, AttackSettings, make_attack
from mia_core.attacks.contract import Flags, Floats
from mia_core.audits.scores import far_below, judge, recorded, report_end, warn_of_low
from mia_core.base.errors import ArrayError, MiaError, MiaWarning, SettingsError
from mia_core.base.messages import one_line
from mia_core.base.progress import progress
from mia_core.gate.arrays import Outputs
from mia_core.gate.files import read_outputs
from mia_core.gate.npz import FORMAT, FORMAT_NAME
from mia_core.gate.suspicions import warn_if_same
from mia_core.measures.metrics import low_fpr
from mia_core.measures.ranking import tie_blocks

FOUND_AT = 0.01
"""FPR at which the file of scores says who is found."""


@dataclass(frozen=True, eq=False)
class Attacked:
    """report: what `attack_outputs` returns; scores: float64 [N] by attack, in the order of the attacked rows;
    members: bool [N] of the same rows; judged: bool [N], which of them the measures look at; None: not recorded."""

    report: dict[str, Any]
    scores: dict[str, Floats]
    members: Flags
    judged: Flags | None = None


def attack_outputs(
    shadow: str | os.PathLike[str],
    target: str | os.PathLike[str],
    settings: AttackSettings | None = None,
    scores: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Attacks one model's saved outputs with the help of another's; what `mia attack` prints.

    shadow, target: .npz files (see `mia_core.gate.files.read_outputs`). scores: a .csv or .npz file to write the
    attacked examples' scores into, in the order of the input.

    Raises `MiaError` in one line for anything that cannot be attacked, and then writes nothing. Warnings
    (`MiaWarning`) are also listed in the report.
    """
    if scores is not None:
        check_scores_path(scores, shadow, target)
    with recorded() as messages:
        attacked = attack(read_outputs(shadow), read_outputs(target), settings or AttackSettings())
    attacked.report["warnings"] = messages
    if scores is not None:
        write_scores(scores, attacked)
    return attacked.report


def attack(shadow: Outputs, target: Outputs, settings: AttackSettings | None = None) -> Attacked:
    """Fits every attack of `settings` on one side and scores the other (see `AttackSettings.direction`).

    An attack that fails, be it for want of memory, is reported under `not_done` with a warning, and the others stand.
    Raises `ArrayError` where all fail.
    """
    settings = settings or AttackSettings()
    with recorded() as messages:
        warn_if_same(shadow, target)
        forward = settings.direction == "shadow_to_target"
        fitted, attacked = (shadow, target) if forward else (target, shadow)
        notes = [f"{side.source}: {note}" for side in (shadow, target) for note in side.notes]
        notes += _check_classes(fitted, attacked, settings)
        names, left_out = _possible(fitted, attacked, settings)
        notes += left_out
        if _hard(attacked) and attacked.labels is not None and "gap" not in names:
            names.append("gap")
            notes.append(f"{attacked.source}: hard labels only, so the gap attack, which reads correctness, was added")
        if _hard(fitted) != _hard(attacked):
            _warn(
                f"only one of {fitted.source} and {attacked.source} holds hard labels, so what is learnt from one "
                "says little about the other"
            )
        scores, results, failed = {}, [], {}
        bar = progress(names, "attacks", unit="attack")
        for name in bar:
            bar.set_description(name)
            try:
                scores[name], result = _run(name, fitted, attacked, settings)
            except MiaError:
                raise
            except Exception as error:  # whatever an attack meets with; those that were done are not lost
                failed[name] = _why(error)
            else:
                results.append(result)
        if failed:
            told = "; ".join(f"{name}: {why}" for name, why in failed.items())
            if not results:
                raise ArrayError(f"{attacked.source}: no attack could be done: {told}")
            _warn(f"{attacked.source}: could not be done, and the other attacks stand: {told}")
        low = {result["attack"]: result["auc"] for result in results if far_below(result, attacked.members)}
        warn_of_low(attacked.source, low, "is membership coded 1 = member in both files?")
    report = {
        "shadow": _side(shadow),
        "target": _side(target),
        "direction": settings.direction,
        "fitted_on": "shadow" if forward else "target",
        "attacked": "target" if forward else "shadow",
        "reference_models": 1,
        "queries_per_example": 1,
    } | ({"not_done": failed} if failed else {})
    return Attacked(report | report_end(settings, results, notes, messages), scores, attacked.members)


def write_scores(path: str | os.PathLike[str], attacked: Attacked) -> None:
    """One line for each example in the order of the input: row, member (1 or 0), and the score of each attack.

    Two more columns follow from the first attack: rank, from 1 for the highest score, equal scores sharing one; and
    found, 1 for members whose score lies above all but 1% of the non-members'.

    .csv holds them as text that reads back to the same number; .npz holds `members` and one array for each attack, the
    first also as `scores`, which `mia measure` reads. Where `judged` is known, it is the last column or an array (1 or
    0), and `mia measure` judges no other. Written whole or not at all; `RunError` where it cannot be.
    """
    from mia_core.base.files import write_atomically

    marks = exposure(next(iter(attacked.scores.values())), attacked.members, attacked.judged)
    if attacked.judged is not None:
        marks |= {"judged": attacked.judged.astype(np.int64)}

    def as_csv(file: BinaryIO) -> None:
        file.write((",".join(["row", "member", *attacked.scores, *marks]) + "\n").encode())
        columns = [values.tolist() for values in (*attacked.scores.values(), *marks.values())]
        for row, (member, *values) in enumerate(zip(attacked.members.tolist(), *columns, strict=True)):
            file.write((",".join([str(row), str(int(member)), *map(repr, values)]) + "\n").encode())

    def as_npz(file: BinaryIO) -> None:
        first = next(iter(attacked.scores.values()))
        marks[FORMAT_NAME] = np.array(FORMAT)
        np.savez_compressed(file, scores=first, members=attacked.members.astype(np.int64), **attacked.scores, **marks)

    path = os.path.expanduser(path)
    write_atomically(path, as_csv if Path(path).suffix == ".csv" else as_npz)


def exposure(scores: Floats, members: Flags, judged: Flags | None = None) -> dict[str, NDArray[np.int64]]:
    """`rank` and `found` [N] as `write_scores` writes them; found is all 0 where there are too few non-members."""
    from scipy.stats import rankdata

    counted = np.ones(len(scores), dtype=bool) if judged is None else judged
    threshold = low_fpr(tie_blocks(scores[counted], members[counted]), FOUND_AT).threshold
    found = members & (scores >= (np.inf if threshold is None else threshold))
    return {"rank": rankdata(-scores, "min").astype(np.int64), "found": found.astype(np.int64)}


def _run(name: str, fitted: Outputs, attacked: Outputs, settings: AttackSettings) -> tuple[Floats, dict[str, Any]]:
    record = ATTACKS[name]
    for side, needed in ((fitted, record.fit_needs_labels), (attacked, record.needs_labels)):
        if needed and side.labels is None:
            raise ArrayError(f"{side.source}: labels: missing; expected true classes [N] for the attack {name}")
    instance = make_attack(name, settings).fit(fitted.posteriors, fitted.members, fitted.labels)
    try:
        scores = instance.score(attacked.posteriors, attacked.labels)
    except ArrayError as error:  # what does not fit the shadow, named with its file
        raise ArrayError(f"{attacked.source}: {error}") from None
    read = {"features": settings.features, "k": min(settings.k, attacked.classes), "classifier": settings.classifier}
    result = {
        "attack": name,
        **{setting: value if setting in record.reads else None for setting, value in read.items()},
        "threshold_from": instance.threshold_from,
        **judge(scores, attacked.members, instance.threshold, settings),
    }
    unread = {setting: f"{name} does not read this setting" for setting in read if setting not in record.reads}
    result["reasons"].update(unread)
    if result["remark"] and _hard(attacked):
        result["remark"] += ": the posteriors are hard labels (one-hot)"
    return scores, result


def _why(error: Exception) -> str:
    """Why an attack could not be done, in a few words."""
    if isinstance(error, MemoryError):
        return "not enough memory for arrays of this size"
    return one_line(f"{type(error).__name__}: {error}", 150)


def _possible(fitted: Outputs, attacked: Outputs, settings: AttackSettings) -> tuple[list[str], list[str]]:
    """The attacks to run, and a note where all were asked for and some cannot do without labels."""
    names = list(settings.attacks)
    if not set(EVERY) <= set(names):
        return names, []
    lacking = [
        name
        for name in names
        if (ATTACKS[name].needs_labels and attacked.labels is None)
        or (ATTACKS[name].fit_needs_labels and fitted.labels is None)
    ]
    notes = [f"left out for want of labels: {', '.join(lacking)}"] if lacking else []
    return [name for name in names if name not in lacking], notes


def _side(outputs: Outputs) -> dict[str, Any]:
    members, correct = outputs.members, outputs.correct
    return {
        "file": outputs.source,
        "examples": len(members),
        "members": int(members.sum()),
        "non_members": int((~members).sum()),
        "classes": outputs.classes,
        "train_accuracy": None if correct is None else float(correct[members].mean()),
        "test_accuracy": None if correct is None else float(correct[~members].mean()),
        "reasons": {} if correct is not None else dict.fromkeys(("train_accuracy", "test_accuracy"), "no labels given"),
    }


def _check_classes(fitted: Outputs, attacked: Outputs, settings: AttackSettings) -> list[str]:
    """Adversary 1 needs the same number of features on both sides; classes beyond the k largest do not matter."""
    if "adversary1" not in settings.attacks:
        return []
    fewest = min(fitted.classes, attacked.classes)
    numbers = f"{fitted.source} has {fitted.classes} classes, {attacked.source} has {attacked.classes}"
    if fitted.classes == attacked.classes:
        return [f"k = {settings.k} capped at the {fewest} classes"] if settings.k > fewest else []
    if settings.k > fewest:
        raise SettingsError(f"k: {numbers}; expected k of at most {fewest} where they differ, found {settings.k}")
    return [f"{numbers}; the attack compares the {settings.k} largest posteriors of each"]


def check_scores_path(scores: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> None:
    """Raises `SettingsError` for a name that scores cannot be written to, or that is one of the inputs."""
    path = Path(os.path.expanduser(scores))
    if path.suffix not in (".csv", ".npz"):
        raise SettingsError(f"scores: expected a file name that ends in .csv or .npz, found {os.fspath(scores)}")
    others = [Path(os.path.expanduser(other)) for other in inputs]
    if any(path.exists() and other.exists() and path.samefile(other) for other in others):
        raise SettingsError(f"scores: {os.fspath(scores)} is one of the inputs; expected another file")


def _hard(outputs: Outputs) -> bool:
    # The largest value of a row that sums to 1 is 1 in a bare class and in hardly anything else.
    rows = outputs.posteriors[outputs.posteriors.max(axis=1) == 1]
    return len(rows) == len(outputs.posteriors) and bool(((rows == 0) | (rows == 1)).all())


def _warn(message: str) -> None:
    warnings.warn(message, MiaWarning, stacklevel=3)
