"""The report under test, typed once: Table I of Azazoglu (2025) as printed, what its text and its code say."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from mia_book.claims import HERE
from mia_core.display.tables import with_interval
from mia_core.measures.claims import Claim
from mia_core.measures.text import heading, number


class PrintedRow(NamedTuple):
    """A row of Table I. Shares in [0, 1], printed with two decimals."""

    target_accuracy: float
    attack_accuracy: float
    balanced_accuracy: float
    recall_members: float
    recall_non_members: float


TABLE_I: dict[str, PrintedRow] = {
    "none": PrintedRow(0.60, 0.82, 0.83, 1.00, 0.65),
    "dropout": PrintedRow(0.49, 0.51, 0.51, 0.69, 0.33),
    "smoothing": PrintedRow(0.60, 0.72, 0.73, 1.00, 0.61),
    "masking": PrintedRow(0.59, 0.80, 0.81, 1.00, 0.45),
    "dropout+smoothing": PrintedRow(0.60, 0.73, 0.73, 1.00, 0.46),
    "dropout+masking": PrintedRow(0.58, 0.81, 0.81, 1.00, 0.62),
    "smoothing+masking": PrintedRow(0.60, 0.74, 0.74, 1.00, 0.48),
    "dropout+smoothing+masking": PrintedRow(0.60, 0.73, 0.73, 1.00, 0.46),
}
SHADOW_RANGE = (0.60, 0.61)
SHADOW_ACCURACY: dict[str, float] = {name: 0.46 if name == "dropout" else sum(SHADOW_RANGE) / 2 for name in TABLE_I}
"""As the text of section IV-C has it: "constant around the range of 0.60-0.61 for all combinations except dropout in
isolation, where it dropped to 0.46". The middle of that range."""


class Quoted(NamedTuple):
    """A value of Table I as the text of section IV repeats it."""

    section: str
    row: str
    measure: str
    value: float


QUOTED: tuple[Quoted, ...] = (
    Quoted("IV", "none", "attack_accuracy", 0.82),
    Quoted("IV", "none", "balanced_accuracy", 0.83),
    Quoted("IV", "none", "recall_non_members", 0.65),
    Quoted("IV", "none", "target_accuracy", 0.60),
    Quoted("IV-A", "dropout", "attack_accuracy", 0.51),
    Quoted("IV-A", "dropout", "balanced_accuracy", 0.51),
    Quoted("IV-A", "dropout", "target_accuracy", 0.49),
    Quoted("IV-A", "smoothing", "attack_accuracy", 0.72),
    Quoted("IV-A", "smoothing", "balanced_accuracy", 0.73),
    Quoted("IV-A", "smoothing", "target_accuracy", 0.60),
    Quoted("IV-A", "masking", "target_accuracy", 0.59),
    Quoted("IV-A", "masking", "attack_accuracy", 0.80),
    Quoted("IV-A", "masking", "balanced_accuracy", 0.81),
    Quoted("IV-B", "dropout+smoothing", "attack_accuracy", 0.73),
    Quoted("IV-B", "dropout+masking", "attack_accuracy", 0.81),
    Quoted("IV-B", "dropout", "attack_accuracy", 0.59),
    Quoted("IV-B", "dropout+masking", "balanced_accuracy", 0.81),
    Quoted("IV-B", "smoothing+masking", "attack_accuracy", 0.74),
    Quoted("IV-B", "smoothing+masking", "balanced_accuracy", 0.74),
    Quoted("IV-B", "smoothing+masking", "target_accuracy", 0.60),
    Quoted("IV-B", "dropout+smoothing+masking", "attack_accuracy", 0.73),
    Quoted("IV-B", "dropout+smoothing+masking", "balanced_accuracy", 0.73),
)

CODE: tuple[tuple[str, str, str, str], ...] = (
    (
        "learning rate", "0.01 for all models, “unless otherwise specified”",
        "0.001 for target and shadow, 0.01 for the attack model",
        "with 0.01 this network did not learn (one seed)",
    ),
    (
        "masking", "keep the top 3, set the rest to zero, renormalise", "clip at 0.9 and renormalise, members only",
        "another defense, and done to one side only",
    ),
    (
        "label smoothing", "in the training of target and shadow",
        "target trained without it; attack model trained on smoothed member / non-member labels",
        "the attacker is hindered, not the target defended",
    ),
    (
        "who is attacked", "fitted on the shadow, tested on the target", "fitted on the target, tested on the shadow",
        "little: the two are twins",
    ),
    (
        "what the attack sees", "the confidence vector", "its three largest values, sorted",
        "top-3 masking hides nothing from it",
    ),
    (
        "combining", "toggles", "edited import lines", "the defenses of a run are not recorded with it",
    ),
)  # fmt: skip
"""Points in which the report's text and its published code (last commit) differ: item, text, code, what follows for a
reader. The exact runs behind Table I are not published."""
# Half of the last printed digit: how far a printed value may be from the one that was measured.
ROUNDING = 0.005


def breaks_recall_identity(row: PrintedRow) -> bool:
    """Whether the printed balanced accuracy cannot be the mean of the printed recalls, however they were rounded."""
    mean = (row.recall_members + row.recall_non_members) / 2
    return abs(mean - row.balanced_accuracy) > 2 * ROUNDING + 1e-9


BARELY = 0.05
"""An attack accuracy this close to one half is "barely more than random guessing"."""
SAME = 0.025  # printed values that differ by 0.02 count as "the same", as in the text of IV-B; rounding hides the rest
CLAIMS: tuple[Claim, ...] = (
    Claim("Dropout lowers the attack's accuracy.", "IV-A", "attack_accuracy", "dropout", "none", "lower"),
    Claim("Dropout costs target accuracy.", "IV-A", "target_accuracy", "dropout", "none", "lower"),
    Claim("Label smoothing lowers the attack's accuracy.", "IV-A", "attack_accuracy", "smoothing", "none", "lower"),
    Claim(f"Label smoothing keeps target accuracy, to within {SAME}.",
        "IV-A", "target_accuracy", "smoothing", "none", "same", SAME),
    Claim("Masking lowers the attack's accuracy.", "IV-A", "attack_accuracy", "masking", "none", "lower"),
    Claim(f"Masking changes target accuracy hardly or not at all, by {SAME} at most.",
        "IV-A", "target_accuracy", "masking", "none", "same", SAME),
    Claim(f"Dropout with smoothing is attacked as smoothing alone is, to within {SAME}.",
        "IV-B", "attack_accuracy", "dropout+smoothing", "smoothing", "same", SAME),
    Claim(f"With masking, dropout's effect on the attack is lost, by more than {SAME}.",
        "IV-B", "attack_accuracy", "dropout+masking", "dropout", "higher", SAME),
    Claim(f"Masking adds nothing to label smoothing, to within {SAME}.",
        "IV-B", "attack_accuracy", "smoothing+masking", "smoothing", "same", SAME),
    Claim(f"All three are attacked as smoothing alone is, to within {SAME}.",
        "IV-B", "attack_accuracy", "dropout+smoothing+masking", "smoothing", "same", SAME),
)  # fmt: skip
"""Conclusions of sections IV-A and IV-B that a study can test, in the report's order."""
OF_REPORT = {(claim.of, claim.measure, claim.than): claim for claim in CLAIMS}
ATTACK_CLAIMS: tuple[Claim, ...] = (
    Claim("The attack on an undefended model beats guessing.", "IV", "attack_accuracy", "none", 0.5, "higher"),
    Claim("The undefended attack reaches the accuracy that Table I prints, to within 0.05.",
        "Table I", "attack_accuracy", "none", TABLE_I["none"].attack_accuracy, "same", 0.05),
    Claim("The undefended target is as accurate as Table I prints, to within 0.05.",
        "Table I", "target_accuracy", "none", TABLE_I["none"].target_accuracy, "same", 0.05),
    Claim("At 1% FPR the attack finds more members than guessing does.",
        HERE, "tpr_at_fpr_0.01", "none", 0.01, "higher"),
)  # fmt: skip
"""What the report says of its undefended benchmark, and what it did not measure."""


def beside_table_i(
    summary: pd.DataFrame,
    names: Iterable[str] = ("target_accuracy", "attack_accuracy", "recall_members", "recall_non_members"),
    measured: str = "this run",
) -> pd.DataFrame:
    """Table I above the same measures of a study, two rows per combination.

    summary   of the study, see `mia_core.studies.study.over_the_seeds`
    names     columns of the summary; what Table I has no number for is "not printed" there
    measured  what the study is called
    """
    rows = []
    for _, row in summary.iterrows():
        printed, name = TABLE_I.get(row["defenses"]), row["defenses"]
        values = {heading(column): getattr(printed, column, None) for column in names}
        before = {head: "not printed" if value is None else number(value, 2) for head, value in values.items()}
        after = {heading(column): with_interval(row, column, 2 if "recall" in column else 3) for column in names}
        rows += [{"defenses": f"{name}, Table I"} | before, {"defenses": f"{name}, {measured}"} | after]
    return pd.DataFrame(rows)
