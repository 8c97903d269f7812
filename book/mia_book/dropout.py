"""Claims of "Dropout", a drawing of thinned networks, and how an earlier stop compares."""

from itertools import pairwise

import pandas as pd
from matplotlib.figure import Figure

from mia_book.claims import HERE
from mia_book.paper import BARELY, OF_REPORT
from mia_core.display.svg import LINES, figure, style
from mia_core.display.tables import with_interval
from mia_core.measures.claims import Claim

DROPOUT_CLAIMS: tuple[Claim, ...] = (
    OF_REPORT["dropout", "attack_accuracy", "none"],
    OF_REPORT["dropout", "target_accuracy", "none"],
    Claim("Dropout narrows the generalisation gap.", "IV-A", "generalisation_gap", "dropout", "none", "lower"),
    Claim(f"With dropout the attack is within {BARELY} of guessing.",
        "IV-A", "attack_accuracy", "dropout", 0.5, "same", BARELY),
)  # fmt: skip
"""On `none` and `dropout`, attack adversary1."""
INPUT_ONLY, HIDDEN_ONLY = "dropout(hidden=False)", "dropout(input=False)"
PLACE_CLAIMS: tuple[Claim, ...] = (
    Claim("At the input alone, dropout lowers the attack's accuracy.",
        HERE, "attack_accuracy", INPUT_ONLY, "none", "lower"),
    Claim("At the hidden layer alone, dropout lowers the attack's accuracy.",
        HERE, "attack_accuracy", HIDDEN_ONLY, "none", "lower"),
    Claim("The input protects more than the hidden layer.",
        HERE, "attack_accuracy", INPUT_ONLY, HIDDEN_ONLY, "lower"),
)  # fmt: skip
"""On `none` and dropout at one place, attack adversary1."""


def beyond_claim(rate: float, name: str) -> Claim:
    """On `mia_book.recorded_epochs.beyond_the_gap`: that adversary 1 knows more than the gap attack at a rate of
    dropout, called `name` in the table."""
    text = f"At a rate of {rate:g} adversary 1 is more accurate than the gap attack."
    return Claim(text, HERE, "beyond_gap", name, 0.0, "higher")


def stops_in_words(stops: pd.DataFrame, defended: pd.Series) -> str:
    """Whether an undefended model stopped earlier is as accurate as a defended one, by the means, and how the one that
    comes nearest is attacked; in sentences.

    stops     of `mia_book.recorded_epochs.by_epoch`, see `mia_book.recorded_epochs.over_the_knob`
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


UNITS = (4, 6, 3)
"""Units of each layer in the drawing of `thinned`: inputs, hidden units, classes."""
STEPS = {"answering": ((), ()), "one step": ((1,), (0, 3, 4)), "another step": ((0, 2), (1, 2, 5))}
"""What is drawn: in each state the inputs and the hidden units that are missing."""


def thinned() -> tuple[Figure, str]:
    """A drawing of a small network as it answers, and as two training steps with dropout see it."""
    fig, axes = figure(len(STEPS), height=1.35)
    line, missing = style(0)["color"], style(1)["color"]
    for ax, (state, gone) in zip(axes, STEPS.items(), strict=True):
        ax.set(xlim=(-0.4, 5.9), ylim=(-0.3, 2.3))
        ax.axis("off")
        ax.text(-0.35, 1.2, state.replace(" ", "\n"), va="center", fontsize=10)
        places = [[(5.2 * (unit + 1) / (count + 1) + 0.6, layer) for unit in range(count)]
                  for layer, count in enumerate(UNITS)]  # fmt: skip
        kept = [
            [at for unit, at in enumerate(row) if unit not in lost]
            for row, lost in zip(places, (*gone, ()), strict=True)
        ]
        for below, above in pairwise(kept):
            for start in below:
                for end in above:
                    ax.plot(*zip(start, end, strict=True), color=LINES, linewidth=0.5, zorder=1)
        for row, lost in zip(places, (*gone, ()), strict=True):
            for unit, at in enumerate(row):
                look = {"color": missing, "marker": "x"} if unit in lost else {"color": line, "marker": "o"}
                ax.plot(*at, linestyle="none", markersize=8, zorder=2, **look)
    counts = [f"{state}: {len(lost[0])} of {UNITS[0]} inputs and {len(lost[1])} of {UNITS[1]} hidden units are missing"
              for state, lost in STEPS.items()]  # fmt: skip
    return fig, f"A network of {UNITS[0]} inputs, {UNITS[1]} hidden units and {UNITS[2]} classes. {'; '.join(counts)}."
