"""Attacks with reference models on a file of several models' outputs, as a report; what `mia attack-models` prints."""

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from mia_core.attacks import AttackSettings
from mia_core.attacks.contract import Floats
from mia_core.audits.models_file import Models, read_models
from mia_core.audits.one_shadow import Attacked, check_scores_path, write_scores
from mia_core.audits.scores import far_below, judge, not_judged, recorded, report_end, warn_of_low
from mia_core.base.errors import ArrayError, MiaWarning, SettingsError
from mia_core.base.messages import nearest, one_line
from mia_core.base.settings import Settings
from mia_core.measures.ranking import best_balanced_threshold, tie_blocks
from mia_core.references import REFERENCE_ATTACKS
from mia_core.references.answers import View

Attack = Callable[[View], Floats]


def attack_models(
    path: str | os.PathLike[str],
    attacks: list[str],
    targets: str | int = 0,
    references: int | None = None,
    chosen: dict[str, Any] | None = None,
    settings: AttackSettings | None = None,
    scores: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Attacks one model of a file, or each in turn, with the help of the others.

    attacks     names from `mia_core.references.REFERENCE_ATTACKS`
    targets     row of the attacked model, from 0, or "all"
    references  how many of the other models are used, the first ones; None: all
    chosen      settings of the attack, where there is one that has some (see `ReferenceRecord.settings`)
    scores      a .csv or .npz file for the target's scores, in the order of the examples

    In complementary pairs the target's partner is left out. Every example is scored; judged are those that some
    reference trained on, or all where none trained on any (see `View.held`). A note says how many are not, and the
    file of scores has them marked (`judged`), so that `mia measure` judges the same.
    Raises `MiaError` in one line; then nothing is written.
    """
    settings = settings or AttackSettings()
    if scores is not None:
        check_scores_path(scores, path)
    functions = {name: _attack(name, chosen or {}, len(attacks)) for name in attacks}
    with recorded() as messages:
        models = read_models(path)
        rows = _targets(models, targets)
        if scores is not None and len(rows) > 1:
            raise SettingsError("scores: expected a single target for a file of scores, found all of them")
        notes = [_design_note(models)]
        made: dict[str, Floats] = {}
        results, low = [], {}
        for row in rows:
            view = _view(models, models.rows.index(row), references)
            for name, (attack, used) in functions.items():
                made[name], result = _run(name, attack, models, view, settings)
                results.append({**result, "settings": used and used.model_dump(mode="json")})
                if far_below(result, view.membership()[view.held()]):
                    low[f"{name} on model {row}"] = result["auc"]
        notes += _left_out(models, results)
        warn_of_low(models.source, low, "is membership coded 1 = member?")
    about = {"file": models.source, "models": len(models.members), "examples": models.members.shape[1]}
    report = {"models": about} | report_end(settings, results, notes, messages)
    if scores is not None:
        write_scores(scores, Attacked(report, made, view.membership(), view.held()))
    return report


def _attack(name: str, chosen: dict[str, Any], asked: int) -> tuple[Attack, Settings | None]:
    """An attack as a function of a view, and all its settings, defaults included: which formula is used."""
    if name not in REFERENCE_ATTACKS:
        raise SettingsError(f"attack: unknown {one_line(repr(name), 60)}; {nearest(name, list(REFERENCE_ATTACKS))}")
    record = REFERENCE_ATTACKS[name]
    if chosen and (asked > 1 or record.settings is None):
        known = ", ".join(other.name for other in REFERENCE_ATTACKS.values() if other.settings)
        raise SettingsError(f"param: expected a single attack that has settings ({known}), found {name}")
    if record.settings is None:
        return record.attack, None
    made = record.settings(**chosen)
    return lambda view: record.attack(view, made), made


def _targets(models: Models, targets: str | int) -> list[int]:
    count = len(models.members)
    if targets == "all":
        rows = list(range(count))
    elif str(targets).isdecimal() and int(targets) < count:
        rows = [int(targets)]
    else:
        raise SettingsError(f"target: expected all or a row from 0 to {count - 1}, found {one_line(repr(targets), 60)}")
    for row in rows:
        inside = int(models.members[models.rows.index(row)].sum())
        if inside in (0, models.members.shape[1]):
            outside = models.members.shape[1] - inside
            raise ArrayError(
                f"{models.source}: members: model {row} has {inside} members, {outside} non-members; "
                "expected both sides for a target"
            )
    return rows


def _view(models: Models, target: int, references: int | None) -> View:
    if models.pairs and references is not None and references % 2:
        raise SettingsError(f"references: expected an even number, as models come in pairs, found {references}")
    rows = range(len(models.rows))
    if models.pairs:
        return View(models.answers, tuple(rows), target, target ^ 1, references)
    # Who knows a model's complement knows its members: among references that are no pairs it gives the answer away.
    left_out = models.complements(target)
    return View(models.answers, tuple(row for row in rows if row not in left_out), target, None, references)


def _run(
    name: str, attack: Attack, models: Models, view: View, settings: AttackSettings
) -> tuple[Floats, dict[str, Any]]:
    record, target = REFERENCE_ATTACKS[name], models.rows[view.target]
    if "population" in record.needs and view.population("logit") is None:
        raise ArrayError(f"{models.source}: population: {name} needs examples that no model trained on, found none")
    if "classes" in record.needs and models.correct is None:
        raise ArrayError(f"{models.source}: statistic: {name} needs logits or posteriors with labels")
    judged = view.held()
    members = view.membership()[judged]
    if members.all() or not members.any():
        raise ArrayError(
            f"{models.source}: members: of the {len(members)} examples that references of model {target} trained "
            f"on it has {int(members.sum())} members; expected both sides, else the references give the answer away"
        )
    try:
        scores = _finite(attack, view)
    except ArrayError as error:
        raise ArrayError(f"{models.source}: {error}") from None
    except OverflowError:
        found = f"numbers too large for {name} on model {target}, whose scores are not finite"
        raise ArrayError(f"{models.source}: {models.array}: found {found}; expected smaller ones") from None
    threshold, origin = (
        (record.threshold, "fixed") if record.threshold is not None else _threshold(attack, view, models)
    )
    result = {
        "attack": name,
        "target": target,
        "partner_left_out": next((models.rows[row] for row in models.complements(view.target)), None),
        "references": view.references,
        "queries_per_example": 1,
        **_accuracies(models, view.target),
        "threshold_from": origin,
        "examples_not_judged": int((~judged).sum()),
        **judge(scores[judged], members, threshold, settings),
    }
    if models.correct is None:
        result["reasons"].update(dict.fromkeys(("train_accuracy", "test_accuracy"), "the file holds no outputs"))
    if threshold is None:
        result["reasons"]["threshold"] = "no other model can stand in for the target"
    return scores, result


def _finite(attack: Attack, view: View) -> Floats:
    """The attack's scores. Raises `OverflowError` where they are not finite, as sums of large numbers do."""
    scores = attack(view)
    if not np.isfinite(scores).all():
        raise OverflowError
    return scores


def _threshold(attack: Attack, view: View, models: Models) -> tuple[float | None, str | None]:
    """The threshold that is best where another model stands in for the target, and that model; None without one."""
    stand_in = view.stand_in()
    if stand_in is None:
        return None, None
    judged = stand_in.held()
    inside = stand_in.membership()[judged]
    if inside.all() or not inside.any():
        return None, None
    try:
        tried = _finite(attack, stand_in)[judged]
    except (ArrayError, OverflowError):  # its own references do not suffice for this attack
        return None, None
    return best_balanced_threshold(tie_blocks(tried, inside)), f"model {models.rows[stand_in.target]}"


def _accuracies(models: Models, target: int) -> dict[str, float | None]:
    if models.correct is None:
        return {"train_accuracy": None, "test_accuracy": None}
    inside, correct = models.members[target], models.correct[target]
    return {"train_accuracy": float(correct[inside].mean()), "test_accuracy": float(correct[~inside].mean())}


def _left_out(models: Models, results: list[dict[str, Any]]) -> list[str]:
    """How many examples no measure looks at, as a note; no note where all are judged for every target."""
    counts = [result["examples_not_judged"] for result in results]
    if not any(counts):
        return []
    some = "" if min(counts) == max(counts) else f"{min(counts)} to "
    said = not_judged(max(counts), models.members.shape[1])
    return [f"{models.source}: {some}{said}: no reference trained on them"]


def _design_note(models: Models) -> str:
    if models.pairs:
        first = f"rows {models.rows[0]} and {models.rows[1]} the first of them"
        how = "rows 2i and 2i + 1" if models.rows == tuple(range(len(models.rows))) else f"pairs of rows, {first},"
        return f"{models.source}: {how} train on complementary examples; a target's partner is left out"
    if models.balanced:
        warnings.warn(
            f"{models.source}: every example is in exactly half of the models: how many references hold it then "
            "depends on the target's membership, which biases every attack; train complementary pairs instead",
            MiaWarning,
            stacklevel=3,
        )
    left_out = [row for row in range(len(models.rows)) if models.complements(row)]
    but = f", but for the complement of {len(left_out)} of them where that is the target" if left_out else ""
    return f"{models.source}: the models are no complementary pairs; all others are references{but}"
