"""The report's conclusions, each as tests that a study can make, and what a study says of each."""

from dataclasses import dataclass, replace

import pandas as pd

from mia_book.claims import judge_open
from mia_book.paper import BARELY, OF_REPORT, SAME, SHADOW_ACCURACY, TABLE_I
from mia_core.display.figures import Evidence
from mia_core.display.tables import difference
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, Claim, Verdict
from mia_core.measures.text import around, heading


@dataclass(frozen=True)
class Conclusion:
    """A sentence of the report that holds where all of `parts` hold and none of `unless` does.

    source  the section that draws it; at least one of the two lists has an entry
    """

    text: str
    source: str
    parts: tuple[Claim, ...] = ()
    unless: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class Judged:
    """A conclusion, its outcome, and the verdict on the claim that decided it: one that failed, else the weakest."""

    conclusion: Conclusion
    outcome: str
    deciding: Verdict


def judge_conclusion(conclusion: Conclusion, table: pd.DataFrame, certain: str = "") -> Judged:
    """Judge a conclusion on a study's table, by adversary 1; certain: see `mia_core.measures.claims.judge`.

    It does not hold where any of `parts` does not hold or any of `unless` holds; it holds where all is as it should be;
    else the first of them without a material effect decides, or one that cannot be told, as where the table lacks a
    combination. Raises `SettingsError` for a missing measure.
    """
    parts = [(judge_open(claim, table, certain=certain), HOLDS) for claim in conclusion.parts]
    parts += [(judge_open(claim, table, certain=certain), DOES_NOT_HOLD) for claim in conclusion.unless]
    for verdict, wanted in parts:
        if verdict.outcome in {HOLDS, DOES_NOT_HOLD} - {wanted}:
            return Judged(conclusion, DOES_NOT_HOLD, verdict)
    for outcome in (NO_EFFECT, CANNOT_TELL):
        for verdict, _ in parts:
            if verdict.outcome == outcome:
                return Judged(conclusion, outcome, verdict)
    return Judged(conclusion, HOLDS, min((verdict for verdict, _ in parts), key=_room))


def as_verdict(judged: Judged) -> Verdict:
    """A conclusion's outcome in the form of a verdict, as `mia_core.display.tables.verdicts_table` shows it.

    Its claim has the conclusion's text; its difference is that of the comparison that decided.
    """
    deciding = judged.deciding.claim
    claim = replace(deciding, text=judged.conclusion.text, source=judged.conclusion.source)
    if deciding in judged.conclusion.unless and deciding.direction != "same":
        # It holds where what would refute it does not: on the other side of the same threshold.
        turned = "higher" if deciding.direction == "lower" else "lower"
        claim = replace(claim, direction=turned, margin=-deciding.margin)
    return replace(judged.deciding, claim=claim, outcome=judged.outcome)


def decided_by(judged: Judged) -> str:
    """The comparison that decided; one that would refute the conclusion says so."""
    test = judged.deciding.claim
    text = f"refuted if {test.text}" if test in judged.conclusion.unless else test.text
    return text.rstrip(".")


def _room(verdict: Verdict) -> float:
    """How far the interval stays from where the outcome would turn: small for a claim that nearly did, 0 if open."""
    if verdict.low is None or verdict.high is None or verdict.outcome == CANNOT_TELL:
        return 0.0
    margin, (low, high) = verdict.claim.margin, (verdict.low, verdict.high)
    if verdict.claim.direction == "same":
        within = margin - max(abs(low), abs(high))
        return within if verdict.outcome == HOLDS else max(low - margin, -margin - high)
    if verdict.claim.direction == "lower":
        low, high = -high, -low
    return low - margin if verdict.outcome == HOLDS else margin - high


def _claim(measure: str, of: str, than: str, direction: str, margin: float = 0.0) -> Claim:
    change = f"within {margin} of" if direction == "same" else direction + " than"
    if margin and direction != "same":
        change = f"is more than {margin} {'below' if direction == 'lower' else 'above'}"
    return Claim(f"{heading(measure)} of {of} {change} {than}", "", measure, of, than, direction, margin)


_ATTACK, _TARGET, _SHADOW, _GAP = "attack_accuracy", "target_accuracy", "shadow_accuracy", "generalisation_gap"
_WITH_SMOOTHING = ("dropout+smoothing", "smoothing+masking", "dropout+smoothing+masking")
BEST_TRADEOFF = Conclusion(
    "Label smoothing alone offers the best trade-off: safer than none, more useful than dropout.", "IV-C",
    (_claim(_ATTACK, "smoothing", "none", "lower"), _claim(_TARGET, "smoothing", "dropout", "higher")),
)  # fmt: skip
STRONGEST_COMBINATIONS = Conclusion(
    "The strongest combinations include label smoothing: each is attacked less than dropout with masking.", "IV-C",
    tuple(_claim(_ATTACK, name, "dropout+masking", "lower") for name in _WITH_SMOOTHING),
)  # fmt: skip
NO_COMBINATION = Conclusion(
    f"No combination protects more than its best single defense, to within {SAME}.", "V",
    unless=(
        *(_claim(_ATTACK, name, "dropout", "lower", SAME) for name in TABLE_I if name.startswith("dropout+")),
        _claim(_ATTACK, "smoothing+masking", "smoothing", "lower", SAME),
    ),
)  # fmt: skip

CONCLUSIONS: tuple[Conclusion, ...] = (
    Conclusion("Without a defense the attack is highly effective.", "IV",
        (Claim("attack accuracy of none above three quarters", "", _ATTACK, "none", 0.75, "higher"),)),
    Conclusion("Dropout is the most effective single defense against the attack.", "IV-C",
        tuple(_claim(_ATTACK, "dropout", than, "lower") for than in ("none", "smoothing", "masking"))),
    Conclusion(f"With dropout the attack is barely better than guessing, by {BARELY} at most.", "IV-A", unless=(
        Claim(f"attack accuracy of dropout is more than {BARELY} above one half",
            "", _ATTACK, "dropout", 0.5, "higher", BARELY),)),
    Conclusion("Dropout reduces the generalisation gap.", "IV-A", (_claim(_GAP, "dropout", "none", "lower"),)),
    Conclusion("Dropout costs target accuracy.", "IV-A", (OF_REPORT["dropout", _TARGET, "none"],)),
    Conclusion("Label smoothing lowers the attack's accuracy.", "IV-A", (OF_REPORT["smoothing", _ATTACK, "none"],)),
    Conclusion("Label smoothing is two-sided: fewer members and fewer non-members are recognised.", "IV-A",
        tuple(_claim(measure, "smoothing", "none", "lower") for measure in ("recall_members", "recall_non_members"))),
    Conclusion(f"Label smoothing keeps target accuracy, to within {SAME}.", "IV-A",
        (OF_REPORT["smoothing", _TARGET, "none"],)),
    BEST_TRADEOFF,
    STRONGEST_COMBINATIONS,
    Conclusion(
        f"With dropout alone the shadow is less accurate; in every other row it is as without a defense, to within "
        f"{SAME}.", "IV-C", (
            _claim(_SHADOW, "dropout", "none", "lower"),
            *(_claim(_SHADOW, name, "none", "same", SAME) for name in TABLE_I if name not in ("none", "dropout")))),
    Conclusion("Masking improves privacy a little when it is applied alone.", "V",
        (_claim(_ATTACK, "masking", "none", "lower"),)),
    Conclusion(f"Masking keeps target accuracy, to within {SAME}.", "IV-A", (OF_REPORT["masking", _TARGET, "none"],)),
    Conclusion("Masking does not reduce the generalisation gap.", "IV-A",
        unless=(_claim(_GAP, "masking", "none", "lower"),)),
    Conclusion(f"Dropout with smoothing is attacked as smoothing alone is, to within {SAME}.", "IV-B",
        (OF_REPORT["dropout+smoothing", _ATTACK, "smoothing"],)),
    Conclusion(f"With masking, dropout's effect on the attack is lost, by more than {SAME}.", "IV-B",
        (OF_REPORT["dropout+masking", _ATTACK, "dropout"],)),
    Conclusion(f"Masking adds little to dropout, to smoothing, and to both: {SAME} at most.", "V", unless=tuple(
        _claim(_ATTACK, f"{name}+masking", name, "lower", SAME)
        for name in ("dropout", "smoothing", "dropout+smoothing"))),
    NO_COMBINATION,
)  # fmt: skip
"""In the report's order. "Little", "keeps" and "more" are measured by `mia_book.paper.SAME`."""


def printed_study() -> pd.DataFrame:
    """Table I as a study's table of one seed, to judge what the printed numbers themselves say.

    Shadow accuracy is that of the text; a generalisation gap is not printed, so it is missing.
    """
    return pd.DataFrame(
        {"defenses": name, "seed": 0, "attack": "adversary1", _SHADOW: SHADOW_ACCURACY[name], _GAP: None}
        | row._asdict()
        for name, row in TABLE_I.items()
    )


def conclusions_table(recorded: pd.DataFrame, own: pd.DataFrame, *, plane: str, values: str) -> pd.DataFrame:
    """Every conclusion of the report with the evidence, one row each.

    recorded, own  study tables: of the report's data with the eight combinations, and of this run
    plane, values  names on the page of the figure with target and attack accuracy of the recorded run, and of the
                   table with its other measures
    Columns: claim, verdict on the recorded run, verdict on this run, whether the printed numbers say so ("yes", "no",
    "not printed"), what was measured on the recorded run (the comparison that decided, unless the claim says it
    already), made in, link to the evidence.
    """
    rows = []
    for conclusion in CONCLUSIONS:
        printed = judge_conclusion(conclusion, printed_study(), "as printed")
        measured, here = (judge_conclusion(conclusion, table) for table in (recorded, own))
        says_so = "yes" if printed.outcome == HOLDS else "no"
        found, test = difference(measured.deciding), decided_by(measured)
        told = found if test == conclusion.text.rstrip(".") else f"{test}: {found}"
        rows.append({
            "claim": conclusion.text,
            "verdict": measured.outcome,
            "on this run": here.outcome,
            "Table I says so": "not printed" if printed.deciding.difference is None else says_so,
            "measured": around(found, told),
            "made in": conclusion.source,
            "evidence": Evidence(plane if measured.deciding.claim.measure in (_ATTACK, _TARGET) else values),
        })  # fmt: skip
    return pd.DataFrame(rows)
