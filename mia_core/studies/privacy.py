"""Lower bounds on epsilon from the canaries of a study with reference models, and what each of them takes for granted.

A canary is in or out of a target by a coin. The references that help to guess it were drawn without that coin (the
target's partner, which mirrors it, is left out), so the guesses about one target are a function of its answers and of
nothing else that knows the coins. That is what the bounds from one run need, for one target at a time. Scores of
several targets are no independent trials: the same canaries are guessed with each other's models. So they are never
pooled. Over all targets there is only the largest bound, paid for by giving each of T targets alpha / T.

Which epsilon is meant depends on the design:

random_halves  every coin is independent, and the number of members varies: epsilon for adding or removing an example
pairs          exactly half of the pool trains a model, so for a canary that is in, another example is out: epsilon for
               replacing one. The m canaries' coins are a little dependent. No outcome of them is more than
               `dependence` times as likely as with independent ones, so alpha is divided by that
exactly_half   the references give the coins away, and nothing is bounded
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mia_core.base.errors import SettingsError
from mia_core.defenses import Combination, shaping
from mia_core.measures.epsilon import COINS, DELTA, every_bound
from mia_core.measures.ranking import tie_blocks
from mia_core.studies.reference_rows import EVERY, answers, attacked, check_attacks, check_references
from mia_core.studies.reference_study import ReferenceStudy

GUESSED = 0.5
"""Share of the canaries that the bounds from one run guess about, fixed before any score is seen."""


def privacy_table(
    study: ReferenceStudy,
    references: int | None = None,
    alpha: float = 0.05,
    delta: float = DELTA,
    attacks: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Bounds on epsilon from the canaries after the last epoch: one row per combination, attack, target and bound.

    attacks  by default those of the study

    Columns: see `PRIVACY_COLUMNS`. The smallest epsilon is 0, which says nothing. Each row is wrong with probability
    alpha at most, where what it assumes is so; the largest of several rows is wrong more often. Raises `SettingsError`
    and `RunError` as `mia_core.studies.reference_rows.table`, and `SettingsError` as `check_canaries`.
    """
    check_references(study, references)
    check_canaries(study, alpha)
    if attacks is None:
        left_out = check_attacks(study, references)
        attacks = [name for name in study.settings.attacks if name not in left_out]
    rows = [
        row
        for defenses in study.combinations
        for name in attacks
        for row in _rows_of(study, defenses, name, references, alpha, delta)
    ]
    return pd.DataFrame(rows, columns=list(PRIVACY_COLUMNS))


def check_canaries(study: ReferenceStudy, alpha: float = 0.05) -> None:
    """Raises `SettingsError` where nothing can be bounded: without canaries, with references that give the canaries'
    coins away, or for an alpha outside (0, 0.5)."""
    if not 0 < alpha < 0.5:
        raise SettingsError(f"alpha: expected a number between 0 and 0.5 (a confidence above 0.5), found {alpha:g}")
    if study.settings.design == "exactly_half":
        raise SettingsError("design: bounds on epsilon need pairs or random_halves; exactly_half gives members away")
    if not study.canaries.any():
        raise SettingsError("canaries: bounds on epsilon need some, found 0")


def canary_bounds(
    scores: NDArray[np.float64],
    members: NDArray[np.bool_],
    threshold: float | None,
    alpha: float,
    delta: float,
    likelier: float = 1.0,
) -> list[dict[str, Any]]:
    """Every bound of `mia_core.measures.epsilon` on one target's canaries, `scores` and `members` [m].

    threshold  chosen without these scores; None: without the bound that needs one
    likelier   how much likelier than with independent fair coins an outcome of the coins may be, see `dependence`
    Keys: bound, epsilon, delta, guesses, correct (None where nothing is guessed), by_design, assumes. None at all where
    all canaries happen to be members, or none.
    """
    if members.all() or not members.any():
        return []
    found = every_bound(tie_blocks(scores, members), threshold, round(GUESSED * len(scores)), alpha, delta, likelier)
    return [row | {"by_design": row["assumes"] == COINS} for row in found]


def dependence(canaries: int, pool: int) -> float:
    """How much likelier than with fair independent coins one outcome of the canaries' coins can be, if exactly half of
    the pool is drawn: at most 2^m C(P - m, P/2 - m/2) / C(P, P/2), about 1 / sqrt(1 - m/P). 1.005 for a hundredth.

    Why alpha is divided by it: with independent coins for the canaries, and the rest of the half filled up from the
    pool, a bound fails with probability alpha, averaged over the coins. Weighing no outcome more than
    that many times as much cannot make it larger than that many times alpha.
    """
    inside = canaries // 2  # the likeliest outcomes: as many canaries in as out, or one more
    ways = _log_choose(pool - canaries, pool // 2 - inside) - _log_choose(pool, pool // 2)
    return math.exp(ways + canaries * math.log(2))


PRIVACY_COLUMNS: dict[str, tuple[str, str]] = {
    "dataset": ("text", "name of the data set"),
    "defenses": ("text", "combination of defenses"),
    "epochs": ("count", "passes over the members after which the models are asked"),
    "seed": ("whole number", "seed of the study"),
    "design": ("text", "how members were drawn: pairs or random_halves"),
    "attack": ("text", "name of the attack"),
    "target": (
        "text",
        "number of the attacked model; all: the largest bound over all of them, each at alpha / targets",
    ),
    "references": ("count", "reference models that the attack compares with"),
    "bound": ("text", "which bound, see mia_core.measures.epsilon"),
    "epsilon": ("at least 0", "lower bound on epsilon; 0 says nothing"),
    "promised": ("at least 0", "epsilon that the training promises for adding or removing one example at this delta"),
    "alpha": ("share in [0, 1]", "probability with which the bound may be wrong, if what it assumes is so"),
    "delta": ("share in [0, 1]", "the delta of the privacy that is refuted"),
    "neighbours": ("text", "what epsilon is about: one example added or removed, or one replaced"),
    "members": ("count", "canaries that the target trained on; of all targets, for all"),
    "non_members": ("count", "canaries that it did not train on"),
    "guesses": ("count", "guesses that were made, of the bounds from one run; empty otherwise"),
    "correct": ("count", "how many of these were right"),
    "by_design": ("true or false", "whether the way in which members were drawn assures what the bound assumes"),
    "assumes": ("text", "what the bound assumes of the trials"),
}
"""Column of `privacy_table` -> (kind, meaning)."""


def _rows_of(
    study: ReferenceStudy, defenses: Combination, name: str, references: int | None, alpha: float, delta: float
) -> Iterator[dict[str, Any]]:
    made = attacked(study, name, answers(study, defenses), references)
    chosen = study.canaries[study.pool]
    scores, members = made.scores[:, chosen], made.members[:, chosen]
    targets = len(scores)
    likelier = dependence(int(chosen.sum()), len(study.pool)) if study.paired else 1.0
    neighbours = "one example replaced" if study.paired else "one example added or removed"
    said = {"design": study.settings.design, "references": study.references(references)}
    given = {"alpha": alpha, "neighbours": neighbours, "promised": promised(study, defenses, delta)}
    about = study.row(defenses, study.settings.seed, name, None, given, **said)

    def bounds(target: int, alpha: float) -> list[dict[str, Any]]:
        threshold = made.thresholds["canaries"][target]
        return canary_bounds(scores[target], members[target], threshold, alpha, delta, likelier)

    def row(target: str, inside: NDArray[np.bool_], bound: dict[str, Any]) -> dict[str, Any]:
        counts = {"members": int(inside.sum()), "non_members": int((~inside).sum())}
        return about | counts | {"target": target} | bound

    for target in range(targets):
        for bound in bounds(target, alpha):
            yield row(str(target), members[target], bound)
    best: dict[str, dict[str, Any]] = {}
    for target in range(targets):
        for bound in bounds(target, alpha / targets):
            if bound["bound"] not in best or bound["epsilon"] > best[bound["bound"]]["epsilon"]:
                best[bound["bound"]] = bound
    for bound in best.values():
        yield row(EVERY, members, bound)


def promised(study: ReferenceStudy, defenses: Combination, delta: float = DELTA) -> float | None:
    """The epsilon that the trainings of a combination promise at `delta`, the largest over the models, which differ in
    the number of members; None where they promise none."""
    recipe, sizes = study.recipe, {int(row.sum()) for row in study.split.members}
    found = [
        defense.promised_epsilon(size, recipe.batch_size, recipe.epochs, delta)
        for defense in shaping(defenses)
        for size in sizes
    ]
    return max((epsilon for epsilon in found if epsilon is not None), default=None)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
