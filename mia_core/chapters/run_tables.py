"""What a run of the book rests on, as tables: settings, data, models and when they were trained, machine, versions."""

from typing import TYPE_CHECKING

from mia_core.defenses import describe, shaping

if TYPE_CHECKING:
    import pandas as pd

    from mia_core.study import Study


def settings_table(study: "Study") -> "pd.DataFrame":
    """Every setting of a study as it was used: "auto" resolved, a data folder by its name. Columns: setting, value."""
    used = study.settings.model_dump() | study.recipe.model_dump() | {"dataset": study.dataset.name}
    return _pairs("setting", {name: _words(value) for name, value in used.items()})


def data_table(study: "Study") -> "pd.DataFrame":
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


def models_table(study: "Study") -> "pd.DataFrame":
    """The models behind a study, a row for each set of weights: how many, when they were trained, how long each took.

    Raises `RunError` for a study that has not been trained.
    """
    import pandas as pd

    rows = []
    for defenses in {describe(shaping(found)): shaping(found) for found in study.combinations}.values():
        runs = [study.run(seed, model, defenses).about for seed in study.settings.seeds for model in (0, 1)]
        made, seconds = sorted(run["made"] for run in runs), sorted(run["seconds"] for run in runs)
        rows.append(
            {
                "trained with": describe(defenses),
                "models": len(runs),
                "first trained": _minute(made[0]),
                "last trained": _minute(made[-1]),
                "seconds a model": f"{seconds[0]:.1f} to {seconds[-1]:.1f}",
            }
        )
    return pd.DataFrame(rows)


def machine_table() -> "pd.DataFrame":
    """The machine that runs this. Columns: machine, value."""
    from mia_core.hardware import describe_machine

    return _pairs("machine", describe_machine())


def versions_table() -> "pd.DataFrame":
    """Versions of Python, of what results depend on, and of this package. Columns: package, version."""
    from mia_core.book.record import versions

    return _pairs("package", versions(), "version")


def _pairs(name: str, values: dict[str, str], value: str = "value") -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame({name: list(values), value: list(values.values())})


def _words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "not set" if value is None else str(value)


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ") + " UTC"
