"""Holds every defense against doing nothing but stopping the training earlier.

A model that is trained for fewer epochs is attacked less and classifies worse, as a defended model often does. Each
recorded epoch of the undefended model is a stop that one could have chosen instead of the defense. Two questions:

at its accuracy  of the stops that cost at most `allowed` of the defended model's accuracy, take the one that leaks
                 least: does the defended model leak less than it?
at its leak      of the stops that leak at most `allowed` more than the defended model, take the most accurate one: is
                 the defended model more accurate than it?

The stop is chosen, and the strongest attack with it, on all units but one and judged on that one, for each in turn. A
unit is a seed, or a pair of complementary models. Nothing is interpolated between epochs: where accuracy stands still
and the leak goes on, a line through both says whatever the noise wants.

`python -m mia_core.studies.early_stopping OUT.csv [NAME=VALUE ...]` writes the table of a study's recorded epochs from
its stored models, with its provenance next to it.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mia_core.base.interrupts import answer_signals

if __name__ == "__main__":
    answer_signals()  # before the imports that take a second

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mia_core.base.errors import SettingsError, run_as_program
from mia_core.base.settings import pairs
from mia_core.measures.claims import CANNOT_TELL, NO_EFFECT, negligible
from mia_core.measures.counts import errors
from mia_core.measures.intervals import Interval, over_seeds
from mia_core.measures.paired import paired_tests
from mia_core.measures.text import NOT_MEASURABLE, around, heading, signed
from mia_core.studies.recorded import recorded, results_dir
from mia_core.studies.results import check_out, write_table
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import Study

Question = Literal["at its accuracy", "at its leak"]
AT_ACCURACY, AT_LEAK = "at its accuracy", "at its leak"
WORDS: dict[str, tuple[str, str]] = {AT_ACCURACY: ("safer", "less safe"), AT_LEAK: ("more accurate", "less accurate")}
"""Question -> what a defended model is that does better than the stop, and what one is that does worse."""
ALLOWED = 0.01
"""One hundredth: what a stop may cost of accuracy, or leak more."""
ACCURACY = "target_accuracy"


def with_stops(table: pd.DataFrame, epochs: pd.DataFrame, attack: str = "adversary1") -> pd.DataFrame:
    """A study's table and that of its undefended models by epoch as one, which the functions below take; one attack.

    table   of the study (`mia_core.studies.study.Study.table`); epochs: of its undefended models (`epochs_table`)
    Only seeds that both have are kept. Raises `SettingsError` where there is none.
    """
    stops = epochs[(epochs["attack"] == attack) & (epochs["defenses"] == "none")]
    rows = table[(table["attack"] == attack) & (table["defenses"] != "none")]
    seeds = set(stops["seed"]) & set(table.loc[table["attack"] == attack, "seed"])
    if not seeds:
        raise SettingsError(f"early stopping: no seed of {attack} is in both tables")
    both = pd.concat([stops, rows.assign(epochs=stops["epochs"].max())], ignore_index=True)
    return both[both["seed"].isin(seeds)].rename(columns={"seed": "unit"}).reset_index(drop=True)


def choices(
    rows: pd.DataFrame, measure: str, question: Question = AT_ACCURACY, allowed: float = ALLOWED
) -> pd.DataFrame:
    """Every combination beside the stop that the other units choose for it: one row per combination and unit.

    rows      one per combination, recorded epoch, attack and unit, with the columns defenses, epochs, attack, unit,
              target_accuracy and `measure` (`mia_core.studies.reference_summary.by_unit`, or `with_stops`)
    measure   of the leak; higher is worse. Of several attacks the one with the largest mean on the other units counts,
              on each stop and on the defended model
    question  see the module; of equal stops the earliest is taken
    allowed   what a stop may cost of the quantity at which the two are compared

    Columns: defenses, unit, stop (the epoch; missing where no stop qualifies), accuracy and leak of the defended model,
    stop_accuracy and stop_leak. "none" is held against its own stops, the last epoch among them.
    Raises `SettingsError` for fewer than two recorded epochs of none, a measure that the rows lack, or incomplete rows.
    """
    cells, parts = cells_of(rows, measure), []
    own, each = cells.of_each(), np.arange(len(cells.units))
    for at, defenses in cells.last():
        found, known = cells.chosen(at, question, allowed)
        part = pd.DataFrame({"defenses": defenses, "unit": cells.units})
        epochs = [cells.names[one][1] if ok else None for one, ok in zip(found, known, strict=True)]
        part["stop"] = pd.array(epochs, dtype="Int64")
        part["accuracy"], part["leak"] = own.accuracy[at], own.leak[at]
        part["stop_accuracy"] = np.where(known, own.accuracy[found, each], np.nan)
        part["stop_leak"] = np.where(known, own.leak[found, each], np.nan)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def recommended(rows: pd.DataFrame, measure: str, within: float = ALLOWED) -> pd.DataFrame:
    """The stop that needs no attack to be found: the earliest epoch within `within` of the best validation accuracy.

    The epoch is chosen by the accuracy of the other units' models and judged on this one. One row per unit: unit, stop
    (the epoch), accuracy and leak, under the attack that is strongest on the other units. Raises as `choices`.
    """
    cells = cells_of(rows, measure)
    seen, own = cells.by_the_others(), cells.of_each()
    known = seen.accuracy[cells.stops()]
    found = cells.stops()[(known >= known.max(axis=0) - within - ROUNDING).argmax(axis=0)]
    each = np.arange(len(cells.units))
    return pd.DataFrame(
        {"unit": cells.units, "stop": [cells.names[one][1] for one in found]}
        | {"accuracy": own.accuracy[found, each], "leak": own.leak[found, each]}
    )


def under_the_strongest(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Every combination and recorded epoch under the attack that is strongest on the other units.

    One row per combination, epoch and unit: defenses, epochs, unit, target_accuracy and `measure`, and the error of
    both (see `mia_core.measures.counts.errors`). So no attack is judged on the unit that chose it. Raises as `choices`.
    """
    cells = cells_of(rows, measure)
    own = cells.of_each()
    columns = {ACCURACY: own.accuracy, measure: own.leak}
    columns |= {f"{ACCURACY}_error": own.accuracy_error, f"{measure}_error": own.leak_error}
    index = pd.MultiIndex.from_tuples(
        [(*name, unit) for name in cells.names for unit in cells.units], names=["defenses", "epochs", "unit"]
    )
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index).reset_index()


ROUNDING = 1e-9
"""Accuracies that differ by less are equal: a mean has rounding in its last digits."""


@dataclass(frozen=True)
class Values:
    """Accuracy and leak, under one attack for each cell and unit, and what the examples' counts tell of each: all
    [C, U]."""

    accuracy: NDArray[np.float64]
    leak: NDArray[np.float64]
    accuracy_error: NDArray[np.float64]
    leak_error: NDArray[np.float64]

    def compared(self, at: int, stops: NDArray[np.intp], question: Question) -> tuple[NDArray[np.float64], ...]:
        """What each stop costs of the quantity at which it is compared with the cell `at`, by how much that cell is
        worse in the other one, and the error of the latter: all [stops, U]."""
        less_accurate = self.accuracy[at] - self.accuracy[stops]
        leaks_more = self.leak[at] - self.leak[stops]
        if question == AT_ACCURACY:
            return less_accurate, leaks_more, np.hypot(self.leak_error[at], self.leak_error[stops])
        return -leaks_more, -less_accurate, np.hypot(self.accuracy_error[at], self.accuracy_error[stops])


@dataclass(frozen=True)
class Cells:
    """What was measured, by cell: a combination at a recorded epoch.

    names   of the C cells, by combination and then by epoch; units: of the U units
    values  accuracy [C, U], leak [C, A, U] by A attacks, and their errors; the leak is missing (nan) for an attack that
            was not measured on all units
    """

    names: list[tuple[str, int]]
    units: list
    values: Values

    def stops(self) -> NDArray[np.intp]:
        """Places of the undefended cells, ascending by epoch."""
        return np.flatnonzero([defenses == "none" for defenses, _ in self.names])

    def last(self) -> list[tuple[int, str]]:
        """Place and name of each combination after the last epoch."""
        end = max(epoch for _, epoch in self.names)
        return [(at, defenses) for at, (defenses, epoch) in enumerate(self.names) if epoch == end]

    def chosen(self, at: int, question: Question, allowed: float) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Place [U] of the stop that the other units choose for the cell `at`, and whether there is one [U]."""
        price, harm, _ = self.by_the_others().compared(at, self.stops(), question)
        fits = (price <= allowed + ROUNDING) & ~np.isnan(harm)
        return self.stops()[np.where(fits, harm, -np.inf).argmax(axis=0)], fits.any(axis=0)

    def by_the_others(self) -> Values:
        """Means over all other units, of the leak under the attack that is strongest there; no errors."""
        leak = self._under_strongest(_others(self.values.leak))
        return Values(_others(self.values.accuracy), leak, np.zeros_like(leak), np.zeros_like(leak))

    def of_each(self) -> Values:
        """The values on each unit, of the leak under the attack that is strongest on the others."""
        leak, error = self._under_strongest(self.values.leak), self._under_strongest(self.values.leak_error)
        return Values(self.values.accuracy, leak, self.values.accuracy_error, error)

    def _under_strongest(self, by_attack: NDArray[np.float64]) -> NDArray[np.float64]:
        others = _others(self.values.leak)
        strongest = np.where(np.isnan(others), -np.inf, others).argmax(axis=1)
        return np.take_along_axis(by_attack, strongest[:, None], 1)[:, 0]


def _others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over all other units, for each unit: the last axis. Of a single unit there are none: nan."""
    count = values.shape[-1]
    if count == 1:
        return np.full_like(values, np.nan)
    return (values.sum(axis=-1, keepdims=True) - values) / (count - 1)


def cells_of(rows: pd.DataFrame, measure: str) -> Cells:
    """The cells of `rows`, which are as in `choices`. Raises as it does."""
    if measure not in rows:
        raise SettingsError(f"early stopping: the table has no measure {measure}")
    if rows.loc[rows["defenses"] == "none", "epochs"].nunique() < 2:
        raise SettingsError("early stopping: expected rows of none at two recorded epochs or more; set epochs to 2")
    if rows.duplicated(["defenses", "epochs", "attack", "unit"]).any():
        raise SettingsError("early stopping: the table has several rows of one combination, epoch, attack and unit")
    cells = list(zip(rows["defenses"], rows["epochs"], strict=True))
    order = {name: place for place, name in enumerate(dict.fromkeys(rows["defenses"]))}
    names = sorted(set(cells), key=lambda cell: (order[cell[0]], cell[1]))
    places = {cell: place for place, cell in enumerate(names)}
    (attack, attacks), (unit, units) = (pd.factorize(rows[name]) for name in ("attack", "unit"))
    at = [places[cell] for cell in cells], attack, unit
    columns = (rows[ACCURACY], rows[measure], errors(rows, ACCURACY), errors(rows, measure))
    values = np.full((len(columns), len(names), len(attacks), len(units)), np.nan)
    for found, column in zip(values, columns, strict=True):
        found[at] = np.asarray(column, dtype=np.float64)
    accuracy, leak, accuracy_error, leak_error = values
    known = ~np.isnan(accuracy)
    if not known.any(axis=1).all():
        raise SettingsError("early stopping: a unit lacks a combination or an epoch that others have")
    first = known.argmax(axis=1)[:, None]  # every attack has the accuracy of the same model
    accuracy, accuracy_error = (np.take_along_axis(one, first, 1)[:, 0] for one in (accuracy, accuracy_error))
    leak = np.where(np.isnan(leak).any(axis=-1, keepdims=True), np.nan, leak)
    return Cells(names, list(units), Values(accuracy, leak, accuracy_error, leak_error))


@dataclass(frozen=True)
class Held:
    """One combination against an earlier stop, by one question, over paired units.

    measure       of the leak
    stops         the epochs that units chose, ascending
    difference    defended - stopped with its interval, not corrected: of the leak at its accuracy, of target accuracy
                  at its leak; None where no unit has a stop
    p, adjusted   of the paired test, and after Holm's correction over all combinations
    units         all of them; without: those without a stop, as every stop is less accurate, or leaks more, than is
                  allowed
    verdict       one of `WORDS` where `adjusted` is at most alpha; "no material effect" where there is none
                  (`mia_core.measures.claims.negligible`); else, or where some unit has no stop, "cannot be told"
    """

    defenses: str
    measure: str
    question: Question
    stops: tuple[int, ...]
    difference: Interval | None
    p: float | None
    adjusted: float | None
    units: int
    without: int
    verdict: str


def held_against_stopping(
    rows: pd.DataFrame,
    measure: str,
    questions: Sequence[Question] = (AT_ACCURACY, AT_LEAK),
    allowed: float = ALLOWED,
    alpha: float = 0.05,
) -> list[Held]:
    """Judge each combination against stopping earlier, by both questions; rows, measure and allowed: see `choices`.

    Nothing is told unless every unit has a stop. That a defense does worse is told only where it also does worse than a
    stop whose price is shown, on all units and one-sided at alpha, to be within what is allowed: the choice alone could
    have taken one that costs a little more.
    Raises `SettingsError` as `choices`, and for an alpha outside 0 ... 1.
    """
    cells, held = cells_of(rows, measure), []
    own, each = cells.of_each(), np.arange(len(cells.units))
    for question in questions:
        stops, harms, spreads = [], [], []
        for at, _ in cells.last():
            found, known = cells.chosen(at, question, allowed)
            _, harm, error = own.compared(at, np.arange(len(cells.names)), question)
            known &= ~np.isnan(harm[found, each])
            stops.append([cells.names[place][1] for place in found[known]])
            harms.append(harm[found, each][known])
            spreads.append(error[found, each][known])
        material = negligible(measure if question == AT_ACCURACY else ACCURACY)
        better, worse = WORDS[question]
        for (at, name), epochs, test in zip(
            cells.last(), stops, paired_tests(harms, alpha, spreads, material), strict=True
        ):
            verdict = {"lower": better, "higher": worse, "same": NO_EFFECT, None: CANNOT_TELL}[test.sign]
            if len(epochs) < len(each) or (verdict == worse and not _surely_worse(cells, at, question, allowed, alpha)):
                verdict = CANNOT_TELL
            shown = test.difference if question == AT_ACCURACY else _turned(test.difference)
            counts = len(each), len(each) - len(epochs)
            held.append(
                Held(
                    name, measure, question, tuple(sorted(set(epochs))), shown, test.p, test.adjusted, *counts, verdict
                )
            )
    return held


def _turned(found: Interval | None) -> Interval | None:
    if found is None:
        return None
    low, high = (None if bound is None else -bound for bound in (found.high, found.low))
    return Interval(-found.mean, low, high)


def _surely_worse(cells: Cells, at: int, question: Question, allowed: float, alpha: float) -> bool:
    """Whether the cell `at` is worse, at alpha, than the best stop that is shown to cost no more than allowed."""
    sure = []
    for paid, more, error in zip(*cells.of_each().compared(at, cells.stops(), question), strict=True):
        if not np.isnan(more).any():
            most = paid.mean() if len(set(paid)) == 1 else over_seeds(paid, 1 - 2 * alpha).high
            sure += [(more, error)] if most is not None and most <= allowed + ROUNDING else []
    if not sure:
        return False
    more, error = max(sure, key=lambda one: one[0].mean())
    low = over_seeds(more, 1 - alpha, error, paired=True).low
    return low is not None and low > 0


def held_table(held: Iterable[Held]) -> pd.DataFrame:
    """One row per combination: the stop, the difference and the verdict by each question, verdicts in columns of their
    own.

    Where units chose several epochs, all are named; where some unit has no stop, the cell says in how many.
    """
    rows: dict[str, dict[str, str]] = {}
    for one in held:
        row = rows.setdefault(one.defenses, {"defenses": one.defenses})
        safety = one.question == AT_ACCURACY
        what, side = (heading(one.measure), "as accurate") if safety else ("target accuracy", "as safe")
        row[f"stop {side}"] = epochs_in_words(one)
        row[f"{what}, defended − stopped"] = signed(one.difference) if one.difference else NOT_MEASURABLE
        row["safer?" if safety else "more accurate?"] = one.verdict
    return pd.DataFrame(rows.values())


def epochs_in_words(one: Held) -> str:
    """The epochs that the units chose: "epoch 10", "epochs 5 and 10", "epoch 10; none in 2 of 9"."""
    named = " and ".join(map(str, one.stops))
    named = f"epoch{'s' if len(one.stops) > 1 else ''} {named}" if named else ""
    missing = f"none in {one.without} of {one.units}" if one.without else ""
    return "; ".join(part for part in (named, missing) if part)


def in_words(held: Iterable[Held], question: Question = AT_ACCURACY) -> str:
    """The verdicts by one question, but for none itself: "less safe: dropout; no material effect: masking"."""
    rows = [one for one in held if one.question == question and one.defenses != "none"]
    names = {
        word: [one.defenses for one in rows if one.verdict == word]
        for word in (*WORDS[question], NO_EFFECT, CANNOT_TELL)
    }
    return "; ".join(f"{verdict}: {', '.join(found)}" for verdict, found in names.items() if found) or NOT_MEASURABLE


def verdict_on(held: Iterable[Held], defenses: str, question: Question = AT_ACCURACY) -> str:
    """The verdict on one combination by one question, with the difference if there is one."""
    one = next(one for one in held if (one.defenses, one.question) == (defenses, question))
    return around(shown := signed(one.difference), f"{one.verdict}, {shown}") if one.difference else one.verdict


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
