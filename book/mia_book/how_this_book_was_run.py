"""Of "How this book was run": what a run rests on, as tables."""

from contextlib import suppress
from typing import Any

import pandas as pd

from mia_book.wording import named
from mia_core.base.errors import RunError
from mia_core.defenses import Combination, describe, shaping
from mia_core.studies.recorded import recorded, results_dir
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.study import Study

CHOSEN = ("defenses", "attacks")
"""Settings that each chapter with reference models chooses for itself."""


def settings_table(study: Study) -> pd.DataFrame:
    """Every setting of a study as it was used: "auto" resolved, a data folder by its name. Columns: setting, value."""
    return _pairs("setting", _used(study))


def other_settings_table(study: ReferenceStudy, beside: Study) -> pd.DataFrame:
    """The settings of a study with reference models that `beside` does not have, or has otherwise; without `CHOSEN`."""
    known = _used(beside).items()
    return _pairs("setting", {name: value for name, value in _used(study).items()
                              if name not in CHOSEN and (name, value) not in known})  # fmt: skip


def data_table(study: Study) -> pd.DataFrame:
    """The data set and how it is split. Columns: data, value."""
    data, split = study.dataset, next(iter(study.splits.values()))
    channels, height, width = data.images.shape[1:]
    facts = {
        "name": data.name,
        "examples": f"{len(data.labels):,}, of which {data.pool:,} may be trained on",
        "images": f"{height} x {width} pixels, {channels} channel{'s' if channels > 1 else ''}",
        "classes": f"{len(data.classes)}",
        "each of the four parts": f"{int(split.members[0].sum()):,} examples",
        "fingerprint (SHA-256)": data.fingerprint,
    }
    return _pairs("data", facts)


def models_table(study: Study) -> pd.DataFrame:
    """The models behind a study, a row for each set of weights: how many, when they were trained, how long each took.

    Raises `RunError` for a study that has not been trained.
    """
    return pd.DataFrame(
        _row(defenses, [study.run(seed, model, defenses).about for seed in study.settings.seeds for model in (0, 1)])
        for defenses in _weights(study)
    )


def reference_models_table(study: ReferenceStudy) -> pd.DataFrame:
    """As `models_table`, of those models of a study with reference models that are in the store. Nothing is trained."""
    rows = []
    for defenses in _weights(study):
        found = []
        for model in range(study.settings.models):
            with suppress(RunError):
                found.append(study.run(model, defenses).about)
        rows.append(_row(defenses, found))
    return pd.DataFrame(rows)


def recorded_table() -> pd.DataFrame:
    """The recorded studies under `mia_core.studies.recorded.results_dir`, from their provenance: what was trained,
    when, where.

    Columns: file, repetitions, defenses, trained, precision, machine. Empty where nothing is recorded.
    """
    ending = ".provenance.json"
    rows = []
    for path in sorted(results_dir().glob(f"*{ending}")):
        name = path.name.removesuffix(ending)
        about = recorded(name)[1]
        settings, made = about.get("settings", {}), about.get("models_made")
        seeds, models = settings.get("seeds"), settings.get("models")
        repeated = f"{models} models" if models else f"{len(seeds)} seeds" if seeds else "trains nothing"
        days = sorted({made[end][:10] for end in ("first", "last")}) if made else [about["made"][:10]]
        rows.append(
            {
                "file": f"{name}.csv",
                "repetitions": repeated,
                "defenses": named(", ".join(settings.get("defenses", ()))),
                "made": " to ".join(days),
                "precision": about.get("recipe_used", {}).get("precision", ""),
                "machine": "; ".join(_machine(one) for one in about.get("machines", ())),
            }
        )
    columns = ["file", "repetitions", "defenses", "made", "precision", "machine"]
    return pd.DataFrame(rows, columns=columns)


def machine_table() -> pd.DataFrame:
    """The machine that runs this. Columns: machine, value."""
    from mia_core.store.machine import describe_machine

    return _pairs("machine", describe_machine())


def versions_table() -> pd.DataFrame:
    """Versions of Python, of what results depend on, and of this package. Columns: package, version."""
    from mia_core.report.record import versions

    return _pairs("package", versions(), "version")


def _machine(about: dict[str, str]) -> str:
    return f"{about['processor']}, {about['cores']} cores, {about['instructions'].split()[-1]}"


def _weights(study: Study | ReferenceStudy) -> list[Combination]:
    """The sets of weights of a study, without what acts on the output alone."""
    return list({describe(shaping(found)): shaping(found) for found in study.combinations}.values())


def _row(defenses: Combination, abouts: list[dict[str, Any]]) -> dict[str, Any]:
    made, seconds = sorted(one["made"] for one in abouts), sorted(one["seconds"] for one in abouts)
    return {
        "trained with": named(describe(defenses)),
        "models": len(abouts),
        "first trained": _minute(made[0]) if made else "not yet",
        "last trained": _minute(made[-1]) if made else "not yet",
        "seconds a model": f"{seconds[0]:.1f} to {seconds[-1]:.1f}" if seconds else "",
    }


def _used(study: Study | ReferenceStudy) -> dict[str, str]:
    used = study.settings.model_dump() | study.recipe.model_dump() | {"dataset": study.dataset.name}
    return {name: _words(value) for name, value in used.items()}


def _pairs(name: str, values: dict[str, str], value: str = "value") -> pd.DataFrame:
    return pd.DataFrame({name: list(values), value: list(values.values())})


def _words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "not set" if value is None else str(value)


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ") + " UTC"
