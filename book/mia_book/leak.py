"""The generalisation gap as a knob: tables of an undefended study by recorded epoch, size of the training set, noise.

All are tables as `mia_core.studies.study.Study.table` makes them, in which the column `defenses` names a value of the
knob ("5 epochs", "112 examples", "noise 0.27"), so that `judge` and `over_the_seeds` compare values as they do
defenses.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mia_core.data.load import DataSettings
from mia_core.display.tables import difference, with_interval
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, judge
from mia_core.studies.paper import SAME
from mia_core.studies.study import TARGET, Study, over_the_seeds

if TYPE_CHECKING:
    import pandas as pd

SIZE, NOISE = "training examples", "noise"
"""Names of the knobs of `other_knobs`."""
MOST_NOISE = 10.0
"""What `mia_core.data.load.DataSettings` allows, as a share of the pixel range."""


def by_epoch(study: Study) -> "pd.DataFrame":
    """The study's table at each of its recorded epochs, in their order; nothing is trained for it.

    Added columns: knob, the epoch, and `beyond_gap`, see `beyond_the_gap`. Raises `RunError` before training.
    """
    import pandas as pd

    parts = [
        study.table(epoch).assign(defenses=epochs_name(epoch), knob=epoch) for epoch in study.recipe.recorded_epochs()
    ]
    return beyond_the_gap(pd.concat(parts, ignore_index=True))


def by_size(study: Study, shares: Sequence[float] = (0.25, 0.5), seeds: int = 3) -> "pd.DataFrame":
    """The study's table for smaller training sets and for its own, in order of size, over its first `seeds` seeds.

    shares  sizes as shares of the study's own, above 0 and below 1; each trains a target and a shadow a seed
    Added columns: knob, the number of members, and `beyond_gap`, see `beyond_the_gap`.
    """
    import pandas as pd

    first = study.settings.seeds[:seeds]
    full = members_each(study)
    sizes = sorted({max(1, round(share * full)) for share in shares} | {full})
    parts = []
    for size in sizes:
        # Of other sizes nothing is asked before the end; those of the study's own are others' too.
        record = study.settings.record if size == full else ()
        settings = study.settings.replace(part=size, seeds=first, record=record)
        table = Study(settings, study.store, study.dataset).train().table()
        parts.append(table.assign(defenses=size_name(size), knob=size))
    return beyond_the_gap(pd.concat(parts, ignore_index=True))


def by_noise(study: Study, shares: Sequence[float] = (0.5, 1.4), seeds: int = 3) -> "pd.DataFrame":
    """The table of a study on `digits` at other noise on the pixels and at its own, in order of noise, over its first
    `seeds` seeds.

    shares  noise as shares of the study's own, or of the default where that is 0; each trains a target and a shadow a
            seed
    Added columns: knob, the noise as a share of the pixel range, and `beyond_gap`, see `beyond_the_gap`.
    """
    import pandas as pd

    own = study.settings.noise
    base = own or DataSettings().noise
    levels = sorted({min(float(f"{share * base:.2g}"), MOST_NOISE) for share in shares} | {own})
    parts = []
    for level in levels:
        record = study.settings.record if level == own else ()
        first = study.settings.seeds[:seeds]
        settings = study.settings.replace(noise=level, seeds=first, replicates=0, record=record)
        table = Study(settings, study.store).train().table()  # other noise makes another data set
        parts.append(table.assign(defenses=noise_name(level), knob=level))
    return beyond_the_gap(pd.concat(parts, ignore_index=True))


def other_knobs(study: Study) -> "dict[str, pd.DataFrame]":
    """The tables of the knobs that need trainings of their own: `SIZE` and, on digits, which alone have it, `NOISE`."""
    tables = {SIZE: by_size(study)}
    return tables | {NOISE: by_noise(study)} if study.settings.dataset == "digits" else tables


def over_the_knob(table: "pd.DataFrame") -> "pd.DataFrame":
    """`mia_core.studies.study.over_the_seeds` of a table of any knob: one row a value, which is its column knob."""
    knobs = table.drop_duplicates("defenses").set_index("defenses")["knob"]
    summary = over_the_seeds(table)
    return summary.assign(knob=summary["defenses"].map(knobs))


def two_attacks(
    one: "pd.DataFrame", other: "pd.DataFrame", names: tuple[str, str], measure: str = "attack_accuracy"
) -> "pd.DataFrame":
    """Two attacks on the same models by epoch, and which is ahead by the interval of their paired difference.

    one, other  tables of `by_epoch`, of one attack each; names: what the two are called
    Columns: trained for; each attack's mean with its interval; difference, the first minus the second; ahead, the name
    of one or "cannot be told".
    """
    import pandas as pd

    first, second = names
    parts = (table.assign(attack="adversary1", defenses=name) for name, table in zip(names, (one, other), strict=True))
    both = pd.concat(parts, ignore_index=True)
    ahead = {HOLDS: first, DOES_NOT_HOLD: second, CANNOT_TELL: CANNOT_TELL}
    rows = []
    for epoch, group in both.groupby("knob"):
        text = f"After {epochs_name(epoch)} {first} is ahead of {second}."
        verdict = judge(Claim(text, "this chapter", measure, first, second, "higher"), group)
        means = over_the_seeds(group).set_index("defenses")
        rows.append(
            {"trained for": epochs_name(epoch)}
            | {name: with_interval(means.loc[name], measure) for name in names}
            | {"difference": difference(verdict), "ahead": ahead[verdict.outcome]}
        )
    return pd.DataFrame(rows)


def ahead_in_words(attacks: "pd.DataFrame") -> str:
    """Who is ahead when, of a table of `two_attacks`: "loss attack after 1 epoch, 2 epochs; adversary 1 after ..."."""
    by_name = attacks.groupby("ahead", sort=False)["trained for"].agg(", ".join)
    return "; ".join(f"{name} after {epochs}" for name, epochs in by_name.items())


def earlier_stops(table: "pd.DataFrame") -> "tuple[pd.DataFrame, str]":
    """What stopping at each earlier epoch changes against the last, within seeds; and the earliest stop that is shown
    to cost at most `SAME` of target accuracy, in sentences.

    table  of `by_epoch`. Columns: trained for, target accuracy, attack accuracy; each as a difference with its interval
    """
    import pandas as pd

    *earlier, last = table["knob"].drop_duplicates().map(epochs_name)
    rows, found = [], None
    for name in earlier:
        text = f"Stopped after {name}, the target loses more than {SAME} of its accuracy."
        target = judge(Claim(text, "this chapter", "target_accuracy", name, last, "lower", SAME), table)
        text = f"Stopped after {name}, the attack is less accurate."
        attack = judge(Claim(text, "this chapter", "attack_accuracy", name, last, "lower"), table)
        row = {"trained for": name, "target accuracy": difference(target), "attack accuracy": difference(attack)}
        rows.append(row)
        found = found or (row if target.outcome == DOES_NOT_HOLD else None)
    said = f"No earlier epoch is shown to cost at most {SAME} of target accuracy against {last}."
    if found:
        said = (
            f"The earliest stop shown to cost at most {SAME} of target accuracy is after {found['trained for']}. "
            f"Against {last}, target accuracy differs by {found['target accuracy']} and the attack's by "
            f"{found['attack accuracy']}."
        )
    return pd.DataFrame(rows, columns=["trained for", "target accuracy", "attack accuracy"]), said


def stops_in_words(stops: "pd.DataFrame", defended: "pd.Series") -> str:
    """Whether an undefended model stopped earlier is as accurate as a defended one, by the means, and how the one that
    comes nearest is attacked; in sentences.

    stops     of `by_epoch`, see `over_the_knob`
    defended  a row of `mia_core.studies.study.over_the_seeds`
    """
    enough = stops[stops["target_accuracy"] >= defended["target_accuracy"]]
    if enough.empty:
        row = stops.loc[stops["target_accuracy"].idxmax()]
        said = f"By the mean over seeds, no recorded epoch is as accurate. The nearest is {row['defenses']}"
    else:
        row = enough.loc[enough["attack_accuracy"].idxmin()]
        said = f"As accurate, by the mean over seeds: {', '.join(enough['defenses'])}. "
        said += f"The least attacked of these is {row['defenses']}"
    target, attack = (with_interval(row, name) for name in ("target_accuracy", "attack_accuracy"))
    return f"{said}: target accuracy {target}, attack accuracy {attack}."


def beyond_the_gap(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table with a column `beyond_gap`: balanced accuracy minus that of the gap attack on the same model.

    The gap attack calls an example a member where the model is right about it; its balanced accuracy is one half plus
    half the generalisation gap (Yeom et al. 2018). Above 0 the attack knows more than right and wrong.
    """
    return table.assign(beyond_gap=table["balanced_accuracy"] - (1 + table["generalisation_gap"]) / 2)


def members_each(study: Study) -> int:
    """How many examples each model of a study trains on."""
    return int(study.splits[study.settings.seeds[0]].members[TARGET].sum())


def epochs_name(epoch: int) -> str:
    """The name of an epoch in a table: "1 epoch", "5 epochs"."""
    return f"{epoch} epoch{'s' if epoch != 1 else ''}"


def size_name(size: int) -> str:
    """The name of a size of the training set in a table: "449 examples"."""
    return f"{size:,} example{'s' if size != 1 else ''}"


def noise_name(noise: float) -> str:
    """The name of a noise in a table, as a share of the pixel range: "noise 0.27"."""
    return f"noise {noise:g}"
