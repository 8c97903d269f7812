"""Of "Measuring an attack": low false-positive rates, two kinds of intervals, precision, the surest first."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mia_book.claims import HERE
from mia_book.scales import FEATURES, SCALE_CLAIMS
from mia_book.sweeps import arms
from mia_book.wording import mean_in_words
from mia_core.attacks import make_attack
from mia_core.display.plots import limits, roc_over_seeds
from mia_core.display.svg import figure, style
from mia_core.display.tables import with_interval
from mia_core.measures.claims import Claim
from mia_core.measures.counts import mean_over, tpr_error
from mia_core.measures.intervals import Interval, clopper_pearson
from mia_core.measures.metrics import LEVELS, level_column, tpr_at_fpr
from mia_core.measures.ranking import tie_blocks
from mia_core.measures.risk import PRIORS, precision_at, tnr_at_fnr
from mia_core.measures.text import NOT_MEASURABLE, around, heading, number, with_bounds
from mia_core.studies.study import Study, over_the_seeds

Scored = list[tuple[NDArray[np.float64], NDArray[np.bool_]]]
"""Scores [N] and members [N], one pair per seed."""


def scores_by_features(study: Study) -> dict[str, Scored]:
    """What adversary 1 scores on each scale: name -> scores and members of the target, one pair per seed."""
    found: dict[str, Scored] = {}
    for name, features in FEATURES.items():
        settings = study.settings.replace(features=features)
        found[name] = []
        for seed in study.settings.seeds:
            target, shadow = (study.outputs(seed, model, ()) for model in (0, 1))
            attack = make_attack("adversary1", settings).fit(shadow.posteriors, shadow.members, shadow.labels)
            found[name].append((attack.score(target.posteriors, target.labels), target.members))
    return found


def low_fpr_table(scored: dict[str, Scored], levels: Sequence[float] = (0.1, *LEVELS)) -> pd.DataFrame:
    """TPR at FPR levels, one row per attack and level, as text: what was allowed, what was realised, what was found.

    Accused are the non-members above the threshold, the most of any seed, with the FPR that this is. The TPR is a mean
    with its interval over seeds. A level that asks for more non-members than there are is not measurable.
    """
    rows = []
    for name, seeds in scored.items():
        for level in levels:
            found = [tpr_at_fpr(scores, members, level) for scores, members in seeds]
            row = {"attack": name, "FPR at most": f"{level:g}"}
            if any(one.reason is not None for one in found):
                rows.append(row | {"accused": "–", "TPR": NOT_MEASURABLE})
                continue
            most = max(found, key=lambda one: one.false_positives)
            inside, total = (int((seeds[0][1] == side).sum()) for side in (True, False))
            errors = [tpr_error(one.tpr, level, inside, total) for one in found]
            accused = f"{most.false_positives} of {total:,}, FPR {most.fpr:.4f}"
            rows.append(row | {"accused": accused, "TPR": mean_in_words([one.tpr for one in found], errors=errors)})
    return pd.DataFrame(rows)


def two_intervals(table: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Measures of one attack with both kinds of intervals: the mean over seeds, and the first seed over examples."""
    summary, first = over_the_seeds(table).iloc[0], table.iloc[0]
    rows = [[heading(name), with_interval(summary, name), with_interval(first, name)] for name in measures]
    return pd.DataFrame(rows, columns=["measure", "mean, over seeds", "first seed, over examples"])


def cleared_table(scored: dict[str, Scored], level: float) -> pd.DataFrame:
    """TNR at an FNR level (see `mia_core.measures.risk.tnr_at_fnr`), a mean over seeds with its interval, one row per
    attack."""
    rows = []
    for name, seeds in scored.items():
        found = [tnr_at_fnr(scores, members, level) for scores, members in seeds]
        reason = next((one.reason for one in found if one.reason is not None), None)
        inside, outside = (int((seeds[0][1] == side).sum()) for side in (True, False))
        errors = None if reason else [tpr_error(one.tnr, level, outside, inside) for one in found]
        rows.append({"attack": name, "TNR": reason or mean_in_words([one.tnr for one in found], errors=errors)})
    return pd.DataFrame(rows)


def found_interval(scored: Scored, level: float) -> str:
    """How many members one seed's attack finds at an FPR level, with Clopper and Pearson's interval, as text."""
    scores, members = scored[0]
    found = tpr_at_fpr(scores, members, level)
    if found.reason is not None:
        return found.reason
    low, high = clopper_pearson(found.true_positives, int(members.sum()))
    shown = with_bounds(number(found.tpr), number(low), number(high))
    return around(shown, f"{found.true_positives} of {int(members.sum()):,}, {shown}")


def precision_table(table: pd.DataFrame, priors: Sequence[float] = PRIORS) -> pd.DataFrame:
    """Precision at several priors, a mean over seeds with its interval, at two thresholds of each attack.

    table  of `mia_book.scales.by_features`. The thresholds: the attack's own, and that of 1% FPR
    """
    rows = []
    for name, group in table.groupby("defenses", sort=False):
        own = list(zip(group["recall_members"], 1 - group["recall_non_members"], strict=True))
        strict = list(zip(group[level_column(0.01)], group["fpr_at_0.01"], strict=True))
        for threshold, rates in (("its own", own), ("1% FPR", strict)):
            cells = {f"prior {prior:g}": _mean_precision(prior, rates) for prior in priors}
            rows.append({"attack": name, "threshold": threshold} | cells)
    return pd.DataFrame(rows)


def _mean_precision(prior: float, rates: list[tuple[float | None, float | None]]) -> str:
    """As text; a seed in which nobody is called a member has no precision and is left out."""
    if any(tpr is None or tpr != tpr for tpr, _ in rates):
        return NOT_MEASURABLE
    values = [precision_at(prior, tpr, fpr) for tpr, fpr in rates]
    known = [value for value in values if value is not None]
    return mean_in_words(known, digits=2) if known else "nobody accused"


def roc_with_thresholds(scored: dict[str, Scored], table: pd.DataFrame) -> tuple[Figure, str]:
    """`mia_core.display.plots.roc_over_seeds`, and on each curve a mark where the attack's own threshold lies.

    table  of the same attacks, their names in the column `defenses`; a mark is the mean over seeds
    """
    fig, alt = roc_over_seeds(scored)
    (axes,) = fig.axes
    marks = []
    for series, name in enumerate(scored):
        rows = table[table["defenses"] == name]
        fpr, tpr = 1 - rows["recall_non_members"].mean(), rows["recall_members"].mean()
        look = style(series)
        hollow = {"markerfacecolor": "none", "markeredgewidth": 1.5, "clip_on": False}
        axes.plot(
            fpr, tpr, linestyle="", marker=look["marker"], color=look["color"], markersize=7 + 3 * series, **hollow
        )
        marks.append(f"{name} at {fpr:.2f} / {tpr:.2f}")
    return fig, f"{alt} Marks show the attack's own thresholds, FPR / TPR: {', '.join(marks)}."


def surest_first(scored: dict[str, Scored]) -> tuple[Figure, str]:
    """The share of members among the examples that an attack is surest of, against how many it names.

    Median over seeds, their range shaded. Blocks of equal scores are named whole.
    """
    fig, axes = figure(height=3.4)
    most = min(len(members) for seeds in scored.values() for _, members in seeds)
    counts = np.unique(np.geomspace(1, most, 60).round().astype(int))
    parts = []
    for series, (name, seeds) in enumerate(scored.items()):
        shares = np.stack([share_of_members(scores, members, counts) for scores, members in seeds])
        known = ~np.isnan(shares).any(axis=0)
        x, found = counts[known], shares[:, known]
        middle, look = np.median(found, axis=0), style(series)
        axes.fill_between(x, found.min(0), found.max(0), color=look["color"], alpha=0.18, linewidth=0)
        axes.plot(x, middle, label=name, color=look["color"], linestyle=look["linestyle"])
        tenth = int(np.searchsorted(x, most / 10))
        parts.append(f"{name}: {middle[0]:.2f} among the first {x[0]}, {middle[tenth]:.2f} among the first {x[tenth]}")
    base = np.mean([members.mean() for seeds in scored.values() for _, members in seeds])
    axes.axhline(base, label="guessing", color=style(5)["color"], linestyle=style(5)["linestyle"])
    axes.set(xscale="log", xlabel="examples named, surest first", ylabel="share who are members", ylim=(0, 1.02))
    axes.legend(loc="lower right")
    return fig, f"Share of members among the examples named first, medians over seeds. {'; '.join(parts)}."


def share_of_members(
    scores: NDArray[np.float64], members: NDArray[np.bool_], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Share of members among the at most n highest scores, for each n of `counts`: float64, NaN where no whole block of
    ties fits."""
    blocks = tie_blocks(scores, members)
    true = np.concatenate([[0], np.cumsum(blocks.members)])
    named = np.concatenate([[0], np.cumsum(blocks.members + blocks.non_members)])
    fits = np.searchsorted(named, counts, side="right") - 1
    return np.where(named[fits] > 0, true[fits] / np.maximum(named[fits], 1), np.nan)


def seeds_and_mean(table: pd.DataFrame, measure: str) -> tuple[Figure, str]:
    """A measure of one attack: each seed with its interval over examples, and the mean with that over seeds."""
    rows, words, mean = table.reset_index(drop=True), heading(measure), mean_over(table, measure).cut(*limits(measure))
    fig, axes = figure(height=1.2 + 0.26 * len(rows))
    for place, row in rows.iterrows():
        own = Interval(row[measure], row[f"{measure}_low"], row[f"{measure}_high"])
        axes.errorbar(own.mean, place, xerr=arms(own), color=style(0)["color"], marker="o", capsize=3, elinewidth=1.2)
    axes.errorbar(mean.mean, len(rows), xerr=arms(mean), color=style(1)["color"], marker="D", capsize=3, elinewidth=2)
    axes.set_yticks(range(len(rows) + 1), [*(f"seed {seed}" for seed in rows["seed"]), "mean"])
    axes.invert_yaxis()
    axes.set(xlabel=words)
    bounds = "" if mean.low is None else f", interval over seeds {mean.low:.3f} to {mean.high:.3f}"
    width = (rows[f"{measure}_high"] - rows[f"{measure}_low"]).mean()
    return fig, (
        f"{words[0].upper()}{words[1:]} of {len(rows)} seeds, from {rows[measure].min():.3f} to "
        f"{rows[measure].max():.3f}, each with an interval over examples of a mean width of {width:.3f}; mean "
        f"{mean.mean:.3f}{bounds}."
    )


ONE_IN_TEN = 0.1
ALIKE = 0.05
"""Accuracies of the two scales that differ by less than this count as the same."""
MEASURE_CLAIMS: tuple[Claim, ...] = (
    Claim("The attack beats guessing.", "IV", "attack_accuracy", "posteriors", 0.5, "higher"),
    Claim("At 1% FPR it finds one member in ten.", HERE, "tpr_at_fpr_0.01", "posteriors", ONE_IN_TEN, "higher"),
    Claim("Where one candidate in a hundred is a member, most of those it accuses are members.",
        HERE, "precision_at_prior_0.01", "posteriors", 0.5, "higher"),
    Claim(f"On logarithms it is as accurate, to within {ALIKE}.",
        HERE, "attack_accuracy", "logarithms", "posteriors", "same", ALIKE),
    SCALE_CLAIMS["low"],
)  # fmt: skip
"""On the table of `mia_book.scales.by_features`."""
