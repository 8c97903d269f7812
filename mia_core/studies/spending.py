"""What to buy with points of accuracy: of all defenses and earlier stops within the budget, the one that leaks least.

The budget counts from the most accurate stop of the undefended model. What is within it, which stop leaks least there
and which attack is the strongest are chosen on all units but one and judged on that one, for each in turn (see
`mia_core.studies.early_stopping`, whose units these are). A defense is bought only where it leaks less than that stop,
after Holm's correction over all defenses within the budget; where none does, the stop is the answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mia_core.base.errors import SettingsError
from mia_core.defenses import Combination, combination, describe, shaping
from mia_core.measures.claims import CANNOT_TELL, NO_EFFECT, negligible
from mia_core.measures.counts import mean_over
from mia_core.measures.intervals import Interval
from mia_core.measures.paired import paired_tests
from mia_core.measures.text import NOT_MEASURABLE, heading, with_interval
from mia_core.studies.early_stopping import ACCURACY, AT_ACCURACY, ROUNDING, WORDS, Values, cells_of
from mia_core.studies.early_stopping import under_the_strongest as strongest
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.results import in_columns, processor_seconds

SPENT = (0.01, 0.02, 0.05)
"""Budgets that a page shows: one, two and five points of accuracy."""
TOO_DEAR, BLIND = "costs more", NOT_MEASURABLE
USUAL = ("weight-decay", "dropout", "mixup", "relaxloss", "hamp", "label-only")
"""Defenses to try first: two of ordinary good practice, two of privacy research, and what costs no training."""
ATTACKS = (
    "gap", "adversary1", "modified-entropy-per-class", "loss", "calibrated-loss", "rmia", "lira", "lira-own-variance",
    "t-lira", "label-only",
)  # fmt: skip
"""One of each kind of attacker, from the labels alone to reference models."""


@dataclass(frozen=True)
class Bought:
    """One defense beside the stop that leaks least within the budget, over paired units.

    difference  of the leak, defense - stop, with its interval, not corrected; None where it is never within the budget
    adjusted    p of the paired test after Holm's correction over the defenses within the budget
    verdict     "safer", "less safe", "no material effect" or "cannot be told", as of
                `mia_core.studies.early_stopping.held_against_stopping`; "costs more" where its accuracy is outside the
                budget by every unit's choice, and "cannot be told" where it is by some; "not measurable" where the leak
                is zero on every unit: scores of few values, as of labels alone, give no attack a threshold at a low
                false-positive rate, and nobody found is then no protection
    """

    defenses: str
    difference: Interval | None
    adjusted: float | None
    verdict: str


@dataclass(frozen=True)
class Answer:
    """What a budget of accuracy buys.

    spend   points of accuracy, as a share
    best    mean accuracy of the most accurate stop
    stops   the epochs that units chose as the least leaky stop within the budget, ascending; stop: that of most
    bought  every combination but none
    chosen  the safer defense with the least leak; None where no defense beats the stop
    """

    spend: float
    best: float
    stops: tuple[int, ...]
    stop: int
    bought: tuple[Bought, ...]
    chosen: str | None

    def __str__(self) -> str:
        epochs = f"epoch{'s' if len(self.stops) > 1 else ''} {' or '.join(map(str, self.stops))}"
        return f"{self.chosen} beats stopping at {epochs}" if self.chosen else f"no defense beats stopping at {epochs}"


def spent(rows: pd.DataFrame, measure: str, spend: float, alpha: float = 0.05) -> Answer:
    """What `spend` of accuracy buys: the defense that leaks least, or the stop that no defense beats.

    rows     as in `mia_core.studies.early_stopping.choices`
    measure  of the leak, under the attack that is strongest on the other units; higher is worse
    spend    what may be lost of the accuracy of the most accurate stop, in [0, 1)

    Raises `SettingsError` for another budget, an alpha outside 0 ... 1, a single unit, or rows that `choices` refuses.
    """
    check_spend(spend)
    cells = cells_of(rows, measure)
    if len(cells.units) < 2:
        raise SettingsError("spend: expected two pairs of models or more, found one; what is chosen on one is judged "
                            "on another")  # fmt: skip
    if rows.loc[rows["defenses"] == "none", measure].isna().all():
        raise SettingsError(
            f"spend: {measure} cannot be measured on so few examples; a larger part, or another measure"
        )
    seen, own, each = cells.by_the_others(), cells.of_each(), np.arange(len(cells.units))
    stops, dearest = cells.stops(), seen.accuracy[cells.stops()].max(axis=0) - spend - ROUNDING
    least = _least(seen, stops, dearest)
    names, harms, spreads, within, without = [], [], [], [], []
    for at, name in cells.last():
        if name != "none":
            affordable = seen.accuracy[at] >= dearest
            known = affordable & ~np.isnan(own.leak[at] - own.leak[least, each]) & (own.leak[at] > 0).any()
            names.append(name)
            within.append(known)
            without.append(BLIND if affordable.any() else TOO_DEAR)
            harms.append((own.leak[at] - own.leak[least, each])[known])
            spreads.append(np.hypot(own.leak_error[at], own.leak_error[least, each])[known])
    tests = paired_tests(harms, alpha, spreads, negligible(measure)) if names else []
    better, worse = WORDS[AT_ACCURACY]
    words = {"lower": better, "higher": worse, "same": NO_EFFECT, None: CANNOT_TELL}
    bought = tuple(
        Bought(name, test.difference, test.adjusted,
               reason if not known.any() else words[test.sign] if known.all() else CANNOT_TELL)
        for name, known, reason, test in zip(names, within, without, tests, strict=True)
    )  # fmt: skip
    safer = [one for one in bought if one.verdict == better]
    chosen = min(safer, key=lambda one: one.difference.mean).defenses if safer else None
    epochs = [cells.names[place][1] for place in least]
    most = max(sorted(set(epochs)), key=epochs.count)
    best = float(own.accuracy[stops].mean(axis=1).max())
    return Answer(spend, best, tuple(sorted(set(epochs))), most, bought, chosen)


def check_spend(spend: float) -> None:
    """Raises `SettingsError` for what is no share of accuracy in [0, 1)."""
    if not 0 <= spend < 1:
        raise SettingsError(f"spend: expected a share of accuracy from 0 to below 1, such as 0.02, found {spend:g}")


def stops_to_record(epochs: int) -> tuple[int, ...]:
    """Epochs at which an undefended model is recorded, each about a fifth later than the one before.

    Between stops that are far apart a defense looks good that is no better than the stop that was left out.
    """
    found = [1]
    while found[-1] < epochs:
        found.append(max(found[-1] + 1, round(1.2 * found[-1])))
    return tuple(epoch for epoch in found if epoch <= epochs)


def _least(seen: Values, stops: NDArray[np.intp], dearest: NDArray[np.float64]) -> NDArray[np.intp]:
    """Place [U] of the stop that leaks least of those within the budget, by the other units; of equal ones the
    earliest. The most accurate stop is always within it."""
    fits = seen.accuracy[stops] >= dearest
    leak = np.where(fits & ~np.isnan(seen.leak[stops]), seen.leak[stops], np.inf)
    return stops[leak.argmin(axis=0)]


def front(rows: pd.DataFrame, measure: str) -> list[tuple[str, int]]:
    """The combinations and epochs that no other one beats in both mean accuracy and mean leak, by rising accuracy;
    rows as in `spent`, defended models after the last epoch. Left out is what has no leak at all, see `Bought`."""
    means = strongest(rows, measure).groupby(["defenses", "epochs"])[[ACCURACY, measure]].mean().reset_index()
    means = means[((means["defenses"] == "none") | (means["epochs"] == rows["epochs"].max())) & (means[measure] > 0)]
    ordered = means.sort_values([ACCURACY, measure], ascending=[False, True])
    kept = ordered[ordered[measure] < ordered[measure].cummin().shift(fill_value=np.inf)]
    return list(zip(kept["defenses"], kept["epochs"], strict=True))[::-1]


def spending_rows(rows: pd.DataFrame, measure: str, answer: Answer, price: Mapping[str, float | None]) -> pd.DataFrame:
    """What stands behind an answer, one row per choice: first the stop, then each defense, the least leaky first.

    price  of `training_price`

    Columns: defenses ("none" for the stop), epochs, strength, target_accuracy and `measure` with bounds NAME_low and
    NAME_high, under the attack that is strongest on the other units; difference of the leak to the stop with its
    bounds; verdict; price.
    """
    values = strongest(rows, measure).groupby(["defenses", "epochs"])
    last, found = int(rows["epochs"].max()), []
    for one in (Bought("none", None, None, ""), *answer.bought):
        epoch = answer.stop if one.defenses == "none" else last
        row: dict[str, Any] = {"defenses": one.defenses, "epochs": epoch, "strength": strength(one.defenses)}
        for name in (ACCURACY, measure):
            row |= _bounds(name, mean_over(values.get_group((one.defenses, epoch)), name).cut())
        row |= _bounds("difference", one.difference or Interval(np.nan, None, None))
        cost = answer.stop / last if one.defenses == "none" else price.get(one.defenses)
        found.append(row | {"verdict": one.verdict, "price": cost})
    table = pd.DataFrame(found)
    return pd.concat([table[:1], table[1:].sort_values(measure)], ignore_index=True)


def spending_text(rows: pd.DataFrame, measure: str, answer: Answer, confidence: float = 0.95) -> str:
    """The answer and `spending_rows` in plain ASCII: one line per choice."""
    lines = [
        f"To spend: {answer.spend:g} of accuracy, from {answer.best:.3f} at the most accurate stop.",
        f"Answer: {answer}.",
        f"Means over pairs of models with {confidence:.0%} intervals, under the attack that is strongest on the other "
        f"pairs; verdicts after Holm's correction.",
        "Training time is that of the processor, against none to the end.",
        "",
    ]
    cells = [["defenses", "strength", "accuracy", heading(measure), "against the stop", "training time"]]
    for _, row in rows.iterrows():
        stop = row["defenses"] == "none"
        price = "not measured" if pd.isna(row["price"]) else f"{row['price']:.1f}x"
        name = f"stop at epoch {row['epochs']}" if stop else row["defenses"]
        values = (with_interval(row, column) for column in (ACCURACY, measure))
        cells.append([name, row["strength"] or "-", *values, "-" if stop else row["verdict"], price])
    return in_columns(lines, cells)


def strength(name: str) -> str:
    """How strong the defenses of a combination are, each by its one setting: "rate 0.5; alpha 1"."""
    parts = [(part.strength, getattr(part, part.strength)) for part in combination(name) if part.strength]
    return "; ".join(f"{setting} {value:g}" for setting, value in parts)


def training_price(study: ReferenceStudy) -> dict[str, float | None]:
    """The processor's time to train a model of each combination, as a multiple of the undefended one's, see
    `mia_core.studies.results.processor_seconds`; None where it is not known."""
    seconds = {describe(shaped): [*_abouts(study, shaped)] for shaped in study.shapings()}
    medians = {name: processor_seconds(abouts) for name, abouts in seconds.items()}
    shaped = {describe(defenses): describe(shaping(defenses)) for defenses in study.combinations}
    return against_none({name: medians[trained] for name, trained in shaped.items()})


def against_none(seconds: Mapping[str, float | None]) -> dict[str, float | None]:
    """Seconds by combination as multiples of those of none; None where either is not known."""
    plain = seconds.get("none")
    return {name: found / plain if found is not None and plain else None for name, found in seconds.items()}


def _abouts(study: ReferenceStudy, defenses: Combination) -> Iterator[dict[str, Any]]:
    for model in range(study.settings.models):
        yield study.run(model, defenses).about


def with_doses(names: Sequence[str]) -> list[str]:
    """Every combination, and those of a single defense at its default strength also at its other doses."""
    found: list[str] = []
    for name in names:
        parts = combination(name)
        alone = parts[0] if len(parts) == 1 and str(parts[0]) == parts[0].name else None
        doses = [type(alone)(**{alone.strength: dose}) for dose in alone.doses] if alone else []
        found += [describe((dose,)) for dose in doses] or [describe(parts)]
    return list(dict.fromkeys(found))


def _bounds(name: str, found: Interval) -> dict[str, float | None]:
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
