"""Of "Choosing a defense": the recorded study of all defenses, what points of accuracy buy, and the papers' claims."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from mia_book.claims import HERE, after, judged, on
from mia_book.grids import HEADS, LOW, LOWEST, measured
from mia_book.reference_models import by_strongest
from mia_book.stopping import names_at_the_edge
from mia_book.strongest_attack import held, leak_measure
from mia_book.wording import named
from mia_core.defenses import DEFENSES, describe
from mia_core.defenses.base import Defense
from mia_core.display.svg import figure, style
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, Claim, Verdict
from mia_core.measures.text import NOT_MEASURABLE, heading, number, percent, signed, with_interval
from mia_core.studies.early_stopping import AT_ACCURACY
from mia_core.studies.finding import options, path
from mia_core.studies.recorded import recorded, recorded_parts
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_summary import STRONGEST, by_unit
from mia_core.studies.spending import SPENT, Answer, against_none, front, spending_rows, spent, strength

DIGITS, PHOTOGRAPHS = "digits-defenses", "cifar10-jpeg-defenses"
"""The recorded studies of all defenses, each at its middle strength."""
DOSES, PHOTOGRAPH_DOSES = "digits-doses", "cifar10-jpeg-doses"
"""The recorded studies of the weak and the strong value of each defense, on the models' data of the former."""
LONGER = "cifar10-jpeg-longer"
"""The recorded study of augmentation with weight decay on the photographs of `PHOTOGRAPHS`, for more epochs."""
BEST = "cifar10-jpeg-best"
"""The recorded study of the best on those photographs with more models, the first ones those of `PHOTOGRAPHS`."""
CELL = ["defenses", "epochs"]
LEAST, LEFT = 0.004, 0.3
"""What leaks less is drawn at `LEAST`, as a logarithmic axis has no zero; curves end at an accuracy of `LEFT`."""


def recorded_study(name: str = DIGITS) -> tuple[pd.DataFrame, list[dict[str, Any]], dict[str, float | None]]:
    """The recorded table of all defenses, the provenance of its parts, and what a training of each costs as a multiple
    of the undefended one's.

    An attack that also asks about copies of each image is one of its own in the table: "t-lira, 6 queries".
    """
    table, parts = recorded_parts(name)
    asked = table["attack"] + ", " + table["queries"].astype(str) + " queries"
    table["attack"] = table["attack"].where(table["queries"] == 1, asked)
    seconds = {name: found for part in parts for name, found in part["processor_seconds_a_model"].items()}
    return table, parts, against_none(seconds)


def trained_on(name: str = LONGER) -> dict[str, int | float | str]:
    """Of a recorded study of one defense that trained for longer: its epochs, its accuracy, and as text the largest
    share of members that an attack finds at 1% FPR."""
    table, *_ = recorded_study(name)
    units = units_of(table)
    found = units.groupby("attack")[leak_measure(table)].mean().max()
    accuracy = float(units["target_accuracy"].mean())
    return {"epochs": int(units["epochs"].max()), "accuracy": accuracy, "found": str(percent(found))}


def promised_and_shown(study: str = DIGITS, defenses: str = "dp-sgd") -> tuple[float, float]:
    """Of a recorded study, the epsilon that the accountant of these defenses promises, and the largest lower bound from
    the canaries of all targets together that needs no more than each one's fair coin."""
    table, _ = recorded(f"{study}-epsilon")
    rows = table[(table["defenses"] == defenses) & (table["target"] == EVERY) & table["by_design"]]
    return float(rows["promised"].max()), float(rows["epsilon"].max())


def study_in_words(parts: Sequence[dict[str, Any]]) -> str:
    """What all parts of a recorded study have in common: "8 models of each combination, 449 examples each, ..."."""
    settings, examples = parts[0]["settings"], f"{parts[0]['dataset']['part']:,} examples each"
    models, epochs, canaries = (settings[name] for name in ("models", "epochs", "canaries"))
    precision = parts[0]["recipe_used"]["precision"]
    return f"{models} models of each combination, {examples}, {epochs} epochs, {canaries} canaries, {precision}"


def units_of(table: pd.DataFrame) -> pd.DataFrame:
    """Means over each pair of models, of the ordinary examples."""
    return by_unit(table[table["examples"] == "pool"])


def plane(table: pd.DataFrame) -> tuple[Figure, str]:
    """Target accuracy against members found, on a logarithmic axis: the undefended model by epoch as a line, defenses
    as squares, filled where they lie on the front. Names at the right edge.

    Epochs far less accurate than every defense lie left of the picture, a defense that is less accurate than every
    epoch stands at its edge, and what `blind` names is not drawn; the alt text has them all."""
    measure = leak_measure(table)
    stops, found = path(table, measure), options(table, measure=measure)
    best, defended = front(units_of(table), measure), found[found["defenses"] != "none"]
    unseen, defended = defended[defended[measure] == 0], defended[defended[measure] > 0]
    fig, axes = figure(width=5.6, height=7.0)
    look, other = style(0), style(1)
    axes.set_yscale("log")
    axes.plot(stops["target_accuracy"], stops[measure].clip(lower=LEAST), color=look["color"], marker="o", markersize=5)
    places = defended.set_index("defenses")[["target_accuracy", measure]].clip(lower=LEAST)
    accuracies, worst = places["target_accuracy"], stops["target_accuracy"].min()
    least, most = max(accuracies.min(), worst), max(stops["target_accuracy"].max(), accuracies.max())
    left, right = least - 0.6 * (most - least) - 0.01, most + 0.05 * (most - least) + 0.005
    drawn = places.assign(target_accuracy=accuracies.clip(lower=left))
    for name, x, y in drawn.itertuples(name=None):
        inside = other["color"] if any(name == one for one, _ in best) else "none"
        axes.plot(x, y, "s", color=other["color"], markersize=6, markerfacecolor=inside, clip_on=False)
    axes.set(xlabel="target accuracy (to the right: more useful)")
    axes.set_ylabel(f"members found, {heading(measure)}\n(down: safer)")
    axes.set_xlim(left, right)
    near = stops[stops["target_accuracy"] >= left]
    seen = [*near[measure].clip(lower=LEAST), *places[measure]]
    axes.set_ylim(0.8 * min(seen), 1.25 * max(seen))
    below = 0.0
    for epoch, x, y in stops[["epochs", "target_accuracy", measure]].itertuples(index=False, name=None):
        if y > 1.12 * below:  # else its name would cover that of the epoch before
            axes.annotate(f"epoch {epoch:.0f}", (x, max(y, LEAST)), (-7, 4), color=look["color"], fontsize=9,
                          ha="right", textcoords="offset points", annotation_clip=True)  # fmt: skip
            below = y
    names_at_the_edge(axes, dict(zip(_short(drawn.index), drawn.itertuples(index=False, name=None), strict=True)),
                      other["color"], 0.026)  # fmt: skip
    _percent(axes)
    marks = "; ".join(f"{named(name)} {number(x)} / {number(y)}" for name, (x, y) in places.iterrows())
    line = "; ".join(
        f"epoch {row['epochs']:.0f} {number(row['target_accuracy'])} / {number(row[measure])}"
        for _, row in stops.iterrows()
    )
    alt = f"Target accuracy / {heading(measure)}. Undefended, by epoch: {line}. With a defense: {marks}."
    return fig, alt + (f" Not drawn: {blind(table)}." if len(unseen) else "")


def _short(names: Sequence[str]) -> list[str]:
    """Names of combinations without their settings, but for those that are told apart by them alone."""
    bare = [re.sub(r"\([^)]*\)", "", name) for name in names]
    return [one if bare.count(one) == 1 else named(name) for one, name in zip(bare, names, strict=True)]


def blind(table: pd.DataFrame) -> str:
    """The defenses on which no attack finds anybody, as their answers have too few values for a threshold that accuses
    so few: "label-only"."""
    found = options(table, measure=leak_measure(table))
    return ", ".join(map(named, found.loc[found[leak_measure(table)] == 0, "defenses"])) or "none of them"


def _percent(axes: Any) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.yaxis.set_major_locator(FixedLocator([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value, 0 if value >= 0.01 else 1)))
    axes.yaxis.set_minor_locator(NullLocator())


def curves(table: pd.DataFrame, doses: pd.DataFrame) -> tuple[Figure, str]:
    """One panel per defense with a strength: target accuracy against members found at its three values, the largest
    mark for the strongest, over the undefended model by epoch.

    What is less accurate than `LEFT` is drawn there; the alt text has the values.

    table  of all defenses at their middle strength, with the undefended model; doses: at the two others
    """
    measure, every = leak_measure(table), pd.concat([table, doses], ignore_index=True)
    stops, found = path(table, measure), options(every, measure=measure).set_index("defenses")
    by_kind, across, words = curved(table, doses), 3, []
    down = -(-len(by_kind) // across)
    fig, grid = figure(down, across, width=6.0, height=1.4, sharex=True, sharey=True)
    look, other = style(0), style(1)
    for axes, (kind, names) in zip(grid.ravel(), by_kind.items(), strict=False):
        axes.set_yscale("log")
        axes.plot(stops["target_accuracy"], stops[measure].clip(lower=LEAST), color=look["color"], linewidth=1)
        true = found.loc[names, ["target_accuracy", measure]].to_numpy()
        places = true.clip([LEFT, LEAST])
        axes.plot(*places.T, color=other["color"], linewidth=1)
        axes.scatter(*places.T, s=[8, 22, 44], color=other["color"], zorder=3)
        axes.set_title(kind, fontsize=9)
        _percent(axes)
        words.append(f"{kind}: " + ", ".join(f"{number(x)} / {number(y)}" for x, y in true))
    for axes in grid.ravel()[len(by_kind) :]:
        axes.set_axis_off()
    grid.ravel()[0].set_xlim(LEFT - 0.02, None)  # shared by all
    fig.supxlabel("target accuracy", fontsize=10)
    fig.supylabel(f"members found, {heading(measure)}", fontsize=10)
    return fig, f"Target accuracy / {heading(measure)} from weak to strong. {'; '.join(words)}."


def curved(table: pd.DataFrame, doses: pd.DataFrame) -> dict[str, list[str]]:
    """Defense -> how it is spelt at its three strengths, from weak to strong; only those of which the tables have all
    three."""
    known = {*table["defenses"], *doses["defenses"]}
    spelt = {kind.name: [_spelt(kind, dose) for dose in kind.doses] for kind in DEFENSES.values() if kind.strength}
    return {kind: names for kind, names in spelt.items() if names and known.issuperset(names)}


def _spelt(kind: type[Defense], dose: float) -> str:
    return describe((kind(**{kind.strength: dose}),))


def everything(table: pd.DataFrame, price: Mapping[str, float | None]) -> pd.DataFrame:
    """One row per stop and defense: accuracy, ordinary members and canaries found, the verdict against the stop that is
    as accurate, and the price in training time. Where one false accusation in a thousand can be counted, members found
    at that rate as well."""
    measure = leak_measure(table)
    found = options(table, measure=measure)
    rarely = pd.DataFrame()
    if LOWEST in measured(table):
        rarely = options(table, measure=LOWEST).set_index(CELL)
    verdicts = {one.defenses: one.verdict for one in held(table) if one.question == AT_ACCURACY}
    stops = found["defenses"] == "none"
    order = pd.concat([found[stops], found[~stops].sort_values(measure)])
    last, rows = int(table["epochs"].max()), []
    for _, row in order.iterrows():
        undefended = row["defenses"] == "none"
        verdict = verdicts[row["defenses"]] if row[measure] else NOT_MEASURABLE  # nobody found: see `blind`
        cost = row["epochs"] / last if undefended else price.get(row["defenses"])
        rows.append(
            {
                "model": f"none, epoch {row['epochs']}" if undefended else named(row["defenses"]),
                "strength": strength(row["defenses"]) or "—",
                "target accuracy": with_interval(row, "target_accuracy"),
                HEADS[measure]: with_interval(row, measure),
                **({HEADS[LOWEST]: with_interval(rarely.loc[tuple(row[CELL])], LOWEST)} if len(rarely) else {}),
                "canaries": with_interval(row, "canaries"),
                "than the stop as accurate": "—" if undefended else verdict,
                "training time": NOT_MEASURABLE if cost is None or cost != cost else f"{cost:.1f} ×",
            }
        )
    return pd.DataFrame(rows)


def answers(table: pd.DataFrame, spends: Iterable[float] = SPENT) -> list[Answer]:
    """What each of the budgets buys."""
    return [spent(units_of(table), leak_measure(table), spend) for spend in spends]


def answers_table(table: pd.DataFrame, found: Iterable[Answer]) -> pd.DataFrame:
    """One row per budget: the answer, its accuracy and leak, and the least leaky defense within the budget."""
    measure, units, rows = leak_measure(table), units_of(table), []
    for answer in found:
        choices = spending_rows(units, measure, answer, {}).set_index("defenses")
        bought = {one.defenses: one for one in answer.bought if one.difference is not None}
        rival = min(bought, key=lambda name: bought[name].difference.mean, default=None)
        row = choices.loc[answer.chosen or "none"]
        said = f"{named(rival)}: {bought[rival].verdict}, {signed(bought[rival].difference)}" if rival else "none"
        rows.append(
            {
                "to spend": _points(answer.spend),
                "answer": named(answer.chosen) if answer.chosen else f"stop at epoch {answer.stop}",
                "target accuracy": with_interval(row, "target_accuracy"),
                HEADS[measure]: with_interval(row, measure),
                "best defense in the budget, defense − stop": said,
            }
        )
    return pd.DataFrame(rows)


def _points(spend: float) -> str:
    return f"{100 * spend:g} point{'' if spend == 0.01 else 's'}"


def in_words(answer: Answer) -> str:
    """An answer for a sentence: "no defense beats stopping at epoch 5", with the names as they are spelt."""
    return named(str(answer))


def front_in_words(table: pd.DataFrame) -> str:
    """What nothing else beats in both accuracy and leak, from the safest to the most accurate: "epoch 2; mixup"."""
    found = front(units_of(table), leak_measure(table))
    return "; ".join(f"epoch {epoch}" if name == "none" else named(name) for name, epoch in found)


def spent_verdicts(found: Iterable[Answer], table: pd.DataFrame) -> list[Verdict]:
    """Of each budget, whether the least leaky defense leaks less than the least leaky stop, as verdicts for a table."""
    measure, verdicts = leak_measure(table), []
    for answer in found:
        known = [one for one in answer.bought if one.difference is not None]
        if not known:
            continue
        safer = [one for one in known if one.defenses == answer.chosen]
        best = (safer or sorted(known, key=lambda one: one.difference.mean))[0]
        claim = Claim(f"For {_points(answer.spend)} of accuracy a defense beats every stop.", HERE, measure,
                      best.defenses, "an earlier stop", "lower")  # fmt: skip
        outcome = {"safer": HOLDS, NO_EFFECT: NO_EFFECT, CANNOT_TELL: CANNOT_TELL}.get(best.verdict, DOES_NOT_HOLD)
        apart, units = best.difference, table.loc[table["examples"] == "pool", ["seed", "target"]]
        verdicts.append(Verdict(claim, outcome, apart.mean, apart.low, apart.high, _pairs(units)))
    return verdicts


def _pairs(units: pd.DataFrame) -> int:
    return len(units[units["target"].astype(str) != "all"].drop_duplicates()) // 2


CLAIMS: tuple[Claim, ...] = (
    Claim("RelaxLoss leaves fewer members to be found.", after("Chen et al. 2022"), LOW, "relaxloss", "none", "lower"),
    Claim("HAMP leaves fewer members to be found.", after("Chen and Pattabiraman"), LOW, "hamp", "none", "lower"),
    Claim("MemGuard leaves fewer members to be found.", after("Jia et al."), LOW, "memguard", "none", "lower"),
    Claim("The convex-concave loss leaves fewer members to be found.",
        after("Liu et al."), LOW, "ccl", "none", "lower"),
    Claim("Adversarial regularisation leaves fewer members to be found.",
        after("Nasr et al."), LOW, "adversarial-regularisation", "none", "lower"),
    Claim("Adversarial training leaves more members to be found.",
        after("Song et al."), LOW, "adversarial-training", "none", "higher"),
    Claim("Augmentation leaves fewer members to be found.",
        after("Kaya and Dumitras"), LOW, "augmentation", "none", "lower"),
    Claim("Early stopping leaves fewer members to be found.",
        after("Song and Mittal"), LOW, "early-stopping", "none", "lower"),
)  # fmt: skip
"""What papers say of their defenses against no defense, put to this book's strongest attack."""


def verdicts(table: pd.DataFrame) -> list[Verdict]:
    """The verdicts on `CLAIMS`, after Holm's correction; those on defenses that the table lacks are left out."""
    return judged(on(STRONGEST, CLAIMS), by_strongest(table, LOW))


def not_reproduced(verdicts: Iterable[Verdict]) -> str:
    """The defenses whose paper's direction the table does not show, with the outcome: "hamp (cannot be told)"."""
    return "; ".join(f"{one.claim.of} ({one.outcome})" for one in verdicts if one.outcome != HOLDS) or "none of them"
