"""Of "Why models leak": members and non-members side by side, and the gap as a knob.

Tables of a knob are those of `mia_core.studies.study.Study.table`, in which "defenses" names a value of the knob
("5 epochs", "112 examples", "noise 0.27"), so that `judge` and `over_the_seeds` compare values as they do defenses.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mia_book.claims import HERE, after
from mia_book.paper import SAME
from mia_book.recorded_epochs import beyond_the_gap, epochs_name
from mia_book.sweeps import arms, both_sides, sides
from mia_core.data.load import DataSettings
from mia_core.display.figures import show, show_slider
from mia_core.display.svg import figure, style
from mia_core.display.tables import difference, with_interval
from mia_core.gate.arrays import Outputs
from mia_core.gate.posteriors import log_posteriors
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, Claim, Verdict, judge
from mia_core.measures.intervals import Interval
from mia_core.studies.study import TARGET, Study, over_the_seeds

SIZE, NOISE = "training examples", "noise"
"""Names of the knobs of `other_knobs`."""
MOST_NOISE = 10.0
"""What `mia_core.data.load.DataSettings` allows, as a share of the pixel range."""
GAP_MARGIN = 0.05
"""A generalisation gap that moves by less than this counts as the same."""
LEAST_LOSS = 1e-6
"""Losses below this, in nats, stand in the first bin."""
LEFT_END = 0.1
"""The alt text counts both sides in the first bins that hold at least this share of the members."""
# Each knob's values stand on a side of their own, in points, with an end of the text: all share the study's own point.
_LABELS = (((5, -13), "left"), ((-6, 6), "right"), ((7, 4), "left"))


def by_size(study: Study, shares: Sequence[float] = (0.25, 0.5), seeds: int = 3) -> pd.DataFrame:
    """The study's table for smaller training sets and for its own, in order of size, over its first `seeds` seeds.

    shares  sizes as shares of the study's own, above 0 and below 1; each trains a target and a shadow per seed
    Added columns: knob, the number of members, and `beyond_gap`, see `mia_book.recorded_epochs.beyond_the_gap`.
    """
    full = int(study.splits[study.settings.seeds[0]].members[TARGET].sum())
    sizes = sorted({max(1, round(share * full)) for share in shares} | {full})
    return _turned(study, "part", sizes, full, seeds, size_name)


def by_noise(study: Study, shares: Sequence[float] = (0.5, 1.4), seeds: int = 3) -> pd.DataFrame:
    """The table of a study on `digits` at other noise on the pixels and at its own, in order of noise.

    shares  noise as shares of the study's own, or of the default where that is 0
    The knob is the noise as a share of the pixel range; all else as in `by_size`.
    """
    own = study.settings.noise
    base = own or DataSettings().noise
    levels = sorted({min(float(f"{share * base:.2g}"), MOST_NOISE) for share in shares} | {own})
    return _turned(study, "noise", levels, own, seeds, noise_name)


def other_knobs(study: Study) -> dict[str, pd.DataFrame]:
    """The tables of the knobs that need trainings of their own: `SIZE` and, on digits, which alone have it, `NOISE`."""
    tables = {SIZE: by_size(study)}
    return tables | {NOISE: by_noise(study)} if study.settings.dataset == "digits" else tables


def size_name(size: int) -> str:
    """The name of a size of the training set in a table: "449 examples"."""
    return f"{size:,} example{'s' if size != 1 else ''}"


def noise_name(noise: float) -> str:
    """The name of a noise in a table, as a share of the pixel range: "noise 0.27"."""
    return f"noise {noise:g}"


def _turned(
    study: Study, setting: str, values: Sequence[float], own: float, seeds: int, name: Callable[[float], str]
) -> pd.DataFrame:
    parts = []
    for value in values:
        # At other values nothing is asked before the end; the trainings at the study's own are others' too.
        record = study.settings.record if value == own else ()
        first = {"seeds": study.settings.seeds[:seeds], "replicates": 0, "record": record}
        data = study.dataset if setting == "part" else None  # other noise makes another data set
        table = Study(study.settings.replace(**{setting: value}, **first), study.store, data).train().table()
        parts.append(table.assign(defenses=name(value), knob=value))
    return beyond_the_gap(pd.concat(parts, ignore_index=True))


def two_attacks(
    one: pd.DataFrame, other: pd.DataFrame, names: tuple[str, str], measure: str = "attack_accuracy"
) -> pd.DataFrame:
    """Two attacks on the same models by epoch, and which is ahead by the interval of their paired difference.

    one, other  tables of `mia_book.recorded_epochs.by_epoch`, of one attack each; names: what the two are called
    Columns: trained for; each attack's mean with its interval; difference, the first minus the second; ahead, the name
    of one, "no material effect" or "cannot be told".
    """
    first, second = names
    both = pd.concat(
        [one.assign(attack="", defenses=first), other.assign(attack="", defenses=second)], ignore_index=True
    )
    ahead = {HOLDS: first, DOES_NOT_HOLD: second}
    rows = []
    for epoch, group in both.groupby("knob"):
        claim = Claim(f"After {epochs_name(epoch)} {first} is ahead of {second}.", HERE, measure, *names, "higher")
        verdict, means = judge(claim, group, ""), over_the_seeds(group).set_index("defenses")
        shown = {name: with_interval(means.loc[name], measure) for name in names}
        shown |= {"difference": difference(verdict), "ahead": ahead.get(verdict.outcome, verdict.outcome)}
        rows.append({"trained for": epochs_name(epoch)} | shown)
    return pd.DataFrame(rows)


def ahead_in_words(attacks: pd.DataFrame) -> str:
    """Who is ahead when, of a table of `two_attacks`: "loss attack after 1 epoch, 2 epochs; adversary 1 after ..."."""
    by_name = attacks.groupby("ahead", sort=False)["trained for"].agg(", ".join)
    return "; ".join(f"{name} after {epochs}" for name, epochs in by_name.items())


def earlier_stops(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """What stopping at each earlier epoch changes against the last, within seeds; and the earliest stop that is shown
    to cost at most `SAME` of target accuracy, in sentences.

    table  of `mia_book.recorded_epochs.by_epoch`
    Columns: trained for, target accuracy, attack accuracy; each as a difference with its interval.
    """
    *earlier, last = table["knob"].drop_duplicates().map(epochs_name)
    rows, found = [], None
    for name in earlier:
        loses = Claim(f"Stopped after {name}, the target loses more than {SAME} of its accuracy.",
            HERE, "target_accuracy", name, last, "lower", SAME)  # fmt: skip
        safer = Claim(f"Stopped after {name}, the attack is less accurate.",
            HERE, "attack_accuracy", name, last, "lower")  # fmt: skip
        target, attack = judge(loses, table), judge(safer, table)
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


def epoch_claims(epochs: Sequence[int]) -> tuple[Claim, ...]:
    """Claims on the table of `mia_book.recorded_epochs.by_epoch`, for these recorded epochs, ascending.

    The first three test what follows from section I of the report, which speaks of the generalisation error.
    """
    first, last = epochs_name(epochs[0]), epochs_name(epochs[-1])
    before = epochs_name(epochs[-2] if len(epochs) > 1 else epochs[-1])
    return (
        Claim("The target is more accurate on members than on others.",
            after("I"), "generalisation_gap", last, 0.0, "higher"),
        Claim(f"The gap is larger after {last} than after {first}.",
            after("I"), "generalisation_gap", last, first, "higher"),
        Claim(f"The attack is better after {last} than after {first}.",
            after("I"), "attack_accuracy", last, first, "higher"),
        Claim(f"From {before} to {last} the gap stays the same, to within {GAP_MARGIN}.",
            HERE, "generalisation_gap", last, before, "same", GAP_MARGIN),
        Claim(f"From {before} to {last} the attack still gains.", HERE, "attack_accuracy", last, before, "higher"),
        Claim(f"After {last} the attack knows more than right and wrong.", HERE, "beyond_gap", last, 0.0, "higher"),
    )  # fmt: skip


def size_claim(sizes: Sequence[int]) -> Claim:
    """A claim on the table of `by_size`, for these sizes of the training set, ascending."""
    small, large = size_name(sizes[0]), size_name(sizes[-1])
    text = f"A model of {small} is attacked better than one of {large}."
    return Claim(text, after("I"), "attack_accuracy", small, large, "higher")


def noise_claim(levels: Sequence[float]) -> Claim:
    """A claim on the table of `by_noise`, for these shares of the pixel range, ascending."""
    less, more = noise_name(levels[0]), noise_name(levels[-1])
    text = f"A model on {more} is attacked better than one on {less}."
    return Claim(text, after("I"), "attack_accuracy", more, less, "higher")


KNOB_CLAIMS = {SIZE: size_claim, NOISE: noise_claim}
"""Knob of `other_knobs` -> the claim on its table, for its values."""


def together(gap: Verdict, attack: Verdict) -> str:
    """What the verdicts on gap and attack, each after the last epoch against the first, say of the two together."""
    outcomes = {gap.outcome, attack.outcome}
    if outcomes == {HOLDS}:
        return "gap and attack rise together"
    if outcomes & {DOES_NOT_HOLD, NO_EFFECT}:
        return "gap and attack do not both rise"
    return "it cannot be told whether both rise"


def over_sizes(verdict: Verdict) -> str:
    """What the verdict on `size_claim` says."""
    return {
        HOLDS: "the model of the smaller set is attacked better",
        DOES_NOT_HOLD: "the model of the smaller set is not attacked better",
        NO_EFFECT: "the size of the set has no material effect on the attack",
        CANNOT_TELL: "the seeds are too few to tell",
    }[verdict.outcome]


def over_noise(verdict: Verdict | None) -> str:
    """What the verdict on `noise_claim` says, in a sentence; None where the data set has no such knob."""
    if verdict is None:
        return "Noise is a knob of the digits only, and this run is on other data."
    said = {
        HOLDS: "the attack gains",
        DOES_NOT_HOLD: "the attack does not gain",
        NO_EFFECT: "the attack does not change materially",
        CANNOT_TELL: "it cannot be told whether the attack gains",
    }[verdict.outcome]
    return f"From {verdict.claim.than} to {verdict.claim.of} {said} (difference {difference(verdict)})."


def show_confidence_by_epoch(study: Study, summary: pd.DataFrame, name: str, caption: str) -> None:
    """Show the largest posterior of members and of non-members, all seeds together, at every recorded epoch of an
    undefended study behind a slider; a lone epoch without one.

    summary  of `mia_book.recorded_epochs.by_epoch` (see `mia_book.recorded_epochs.over_the_knob`)
    """
    rows, frames, alts, highest = summary.set_index("defenses"), [], [], 0.0
    for epoch in study.recipe.recorded_epochs():
        seen = [study.outputs(seed, TARGET, (), epoch) for seed in study.settings.seeds]
        edges = np.linspace(1 / seen[0].classes, 1, 21)
        # A sum of rounded terms can leave the range by the last digit.
        top = np.concatenate([out.posteriors.max(axis=1) for out in seen]).clip(edges[0], 1)
        attack = with_interval(rows.loc[epochs_name(epoch)], "attack_accuracy")
        fig, axes = figure(height=3.0)
        shares = both_sides(axes, top, np.concatenate([out.members for out in seen]), edges)
        highest = max(highest, *(share.max() for share in shares.values()))
        axes.set(xlabel="largest posterior", ylabel="share of examples", xlim=(edges[0], 1))
        axes.set_title(f"attack accuracy {attack}", loc="left")
        axes.legend(loc="upper left")
        frames.append((epoch, fig))
        above = " and ".join(f"{share[-1]:.0%} of the {side}" for side, share in shares.items())
        alts.append(
            f"After {epochs_name(epoch)}: above a largest posterior of {edges[-2]:.2f} lie {above}; attack accuracy "
            f"{attack}."
        )
    for _, fig in frames:
        fig.axes[0].set_ylim(0, 1.05 * highest)
    if len(frames) == 1:
        show(frames[0][1], alt=alts[0], name=name, caption=caption)
    else:
        show_slider(frames, caption=caption, name=name, alts=alts, label="epoch")


def loss_histogram(seen: Sequence[Outputs], bins: int = 28) -> tuple[Figure, str]:
    """Loss of members and of non-members under several models together, as shares of each, on a logarithmic axis.

    seen  outputs with labels; the loss is the cross-entropy, -log p of the true class, in nats
    """
    losses = [-log_posteriors(out.posteriors[np.arange(len(out.labels)), out.labels]) for out in seen]
    loss, inside = np.maximum(np.concatenate(losses), LEAST_LOSS), np.concatenate([out.members for out in seen])
    edges = np.geomspace(LEAST_LOSS, max(10.0, 1.001 * loss.max()), bins + 1)
    fig, axes = figure(height=3.0)
    shares = both_sides(axes, loss, inside, edges)
    axes.set(xscale="log", xlabel="loss (nats)", ylabel="share of examples", xlim=(edges[0], edges[-1]))
    axes.minorticks_off()
    axes.legend(loc="upper left")
    medians = ", ".join(f"{np.median(loss[side]):.2g} nats for {name}" for name, side in sides(inside).items())
    first = int(np.searchsorted(np.cumsum(shares["members"]), LEFT_END)) + 1  # bins that hold this share of members
    left = " and ".join(f"{share[:first].sum():.1%} of the {name}" for name, share in shares.items())
    return fig, (
        f"Histograms of the loss on a logarithmic axis. At the left end, below {edges[first]:.2g} nats, lie {left}. "
        f"The median is {medians}."
    )


def over_epochs(summary: pd.DataFrame) -> tuple[Figure, str]:
    """Accuracy on members and non-members, and below it the attack's, against the epoch, with intervals over seeds.

    summary  of `mia_book.recorded_epochs.by_epoch` (see `mia_book.recorded_epochs.over_the_knob`)
    """
    fig, (above, below) = figure(2, height=2.5, sharex=True)
    lines = ((above, "target_train_accuracy", "members"), (above, "target_accuracy", "non-members"))
    for series, (axes, measure, label) in enumerate((*lines, (below, "attack_accuracy", "adversary 1"))):
        axes.plot(summary["knob"], summary[measure], label=label, **style(series))
        low, high = (summary[f"{measure}_{side}"].astype(float) for side in ("low", "high"))
        axes.fill_between(summary["knob"], low, high, color=style(series)["color"], alpha=0.18, linewidth=0)
    above.set(ylabel="target accuracy", ylim=(0, 1.04))
    below.axhline(0.5, label="guessing", color=style(5)["color"], linestyle=style(5)["linestyle"])
    below.set(xlabel="epoch", ylabel="attack accuracy", xscale="log")
    below.set_xticks(summary["knob"], labels=[str(value) for value in summary["knob"]])
    below.minorticks_off()
    for axes in (above, below):
        axes.legend(loc="best")
    names = ["target_train_accuracy", "target_accuracy", "attack_accuracy"]
    parts = [f"{row['defenses']}: {', '.join(f'{row[name]:.2f}' for name in names)}" for _, row in summary.iterrows()]
    return fig, f"Accuracy on members, accuracy on non-members and attack accuracy by epoch. {'; '.join(parts)}."


def gap_against_attack(knobs: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The attack's balanced accuracy against the generalisation gap, a point per value of each knob.

    knobs  name -> summary of `mia_book.recorded_epochs.over_the_knob`. The line is what the gap attack reaches
    """
    fig, axes = figure(height=3.8)
    parts, both = [], ("generalisation_gap", "balanced_accuracy")
    for series, (name, summary) in enumerate(knobs.items()):
        look, (offset, side) = style(series), _LABELS[series % len(_LABELS)]
        for place, (_, row) in enumerate(summary.iterrows()):
            x, y = (row[measure] for measure in both)
            xerr, yerr = (arms(Interval(*(row[f"{m}{end}"] for end in ("", "_low", "_high")))) for m in both)
            axes.errorbar(
                x, y, xerr=xerr, yerr=yerr, color=look["color"], marker=look["marker"], linestyle="", elinewidth=0.8,
                label=name if place == 0 else None,
            )  # fmt: skip
            value = f"{row['knob']:,}" if row["knob"] % 1 == 0 else f"{row['knob']:g}"
            axes.annotate(value, (x, y), xytext=offset, textcoords="offset points", ha=side, fontsize=10)
            parts.append(f"{row['defenses']} {x:.2f} / {y:.2f}")
    reach = max(0.1, axes.get_xlim()[1])
    line = style(5)
    axes.plot([0, reach], [0.5, 0.5 + reach / 2], label="gap attack", color=line["color"], linestyle=line["linestyle"])
    axes.set(xlabel="generalisation gap", ylabel="balanced accuracy of the attack")
    axes.legend(loc="upper left")
    return fig, (
        f"Generalisation gap / balanced accuracy of adversary 1: {', '.join(parts)}. A line shows what the gap attack "
        "reaches, one half plus half the gap."
    )
