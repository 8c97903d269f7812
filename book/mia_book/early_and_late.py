"""How attacks with reference models rank where members are hardly told apart, and where they are told apart well."""

from typing import TYPE_CHECKING

from mia_book.strongest import named
from mia_core.display.svg import figure, style
from mia_core.measures.claims import CANNOT_TELL, HOLDS, Claim, Verdict, corrected, judge
from mia_core.measures.intervals import over_seeds
from mia_core.studies.reference_summary import by_unit

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

AGAINST = "t-lira"
COMPARED = ("base", "lira")


def differences(table: "pd.DataFrame") -> "pd.DataFrame":
    """AUC of `COMPARED` minus that of `AGAINST`, in every pair of models, on examples of the pool.

    Columns: defenses, epochs, attack, level (the mean AUC of `AGAINST`), difference, low, high (over pairs, 95%;
    missing for a single pair), verdict: which has the larger AUC after Holm's correction over all rows of an attack,
    "base", "t-lira" or "cannot be told".
    """
    import pandas as pd

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
            rows.append(row | shown | {"verdict": _larger(verdict, attack)})
    return pd.DataFrame(rows)


def ranks_plot(found: "pd.DataFrame") -> tuple["Figure", str]:
    """The differences over how well `AGAINST` tells members apart, a panel a compared attack, and the alt text."""
    fig, panels = figure(len(COMPARED), sharex=True, height=2.5)
    for ax, attack in zip(panels, COMPARED, strict=True):
        rows = found[found["attack"] == attack]
        for series, (name, group) in enumerate(rows.groupby("defenses", sort=False)):
            look = style(series) | {"linestyle": ""}
            ax.errorbar(group["level"], group["difference"], yerr=_arms(group), label=named(name), **look)
        ax.axhline(0, color=style(5)["color"], linewidth=1, linestyle=":", zorder=0)
        ax.set_ylabel(f"AUC: {attack} − {AGAINST}")
    panels[-1].set_xlabel(f"AUC of {AGAINST} (to the right: told apart better)")
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    parts = []
    for attack in COMPARED:
        rows = found[found["attack"] == attack].sort_values("level")
        ends = [rows.iloc[0], rows.iloc[-1]]
        words = " and ".join(f"{row['difference']:+.3f} where {AGAINST} has {row['level']:.3f}" for row in ends)
        parts.append(f"{attack} minus {AGAINST}: {words}")
    return fig, f"Differences of AUC, a mark a combination and recorded epoch. {'; '.join(parts)}."


def ranks_in_words(found: "pd.DataFrame", attack: str = "base", split: float = 0.7) -> str:
    """In how many cases which of the two has the larger AUC, below and from an AUC of `split`, as one sentence."""
    rows, parts = found[found["attack"] == attack], []
    for chosen in (rows["level"] < split, rows["level"] >= split):
        counts = rows[chosen]["verdict"].value_counts()
        told = f"{counts.get(attack, 0)} of {int(chosen.sum())} cases and {AGAINST} in {counts.get(AGAINST, 0)}"
        open_ones = counts.get(CANNOT_TELL, 0)
        parts.append(told + (f" (it cannot be told in {open_ones})" if open_ones else ""))
    low, high = parts
    return (
        f"Where {AGAINST} has an AUC below {split:g}, {attack} has the larger one in {low}; "
        f"from {split:g} on, {attack} has it in {high}."
    )


def _larger(verdict: Verdict, attack: str) -> str:
    if verdict.outcome == CANNOT_TELL:
        return CANNOT_TELL
    return attack if verdict.outcome == HOLDS else AGAINST


def _arms(group: "pd.DataFrame") -> list | None:
    if group["low"].isna().any():
        return None
    return [group["difference"] - group["low"], group["high"] - group["difference"]]
