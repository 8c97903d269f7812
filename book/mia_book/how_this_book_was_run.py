"""Of "How this book was run": what a run rests on, as tables."""

from contextlib import suppress
from itertools import product

import pandas as pd

from mia_book.wording import named
from mia_core.base.errors import RunError
from mia_core.defenses import describe, shaping
from mia_core.studies.recorded import ENDING, recorded, results_dir
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.study import Study

CHOSEN = ("defenses", "attacks")
"""Settings that each chapter with reference models chooses for itself."""


def settings_table(study: Study | ReferenceStudy, other: Study | None = None) -> pd.DataFrame:
    """Every setting of a study as it was used: "auto" resolved, a data folder by its name. Columns: setting, value.

    other  another study: then only what it does not have, or has otherwise, without `CHOSEN`
    """
    known = _used(other).items() if other else ()
    left_out = CHOSEN if other else ()
    used = _used(study).items()
    return pairs("setting", {key: value for key, value in used if key not in left_out and (key, value) not in known})


def data_table(study: Study) -> pd.DataFrame:
    """The data set and how it is split. Columns: data, value."""
    data, split = study.dataset, next(iter(study.splits.values()))
    shape = data.inputs.shape[1:]
    if data.is_table:
        kind = {"table": f"{shape[0]:,} columns"}
    else:
        kind = {"images": f"{shape[1]} x {shape[2]} pixels, {shape[0]} channel{'s' if shape[0] > 1 else ''}"}
    facts = {
        "name": data.name,
        "examples": f"{len(data.labels):,}, of which {data.pool:,} may be trained on",
        **kind,
        "classes": f"{len(data.classes)}",
        "each of the four parts": f"{int(split.members[0].sum()):,} examples",
        "fingerprint (SHA-256)": data.fingerprint,
    }
    return pairs("data", facts)


def models_table(study: Study | ReferenceStudy) -> pd.DataFrame:
    """The models behind a study that are in the store, one row per set of weights: how many, when they were trained,
    how long each took. Nothing is trained."""
    own = study.settings
    models = product(own.seeds, (0, 1)) if isinstance(study, Study) else ((model,) for model in range(own.models))
    of_all, rows = list(models), []
    # What acts on the output alone has no weights of its own.
    for name, defenses in {describe(shaping(found)): shaping(found) for found in study.combinations}.items():
        abouts = []
        for model in of_all:
            with suppress(RunError):
                abouts.append(study.run(*model, defenses).about)
        made, seconds = sorted(one["made"] for one in abouts), sorted(one["seconds"] for one in abouts)
        rows.append({
            "trained with": named(name),
            "models": len(abouts),
            "first trained": _minute(made[0]) if made else "not yet",
            "last trained": _minute(made[-1]) if made else "not yet",
            "seconds a model": f"{seconds[0]:.1f} to {seconds[-1]:.1f}" if seconds else "",
        })  # fmt: skip
    return pd.DataFrame(rows)


def recorded_table() -> pd.DataFrame:
    """The recorded studies under `mia_core.studies.recorded.results_dir`, from their provenance: what was trained,
    when, where.

    Columns: file, repetitions, defenses, made, precision, machine. Empty where nothing is recorded.
    """
    rows = []
    for path in sorted(results_dir().glob(f"*{ENDING}")):
        name = path.name.removesuffix(ENDING)
        about = recorded(name)[1]
        settings, made = about.get("settings", {}), about.get("models_made")
        seeds, models = settings.get("seeds"), settings.get("models")
        repeated = f"{models} models" if models else f"{len(seeds)} seeds" if seeds else "trains nothing"
        days = sorted({made[end][:10] for end in ("first", "last")}) if made else [about["made"][:10]]
        machines = [
            f"{one['processor']}, {one['cores']} cores, {one['instructions'].split()[-1]}"
            for one in about.get("machines", ())
        ]
        defenses = named(", ".join(settings.get("defenses", ())))
        precision = about.get("recipe_used", {}).get("precision", "")
        rows.append([f"{name}.csv", repeated, defenses, " to ".join(days), precision, "; ".join(machines)])
    return pd.DataFrame(rows, columns=["file", "repetitions", "defenses", "made", "precision", "machine"])


def pairs(name: str, values: dict[str, str], value: str = "value") -> pd.DataFrame:
    """Names and values as two columns, headed `name` and `value`."""
    return pd.DataFrame({name: list(values), value: list(values.values())})


def _used(study: Study | ReferenceStudy) -> dict[str, str]:
    used = study.settings.model_dump() | study.recipe.model_dump() | {"dataset": study.dataset.name}
    return {name: _words(value) for name, value in used.items()}


def _words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "not set" if value is None else str(value)


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ") + " UTC"
