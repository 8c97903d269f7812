"""What a study of either kind leaves behind: the table as CSV, its provenance as JSON, a summary as text."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from mia_core.base.files import file_to_write
from mia_core.base.messages import name_text
from mia_core.data.load import with_path
from mia_core.defenses import describe
from mia_core.measures.metrics import LEVELS, level_column, most_false_positives
from mia_core.measures.text import with_interval
from mia_core.studies.base import StudyOfModels
from mia_core.studies.recorded import write_recorded
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.reference_summary import over_targets, strongest
from mia_core.studies.study import ATTACK_MEASURES, TARGET, Study, over_the_seeds

if TYPE_CHECKING:
    import pandas as pd

ACCURACIES = ("target_train_accuracy", "target_accuracy")
SUMMARY = (*ACCURACIES, "attack_accuracy", "recall_members", "recall_non_members", *ATTACK_MEASURES[4:])
REFERENCE_SUMMARY = ("auc", level_column(0.01), level_column(0.001))
BEHIND = "In brackets behind a TPR: the realised FPR, on average, and the false positives, all together."

_OF_LEVEL = re.compile(r"(?:tpr_at_fpr|fpr_at|false_positives_at)_(.*?)(?:_low|_high)?")


def check_out(path: str | Path) -> Path:
    """The absolute path of a table to be written. Raises `SettingsError` before anything is trained for nothing."""
    return file_to_write(path, "out", ".csv")


def write_table(path: str | Path, study: Study | ReferenceStudy, table: "pd.DataFrame") -> tuple[Path, Path]:
    """Write the table and next to it what made it, NAME.csv and NAME.provenance.json (see `write_recorded`)."""
    return write_recorded(check_out(path), table, provenance(study))


def provenance(study: Study | ReferenceStudy) -> dict[str, Any]:
    """Settings, data fingerprint, versions, hardware and times behind a study's table, ready for JSON.

    Of a study with reference models also what pool, population and canaries are.
    """
    settings = study.settings
    if isinstance(study, ReferenceStudy):
        # In random halves models differ in size; half of the pool is what the setting says.
        part = len(study.pool) // 2
        by_name = {
            describe(defenses): [study.run(model, defenses).about for model in range(settings.models)]
            for defenses in study.combinations
        }
        drawn = {"pool": len(study.pool), "population": len(study.population), "canaries": int(study.canaries.sum())}
        every = [about for of_one in by_name.values() for about in of_one]
        price = {name: processor_seconds(of_one) for name, of_one in by_name.items()}
        return _provenance(study, part, every) | {"reference_models": drawn, "processor_seconds_a_model": price}
    part = int(study.splits[settings.seeds[0]].members[TARGET].sum())
    runs = [study.run(seed, TARGET, defenses) for seed in settings.seeds for defenses in study.combinations]
    return _provenance(study, part, [run.about for run in runs])


def processor_seconds(abouts: Sequence[Mapping[str, Any]]) -> float | None:
    """The median of the processor's time to train a model, from what each run says about itself; None where one of them
    does not say it, as a model that was trained together with others."""
    times = [about.get("processor_seconds") for about in abouts]
    return None if None in times else median(times)


def _provenance(study: StudyOfModels, part: int, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """`runs` are what the stored runs say about themselves (`Run.about`)."""
    dataset, made = study.dataset, sorted(about["made"] for about in runs)
    machines = {json.dumps(about["machine"], sort_keys=True) for about in runs}
    versions = {json.dumps(about["versions"], sort_keys=True) for about in runs}
    given = study.settings.model_dump(mode="json")
    # A path belongs to a machine; the name and the fingerprint tell which data it was.
    given["dataset"] = with_path(given["dataset"], lambda path: name_text(Path(path).name) or dataset.name)
    return {
        "settings": given,
        "recipe_used": study.recipe.model_dump(mode="json"),
        "dataset": {
            "name": dataset.name,
            "examples": len(dataset.labels),
            "pool": dataset.pool,
            "part": part,
            "classes": list(dataset.classes),
            "fingerprint": dataset.fingerprint,
        },
        "code": sorted({about["identity"]["code"] for about in runs}),
        "versions": [json.loads(text) for text in sorted(versions)],
        "machines": [json.loads(text) for text in sorted(machines)],
        "models_made": {"first": made[0], "last": made[-1]},
        "training_seconds_a_model": {
            "least": min(about["seconds"] for about in runs),
            "most": max(about["seconds"] for about in runs),
        },
        "warnings": sorted({line for about in runs for line in about["warnings"]}),
        "table_written": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def as_rows(table: "pd.DataFrame") -> str:
    """The table as strict JSON: a list of rows, in which what is not measurable is null, with `reasons` by column."""
    rows = [
        {name: None if value is None or value != value else value for name, value in row.items()}
        for row in table.astype(object).to_dict("records")
    ]
    rows = [row | {"reasons": _reasons(row)} for row in rows]
    return json.dumps(rows, indent=2, allow_nan=False, default=lambda value: value.item()) + "\n"


def _reasons(row: dict[str, Any]) -> dict[str, str]:
    """Why a row's columns are None, by column."""
    reasons = {}
    for name in [name for name, value in row.items() if value is None]:
        level = _OF_LEVEL.fullmatch(name)
        if not row["members"] or not row["non_members"]:
            reasons[name] = "not measurable: members and non-members needed"
        elif level is not None:
            reasons[name] = too_few(row["non_members"], float(level[1])) or "not measurable"
        else:
            reasons[name] = "no threshold: no other model could stand in for the target, or it is all of them"
    return reasons


def too_few(non_members: int, level: float) -> str | None:
    """Why a TPR at FPR `level` is not measurable among this few non-members; None where it is."""
    if most_false_positives(int(non_members), level) is not None:
        return None
    needed = math.ceil(1 / Fraction(str(level)))
    return f"not measurable: {int(non_members)} non-members, at least {needed} needed"


def why_not(rows: "pd.DataFrame") -> list[str]:
    """A line for each level at which a row of a table has too few non-members, for the foot of a text."""
    fewest = int(rows["non_members"].min())
    found = [(level, too_few(fewest, level)) for level in LEVELS]
    return [f"TPR at FPR {level:g} {reason}." for level, reason in found if reason]


def realised(rows: "pd.DataFrame", measure: str) -> str:
    """What is behind a mean TPR: the mean of the realised FPRs and the sum of the false positives; else empty."""
    for level in LEVELS:
        if measure == level_column(level):
            rates, counts = (rows[f"{name}_at_{level:g}"].astype(float) for name in ("fpr", "false_positives"))
            return "" if rates.isna().any() else f" (FPR {rates.mean():.4f}, {counts.sum():.0f} false)"
    return ""


def summary_text(table: "pd.DataFrame", confidence: float = 0.95) -> str:
    """Means over seeds with intervals, one line per combination and attack."""
    rows = over_the_seeds(table, confidence)
    seeds = rows["seeds"].max()
    several = f"Means over {seeds} seeds with {confidence:.0%} intervals"
    head = several if seeds > 1 else "One seed: no intervals over seeds"
    about = f"{table['shadow_models'].max()} shadow model, {table['queries'].max()} query an example"
    lines = [f"{head}. Data set: {rows['dataset'].iloc[0]}; {about}.", BEHIND, *why_not(table), ""]
    behind = {names: group for names, group in table.groupby(["dataset", "defenses", "attack"], sort=False)}
    cells = [["defenses", "attack", *_words(SUMMARY)]]
    for _, row in rows.iterrows():
        group = behind[(row["dataset"], row["defenses"], row["attack"])]
        cells.append([row["defenses"], row["attack"], *(_cell(row, name, group) for name in SUMMARY)])
    return in_columns(lines, cells)


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
    cells = [["defenses", "examples", *_words((*ACCURACIES, "attack", *REFERENCE_SUMMARY))]]
    for _, group in last.groupby(["defenses", "examples"], sort=False):
        best = strongest(group, measure if group[measure].notna().any() else "auc")
        for _, row in best.iterrows():
            group = behind[(row["defenses"], row["examples"], row["attack"])]
            accuracies = (_cell(row, name, group) for name in ACCURACIES)
            shown = (_cell(row, name, group) for name in REFERENCE_SUMMARY)
            cells.append([row["defenses"], row["examples"], *accuracies, row["attack"], *shown])
    return in_columns(lines, cells)


def _words(columns: tuple[str, ...]) -> list[str]:
    return [name.replace("_", " ") for name in columns]


def _cell(row: "pd.Series", name: str, behind: "pd.DataFrame") -> str:
    """A measure of a summary's row with its interval, and of a TPR what is behind it."""
    return with_interval(row, name) + realised(behind, name)


def in_columns(lines: list[str], cells: list[list[str]]) -> str:
    """The lines, and below them the cells in columns that are as wide as they must be."""
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([*lines, *rows]) + "\n"
