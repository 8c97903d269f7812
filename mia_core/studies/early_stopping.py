"""Holds every defense against doing nothing but stopping the training earlier, at equal target accuracy.

A model that is trained for fewer epochs is attacked less and classifies worse, as a defended model often does. The
recorded epochs of the undefended model are points on that line: accuracy and attack at each epoch.

`python -m mia_core.studies.early_stopping OUT.csv [NAME=VALUE ...]` writes the table of a study's recorded epochs from
its stored models, with its provenance next to it.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from mia_core.base.interrupts import answer_signals

if __name__ == "__main__":
    answer_signals()  # before the imports that take a second

import numpy as np
import pandas as pd

from mia_core.base.errors import SettingsError, run_as_program
from mia_core.base.settings import pairs
from mia_core.measures.intervals import Interval
from mia_core.measures.metrics import level_column
from mia_core.measures.paired import paired_tests
from mia_core.measures.text import around, heading, signed
from mia_core.studies.recorded import recorded, results_dir
from mia_core.studies.reference_summary import by_unit, strongest_rows
from mia_core.studies.results import check_out, write_table
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import Study

MEASURES = ("attack_accuracy", "auc", "tpr_at_fpr_0.01")
"""What a defense and an earlier stop are compared in; lower is safer."""


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
    table: pd.DataFrame,
    epochs: pd.DataFrame,
    measures: Sequence[str] = MEASURES,
    attack: str = "adversary1",
    alpha: float = 0.05,
) -> list[Held]:
    """Compare each combination of a study's table with stopping earlier, measure by measure.

    table   of the study (`mia_core.studies.study.Study.table`); epochs: of its undefended models (`epochs_table`)
    Only seeds that both tables have are compared. "none" itself is held against an earlier stop that is as accurate.
    Raises `SettingsError` for an alpha outside 0 ... 1, a missing measure, or where no seed is in both.
    """
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


def _stops(rows: pd.DataFrame, measure: str) -> list[Stop]:
    found = rows[["epochs", "target_accuracy", measure]].astype(float).to_numpy()
    return [Stop(int(epoch), accuracy, None if np.isnan(risk) else risk) for epoch, accuracy, risk in found]


def _held(rows: pd.DataFrame, measure: str, paths: dict[int, list[Stop]], alpha: float) -> list[Held]:
    stopped, differences = {}, []
    for name, of_name in rows.groupby("defenses", sort=False):
        stopped[name] = [at_accuracy(paths[row["seed"]], row["target_accuracy"]) for _, row in of_name.iterrows()]
        pairs = zip(of_name[measure].astype(float), stopped[name], strict=True)
        differences.append(np.array([risk - at for risk, at in pairs if isinstance(at, float) and not np.isnan(risk)]))
    results = []
    for (name, stops), found in zip(stopped.items(), paired_tests(differences, alpha), strict=True):
        told = found.sign if found.seeds == len(stops) else None
        verdict = {"lower": "safer", "higher": "less safe", None: "cannot be told"}[told]
        outside = stops.count("above"), stops.count("below")
        results.append(Held(name, measure, found.difference, found.p, found.adjusted, found.seeds, *outside, verdict))
    return results


def against_stopping(
    table: pd.DataFrame,
    measures: Sequence[str] = ("auc", level_column(0.01), level_column(0.001)),
    examples: str = "pool",
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Every combination against the undefended models stopped as soon as they are as accurate, attack by attack.

    The undefended model i trained on what the defended model i trained on, so units are paired. Between recorded
    epochs the curve is a straight line; outside of it nothing can be told, see `at_accuracy`.
    Attack "strongest" sets the strongest attack on the defended models against the strongest on the stopped ones.
    One row per attack, combination and measure: difference (defended - stopped), low, high, p, adjusted (Holm, over the
    combinations), compared, above, below, verdict ("safer", "less safe", "cannot be told").
    Raises `SettingsError` for a table without undefended models at more than one epoch, or without such examples.
    """
    units = by_unit(table[table["examples"] == examples]).rename(columns={"unit": "seed"})
    if units.empty:
        raise SettingsError(f"examples: the table has no rows of {examples}")
    if units[units["defenses"] == "none"]["epochs"].nunique() < 2:
        raise SettingsError("early stopping: expected rows of none at two recorded epochs or more; set epochs to 2")
    rows = []
    for measure in measures:
        judged = pd.concat([units, strongest_rows(units, measure)], ignore_index=True)
        last = judged[judged["epochs"] == judged["epochs"].max()]
        for attack in judged["attack"].unique():
            for held in held_against_stopping(last, judged, [measure], attack, alpha):
                known = held.difference
                rows.append(
                    {"attack": attack, "defenses": held.defenses, "measure": measure, "examples": examples}
                    | {"difference": known.mean if known else None}
                    | {"low": known.low if known else None, "high": known.high if known else None}
                    | {name: getattr(held, name) for name in ("p", "adjusted", "compared", "above", "below", "verdict")}
                )
    return pd.DataFrame(rows)


def held_table(held: Iterable[Held]) -> pd.DataFrame:
    """One row per combination; for each measure the difference to an earlier stop and what it shows.

    The last column counts the seeds that could be compared, and those outside of the line: "above", more accurate
    than every recorded epoch, and "below", less accurate than the first.
    """
    rows: dict[str, dict[str, str]] = {}
    seeds: dict[str, str | int] = {}
    for one in held:
        row = rows.setdefault(one.defenses, {"defenses": one.defenses})
        told = one.verdict
        if one.difference:
            told = around(signed(one.difference), f"{signed(one.difference)}: {one.verdict}")
        row[heading(one.measure)] = told
        outside = [f"{count} {side}" for count, side in ((one.above, "above"), (one.below, "below")) if count]
        seeds.setdefault(one.defenses, "; ".join([str(one.compared), *outside]) if outside else one.compared)
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
    if not one.difference:
        return one.verdict
    return around(signed(one.difference), f"{one.verdict}, {signed(one.difference)}")


def epochs_table(study: Study) -> pd.DataFrame:
    """The study's table of its undefended models: one row per seed, attack and recorded epoch. Trains nothing.

    Intervals over examples are left out. Raises `RunError` where an epoch was not recorded.
    """
    plain = undefended(study)
    return pd.concat([plain.table(epoch) for epoch in plain.recipe.recorded_epochs()], ignore_index=True)


def undefended(study: Study) -> Study:
    """The same study with no defense, on the same data and store, without intervals over examples."""
    settings = study.settings.replace(defenses=("none",), replicates=0)
    return Study(settings, study.store, study.dataset)


def recorded_epochs(name: str = "cifar10-jpeg-epochs") -> pd.DataFrame | None:
    """The recorded table of undefended models by epoch; None where there is none.

    Raises `DataError` for one that is damaged or lacks its provenance.
    """
    return recorded(name)[0] if (results_dir() / f"{name}.csv").is_file() else None


def main(arguments: Sequence[str]) -> None:
    """Write the table of recorded epochs to the .csv file named first; settings of the study as NAME=VALUE after it."""
    if not arguments:
        raise SettingsError("early stopping: expected OUT.csv [NAME=VALUE ...], found nothing")
    out = check_out(arguments[0])
    study = Study(StudySettings(**pairs(list(arguments[1:]))))
    for path in write_table(out, undefended(study), epochs_table(study)):
        print(f"mia: note: wrote {path}", file=sys.stderr)


if __name__ == "__main__":
    run_as_program(lambda: main(sys.argv[1:]))
