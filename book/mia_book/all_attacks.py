"""Of "All attacks": the attacks by name, their agreement, their ranks early and late."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mia_book.wording import mean_in_words, named
from mia_core.defenses import Combination
from mia_core.display.svg import figure, style
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, Claim, corrected, judge
from mia_core.measures.intervals import over_seeds
from mia_core.measures.risk import overlap
from mia_core.references import REFERENCE_ATTACKS
from mia_core.studies.reference_rows import answers, attacked, kinds_of
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.reference_summary import by_unit
from mia_core.studies.vulnerability import calls

ALL = "all of them"


def attacks_reference() -> pd.DataFrame:
    """The attacks that a study with reference models knows by name, in the order of its table."""
    rows = [[record.name, record.compares, record.source] for record in REFERENCE_ATTACKS.values()]
    return pd.DataFrame(rows, columns=["attack", "what it compares", "source"])


def agreement(
    study: ReferenceStudy, attacks: Sequence[str], defenses: Combination = (), level: float = 0.01
) -> pd.DataFrame:
    """How far attacks on the same target find the same ordinary members, each at its threshold of FPR `level`.

    A row for every two attacks and one for all: the share of members that any of them finds (coverage), that each
    finds (core), and Jaccard's index, the mean over two of them of |both| / |either|. Means over pairs of models as
    text, see `mia_core.measures.risk.overlap`. An attack for which no threshold reaches `level` finds nobody.
    """
    ordinary, found = kinds_of(study)["pool"], {}
    known = answers(study, defenses)
    for name in attacks:
        made = attacked(study, name, known)
        found[name] = (calls(study, made, level) == 1) & made.members
    members = made.members[:, ordinary]
    groups = {" and ".join(two): two for two in itertools.combinations(attacks, 2)}
    rows = []
    for words, names in (groups | {ALL: tuple(attacks)}).items():
        cells: dict[str, list[float]] = {"found by any": [], "found by each": [], "Jaccard's index": []}
        for target, inside in enumerate(members):
            same = overlap(np.stack([found[name][target, ordinary] for name in names]))
            jaccard = np.nan if same.jaccard is None else same.jaccard
            values = (same.coverage / inside.sum(), same.core / inside.sum(), jaccard)
            for column, value in zip(cells, values, strict=True):
                cells[column].append(float(value))
        pairs = {name: np.reshape(values, (-1, 2)).mean(axis=1) for name, values in cells.items()}
        rows.append({"attacks": words} | {name: mean_in_words(values) for name, values in pairs.items()})
    return pd.DataFrame(rows)


AGAINST = "t-lira"
COMPARED = ("base", "lira")


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """AUC of `COMPARED` minus that of `AGAINST`, in every pair of models, on examples of the pool.

    Columns: defenses, epochs, attack, level (the mean AUC of `AGAINST`), difference, low, high (over pairs, 95%;
    missing for a single pair), verdict: which has the larger AUC after Holm's correction over all rows of an attack,
    "base", "t-lira", "no material effect" or "cannot be told".
    """
    units = by_unit(table[table["examples"] == "pool"]).rename(columns={"unit": "seed"})
    rows = []
    for attack in COMPARED:
        found, about = [], []
        for (defenses, epochs), cell in units.groupby(["defenses", "epochs"], sort=False):
            both = cell[cell["attack"].isin((attack, AGAINST))]
            # One attack takes the place of a defense: `judge` compares what stands in that column.
            paired = both.assign(defenses=both["attack"], attack="")
            found.append(judge(Claim("", "", "auc", attack, AGAINST, "higher"), paired, ""))
            level = over_seeds(cell["auc"][cell["attack"] == AGAINST].tolist()).mean
            about.append({"defenses": defenses, "epochs": epochs, "attack": attack, "level": level})
        for row, verdict in zip(about, corrected(found), strict=True):
            shown = {"difference": verdict.difference, "low": verdict.low, "high": verdict.high}
            larger = {HOLDS: attack, DOES_NOT_HOLD: AGAINST}.get(verdict.outcome, verdict.outcome)
            rows.append(row | shown | {"verdict": larger})
    return pd.DataFrame(rows)


def ranks_plot(found: pd.DataFrame) -> tuple[Figure, str]:
    """The differences over how well `AGAINST` tells members apart, a panel per compared attack, and the alt text."""
    fig, panels = figure(len(COMPARED), sharex=True, height=2.5)
    parts = []
    for ax, attack in zip(panels, COMPARED, strict=True):
        rows = found[found["attack"] == attack]
        for series, (name, group) in enumerate(rows.groupby("defenses", sort=False)):
            x, y, bars = group["level"], group["difference"], None
            if group["low"].notna().all():
                bars = [y - group["low"], group["high"] - y]
            ax.errorbar(x, y, yerr=bars, label=named(name), **style(series) | {"linestyle": ""})
        ax.axhline(0, color=style(5)["color"], linewidth=1, linestyle=":", zorder=0)
        ax.set_ylabel(f"AUC: {attack} − {AGAINST}")
        ends = rows.sort_values("level").iloc[[0, -1]].to_dict("records")
        words = " and ".join(f"{row['difference']:+.3f} where {AGAINST} has {row['level']:.3f}" for row in ends)
        parts.append(f"{attack} minus {AGAINST}: {words}")
    panels[-1].set_xlabel(f"AUC of {AGAINST} (to the right: told apart better)")
    fig.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig, f"Differences of AUC, a mark a combination and recorded epoch. {'; '.join(parts)}."


def ranks_in_words(found: pd.DataFrame, attack: str = "base", split: float = 0.7) -> str:
    """In how many cases which of the two has the larger AUC, below and from an AUC of `split`, as one sentence."""
    rows, parts = found[found["attack"] == attack], []
    for chosen in (rows["level"] < split, rows["level"] >= split):
        counts = rows[chosen]["verdict"].value_counts()
        told = f"{counts.get(attack, 0)} of {int(chosen.sum())} cases and {AGAINST} in {counts.get(AGAINST, 0)}"
        rest = {"it cannot be told": CANNOT_TELL, "the difference is not material": NO_EFFECT}
        others = [f"{words} in {counts[outcome]}" for words, outcome in rest.items() if counts.get(outcome)]
        parts.append(told + (f" ({', '.join(others)})" if others else ""))
    low, high = parts
    return (
        f"Where {AGAINST} has an AUC below {split:g}, {attack} has the larger one in {low}; "
        f"from {split:g} on, {attack} has it in {high}."
    )
