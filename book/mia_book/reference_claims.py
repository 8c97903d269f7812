"""The claims of the chapters "Reference-model attacks" and "Who is at risk", and the fixed texts that go with them.

What the literature claims of attacks with reference models, and what becomes of the report's favourites under them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mia_book.reference_sweeps import SPLITS
from mia_book.risk_tables import AT_RISK, AVERAGE, CANARIES, FOUND, PICKED_BEFORE, PICKED_UNDER
from mia_core.display.tables import difference
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, Verdict, corrected, judge
from mia_core.measures.text import NOT_MEASURABLE
from mia_core.studies.paper import TABLE_I

if TYPE_CHECKING:
    import pandas as pd


def after(source: str) -> str:
    """Where a claim is made that is this book's own and puts another's to a new test."""
    return f"this chapter, after {source}"


LOW = "tpr_at_fpr_0.01"
FAVOURITE = "smoothing"
"""What section IV-C of the report recommends."""
SAFEST = min((name for name in TABLE_I if "+" not in name), key=lambda name: TABLE_I[name].attack_accuracy)
"""The single defense with the lowest attack accuracy in Table I."""
ALIKE = 0.01
"""An AUC this close to one half counts as one half."""

ATTACK_CLAIMS: tuple[Claim, ...] = (
    Claim(
        "Calibrating the loss finds more members at 1% FPR.",
        "Watson et al.", LOW, "calibrated-loss", "loss", "higher",
    ),
    Claim("Calibrating the loss raises its AUC.", "this chapter", "auc", "calibrated-loss", "loss", "higher"),
    Claim("At 1% FPR LiRA finds more members than the loss.", "Carlini et al.", LOW, "lira", "loss", "higher"),
    Claim(
        "RMIA has a higher AUC than LiRA with each example's own variance.",
        "Zarifzadeh et al.", "auc", "rmia", "lira-own-variance", "higher",
    ),
    Claim("RMIA has a higher AUC than LiRA with one variance.", "Zarifzadeh et al.", "auc", "rmia", "lira", "higher"),
    Claim(
        "t-LiRA has a higher AUC than LiRA with each example's own variance.",
        "Brännvall", "auc", "t-lira", "lira-own-variance", "higher",
    ),
)  # fmt: skip
"""On `mia_book.reference_sweeps.by_attack` of the undefended models."""

_MORE = {
    HOLDS: "at 1% FPR the calibrated loss finds more members than the loss",
    DOES_NOT_HOLD: "at 1% FPR the calibrated loss finds no more members than the loss",
    CANNOT_TELL: "which of the two finds more members at 1% FPR cannot be told",
}
_AREA = {
    HOLDS: "its AUC is the higher one",
    DOES_NOT_HOLD: "its AUC is not the higher one",
    CANNOT_TELL: "which AUC is the higher one cannot be told",
}


def calibration_in_words(verdicts: Iterable[Verdict]) -> str:
    """What the verdicts on the first two of `ATTACK_CLAIMS`, among others, say together of calibrating the loss."""
    outcomes = {verdict.claim: verdict.outcome for verdict in verdicts}
    more, area = (outcomes.get(claim) for claim in ATTACK_CLAIMS[:2])
    if more is None or area is None:
        return NOT_MEASURABLE
    return f"{_MORE[more]}{', but ' if {more, area} == {HOLDS, DOES_NOT_HOLD} else '; '}{_AREA[area]}"


DEFENSE_CLAIMS: tuple[Claim, ...] = (
    Claim(
        f"The report's favourite, {FAVOURITE}, lowers the strongest attack's AUC.",
        after("IV-C"), "auc", FAVOURITE, "none", "lower",
    ),
    *(
        Claim(
            f"The safest single defense of Table I, {SAFEST}, stays safer than {other} under the strongest attack.",
            after("Table I"), "auc", SAFEST, other, "lower",
        )
        for other in TABLE_I
        if other not in (SAFEST, "none") and "+" not in other
    ),
)  # fmt: skip
"""On `mia_book.reference_sweeps.by_strongest`, attack "strongest"."""


GROUP_CLAIMS: tuple[Claim, ...] = (
    Claim(
        "Canaries are found more often than the average member.",
        "Aerni et al.", "found", CANARIES, AVERAGE, "higher",
    ),
    Claim(
        "The tenth most at risk, chosen on other models, is found more often.",
        "this chapter", "found", AT_RISK, AVERAGE, "higher",
    ),
)  # fmt: skip
"""On `mia_book.risk_tables.side_by_side` of the undefended models."""

DIFFICULTY_CLAIM = Claim(
    "The fifth that is hardest for other models is found more often than the easiest.",
    "this chapter", "found", "part 1", "part 5", "higher",
)  # fmt: skip
"""On `mia_book.risk_tables.by_difficulty` with five parts."""


AGAIN_CLAIM = Claim(
    "An image that one pair of targets gives away, the next pair gives away more often than the average image.",
    "this chapter", "found", FOUND, AVERAGE, "higher",
)  # fmt: skip
"""On `mia_book.risk_tables.found_again`: with equal and independent chances the two would be alike."""

SHARE = (0.0, 1.0)
"""What a share cannot leave."""


def moved_claim(defenses: str) -> Claim:
    """On `mia_book.risk_tables.by_choice`: a defense moves the risk to images that had less of it before."""
    text = f"Under {defenses}, the tenth most at risk under it is found more often than that picked without a defense."
    return Claim(text, "this chapter", "found", PICKED_UNDER, PICKED_BEFORE, "higher")


OFFLINE_CLAIMS: tuple[Claim, ...] = tuple(
    Claim(f"{words} has a lower AUC offline.", "this chapter", "auc", f"{name}-offline", name, "lower")
    for name, words in (("lira", "LiRA"), ("t-lira", "t-LiRA"), ("rmia", "RMIA"))
)
"""On rows of the online and the offline forms, the attack in "defenses"."""


def protection_claims(groups: Sequence[str]) -> list[tuple[Claim, str]]:
    """Claims on `mia_book.risk_tables.by_group`: the report's two favourites protect each group."""
    return [
        (Claim(f"{name.capitalize()} protects: {group}.", section, "found", name, "none", "lower"), group)
        for name, section in ((SAFEST, after("Table I")), (FAVOURITE, after("IV-C")))
        for group in groups
    ]


def growth_claims(table: "pd.DataFrame") -> list[tuple[Claim, str]]:
    """Claims on `mia_book.reference_sweeps.by_references`, each with the attack whose rows it is judged on."""
    few, most = (f"{number} references" for number in (table["value"].min(), table["value"].max()))
    of = "{} has a higher AUC with {} than with {}."
    return [
        (Claim(of.format(words, most, few), source, "auc", most, few, "higher"), attack)
        for words, attack, source in (
            ("LiRA with one variance", "lira", "Carlini et al."),
            ("LiRA with each example's own variance", "lira-own-variance", "this chapter"),
            ("RMIA", "rmia", "this chapter"),
        )
    ]


def split_claims(models: int) -> list[tuple[Claim, str]]:
    """Claims on `mia_book.reference_sweeps.by_split` for a number of models, with the split judged."""
    where = f"{models} models"
    fair = "With {} and {} LiRA has an AUC of one half on noise, to within {}."
    found = [
        (Claim(fair.format(words, where, ALIKE), "this chapter", "auc", where, 0.5, "same", ALIKE), words)
        for words in (SPLITS["pairs"], SPLITS["random_halves"])
    ]
    biased = f"With each example in exactly half of {where}, LiRA has an AUC below one half on noise."
    return [*found, (Claim(biased, "this chapter", "auc", where, 0.5, "lower"), SPLITS["exactly_half"])]


def on(attack: str, claims: Iterable[Claim]) -> list[tuple[Claim, str]]:
    """The claims, each with the same attack, for `judged`."""
    return [(claim, attack) for claim in claims]


def judged(
    claims: Iterable[tuple[Claim, str]], table: "pd.DataFrame", bounds: tuple[float, float] | None = None
) -> list[Verdict]:
    """The verdicts on claims that each name the attack (or split, or group) whose rows they are judged on, after Holm's
    correction over the claims.

    bounds  what the measure cannot leave. Where all values of both sides lie at one of them, there was no room for a
            difference: it is zero on every unit, and what that says of the claim cannot be told

    Left out are claims on what the table does not have or where nothing was measured: a small pool has no TPR at a low
    FPR, and a study without canaries nothing to say of them.
    """
    found = []
    for claim, attack in claims:
        if _measured(claim, attack, table):
            verdict = judge(claim, table, attack)
            stuck = bounds and verdict.low == verdict.high == 0 and _at_a_bound(claim, attack, table, bounds)
            found.append(replace(verdict, outcome=CANNOT_TELL) if stuck else verdict)
    return corrected(found)


def listed(parts: Mapping[str, Sequence[Verdict]]) -> tuple[list[Verdict], list[str]]:
    """Verdicts by the figure or table that shows what they rest on, as one list, and that name for each."""
    named = [(verdict, name) for name, verdicts in parts.items() for verdict in verdicts]
    return [verdict for verdict, _ in named], [name for _, name in named]


def in_words(verdicts: Iterable[Verdict], unit: str = "pair", limits: tuple[float, float] | None = None) -> str:
    """Verdicts as text for a sentence: '"It has a lower AUC": holds, -0.021 [-0.030, -0.012] (4 pairs)'."""
    told = [f'"{one.claim.text.removesuffix(".")}": {one.outcome}, {difference(one, unit, limits)}' for one in verdicts]
    return "; ".join(told) or NOT_MEASURABLE


def _at_a_bound(claim: Claim, attack: str, table: "pd.DataFrame", bounds: tuple[float, float]) -> bool:
    rows = table[(table["attack"] == attack) & table["defenses"].isin([claim.of, claim.than])]
    values = set(rows[claim.measure].dropna())
    return len(values) == 1 and values <= set(bounds)


def _measured(claim: Claim, attack: str, table: "pd.DataFrame") -> bool:
    rows = table[(table["attack"] == attack) & table[claim.measure].notna()]
    sides = [claim.of, claim.than] if isinstance(claim.than, str) else [claim.of]
    known = [set(rows.loc[rows["defenses"] == side, "seed"]) for side in sides]
    return bool(set.intersection(*known))
