"""Who is found, in groups of examples: on average, those most at risk, canaries, and by how hard an example is.

One attack at one threshold a target, that of its false-positive rate over ordinary examples. Units are pairs of
targets, in the column "seed". Groups and combinations stand where `mia_core.measures.claims.judge` looks for them.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mia_book.reference_sweeps import mean_in_words
from mia_book.strongest import named
from mia_core.defenses import Combination, describe
from mia_core.measures.text import NOT_MEASURABLE
from mia_core.references.summaries import summarise
from mia_core.studies.reference_rows import EVERY, Scores, answers, attacked, kinds_of, views
from mia_core.studies.vulnerability import calls

if TYPE_CHECKING:
    import pandas as pd

    from mia_core.studies.reference_study import ReferenceStudy

AVERAGE, AT_RISK, CANARIES = "average", "most at risk", "canaries"
FOUND = "found by the pair before"
PICKED_BEFORE, PICKED_UNDER = "picked without a defense", "picked under it"
TENTH = 0.1
"""The share of ordinary examples that counts as most at risk."""


def by_group(study: "ReferenceStudy", attack: str = "t-lira", level: float = 0.01) -> "pd.DataFrame":
    """Share of the members of each group that are found, for each combination and pair of targets.

    The group stands in "attack", the combination in "defenses", the share in "found" (missing where `level` cannot be
    measured). "average": all ordinary examples. "most at risk": the tenth of them with the highest mean score over
    those targets of the *other* pairs that trained on them, so that they are not picked by the targets on which they
    are judged. The other targets do have these as references, so the two are not quite independent. "canaries": where
    there are some.
    """
    import pandas as pd

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


def found_again(study: "ReferenceStudy", attack: str = "t-lira", level: float = 0.01) -> "pd.DataFrame":
    """How often images that one pair of targets gives away are given away by the next pair, without a defense.

    Each ordinary example is a member of one target of a pair. Rows are those of `by_group`: in "defenses" stands
    `FOUND`, members of a pair that the pair before gave away, or "average", all members; "found" is the share that the
    pair gives away. If all had the same chance and each time anew, both would be alike, and counts over several pairs
    binomial. Each pair is compared with one other, the last with the first, so no comparison counts twice; of two pairs
    there is only one. All pairs are references of each other, so not quite independent. "found" is missing where
    the pair before gave nobody away.
    """
    import pandas as pd

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
    study: "ReferenceStudy", defenses: Combination, attack: str = "t-lira", level: float = 0.01
) -> "pd.DataFrame":
    """Under a defense: the share found of the tenth picked as most at risk without it, and of that picked under it.

    Both are picked on the targets of the other pairs, as in `by_group`, and judged on the defended targets. Rows are
    those of `by_group`, with `PICKED_BEFORE` or `PICKED_UNDER` in "defenses" and the defense in "attack".
    """
    import pandas as pd

    plain, made = (attacked(study, attack, answers(study, one)) for one in ((), defenses))
    called, ordinary, rows = calls(study, made, level), kinds_of(study)["pool"], []
    for unit in range(study.settings.models // 2):
        pair = [2 * unit, 2 * unit + 1]
        for name, scores in ((PICKED_BEFORE, plain), (PICKED_UNDER, made)):
            found = _found(called, made.members, pair, _most_at_risk(scores, pair, ordinary))
            rows.append({"attack": describe(defenses), "defenses": name, "seed": unit, "found": found})
    return pd.DataFrame(rows)


def shares(table: "pd.DataFrame", column: str) -> "pd.DataFrame":
    """What `found_again` or `by_choice` found, means over units with their intervals: a row a group, `column` its
    head."""
    import pandas as pd

    return pd.DataFrame(
        {column: name, "share found at 1% FPR": mean_in_words(rows["found"].dropna())}
        for name, rows in table.groupby("defenses", sort=False)
    )


def widest(table: "pd.DataFrame") -> str:
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


def side_by_side(table: "pd.DataFrame", defenses: str = "none") -> "pd.DataFrame":
    """The groups of one combination of `by_group`, in "defenses", to be compared; the combination is in "attack"."""
    chosen = table[table["defenses"] == defenses]
    return chosen.assign(defenses=chosen["attack"], attack=defenses).reset_index(drop=True)


def by_difficulty(
    study: "ReferenceStudy", attack: str = "t-lira", level: float = 0.01, parts: int = 5, defenses: Combination = ()
) -> "pd.DataFrame":
    """Share of members found, by how well models that never saw an example classify it: a row a part and pair.

    Ordinary examples are ordered by the mean probability that OUT references give to the true class, and cut into
    `parts` of equal size: `value` 1 are the hardest. In "defenses" stands "part 1" and so on, "found" is the share.
    """
    import pandas as pd

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
    called: NDArray[np.float64], members: NDArray[np.bool_], targets: list[int], chosen: NDArray[np.bool_]
) -> float:
    """Mean over `targets` of the share of chosen members that are called; NaN where one has no such member."""
    shares = [called[target, chosen & members[target]] for target in targets]
    return float(np.mean([share.mean() if len(share) else np.nan for share in shares]))


def _most_at_risk(made: Scores, pair: list[int], ordinary: NDArray[np.bool_]) -> NDArray[np.bool_]:
    others = np.delete(np.arange(len(made.scores)), pair)
    scores, inside = made.scores[others], made.members[others]
    mean = np.where(inside, scores, 0.0).sum(axis=0) / np.maximum(inside.sum(axis=0), 1)
    ranked = np.argsort(np.where(ordinary, -mean, np.inf), kind="stable")
    return np.isin(np.arange(len(ordinary)), ranked[: max(1, int(TENTH * ordinary.sum()))])


def refuted(bounds: "pd.DataFrame", attack: str = "t-lira") -> "pd.DataFrame":
    """What guesses of the canaries' coins refute, a row a combination: the bound from one run, see
    `mia_core.studies.privacy.privacy_table`, whose table this takes.

    guesses, right: means over targets; the columns of bounds: the largest ε below which every promise is refuted, on
    average over the targets, and for all of them together
    """
    chosen = bounds[(bounds["bound"] == "one run") & (bounds["attack"] == attack)]
    one, over = chosen[chosen["target"] != EVERY], chosen[chosen["target"] == EVERY].set_index("defenses")
    means = one.groupby("defenses", sort=False)[["guesses", "correct", "epsilon"]].mean()
    means = means.rename(columns={"correct": "right", "epsilon": "refutes any ε below"})
    table = means.assign(**{"over all targets, any below": over["epsilon"]}).reset_index()
    return table.assign(defenses=table["defenses"].map(named))
