"""Of "The strongest attack": defenses under the attack that finds most, held against an earlier stop."""

from collections.abc import Iterable, Sequence

import pandas as pd
from matplotlib.figure import Figure

from mia_book.claims import HERE, after, judged, on
from mia_book.grids import HEADS, LOW, LOWEST, REPORTS_OWN, at_the_end, strongest_table
from mia_book.paper import SAME
from mia_book.reference_models import NEGATIVE, by_attack, by_strongest
from mia_book.stopping import beside_stopping
from mia_book.sweeps import dots
from mia_book.wording import named
from mia_core.measures.claims import Claim, Verdict, corrected
from mia_core.measures.intervals import Interval
from mia_core.measures.text import NOT_MEASURABLE, around, number, with_bounds
from mia_core.studies.early_stopping import Held, against_stopping, held_table, in_words
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_summary import STRONGEST, by_unit, over_targets, strongest_rows


def order_kept(table: pd.DataFrame, measures: tuple[str, str] = (LOW, LOWEST)) -> str:
    """Spearman's rank correlation between the means of all attacks by two measures: "0.92 on none; 0.88 on dropout"."""
    cells = over_targets(at_the_end(table), measures=measures)
    parts = []
    for name, group in cells.groupby("defenses", sort=False):
        known = group[list(measures)].astype(float).dropna()
        order = known[measures[0]].corr(known[measures[1]], method="spearman") if len(known) > 1 else float("nan")
        parts += [f"{order:.2f} on {named(name)}"] if order == order else []
    return "; ".join(parts) or NOT_MEASURABLE


def weak_and_strong(table: pd.DataFrame, measure: str = LOW) -> tuple[Figure, str]:
    """Each combination under the report's own attack and under that with the largest mean, after the last epoch."""
    units = by_unit(at_the_end(table))
    both = [units[units["attack"] == REPORTS_OWN].assign(attack="the report's attack")]
    both += [strongest_rows(units, measure).assign(attack="largest mean of all attacks")]
    shown = pd.concat(part.assign(defenses=part["defenses"].map(named)) for part in both)
    guess = {"auc": 0.5, LOW: 0.01, LOWEST: 0.001}[measure]
    return dots(shown.reset_index(drop=True), measure, HEADS[measure], guess=guess)


def against_earlier_stops(table: pd.DataFrame, measure: str = LOW) -> tuple[Figure, str]:
    """`mia_book.stopping.beside_stopping` by what the strongest attack reaches; thin lines are pairs of models.

    Raises `SettingsError` as `mia_core.studies.early_stopping.against_stopping`.
    """
    units = strongest_rows(by_unit(table[table["examples"] == "pool"]).rename(columns={"unit": "seed"}), measure)
    last = units[units["epochs"] == units["epochs"].max()]
    means = last.groupby("defenses", sort=False)[["target_accuracy", measure]].mean().reset_index()
    words = {"of": "strongest attack's " + HEADS[measure], "unit": "pairs of models", "decimals": 3, "rings": False}
    return beside_stopping(means.assign(defenses=means["defenses"].map(named)), units, measure, STRONGEST, **words)


def stopping_table(
    table: pd.DataFrame, measures: Sequence[str] = ("auc", LOW), attack: str = STRONGEST, examples: str = "pool"
) -> pd.DataFrame:
    """Each combination minus the undefended model stopped when it is as accurate, one row per combination.

    As `mia_core.studies.early_stopping.held_table`, with pairs of models in place of seeds.
    """
    found = held_table(_held(table, measures, attack, examples)).rename(columns={"seeds": "pairs"})
    return found.assign(defenses=found["defenses"].map(named))


def stopping_in_words(table: pd.DataFrame, measure: str = LOW, examples: str = "pool") -> str:
    """The verdicts under the strongest attack: "safer: dropout; less safe: none of them; cannot be told: smoothing"."""
    return named(in_words(_held(table, (measure,), STRONGEST, examples), measure))


def apart_in_words(table: pd.DataFrame, attack: str = REPORTS_OWN, measure: str = LOW) -> str:
    """Which verdicts against an earlier stop `attack` alone would change: "the same on masking; another on dropout
    (safer instead of cannot be told)"."""
    whole, alone = (_held(table, (measure,), one) for one in (STRONGEST, attack))
    verdicts = {one.defenses: one.verdict for one in alone}
    alike, other = [], []
    for one in whole:
        if one.defenses != "none" and verdicts[one.defenses] == one.verdict:
            alike.append(named(one.defenses))
        elif one.defenses != "none":
            other.append(f"{named(one.defenses)} ({verdicts[one.defenses]} instead of {one.verdict})")
    return f"the same on {', '.join(alike) or 'none of them'}; another on {', '.join(other) or 'none of them'}"


def without_threshold(table: pd.DataFrame, measure: str = LOW) -> str:
    """The attacks that find nobody at this level on any undefended target, since every threshold of theirs accuses more
    non-members: "gap, label-only". Scores with few values jump from accusing nobody to accusing too many."""
    last = at_the_end(table)
    rows = last[(last["defenses"] == "none") & (last["target"] != EVERY) & last[measure].notna()]
    accused = rows[measure.replace("tpr_at_fpr", "fpr_at")]
    most = rows.assign(reached=rows[measure] + accused).groupby("attack", sort=False)["reached"].max()
    return ", ".join(most.index[most == 0]) or "none of them"


def worst_case(table: pd.DataFrame, measures: Sequence[str] = ("auc", LOW)) -> pd.DataFrame:
    """Average next to worst case, one row per combination: the strongest attack on ordinary examples and on canaries.

    One target has too few canaries for a low FPR, so those of all targets are put together, under one threshold. Their
    TPR has Clopper and Pearson's interval, as if they were independent, which they are not quite.
    """
    ordinary = strongest_table(table, measures).set_index("defenses")
    last = at_the_end(table, "canaries")
    rows = []
    for name in table["defenses"].unique():
        together = last[(last["target"] == EVERY) & (last["defenses"] == name)]
        row = {"defenses": named(name)}
        for measure in measures:
            row[f"{HEADS[measure]}, ordinary"] = ordinary.loc[named(name), HEADS[measure]]
            known, text = together[together[measure].notna()].astype({measure: float}), NOT_MEASURABLE
            if len(known):
                best = known.loc[known[measure].idxmax()]
                parts = [
                    number(best[f"{measure}{end}"]) for end in ("", "_low", "_high") if not end or measure != "auc"
                ]
                shown = with_bounds(*parts) if len(parts) == 3 else parts[0]
                text = around(shown, f"{best['attack']} {shown}")
            row[f"{HEADS[measure]}, canaries"] = text
        rows.append(row)
    return pd.DataFrame(rows)


def _held(table: pd.DataFrame, measures: Sequence[str], attack: str, examples: str = "pool") -> list[Held]:
    found = against_stopping(table, measures, examples)
    alike, held = ("defenses", "measure", "p", "adjusted", "compared", "above", "below", "verdict"), []
    for row in found[found["attack"] == attack].to_dict("records"):
        mean, low, high = (None if row[name] != row[name] else row[name] for name in ("difference", "low", "high"))
        known = None if mean is None else Interval(mean, low, high)
        held.append(Held(difference=known, **{name: row[name] for name in alike}))
    return held


DEFENSES = ("none", "dropout", "smoothing", NEGATIVE, "masking", "dropout+smoothing")
"""What the chapter compares live: each single defense, negative smoothing, and one combination."""
CLAIMS: tuple[Claim, ...] = (
    Claim("Dropout leaves fewer members to be found.", after("IV-A"), LOW, "dropout", "none", "lower"),
    Claim("Label smoothing leaves fewer members to be found.", after("IV-A"), LOW, "smoothing", "none", "lower"),
    Claim("Smoothing with a negative ε leaves fewer members to be found.",
        HERE, LOW, NEGATIVE, "none", "lower"),
    Claim("Masking leaves fewer members to be found.", after("IV-A"), LOW, "masking", "none", "lower"),
    Claim(f"Dropout with smoothing is attacked as smoothing alone is, by AUC and to within {SAME}.",
        after("IV-B"), "auc", "dropout+smoothing", "smoothing", "same", SAME),
    Claim("Smoothing adds protection to dropout.", HERE, LOW, "dropout+smoothing", "dropout", "lower"),
    Claim("With label smoothing the strongest attack gains on the undefended model.",
        after("Hintersdorf et al."), "auc", "smoothing", "none", "higher"),
    Claim("Dropout leaves the strongest attack an AUC of one half, to within 0.02.",
        HERE, "auc", "dropout", 0.5, "same", 0.02),
)  # fmt: skip
"""By TPR at 1% FPR or AUC."""
MISSED = Claim("On undefended models t-LiRA finds more members than the report's attack.",
    after("Carlini et al., Brännvall"), LOW, "t-lira", REPORTS_OWN, "higher")  # fmt: skip
"""On `mia_book.reference_models.by_attack`."""


def verdicts(table: pd.DataFrame) -> list[Verdict]:
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
