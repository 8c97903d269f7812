"""Of "Under the strongest attack": every defense under the attack that finds most, held against an earlier stop."""

import html
from collections.abc import Iterable
from urllib.parse import quote

import pandas as pd
from matplotlib.figure import Figure

from mia_book.claims import HERE, after, judged, on
from mia_book.grids import HEADS, LOW, LOWEST, REPORTS_OWN, at_the_end
from mia_book.paper import SAME
from mia_book.reference_models import NEGATIVE, by_attack, by_strongest
from mia_book.wording import named
from mia_core.display.choice import leak_against_accuracy
from mia_core.display.plots import heat_map
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, Claim, Verdict, corrected
from mia_core.measures.text import NOT_MEASURABLE, number, with_bounds, with_interval
from mia_core.studies.early_stopping import AT_ACCURACY, Held, held_against_stopping
from mia_core.studies.finding import options, path
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_summary import STRONGEST, by_unit, over_targets


def leak_measure(table: pd.DataFrame) -> str:
    """TPR at 1% FPR, or the AUC where a pool is too small to have it."""
    return LOW if table.loc[table["target"] != EVERY, LOW].notna().any() else "auc"


def stops_and_defenses(table: pd.DataFrame) -> tuple[Figure, str]:
    """`mia_core.display.choice.leak_against_accuracy` of the table's models, under the strongest attack."""
    measure = leak_measure(table)
    found = options(table, measure=measure)
    defended = found[found["defenses"] != "none"]
    recommended = found.loc[found["within"].notna(), "epochs"]
    stop = int(recommended.iloc[0]) if len(recommended) else int(table["epochs"].max())
    shown = defended.assign(defenses=defended["defenses"].map(named))
    return leak_against_accuracy(path(table, measure), shown, measure, stop)


def every_cell(table: pd.DataFrame, measure: str = LOW) -> tuple[Figure, str]:
    """Means of every attack on every defense and on every earlier stop, as a heat map with a row per attack."""
    rows = _shown(table[(table["examples"] == "pool") & (table["target"] != EVERY)])
    return heat_map(rows.assign(model=_models(rows)), "attack", "model", measure, words=HEADS[measure], digits=2)


def every_value(table: pd.DataFrame) -> pd.DataFrame:
    """The numbers behind `every_cell`, for a file: one row per model, attack and kind of examples, with intervals over
    pairs and Clopper and Pearson's for the canaries of all targets together."""
    measures = [name for name in ("target_accuracy", "auc", LOW, LOWEST) if table[name].notna().any()]
    pool = over_targets(table[table["examples"] == "pool"], measures=measures)
    columns = ["defenses", "epochs", "attack", "examples"]
    columns += [f"{name}{end}" for name in measures for end in ("", "_low", "_high")]
    canaries = table[(table["examples"] == "canaries") & (table["target"] == EVERY)]
    both = [pool.reindex(columns=columns), canaries.reindex(columns=columns)]
    return pd.concat([part for part in both if len(part)], ignore_index=True)


def download(table: pd.DataFrame, name: str, words: str) -> None:
    """Show a link on the page that saves the table as NAME.csv; the file is in the page itself."""
    from IPython.display import HTML, display

    text = quote(table.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    link = f'<a download="{name}.csv" href="data:text/csv;charset=utf-8,{text}">{html.escape(words)}</a>'
    display(HTML(f'<p class="mia-download">{link} ({len(table)} rows, CSV)</p>'))


def worst_case(table: pd.DataFrame, measure: str = LOW) -> pd.DataFrame:
    """Average next to worst case, one row per earlier stop and per defense, under the strongest attack of each column.

    One target has too few canaries for a low FPR, so those of all targets are put together, under one threshold. Their
    TPR has Clopper and Pearson's interval, as if they were independent, which they are not quite.
    """
    table = _shown(table)
    pool = over_targets(table[table["examples"] == "pool"], measures=["target_accuracy", measure])
    together = table[(table["examples"] == "canaries") & (table["target"] == EVERY)]
    rows = []
    for (name, epoch), group in pool.groupby(["defenses", "epochs"], sort=False):
        row = {"model": _model(name, epoch), "target accuracy": with_interval(group.iloc[0], "target_accuracy")}
        known = group[group[measure].notna()].astype({measure: float})
        best = known.loc[known[measure].idxmax()] if len(known) else None
        row[f"{HEADS[measure]}, ordinary"] = NOT_MEASURABLE if best is None else with_interval(best, measure)
        part = together[(together["defenses"] == name) & (together["epochs"] == epoch) & together[measure].notna()]
        text = NOT_MEASURABLE
        if len(part):
            worst = part.loc[part[measure].astype(float).idxmax()]
            ends = ("", "_low", "_high") if measure != "auc" else ("",)
            parts = [number(worst[f"{measure}{end}"]) for end in ends]
            text = with_bounds(*parts) if len(parts) == 3 else parts[0]
        row[f"{HEADS[measure]}, canaries"] = text
        rows.append(row)
    return pd.DataFrame(rows)


def without_threshold(table: pd.DataFrame, measure: str = LOW) -> str:
    """The attacks that find nobody at this level on any undefended target, since every threshold of theirs accuses more
    non-members: "gap, label-only". Scores with few values jump from accusing nobody to accusing too many."""
    last = at_the_end(table)
    rows = last[(last["defenses"] == "none") & (last["target"] != EVERY) & last[measure].notna()]
    accused = rows[measure.replace("tpr_at_fpr", "fpr_at")]
    most = rows.assign(reached=rows[measure] + accused).groupby("attack", sort=False)["reached"].max()
    return ", ".join(most.index[most == 0]) or "none of them"


def order_kept(table: pd.DataFrame, measures: tuple[str, str] = (LOW, LOWEST)) -> str:
    """Spearman's rank correlation between the means of all attacks by two measures: "0.92 on none; 0.88 on dropout"."""
    cells = over_targets(at_the_end(table), measures=measures)
    parts = []
    for name, group in cells.groupby("defenses", sort=False):
        known = group[list(measures)].astype(float).dropna()
        order = known[measures[0]].corr(known[measures[1]], method="spearman") if len(known) > 1 else float("nan")
        parts += [f"{order:.2f} on {named(name)}"] if order == order else []
    return "; ".join(parts) or NOT_MEASURABLE


def held(table: pd.DataFrame, attack: str = "") -> list[Held]:
    """`mia_core.studies.early_stopping.held_against_stopping` by `leak_measure`, of all attacks or of one."""
    units = by_unit(table[table["examples"] == "pool"])
    return held_against_stopping(units[units["attack"] == attack] if attack else units, leak_measure(table))


def apart_in_words(table: pd.DataFrame, attack: str = REPORTS_OWN) -> str:
    """Which verdicts on safety `attack` alone would change: "the same on masking; another on dropout (safer instead of
    less safe)"."""
    whole, alone = (
        {one.defenses: one.verdict for one in held(table, only) if one.question == AT_ACCURACY} for only in ("", attack)
    )
    names = [name for name in whole if name != "none"]
    alike = [named(name) for name in names if whole[name] == alone[name]]
    other = [f"{named(name)} ({alone[name]} instead of {whole[name]})" for name in names if whole[name] != alone[name]]
    return f"the same on {', '.join(alike) or 'none of them'}; another on {', '.join(other) or 'none of them'}"


def stop_verdicts(found: Iterable[Held]) -> list[Verdict]:
    """Verdicts of `held` in the form of claims, for a table: first on safety, then on accuracy."""
    verdicts = []
    for one in found:
        safety, name = one.question == AT_ACCURACY, named(one.defenses)
        what = "Trained to the end without a defense, the model" if one.defenses == "none" else f"With {name} the model"
        claim = Claim(
            f"{what} gives away fewer members than the stop that is as accurate." if safety
            else f"{what} is more accurate than the stop that is as safe.",
            HERE, one.measure if safety else "target_accuracy", one.defenses, "an earlier stop",
            "lower" if safety else "higher",
        )  # fmt: skip
        outcome = {"safer": HOLDS, "more accurate": HOLDS, NO_EFFECT: NO_EFFECT, CANNOT_TELL: CANNOT_TELL}
        known = one.difference
        values = (known.mean, known.low, known.high) if known else (None, None, None)
        verdicts.append(
            Verdict(claim, outcome.get(one.verdict, DOES_NOT_HOLD), *values, one.units - one.without if known else 0)
        )
    return verdicts


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Undefended models at every recorded epoch, and defended ones at the last."""
    return table[(table["defenses"] == "none") | (table["epochs"] == table["epochs"].max())]


def _model(defenses: str, epoch: int) -> str:
    return f"none, epoch {epoch}" if defenses == "none" else named(defenses)


def _models(rows: pd.DataFrame) -> list[str]:
    return [_model(name, epoch) for name, epoch in zip(rows["defenses"], rows["epochs"], strict=True)]


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
    after("Carlini et al."), LOW, "t-lira", REPORTS_OWN, "higher")  # fmt: skip
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


def evidence(verdicts: Iterable[Verdict], stopping: str, grid: str) -> list[str]:
    """Where the page shows what each verdict rests on: `stopping` for an earlier stop, `grid` for all else."""
    return [stopping if verdict.claim.than == "an earlier stop" else grid for verdict in verdicts]
