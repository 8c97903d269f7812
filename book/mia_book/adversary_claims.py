"""What the literature and the report claim of attackers who know less or more, and what a run says of each claim."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mia_book import adversary_tables as tables
from mia_book.reference_claims import after, judged, on
from mia_core.measures.claims import Claim, Verdict, corrected

if TYPE_CHECKING:
    import pandas as pd

ALIKE = 0.05
"""Attacks whose balanced accuracies, or AUCs, are this close count as alike."""
_REACHED = "balanced_accuracy"

KNOWLEDGE_CLAIMS: tuple[Claim, ...] = (
    Claim(
        f"A shadow of another architecture serves adversary 1 as well, to within {ALIKE}.",
        after("Salem et al."), _REACHED, tables.OTHER_NETWORK, tables.ALIKE, "same", ALIKE,
    ),
    Claim(
        f"A shadow of other data and architecture serves as well, to within {ALIKE}.",
        after("Salem et al."), _REACHED, tables.OTHER_BOTH, tables.ALIKE, "same", ALIKE,
    ),
    Claim(
        f"Without a shadow, adversary 3 has the AUC of adversary 1, to within {ALIKE}.",
        after("Salem et al."), "auc", tables.NO_SHADOW, tables.ALIKE, "same", ALIKE,
    ),
    Claim(
        f"Random pixels give adversary 3 a threshold as good as a shadow's, to within {ALIKE}.",
        after("Salem et al."), _REACHED, tables.NO_SHADOW, tables.CUT_BY_SHADOW, "same", ALIKE,
    ),
    Claim(
        f"One shadow and three posteriors do as well as {tables.SHADOWS} shadows by class, to within {ALIKE}.",
        after("Salem et al."), _REACHED, tables.ALIKE, tables.SEVERAL, "same", ALIKE,
    ),
    Claim(
        f"By class, {tables.SHADOWS} shadows attack better than one.",
        after("Shokri et al."), _REACHED, tables.SEVERAL, tables.ONE, "higher",
    ),
    Claim(
        "With thresholds by class, modified entropy attacks better than entropy.",
        after("Song and Mittal"), _REACHED, tables.MODIFIED, tables.PLAIN, "higher",
    ),
    Claim(
        "Labels of altered copies attack better than the label alone.",
        after("Choquette-Choo et al."), _REACHED, tables.LABELS, tables.GAP, "higher",
    ),
    Claim(
        f"Labels of altered copies attack as well as adversary 1, to within {ALIKE}.",
        after("Choquette-Choo et al."), _REACHED, tables.LABELS, tables.ALIKE, "same", ALIKE,
    ),
)  # fmt: skip
"""On `mia_book.adversary_tables.side_by_side` of the undefended targets, attack "none"."""

MASKING_CLAIM = Claim(
    "Masking changes nothing for the label-only attack.",
    after("Choquette-Choo et al."), _REACHED, "masking", "none", "same",
)  # fmt: skip
"""On `mia_book.adversary_tables.by_attacker`, attack "label-only"."""

STRONGEST_CLAIMS: tuple[Claim, ...] = tuple(
    Claim(
        f"Against its strongest attacker here, {name} lowers the attack's accuracy.",
        after("IV-A"), _REACHED, name, "none", "lower",
    )
    for name in tables.DEFENSES
    if name != "none"
)  # fmt: skip
"""On `mia_book.adversary_tables.strongest`, attack "strongest"."""


def unknown_claim(defense: str) -> Claim:
    """A claim on `mia_book.adversary_tables.side_by_side` of targets with this defense, attack its name: that
    attackers have to adapt to it."""
    return Claim(
        f"Not knowing of {defense} costs adversary 1 accuracy.",
        after("Song and Mittal"), _REACHED, tables.UNKNOWN, tables.ALIKE, "lower",
    )  # fmt: skip


def verdicts(table: "pd.DataFrame") -> list[Verdict]:
    """The verdicts on all claims of the chapter, from the table of `mia_book.adversary_tables.by_attacker`,
    after Holm's correction over all of them."""
    found = judged(on("none", KNOWLEDGE_CLAIMS), tables.side_by_side(table))
    for defense in tables.DEFENSES[1:]:
        found += judged(on(defense, [unknown_claim(defense)]), tables.side_by_side(table, defense))
    found += judged(on(tables.LABELS, [MASKING_CLAIM]), table)
    return corrected(found + judged(on("strongest", STRONGEST_CLAIMS), tables.strongest(table)))


def on_copies(table: "pd.DataFrame") -> list[Verdict]:
    """What more and what noisier copies add, judged on `mia_book.adversary_tables.by_copies`."""
    few, many = table["attack"].iloc[0], table["attack"].iloc[-1]
    usual, *_, noisy = tables.NOISES
    more = Claim(f"{many} in place of {few} raise its AUC.", "this chapter", "auc", many, few, "higher")
    noisier = Claim(f"With {few}, {noisy} raises its AUC.", "this chapter", "auc", noisy, usual, "higher")
    return judged([(more, usual)], tables.side_by_side(table, usual)) + judged([(noisier, few)], table)


def evidence(verdicts: Iterable[Verdict]) -> list[str]:
    """Which figure of the chapter shows what each verdict rests on."""
    undefended = set(KNOWLEDGE_CLAIMS)
    return [
        "fig-threshold"
        if verdict.claim.than == tables.CUT_BY_SHADOW
        else "fig-attackers"
        if verdict.claim in undefended
        else "fig-defended"
        for verdict in verdicts
    ]
