"""Of "Reference-model attacks": surprising answers, numbers of references, splits, claims."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mia_book.claims import HERE, after
from mia_book.paper import TABLE_I
from mia_book.reference_models import ATTACKS, MEASURES
from mia_book.sweeps import knob_curves
from mia_book.wording import mean_in_words
from mia_core.base.errors import ArrayError
from mia_core.display.plots import sides
from mia_core.display.svg import figure, style
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, Claim, Verdict
from mia_core.measures.counts import errors
from mia_core.measures.metrics import auc, low_fpr
from mia_core.measures.ranking import tie_blocks
from mia_core.measures.text import NOT_MEASURABLE, heading
from mia_core.references import References
from mia_core.references.answers import View
from mia_core.references.calibrated_loss import difficulty_calibrated
from mia_core.references.lira import LiraSettings, lira
from mia_core.references.summaries import summarise
from mia_core.studies.reference_rows import answers, attacked, check_references, judge_scores, kinds_of
from mia_core.studies.reference_study import DESIGNS, ReferenceStudy

SPLITS = {"pairs": "complementary pairs", "random_halves": "independent coins", "exactly_half": "exactly half"}
"""How `by_split` calls the designs of `mia_core.studies.reference_study.DESIGNS`."""


def two_measures(units: pd.DataFrame) -> pd.DataFrame:
    """`MEASURES` of the attacks of `by_attack`, means over units with their intervals: one row per attack, as text."""
    return pd.DataFrame(
        {"attack": attack} | {heading(name): mean_in_words(rows[name], errors=errors(rows, name)) for name in MEASURES}
        for attack, rows in units.groupby("defenses", sort=False)
    )


def by_references(
    study: ReferenceStudy, numbers: Sequence[int] | None = None, attacks: Sequence[str] = ATTACKS[1:]
) -> pd.DataFrame:
    """Attacks on the undefended models, given ever more references: `value` is their number, one row per pair.

    numbers  even ones; by default 2, 4, ... up to all there are. In "defenses" stands "NUMBER references"
    Raises `SettingsError` for a number that there is not.
    """
    found, ordinary = answers(study, ()), kinds_of(study)["pool"]
    rows = []
    for number in numbers or range(2, study.settings.models - 1, 2):
        check_references(study, number)
        for attack in attacks:
            made = attacked(study, attack, found, number)
            both = zip(made.scores[:, ordinary], made.members[:, ordinary], strict=True)
            each = [judge_scores(scores, members, None) for scores, members in both]
            for unit, pair in enumerate(zip(each[::2], each[1::2], strict=True)):
                row = {"attack": attack, "defenses": f"{number} references", "value": number, "seed": unit}
                for name in MEASURES:
                    known = None not in (pair[0][name], pair[1][name])
                    row[name] = (pair[0][name] + pair[1][name]) / 2 if known else None
                    row[f"{name}_error"] = np.hypot(*errors(pd.DataFrame(pair), name)) / 2
                rows.append(row)
    return pd.DataFrame(rows)


def by_split(
    models: Sequence[int] = (4, 8, 16), examples: int = 5_000, seeds: int = 10, designs: Sequence[str] = tuple(DESIGNS)
) -> pd.DataFrame:
    """What LiRA reaches where there is nothing to find: AUC on noise, one row per design, number of models and seed.

    Every model's statistic of every example is an independent normal number, so no output depends on membership and
    any AUC but one half comes from the split. LiRA as published (median, a variance per example), target 0, without its
    partner in pairs. "attack" holds the design as `SPLITS` calls it, `value` the number of models, "defenses" "NUMBER
    models".
    """
    rows = []
    for design in designs:
        for number in models:
            for seed in range(seeds):
                members = DESIGNS[design](examples, number, seed).members
                generator = np.random.default_rng(np.random.SeedSequence([seed, number, *design.encode()]))
                noise = generator.standard_normal(members.shape)
                seen = References(noise, members, 0, 1 if design == "pairs" else None)
                scores = lira(seen, LiraSettings(variance="example", centre="median"))
                row = {"attack": SPLITS[design], "defenses": f"{number} models", "value": number, "seed": seed}
                rows.append(row | {"auc": auc(scores, members[0])})
    return pd.DataFrame(rows)


STATISTIC = "logit"
XLABEL = "logit of the true class, log p/(1 - p)"


class Twins(NamedTuple):
    """A member and a non-member for which a target answers nearly alike: columns of the pool; shown `of` all such."""

    member: int
    other: int
    of: int


def find_twins(view: View, chosen: NDArray[np.bool_], near: float = 0.1) -> Twins:
    """Of all members and their nearest non-members by the target's statistic, the pair that LiRA tells apart best.

    chosen  bool [P], the examples to look at
    near    how far apart they may answer, in standard deviations of the statistic over the examples
    Raises `ArrayError` where no member has a non-member that near.
    """
    references = view.pool(STATISTIC)
    statistic, scores = references.of_target(), lira(references)
    members = np.flatnonzero(view.membership() & chosen)
    others = np.flatnonzero(~view.membership() & chosen)
    if not len(members) or not len(others):
        raise ArrayError(f"twins: found {len(members)} members and {len(others)} non-members; expected some of both")
    apart = np.abs(statistic[members][:, None] - statistic[others][None])
    nearest = apart.argmin(axis=1)
    close = apart.min(axis=1) <= near * statistic[chosen].std()
    if not close.any():
        raise ArrayError(f"twins: found no member and non-member within {near} standard deviations")
    gain = np.where(close, scores[members] - scores[others[nearest]], -np.inf)
    best = int(gain.argmax())
    return Twins(int(members[best]), int(others[nearest[best]]), int(close.sum()))


def twins(view: View, found: Twins) -> tuple[Figure, str]:
    """For both examples of `find_twins`: the target's statistic, those of IN and OUT references, LiRA's curves."""
    references = view.pool(STATISTIC)
    target, scores, sides = references.of_target(), lira(references), summarise(references, 0)
    values, inside = references.values(slice(None)), references.inside(slice(None))
    free = [int((side.count - 1).clip(0).sum()) for side in sides]
    pooled = [side.squares.sum() / of if of else side.raw_variance(1) for side, of in zip(sides, free, strict=True)]
    spreads = [float(np.sqrt(variance)) for variance in pooled]
    columns = [found.member, found.other]
    drawn = np.concatenate([values[:, columns].ravel(), target[columns]])
    reach = 1.2 * max(spreads)
    grid = np.linspace(drawn.min() - reach, drawn.max() + reach, 300)
    fig, axes = figure(2, height=2.2, sharex=True)
    parts = []
    for ax, column, kind in zip(axes, columns, ("a member", "a non-member"), strict=True):
        means = []
        for place, (name, side, spread) in enumerate(zip(("IN", "OUT"), sides, spreads, strict=True)):
            mine = values[inside[:, column] == (name == "IN"), column]
            look, gaps = style(place), (grid - float(side.mean[column])) / max(spread, 1e-6)
            marker, looks = look.pop("marker"), look | {"linewidth": 1.3}
            ax.plot(grid, np.exp(-0.5 * gaps**2), **looks)
            ax.plot(mine, np.full(len(mine), -0.08), linestyle="", marker=marker, color=look["color"], markersize=6,
                    label=f"{name} references", clip_on=False)  # fmt: skip
            means.append(f"mean of {name} {side.mean[column]:.1f}")
        ax.axvline(target[column], label="target", color=style(2)["color"], linestyle="--")
        ax.set_title(f"{kind}: LiRA {scores[column]:+.1f} nats", loc="left")
        ax.set(ylabel="density", ylim=(-0.18, 1.1), yticks=[])
        parts.append(f"{kind}: target {target[column]:.1f}, {', '.join(means)}, LiRA {scores[column]:+.1f} nats")
    axes[-1].set_xlabel(XLABEL)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3)
    return fig, f"Normal curves of IN and OUT references and a line for the target. {'; '.join(parts)}."


def thresholds_in_one_picture(
    view: View, chosen: NDArray[np.bool_], level: float = 0.05
) -> tuple[Figure, str, dict[str, float | None]]:
    """Each example's statistic under the target against its mean over OUT references, with two thresholds as lines.

    A threshold on the target's own statistic, such as the loss, is level; one on the difference, the calibrated
    statistic, rises. Both accuse at most a share `level` of the non-members. Also returns the share of members above
    each line, "level" and "rising"; None and no line where there are too few non-members.
    """
    references = view.pool(STATISTIC)
    inside = view.membership()
    y, x = references.of_target(), summarise(references, 0)[1].mean
    fig, ax = figure(height=4.0)
    for series, (name, side) in enumerate(sides(inside).items()):
        look, side = style(series), side & chosen
        ax.plot(x[side], y[side], linestyle="", marker=look["marker"], color=look["color"], alpha=0.5, markersize=3.5,
                label=name, markerfacecolor="none")  # fmt: skip
    shares: dict[str, float | None] = {}
    ends = np.array([x[chosen].min(), x[chosen].max()])
    for series, (name, scores) in enumerate((("level", y), ("rising", difficulty_calibrated(references))), 2):
        cut = low_fpr(tie_blocks(scores[chosen], inside[chosen]), level)
        shares[name] = cut.tpr
        if cut.threshold is not None:
            height = cut.threshold + (ends if name == "rising" else 0 * ends)
            look = style(series)
            words = "on the output" if name == "level" else "on the difference"
            ax.plot(ends, height, color=look["color"], linestyle=look["linestyle"], label=words)
    ax.set(xlabel="mean logit of OUT references", ylabel="logit of the target")
    fig.legend(loc="outside lower center", ncols=2)
    parts = [
        f"{share:.0%} of the members lie above the {name} line" for name, share in shares.items() if share is not None
    ]
    alt = f"Scatter of the target's logit against the mean of OUT references. At {level:.0%} FPR {' and '.join(parts)}."
    return fig, alt if parts else alt.rpartition(" At ")[0], shares


def over_references(table: pd.DataFrame) -> tuple[Figure, str]:
    """Attacks against the number of reference models, a panel per measure, one legend below both.

    table  of `by_references`
    """
    fig, alt = knob_curves(table, MEASURES, "reference models")
    for ax in fig.axes:
        if ax.get_legend():
            ax.get_legend().remove()
    fig.set_figheight(fig.get_figheight() + 1.0)  # room for the legend
    fig.legend(*fig.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig, alt


LOW = "tpr_at_fpr_0.01"
FAVOURITE = "smoothing"
"""What section IV-C of the report recommends."""
SAFEST = min((name for name in TABLE_I if "+" not in name), key=lambda name: TABLE_I[name].attack_accuracy)
"""The single defense with the lowest attack accuracy in Table I."""
ALIKE = 0.01
"""An AUC this close to one half counts as one half."""
ATTACK_CLAIMS: tuple[Claim, ...] = (
    Claim("Calibrating the loss finds more members at 1% FPR.",
        "Watson et al.", LOW, "calibrated-loss", "loss", "higher"),
    Claim("Calibrating the loss raises its AUC.", HERE, "auc", "calibrated-loss", "loss", "higher"),
    Claim("At 1% FPR LiRA finds more members than the loss.", "Carlini et al.", LOW, "lira", "loss", "higher"),
    Claim("RMIA has a higher AUC than LiRA with each example's own variance.",
        "Zarifzadeh et al.", "auc", "rmia", "lira-own-variance", "higher"),
    Claim("RMIA has a higher AUC than LiRA with one variance.", "Zarifzadeh et al.", "auc", "rmia", "lira", "higher"),
    Claim("t-LiRA has a higher AUC than LiRA with each example's own variance.",
        HERE, "auc", "t-lira", "lira-own-variance", "higher"),
)  # fmt: skip
"""On `mia_book.reference_models.by_attack` of the undefended models."""
_MORE = {
    HOLDS: "at 1% FPR the calibrated loss finds more members than the loss",
    DOES_NOT_HOLD: "at 1% FPR the calibrated loss finds no more members than the loss",
    NO_EFFECT: "at 1% FPR the two find as many members, for all that matters",
    CANNOT_TELL: "which of the two finds more members at 1% FPR cannot be told",
}

_AREA = {
    HOLDS: "its AUC is the higher one",
    DOES_NOT_HOLD: "its AUC is not the higher one",
    NO_EFFECT: "the two AUCs do not differ materially",
    CANNOT_TELL: "which AUC is the higher one cannot be told",
}


def calibration_in_words(verdicts: Iterable[Verdict]) -> str:
    """What the verdicts on the first two of `ATTACK_CLAIMS`, among others, say together of calibrating the loss."""
    outcomes = {verdict.claim: verdict.outcome for verdict in verdicts}
    more, area = (outcomes.get(claim) for claim in ATTACK_CLAIMS[:2])
    if more is None or area is None:
        return NOT_MEASURABLE
    return f"{_MORE[more]}{', but ' if {more, area} == {HOLDS, DOES_NOT_HOLD} else '; '}{_AREA[area]}"


DEFENSE_CLAIMS: tuple[Claim, ...] = (
    Claim(f"The report's favourite, {FAVOURITE}, lowers the strongest attack's AUC.",
        after("IV-C"), "auc", FAVOURITE, "none", "lower"),
    *(
        Claim(f"The safest single defense of Table I, {SAFEST}, stays safer than {other} under the strongest attack.",
            after("Table I"), "auc", SAFEST, other, "lower")
        for other in TABLE_I
        if other not in (SAFEST, "none") and "+" not in other
    ),
)  # fmt: skip
"""On `mia_book.reference_models.by_strongest`, attack "strongest"."""
OFFLINE_CLAIMS: tuple[Claim, ...] = tuple(
    Claim(f"{words} has a lower AUC offline.", HERE, "auc", f"{name}-offline", name, "lower")
    for name, words in (("lira", "LiRA"), ("t-lira", "t-LiRA"), ("rmia", "RMIA"))
)
"""On rows of the online and the offline forms, the attack in "defenses"."""


def growth_claims(table: pd.DataFrame) -> list[tuple[Claim, str]]:
    """Claims on `by_references`, each with the attack whose rows it is judged on."""
    few, most = (f"{number} references" for number in (table["value"].min(), table["value"].max()))
    of = "{} has a higher AUC with {} than with {}."
    return [
        (Claim(of.format(words, most, few), source, "auc", most, few, "higher"), attack)
        for words, attack, source in (
            ("LiRA with one variance", "lira", "Carlini et al."),
            ("LiRA with each example's own variance", "lira-own-variance", HERE),
            ("RMIA", "rmia", HERE),
        )
    ]


def split_claims(models: int) -> list[tuple[Claim, str]]:
    """Claims on `by_split` for a number of models, with the split judged."""
    where = f"{models} models"
    fair = "With {} and {} LiRA has an AUC of one half on noise, to within {}."
    found = [
        (Claim(fair.format(words, where, ALIKE), HERE, "auc", where, 0.5, "same", ALIKE), words)
        for words in (SPLITS["pairs"], SPLITS["random_halves"])
    ]
    biased = f"With each example in exactly half of {where}, LiRA has an AUC below one half on noise."
    return [*found, (Claim(biased, HERE, "auc", where, 0.5, "lower"), SPLITS["exactly_half"])]
