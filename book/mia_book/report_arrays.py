"""The report's attack on its author's own published arrays, with and without smoothing the labels of the attack model.

The author published the posteriors of an undefended target and shadow, not the runs behind Table I. The arrays are not
part of this project: where the folder that MIA_SHARED names holds them under data/report-arrays, the attack is run on
them; elsewhere its recorded result is shown.

`python -m mia_book.report_arrays OUT.csv`, typed in the folder `book`, records that result and its provenance.
"""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mia_book.paper import PrintedRow
from mia_book.table_one import mended
from mia_core.attacks.adversary1 import largest
from mia_core.attacks.classifier import NO_SPREAD, RIDGE
from mia_core.base.errors import ArrayError, DataError, SettingsError, run_as_program
from mia_core.gate.arrays import Outputs
from mia_core.measures.metrics import measure
from mia_core.studies.recorded import REPORT_ARRAYS, arrays_folder, recorded, write_recorded

LEARNING_RATE, BATCH, EPOCHS, DECAY = 0.01, 10, 50, 1e-6
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8
"""Adam's constants (Kingma and Ba 2015)."""


@dataclass
class ReportAttacks:
    """R attack models, one for each pair of a smoothing and a seed; all see the same examples.

    epsilons  [R] smoothing of the membership labels: the right class gets 1 - epsilon, the other epsilon
    seeds     [R] of initial weights and of the order of batches
    """

    epsilons: Sequence[float]
    seeds: Sequence[int]
    epochs: int = EPOCHS

    def __post_init__(self) -> None:
        if len(self.epsilons) != len(self.seeds) or not self.seeds:
            raise SettingsError(
                f"report attacks: expected a seed for each epsilon, found {len(self.epsilons)} epsilons "
                f"and {len(self.seeds)} seeds"
            )
        for epsilon in self.epsilons:
            if not 0 <= epsilon < 0.5:
                raise SettingsError(f"epsilon: expected 0 <= epsilon < 0.5, found {epsilon}")

    def fit(self, features: NDArray[np.float64], members: NDArray[np.bool_]) -> Self:
        """Train on `features` [N, F] of members and non-members; N is at least one batch of 10."""
        count, width = features.shape
        if count < BATCH:
            raise ArrayError(f"features: found {count} examples; expected at least a batch of {BATCH}")
        random = [np.random.default_rng(seed) for seed in self.seeds]
        bound = np.sqrt(6 / (width + 2))
        # [R, 2, F + 1]: the two classes' weights, and last the bias, the weight of a feature that is always 1.
        weights = np.stack([np.hstack([r.uniform(-bound, bound, (2, width)), np.zeros((2, 1))]) for r in random])
        decay = np.append(np.full(width, 2 * DECAY), 0.0)
        sides = np.array([[-1.0], [1.0]])
        inputs = np.hstack([features, np.ones((count, 1))])
        epsilons = np.asarray(self.epsilons)[:, None]
        labels = np.where(members, 1 - epsilons, epsilons)
        runs, batches = np.arange(len(random))[:, None], count // BATCH
        mean, square, step = np.zeros_like(weights), np.zeros_like(weights), 0
        for _ in range(self.epochs):
            order = np.stack([r.permutation(count)[: batches * BATCH] for r in random])
            seen_then = inputs[order].reshape(len(random), batches, BATCH, -1).swapaxes(0, 1)
            wanted_then = labels[runs, order].reshape(len(random), batches, 1, BATCH).swapaxes(0, 1)
            for seen, wanted in zip(seen_then, wanted_then, strict=True):
                odds = seen @ (weights[:, 1] - weights[:, 0])[..., None]
                error = 1 / (1 + np.exp(-odds.swapaxes(1, 2))) - wanted
                # The softmax of two classes: what one side's weights gain the other's lose.
                gradient = sides * (error @ seen) / BATCH + decay * weights
                step += 1
                mean = FIRST * mean + (1 - FIRST) * gradient
                square = SECOND * square + (1 - SECOND) * gradient**2
                rate = LEARNING_RATE * np.sqrt(1 - SECOND**step) / (1 - FIRST**step)
                weights = weights - rate * mean / (np.sqrt(square) + TINY)
        self.weights = weights
        return self

    def scores(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds of membership of each row of `features` [N, F] under each model: float64 [R, N]."""
        inputs = np.hstack([features, np.ones((len(features), 1))])
        return (self.weights[:, 1] - self.weights[:, 0]) @ inputs.T


EPSILONS = (0.0, 0.05, 0.1, 0.2)
SEEDS = (0, 1, 2)
PUBLISHED_EPSILON = 0.1
"""The smoothing parameter of the report (section III-B) and of its code."""
AS_PUBLISHED, CONVERGED = "50 epochs", "to the end"
"""How long the attack model is trained: for a fixed time, or until nothing changes any more."""
COMPARED = ("attack_accuracy", "recall_members", "recall_non_members")
DEFENDED, UNDEFENDED = "recorded run, this defense", "author's arrays, no defense"
HINDERED = "author's arrays, attack's labels smoothed"
"""What a row of Table I may have measured: model and attack are those of a study, or the author's own."""


def attack_with_smoothed_labels(fitted: Outputs, tested: Outputs, epsilon: float) -> dict[str, float | None]:
    """Fit the report's attack on smoothed membership labels until it converges: `mia_core.measures.metrics.measure` of
    it.

    Logistic regression on the three largest posteriors. A member's label is 1 - epsilon instead of 1, a non-member's
    epsilon instead of 0; with epsilon 0 it is `mia_core.attacks.adversary1.Adversary1`.
    Raises `SettingsError` unless 0 <= epsilon < 0.5.
    """
    from sklearn.linear_model import LogisticRegression

    if not 0 <= epsilon < 0.5:
        raise SettingsError(f"epsilon: expected 0 <= epsilon < 0.5, found {epsilon}")
    features, count = largest(fitted.posteriors, 3), len(fitted.members)
    centre, spread = features.mean(axis=0), np.maximum(features.std(axis=0), NO_SPREAD)
    # A soft label is two hard ones with weights: the cross-entropy is linear in the label.
    twice: NDArray[np.float64] = np.vstack([features, features])
    weights = np.repeat([1 - epsilon, epsilon], count)
    model = LogisticRegression(C=1 / (RIDGE * count), solver="newton-cholesky", tol=1e-8, max_iter=1000)
    model.fit((twice - centre) / spread, np.concatenate([fitted.members, ~fitted.members]), weights)
    scores = model.decision_function((largest(tested.posteriors, 3) - centre) / spread)
    return measure(scores, tested.members, 0.0)


def smoothing_table(
    folder: Path, epsilons: Sequence[float] = EPSILONS, seeds: Sequence[int] = SEEDS, epochs: int = EPOCHS
) -> pd.DataFrame:
    """The attack on the arrays in `folder`: fitted on the target, tested on the shadow, as the published code does.

    Columns: trained (`AS_PUBLISHED`, one row per epsilon and seed; `CONVERGED`, one per epsilon), epsilon, seed, and
    those of `mia_core.measures.metrics.measure`. Takes about 20 s. Raises `ArrayError` for arrays that cannot be read.
    """
    from mia_core.gate.npz import read_outputs

    target, shadow = (read_outputs(folder / REPORT_ARRAYS[side]) for side in ("target", "shadow"))
    runs = [(epsilon, seed) for epsilon in epsilons for seed in seeds]
    attacks = ReportAttacks([epsilon for epsilon, _ in runs], [seed for _, seed in runs], epochs)
    scores = attacks.fit(largest(target.posteriors, 3), target.members).scores(largest(shadow.posteriors, 3))
    rows = [
        {"trained": AS_PUBLISHED, "epsilon": epsilon, "seed": seed} | measure(of_run, shadow.members, 0.0)
        for (epsilon, seed), of_run in zip(runs, scores, strict=True)
    ]
    rows += [
        {"trained": CONVERGED, "epsilon": epsilon, "seed": 0} | attack_with_smoothed_labels(target, shadow, epsilon)
        for epsilon in epsilons
    ]
    table = pd.DataFrame(rows)
    return table.astype(dict.fromkeys(table.columns[3:], float))  # what is not measurable is None, and then NaN


def means(table: pd.DataFrame, trained: str = AS_PUBLISHED) -> pd.DataFrame:
    """Mean over seeds of every measure of a `smoothing_table`, one row per epsilon (the index)."""
    return table[table["trained"] == trained].drop(columns=["trained", "seed"]).groupby("epsilon").mean()


def smoothing_result() -> tuple[pd.DataFrame, str]:
    """`smoothing_table` and where it is from, in words: run on the arrays now, or recorded on a date."""
    folder = arrays_folder()
    if folder is not None:
        return smoothing_table(folder), "run on the arrays now"
    table, made = recorded("report-arrays")
    return table, f"recorded on {made['made'][:10]}"


def explanations(defended: pd.DataFrame, arrays: pd.DataFrame) -> pd.DataFrame:
    """How far each row of Table I lies from what could have been measured, and which is closest.

    Distance is the largest absolute difference of attack accuracy and the two recalls, to: the defended model of a
    summary (`mia_core.studies.study.over_the_seeds`); the author's undefended model; the same, attacked by a model that
    was trained on smoothed labels. Exchanged cells of Table I are put back first.
    """
    measured = defended.set_index("defenses")
    plain, smoothed = (means(arrays).loc[epsilon] for epsilon in (0.0, PUBLISHED_EPSILON))
    rows = []
    for name, printed in mended().items():
        candidates = {DEFENDED: measured.loc[name]} if name in measured.index else {}
        candidates |= {UNDEFENDED: plain, HINDERED: smoothed}
        distances = {label: distance(printed, values) for label, values in candidates.items()}
        rows.append({"row of Table I": name} | distances | {"closest": min(distances, key=distances.__getitem__)})
    return pd.DataFrame(rows)


def distance(printed: PrintedRow, values: Mapping[str, Any] | pd.Series) -> float:
    """Largest absolute difference of attack accuracy and the two recalls."""
    return max(abs(getattr(printed, name) - float(values[name])) for name in COMPARED)


def main(arguments: Sequence[str]) -> None:
    """Write the result on the arrays to the .csv file named, and its provenance next to it."""
    from mia_core.report.record import versions
    from mia_core.studies.results import check_out

    folder = arrays_folder()
    if len(arguments) != 1:
        raise SettingsError(f"report arrays: expected OUT.csv, found {len(arguments)} arguments")
    if folder is None:
        raise DataError(
            f"MIA_SHARED: names no folder with data/report-arrays that holds {', '.join(REPORT_ARRAYS.values())}"
        )
    out = check_out(arguments[0])
    made = {
        "arrays": "published by the report's author, first commit that holds them (2025-05-07); undefended models",
        "sha256": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in REPORT_ARRAYS.values()},
        "attack": "on the three largest posteriors, fitted on target, tested on shadow",
        "versions": versions(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_recorded(out, smoothing_table(folder), made)
    print(f"mia: note: wrote {out}", file=sys.stderr)


if __name__ == "__main__":
    run_as_program(lambda: main(sys.argv[1:]))
