"""Holds every defense against doing nothing but stopping the training earlier, at equal target accuracy.

A model that is trained for fewer epochs is attacked less and classifies worse, as a defended model often does. The
recorded epochs of the undefended model are points on that line: accuracy and attack at each epoch.

`python -m mia_core.studies.early_stopping OUT.csv [NAME=VALUE ...]` writes the table of a study's recorded epochs from
its stored models, with its provenance beside it.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from mia_core.base.errors import SettingsError, run_as_program
from mia_core.measures.intervals import Interval, over_seeds
from mia_core.measures.paired import corrected
from mia_core.measures.text import signed
from mia_core.studies.recorded import recorded, results_dir

if TYPE_CHECKING:
    import pandas as pd

    from mia_core.studies.study import Study

MEASURES = ("attack_accuracy", "auc", "tpr_at_fpr_0.01")
"""What a defense and an earlier stop are compared in; lower is safer."""

_HEADS = {"auc": "AUC", "tpr_at_fpr_0.01": "TPR at 1% FPR"}


@dataclass(frozen=True)
class Stop:
    """An undefended model of one seed that stopped after `epoch`: its accuracy in [0, 1] and a measure of the attack.

    risk is None where it was not measurable.
    """

    epoch: int
    accuracy: float
    risk: float | None


def at_accuracy(stops: Iterable[Stop], accuracy: float) -> float | Literal["above", "below"] | None:
    """The risk of the undefended model stopped as soon as it is as accurate as `accuracy`.

    The first recorded epoch that reaches the accuracy and the one before it are joined by a straight line.
    "above": more accurate than every recorded epoch; "below": less accurate than the first. None: not measurable.
    """
    path = sorted(stops, key=lambda stop: stop.epoch)
    if not path or accuracy > max(stop.accuracy for stop in path):
        return "above"
    if accuracy < path[0].accuracy:
        return "below"
    if accuracy == path[0].accuracy:
        return path[0].risk
    before, after = next((one, two) for one, two in pairwise(path) if two.accuracy >= accuracy)
    if before.risk is None or after.risk is None:
        return None
    share = (accuracy - before.accuracy) / (after.accuracy - before.accuracy)
    return before.risk + share * (after.risk - before.risk)


@dataclass(frozen=True)
class Held:
    """A defense against an earlier stop at its accuracy, on one measure, over paired seeds.

    difference    mean over the `compared` seeds of defended - stopped, with Student's interval, not corrected; None
                  where no seed could be compared
    p, adjusted   of the paired t-test, and after Holm's correction over all defenses of the measure
    above, below  seeds in which the defended model is more accurate than every recorded epoch, less than the first
    verdict       "safer" or "less safe" than stopping where `adjusted` is at most alpha and every seed was compared
    """

    defenses: str
    measure: str
    difference: Interval | None
    p: float | None
    adjusted: float | None
    compared: int
    above: int
    below: int
    verdict: Literal["safer", "less safe", "cannot be told"]


def held_against_stopping(
    table: "pd.DataFrame",
    epochs: "pd.DataFrame",
    measures: Sequence[str] = MEASURES,
    attack: str = "adversary1",
    alpha: float = 0.05,
) -> list[Held]:
    """Compare each combination of a study's table with stopping earlier, measure by measure.

    table   of the study (`mia_core.studies.study.Study.table`); epochs: of its undefended models (`epochs_table`)
    Only seeds that both tables have are compared. "none" itself is held against an earlier stop that is as accurate.
    Raises `SettingsError` for an alpha outside 0 ... 1, a missing measure, or where no seed is in both.
    """
    if not 0 < alpha < 1:
        raise SettingsError(f"alpha: expected a number between 0 and 1, found {alpha}")
    rows, stopped = table[table["attack"] == attack], epochs[epochs["attack"] == attack]
    stopped = stopped[stopped["defenses"] == "none"]
    for name in measures:
        if name not in rows or name not in stopped:
            raise SettingsError(f"early stopping: the tables have no measure {name} in common")
    if not set(rows["seed"]) & set(stopped["seed"]):
        raise SettingsError(f"early stopping: no seed of {attack} is in both tables")
    held = []
    for name in measures:
        paths = {seed: _stops(part, name) for seed, part in stopped.groupby("seed")}
        held += _held(rows[rows["seed"].isin(paths)], name, paths, alpha)
    return held


def _stops(rows: "pd.DataFrame", measure: str) -> list[Stop]:
    found = rows[["epochs", "target_accuracy", measure]].astype(float).to_numpy()
    return [Stop(int(epoch), accuracy, None if np.isnan(risk) else risk) for epoch, accuracy, risk in found]


def _held(rows: "pd.DataFrame", measure: str, paths: dict[int, list[Stop]], alpha: float) -> list[Held]:
    names, found, differences = list(rows["defenses"].unique()), [], []
    for name in names:
        of_name = rows[rows["defenses"] == name]
        stopped = [at_accuracy(paths[row["seed"]], row["target_accuracy"]) for _, row in of_name.iterrows()]
        risks = of_name[measure].astype(float)
        pairs = zip(risks, stopped, strict=True)
        differences.append(np.array([risk - at for risk, at in pairs if isinstance(at, float) and not np.isnan(risk)]))
        found.append(stopped)
    results = []
    for name, stopped, values, (p, adjusted) in zip(names, found, differences, corrected(differences), strict=True):
        told = adjusted is not None and adjusted <= alpha and len(values) == len(stopped)
        verdict = "cannot be told" if not told else "safer" if values.mean() < 0 else "less safe"
        difference = over_seeds(values, 1 - alpha) if len(values) else None
        outside = stopped.count("above"), stopped.count("below")
        results.append(Held(name, measure, difference, p, adjusted, len(values), *outside, verdict))
    return results


def held_table(held: Iterable[Held]) -> "pd.DataFrame":
    """One row a combination; for each measure the difference to an earlier stop and what it shows.

    The last column counts the seeds that could be compared, and those outside of the line: "above", more accurate
    than every recorded epoch, and "below", less accurate than the first.
    """
    import pandas as pd

    rows: dict[str, dict[str, str]] = {}
    seeds: dict[str, str] = {}
    for one in held:
        row = rows.setdefault(one.defenses, {"defenses": one.defenses})
        told = f"{signed(one.difference)}: {one.verdict}" if one.difference else one.verdict
        row[_HEADS.get(one.measure, one.measure.replace("_", " "))] = told
        outside = [f"{count} {side}" for count, side in ((one.above, "above"), (one.below, "below")) if count]
        seeds.setdefault(one.defenses, "; ".join([str(one.compared), *outside]))
    return pd.DataFrame([row | {"seeds": seeds[name]} for name, row in rows.items()])


def in_words(held: Iterable[Held], measure: str = "attack_accuracy") -> str:
    """The verdicts on one measure as text: "safer: dropout; less safe: none of them; cannot be told: smoothing"."""
    rows = [one for one in held if one.measure == measure and one.defenses != "none"]
    verdicts = ("safer", "less safe", "cannot be told")
    named = {verdict: [one.defenses for one in rows if one.verdict == verdict] for verdict in verdicts}
    return "; ".join(f"{verdict}: {', '.join(names) or 'none of them'}" for verdict, names in named.items())


def verdict_on(held: Iterable[Held], defenses: str, measure: str = "attack_accuracy") -> str:
    """The verdict on one combination and measure, with the difference if there is one."""
    one = next(one for one in held if (one.defenses, one.measure) == (defenses, measure))
    return f"{one.verdict}, {signed(one.difference)}" if one.difference else one.verdict


def epochs_table(study: "Study") -> "pd.DataFrame":
    """The study's table of its undefended models, a row a seed, attack and recorded epoch. Trains nothing.

    Intervals over examples are left out. Raises `RunError` where an epoch was not recorded.
    """
    import pandas as pd

    plain = undefended(study)
    return pd.concat([plain.table(epoch) for epoch in plain.recipe.recorded_epochs()], ignore_index=True)


def undefended(study: "Study") -> "Study":
    """The same study with no defense, on the same data and store, without intervals over examples."""
    from mia_core.studies.study import Study

    settings = study.settings.replace(defenses=("none",), replicates=0)
    return Study(settings, study.store, study.dataset)


def recorded_epochs(name: str = "cifar10-jpeg-epochs") -> "pd.DataFrame | None":
    """The recorded table of undefended models by epoch; None where there is none.

    Raises `DataError` for one that is damaged or lacks its provenance.
    """
    return recorded(name)[0] if (results_dir() / f"{name}.csv").is_file() else None


def main(arguments: Sequence[str]) -> None:
    """Write the table of recorded epochs to the .csv file named first; settings of the study as NAME=VALUE behind."""
    from mia_core.base.settings import pairs
    from mia_core.studies.results import check_out, write_table
    from mia_core.studies.settings import StudySettings
    from mia_core.studies.study import Study

    if not arguments:
        raise SettingsError("early stopping: expected OUT.csv [NAME=VALUE ...], found nothing")
    out = check_out(arguments[0])
    study = Study(StudySettings(**pairs(list(arguments[1:]))))
    for path in write_table(out, undefended(study), epochs_table(study)):
        print(f"mia: note: wrote {path}", file=sys.stderr)


if __name__ == "__main__":
    run_as_program(lambda: main(sys.argv[1:]))
