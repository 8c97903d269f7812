"""Of "Who is at risk": images, groups, classes and difficulty, and who is found again."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import binom

from mia_book.claims import HERE, after
from mia_book.recorded_images import LEAST, MOST, pixels
from mia_book.reference_attacks import FAVOURITE, LOW, SAFEST
from mia_book.wording import mean_in_words
from mia_core.defenses import Combination, describe
from mia_core.display.svg import figure, style
from mia_core.measures.claims import Claim
from mia_core.measures.text import NOT_MEASURABLE
from mia_core.model.columns import of_columns
from mia_core.references.calibrated_loss import memorisation
from mia_core.references.summaries import summarise
from mia_core.studies.reference_rows import Scores, answers, attacked, kinds_of, views
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.reference_summary import by_unit
from mia_core.studies.vulnerability import calls


def images_at_risk(study: ReferenceStudy, risk: pd.DataFrame, number: int = 6) -> tuple[Figure, str]:
    """The `number` ordinary images most at risk and as many least at risk, with label and how many targets give them
    away, of those that trained on them. Of a table, rows: a line over the columns, in standard deviations from the mean
    of the pool, cut at 4."""
    ordinary = risk[~risk["canary"] & (risk["targets"] > 0)]
    data, rows = study.dataset, []
    for words, chosen in ((MOST, ordinary.head(number)), (LEAST, ordinary.tail(number))):
        shown = []
        for _, row in chosen.iterrows():
            at = row["row"]
            drawn = _deviations(study, at) if data.is_table else np.moveaxis(data.images[at], 0, -1).squeeze()
            shown.append((drawn, str(data.classes[row["label"]]), _of(row)))
        rows.append((words, shown))
    return _gallery(rows, number, "Rows of a table" if data.is_table else "Images")


def recorded_images(images: pd.DataFrame, across: int = 6) -> tuple[Figure, str]:
    """The images of `mia_book.recorded_images.images_table`, with label and how many targets give them away; `across`
    stand side by side."""
    rows = []
    for group, of_group in images.groupby("group", sort=False):
        shown = [(pixels(row.png), str(row.label), f"{row.found} of {row.targets}") for row in of_group.itertuples()]
        rows += [(str(group), shown[first : first + across]) for first in range(0, len(shown), across)]
    return _gallery(rows, across)


def _gallery(
    rows: Sequence[tuple[str, Sequence[tuple[np.ndarray, str, str]]]], across: int, what: str = "Images"
) -> tuple[Figure, str]:
    """Rows of what is shown and what each row is called; shown is an image's pixels, or the line of a table's row, its
    label, and a count as "3 of 4"."""
    fig, axes = figure(len(rows), across, height=1.5, squeeze=False)
    parts = []
    for line, (words, shown) in zip(axes, rows, strict=True):
        for ax in line:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            ax.grid(visible=False)
        for ax, (drawn, label, count) in zip(line, shown, strict=False):
            if drawn.ndim == 1:
                ax.plot(drawn, linewidth=0.8, color=style(0)["color"])
                ax.set_ylim(-4.2, 4.2)
            else:
                ax.imshow(drawn, cmap="gray", vmin=0, vmax=255, interpolation="none")
            ax.set_title(f"{_short(label)}\n{count}", fontsize=9)
        line[0].set_ylabel(words.replace(" ", "\n", 1))  # in one line it is longer than the row is high
        parts.append(f"{words}: {', '.join(f'{label} ({count})' for _, label, count in shown)}")
    return fig, f"{what} with their label and how many targets give them away. {'; '.join(parts)}."


def _deviations(study: ReferenceStudy, row: int) -> NDArray[np.float32]:
    """A row's distance from the mean of the pool in each column, in standard deviations, cut at 4 to either side."""
    mean, scale = of_columns(study.dataset.inputs, np.isin(np.arange(len(study.dataset.labels)), study.pool))
    return np.nan_to_num((study.dataset.inputs[row] - mean) / scale).clip(-4, 4)


def _short(label: str, most: int = 9) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def spread_of_risk(risk: pd.DataFrame) -> tuple[Figure, str, float | None]:
    """Bars of how many of its targets give an ordinary example away, next to what equal risk for all would look like.

    If every example had the same chance to be found by each target that trained on it, the counts would be binomial.
    Examples with the most common number of targets are drawn, shares of them. Also returns the share that is found by
    all of its targets, None where nothing was measurable.
    """
    known = risk[~risk["canary"] & risk["found"].notna() & (risk["targets"] > 0)]
    fig, ax = figure(height=3.1)
    ax.set(xlabel="targets that give the example away", ylabel="share of ordinary examples")
    if known.empty:
        return fig, "An empty figure: at this level nothing is measurable.", None
    targets = int(known["targets"].mode().iloc[0])
    found = np.round(known.loc[known["targets"] == targets, "found"] * targets).astype(int)
    counts, parts = np.arange(targets + 1), []
    observed = np.bincount(found, minlength=targets + 1) / len(found)
    equal = binom.pmf(counts, targets, found.mean() / targets)
    bars = (("observed", "observed", observed), ("if all had the same risk", "equal risk", equal))
    for place, (label, words, shares) in enumerate(bars):
        ax.bar(counts + 0.4 * (place - 0.5), shares, 0.38, label=label, **style(place, fill=True))
        parts.append(f"{words}: {', '.join(f'{share:.2f}' for share in shares)}")
    ax.set_xticks(counts)
    ax.legend(loc="best")
    alt = (
        f"Share of examples found by 0 to {targets} of the {targets} targets that trained on them. {'; '.join(parts)}."
    )
    return fig, alt, float(observed[-1])


def _of(row: pd.Series) -> str:
    found = "?" if np.isnan(row["found"]) else round(row["found"] * row["targets"])
    return f"{found} of {row['targets']}"


AVERAGE, AT_RISK, CANARIES = "average", "most at risk", "canaries"
FOUND = "found by the pair before"
PICKED_BEFORE, PICKED_UNDER = "picked without a defense", "picked under it"
TENTH = 0.1
"""The share of ordinary examples that counts as most at risk."""


def by_group(study: ReferenceStudy, attack: str = "t-lira", level: float = 0.01) -> pd.DataFrame:
    """Share of the members of each group that are found, for each combination and pair of targets.

    The group stands in "attack", the combination in "defenses", the share in "found" (missing where `level` cannot be
    measured). "average": all ordinary examples. "most at risk": the tenth of them with the highest mean score over
    those targets of the *other* pairs that trained on them, so that they are not picked by the targets on which they
    are judged. The other targets do have these as references, so the two are not quite independent. "canaries": where
    there are some.
    """
    rows = []
    for defenses in study.combinations:
        made = attacked(study, attack, answers(study, defenses))
        called, kinds = calls(study, made, level), kinds_of(study)
        for unit in range(study.settings.models // 2):
            pair = [2 * unit, 2 * unit + 1]
            groups = {AVERAGE: kinds["pool"], AT_RISK: _most_at_risk(made, pair, kinds["pool"])}
            groups |= {CANARIES: kinds["canaries"]} if "canaries" in kinds else {}
            for name, chosen in groups.items():
                found = _found(called, made.members, pair, chosen)
                rows.append({"attack": name, "defenses": describe(defenses), "seed": unit, "found": found})
    return pd.DataFrame(rows)


def recorded_groups(table: pd.DataFrame, attack: str = "t-lira") -> pd.DataFrame:
    """Of a recorded study after its last epoch, rows as of `by_group` for the average member and for canaries.

    table  of `mia_core.studies.reference_rows.table`. It has no scores, so no tenth can be picked, and each kind of
           example has the threshold of its own non-members at 1% FPR
    A pair with too few non-members among its canaries for that is left out.
    """
    last = table[(table["attack"] == attack) & (table["epochs"] == table["epochs"].max())]
    units = by_unit(last).rename(columns={"unit": "seed", LOW: "found", f"{LOW}_error": "found_error"})
    units["attack"] = units["examples"].map({"pool": AVERAGE, "canaries": CANARIES})
    return units.dropna(subset="found", ignore_index=True)


def found_again(study: ReferenceStudy, attack: str = "t-lira", level: float = 0.01) -> pd.DataFrame:
    """How often images that one pair of targets gives away are given away by the next pair, without a defense.

    Each ordinary example is a member of one target of a pair. Rows are those of `by_group`: in "defenses" stands
    `FOUND`, members of a pair that the pair before gave away, or "average", all members; "found" is the share that the
    pair gives away. If all had the same chance every time, both would be alike, and counts over several pairs
    binomial. Each pair is compared with one other, the last with the first, so no comparison counts twice; of two pairs
    there is only one. All pairs are references of each other, so not quite independent. "found" is missing where
    the pair before gave nobody away.
    """
    made = attacked(study, attack, answers(study, ()))
    called, ordinary = calls(study, made, level), kinds_of(study)["pool"]
    given = np.where(made.members, called, 0.0)  # NaN of an unmeasurable target stays where it has members
    found = [given[first] + given[first + 1] for first in range(0, len(given), 2)]
    rows = []
    for unit, (mine, before) in enumerate(zip(found, [found[-1], *found[:-1]], strict=True)):
        if unit == 0 and len(found) < 3:
            continue
        for name, chosen in ((FOUND, ordinary & (before == 1)), (AVERAGE, ordinary)):
            share = float(mine[chosen].mean()) if chosen.any() and not np.isnan(before[ordinary]).any() else np.nan
            rows.append({"attack": attack, "defenses": name, "seed": unit, "found": share})
    return pd.DataFrame(rows)


def by_choice(
    study: ReferenceStudy, defenses: Combination, attack: str = "t-lira", level: float = 0.01
) -> pd.DataFrame:
    """Under a defense: the share found of the tenth picked as most at risk without it, and of that picked under it.

    Both are picked on the targets of the other pairs, as in `by_group`, and judged on the defended targets. Rows are
    those of `by_group`, with `PICKED_BEFORE` or `PICKED_UNDER` in "defenses" and the defense in "attack".
    """
    plain, made = (attacked(study, attack, answers(study, one)) for one in ((), defenses))
    called, ordinary, rows = calls(study, made, level), kinds_of(study)["pool"], []
    for unit in range(study.settings.models // 2):
        pair = [2 * unit, 2 * unit + 1]
        for name, scores in ((PICKED_BEFORE, plain), (PICKED_UNDER, made)):
            found = _found(called, made.members, pair, _most_at_risk(scores, pair, ordinary))
            rows.append({"attack": describe(defenses), "defenses": name, "seed": unit, "found": found})
    return pd.DataFrame(rows)


def shares(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """What `found_again` or `by_choice` found, means over units with their intervals: one row per group, `column` its
    head."""
    return pd.DataFrame(
        {column: name, "share found at 1% FPR": mean_in_words(rows["found"].dropna())}
        for name, rows in table.groupby("defenses", sort=False)
    )


def widest(table: pd.DataFrame) -> str:
    """Where the mean of a group lies farthest above the average, as "under masking, for those most at risk".

    table  of `by_group`
    """
    means = table.groupby(["attack", "defenses"])["found"].mean().unstack("defenses")
    gaps = means.sub(means.loc[AVERAGE]).drop(index=AVERAGE).stack().dropna()
    if gaps.empty:
        return NOT_MEASURABLE
    group, defenses = gaps.idxmax()
    where = "without a defense" if defenses == "none" else f"under {defenses}"
    return f"{where}, for {'those most at risk' if group == AT_RISK else group}"


def by_difficulty(
    study: ReferenceStudy, attack: str = "t-lira", level: float = 0.01, parts: int = 5, defenses: Combination = ()
) -> pd.DataFrame:
    """Share of members found, by how well models that never saw an example classify it: one row per part and pair.

    Ordinary examples are ordered by the mean probability that OUT references give to the true class, and cut into
    `parts` of equal size: `value` 1 are the hardest. In "defenses" stands "part 1" and so on, "found" is the share.
    """
    found = answers(study, defenses)
    made = attacked(study, attack, found)
    called, ordinary = calls(study, made, level), np.flatnonzero(kinds_of(study)["pool"])
    difficulty = [summarise(view.pool("probability"), 0)[1].mean for view in views(study, found)]
    rows = []
    for unit in range(study.settings.models // 2):
        for part in range(parts):
            shares = []
            for target in (2 * unit, 2 * unit + 1):
                order = ordinary[np.argsort(difficulty[target][ordinary], kind="stable")]
                chosen = np.isin(np.arange(len(study.pool)), np.array_split(order, parts)[part])
                shares.append(_found(called, made.members, [target], chosen))
            row = {"attack": attack, "defenses": f"part {part + 1}", "value": part + 1, "seed": unit}
            rows.append(row | {"found": float(np.mean(shares))})
    return pd.DataFrame(rows)


def _found(
    called: Sequence[NDArray[np.float64]], members: NDArray[np.bool_], targets: list[int], chosen: NDArray[np.bool_]
) -> float:
    """Mean over `targets` of the share of chosen members that are called; NaN where one has no such member."""
    shares = [called[target][chosen & members[target]] for target in targets]
    return float(np.mean([share.mean() if len(share) else np.nan for share in shares]))


def _most_at_risk(made: Scores, pair: list[int], ordinary: NDArray[np.bool_]) -> NDArray[np.bool_]:
    others = np.delete(np.arange(len(made.scores)), pair)
    scores, inside = made.scores[others], made.members[others]
    mean = np.where(inside, scores, 0.0).sum(axis=0) / np.maximum(inside.sum(axis=0), 1)
    ranked = np.argsort(np.where(ordinary, -mean, np.inf), kind="stable")
    return np.isin(np.arange(len(ordinary)), ranked[: max(1, int(TENTH * ordinary.sum()))])


def by_class(
    study: ReferenceStudy, attack: str = "t-lira", defenses: Combination = (), level: float = 0.01
) -> pd.DataFrame:
    """The share of each class's ordinary members that are found, one row per class and pair of models.

    Columns: attack (the class's name), defenses (`attack`), seed (number of the pair), found (share at the target's
    threshold of FPR `level` over all classes, missing where that is not measurable) and memorised, the mean over the
    class's members of `mia_core.references.calibrated_loss.memorisation` of p_y.
    """
    ordinary, known = kinds_of(study)["pool"], answers(study, defenses)
    made = attacked(study, attack, known)
    values = {"found": calls(study, made, level)}
    values["memorised"] = [memorisation(view.pool("probability")) for view in views(study, known)]
    labels, rows = study.dataset.labels[study.pool], []
    for number, name in enumerate(study.dataset.classes):
        chosen = ordinary & (labels == number)
        for unit in range(study.settings.models // 2):
            row = {"attack": str(name), "defenses": attack, "seed": unit}
            for column, of_targets in values.items():
                row[column] = _found(of_targets, made.members, [2 * unit, 2 * unit + 1], chosen)
            rows.append(row)
    return pd.DataFrame(rows)


def class_table(found: pd.DataFrame) -> pd.DataFrame:
    """Of `by_class`: one row per class, the one most at risk first, means over pairs of models as text."""
    order = found.groupby("attack", sort=False)[["found", "memorised"]].mean().sort_values("found", ascending=False)
    groups = {name: found[found["attack"] == name] for name in order.index}
    return pd.DataFrame(
        {"class": name, "members found": mean_in_words(rows["found"]), "memorised": mean_in_words(rows["memorised"])}
        for name, rows in groups.items()
    )


GROUP_CLAIMS: tuple[Claim, ...] = (
    Claim("Canaries are found more often than the average member.",
        "Aerni et al.", "found", CANARIES, AVERAGE, "higher"),
    Claim("The tenth most at risk, chosen on other models, is found more often.",
        HERE, "found", AT_RISK, AVERAGE, "higher"),
)  # fmt: skip
"""On `mia_book.claims.side_by_side` of the undefended models of `by_group`."""
DIFFICULTY_CLAIM = Claim("The fifth that is hardest for other models is found more often than the easiest.",
    HERE, "found", "part 1", "part 5", "higher")  # fmt: skip
"""On `by_difficulty` with five parts."""
AGAIN_CLAIM = Claim(
    "An image that one pair of targets gives away, the next pair gives away more often than the average image.",
    HERE, "found", FOUND, AVERAGE, "higher")  # fmt: skip
"""On `found_again`: with equal and independent chances the two would be alike."""
SHARE = (0.0, 1.0)
"""What a share cannot leave."""


def moved_claim(defenses: str) -> Claim:
    """On `by_choice`: a defense moves the risk to images that had less of it before."""
    text = f"Under {defenses}, the tenth most at risk under it is found more often than that picked without a defense."
    return Claim(text, HERE, "found", PICKED_UNDER, PICKED_BEFORE, "higher")


def protection_claims(groups: Sequence[str]) -> list[tuple[Claim, str]]:
    """Claims on `by_group`: the report's two favourites protect each group."""
    return [
        (Claim(f"{name.capitalize()} protects: {group}.", section, "found", name, "none", "lower"), group)
        for name, section in ((SAFEST, after("Table I")), (FAVOURITE, after("IV-C")))
        for group in groups
    ]
