"""What a study with reference models leaves behind: its table with provenance, and a summary as text."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mia_core.measures.metrics import level_column
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.reference_summary import over_targets, strongest
from mia_core.studies.results import ACCURACIES, BEHIND, provenance_of, realised, why_not, write_recorded

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("auc", level_column(0.01), level_column(0.001))


def write_reference_table(path: str | Path, study: ReferenceStudy, table: "pd.DataFrame") -> tuple[Path, Path]:
    """Write NAME.csv (numbers with six digits) and NAME.provenance.json."""
    return write_recorded(path, table, reference_provenance(study))


def reference_provenance(study: ReferenceStudy) -> dict[str, Any]:
    """What `mia_core.studies.results.provenance` says of a study, and what pool, population and canaries are."""
    runs = [
        study.run(model, defenses).about for defenses in study.combinations for model in range(study.settings.models)
    ]
    # In random halves models differ in size; half of the pool is what the setting says.
    found = provenance_of(study.settings, study.recipe, study.dataset, len(study.pool) // 2, runs)
    drawn = {"pool": len(study.pool), "population": len(study.population), "canaries": int(study.canaries.sum())}
    return found | {"reference_models": drawn}


def reference_text(table: "pd.DataFrame", measure: str = level_column(0.01), confidence: float = 0.95) -> str:
    """The strongest attack of each combination at the last epoch, plain ASCII: average case and worst case.

    measure  by which the strongest is chosen; where it cannot be measured, as among few canaries, the AUC
    """
    summary = over_targets(table, confidence)
    last = summary[summary["epochs"] == summary["epochs"].max()]
    units = "pairs of models" if (table["design"] == "pairs").all() else "models"
    lines = [
        f"Strongest attack, means over {last['units'].max()} {units} with {confidence:.0%} intervals "
        f"({last['references'].max()} references each). Data set: {last['dataset'].iloc[0]}; "
        f"{last['queries'].max()} {'query' if last['queries'].max() == 1 else 'queries'} an example.",
        "The models are references of each other: the intervals tell how halving the pool and training vary.",
        BEHIND,
    ]
    each = table[(table["target"] != EVERY) & (table["epochs"] == last["epochs"].max())]
    for kind, group in each.groupby("examples", sort=False):
        lines += [f"{kind}: {line}" for line in why_not(group)]
    lines.append("")
    behind = {case: group for case, group in each.groupby(["defenses", "examples", "attack"], sort=False)}
    words = (name.replace("_", " ") for name in (*ACCURACIES, "attack", *SHOWN))
    cells = [["defenses", "examples", *words]]
    for _, group in last.groupby(["defenses", "examples"], sort=False):
        best = strongest(group, measure if group[measure].notna().any() else "auc")
        for _, row in best.iterrows():
            accuracies = (_cell(row, name) for name in ACCURACIES)
            group = behind[(row["defenses"], row["examples"], row["attack"])]
            shown = (_cell(row, name) + realised(group, name) for name in SHOWN)
            cells.append([row["defenses"], row["examples"], *accuracies, row["attack"], *shown])
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join(lines) + "\n"


def _cell(row: "pd.Series", name: str) -> str:
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if value is None or value != value:
        return "not measurable"
    return f"{value:.3f}" + ("" if low is None or low != low else f" [{low:.3f}, {high:.3f}]")
