"""The report's conclusions on single defenses and their combinations, put to the strongest attack instead of its own.

Judged on `mia_book.reference_sweeps.by_strongest`: each combination under the attack that is strongest on it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mia_book.reference_claims import after, judged, on
from mia_book.reference_sweeps import by_attack, by_strongest
from mia_book.strongest import REPORTS_OWN
from mia_core.measures.claims import Claim, Verdict, corrected
from mia_core.measures.metrics import level_column
from mia_core.studies.paper import SAME
from mia_core.studies.reference_summary import STRONGEST

if TYPE_CHECKING:
    import pandas as pd

LOW = level_column(0.01)
NEGATIVE = "smoothing(epsilon=-0.1)"
DEFENSES = ("none", "dropout", "smoothing", NEGATIVE, "masking", "dropout+smoothing")
"""What the chapter compares live: each single defense, negative smoothing, and one combination."""

CLAIMS: tuple[Claim, ...] = (
    Claim("Dropout leaves fewer members to be found.", after("IV-A"), LOW, "dropout", "none", "lower"),
    Claim("Label smoothing leaves fewer members to be found.", after("IV-A"), LOW, "smoothing", "none", "lower"),
    Claim(
        "Smoothing with a negative ε leaves fewer members to be found.",
        "this chapter", LOW, NEGATIVE, "none", "lower",
    ),
    Claim("Masking leaves fewer members to be found.", after("IV-A"), LOW, "masking", "none", "lower"),
    Claim(
        f"Dropout with smoothing is attacked as smoothing alone is, by AUC and to within {SAME}.",
        after("IV-B"), "auc", "dropout+smoothing", "smoothing", "same", SAME,
    ),
    Claim("Smoothing adds protection to dropout.", "this chapter", LOW, "dropout+smoothing", "dropout", "lower"),
    Claim(
        "With label smoothing the strongest attack gains on the undefended model.",
        after("Hintersdorf et al."), "auc", "smoothing", "none", "higher",
    ),
    Claim(
        "Dropout leaves the strongest attack an AUC of one half, to within 0.02.",
        "this chapter", "auc", "dropout", 0.5, "same", 0.02,
    ),
)  # fmt: skip
"""By TPR at 1% FPR or AUC."""


MISSED = Claim(
    "On undefended models t-LiRA finds more members than the report's attack.",
    after("Carlini et al., Brännvall"), LOW, "t-lira", REPORTS_OWN, "higher",
)  # fmt: skip
"""On `mia_book.reference_sweeps.by_attack`."""


def verdicts(table: "pd.DataFrame") -> list[Verdict]:
    """The verdicts on all claims, on a table of `mia_core.studies.reference_rows.table`, live or recorded.

    Each combination meets the attack that is strongest by the claim's own measure. Left out are claims on
    combinations and attacks that the table does not have, or where nothing was measured. After Holm's correction over
    all of them.
    """
    best = {measure: by_strongest(table, measure) for measure in {claim.measure for claim in CLAIMS}}
    last = table[table["epochs"] == table["epochs"].max()]
    found = judged(on("none", [MISSED]), by_attack(last))
    for claim in CLAIMS:
        found += judged(on(STRONGEST, [claim]), best[claim.measure])
    return corrected(found)


def evidence(verdicts: Iterable[Verdict], recorded: bool = False) -> list[str]:
    """Where the chapter shows what each verdict rests on: the grid of attacks, or the strongest ones by measure."""
    grid, best = ("tab-cifar-grid", "tab-cifar-strongest") if recorded else ("tab-grid", "tab-strongest")
    return [grid if verdict.claim == MISSED else best for verdict in verdicts]
