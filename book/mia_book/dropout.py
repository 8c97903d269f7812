"""Claims of "Dropout", and how an earlier stop compares."""

import pandas as pd

from mia_book.claims import HERE
from mia_book.paper import BARELY, OF_REPORT
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
