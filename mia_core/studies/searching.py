"""Which strengths of defenses to judge, searched by Optuna where a grid would train many models in vain.

The search has a split of its own. What it chooses is judged on the models of the study, which had no part in it: the
best of many trials looks better than it is.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mia_core.base.errors import SettingsError
from mia_core.defenses import Defense, combination, describe
from mia_core.measures.metrics import level_column
from mia_core.store.runs import Store
from mia_core.studies.early_stopping import ACCURACY, ROUNDING
from mia_core.studies.reference_rows import table
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.reference_summary import by_unit
from mia_core.studies.settings import ReferenceSettings

if TYPE_CHECKING:
    import optuna

MODELS = 6
"""Models of a trial, at most: the fewest from which every kind of attacker can be made."""
Tried = Callable[[str], tuple[float, float]]
"""Gives accuracy and leak of a combination by name."""


def searched(
    settings: ReferenceSettings,
    spend: float,
    trials: int,
    jobs: int | None = None,
    store: Store | None = None,
    told: Callable[[str], object] = lambda line: None,
) -> list[str]:
    """The combinations of the settings, each single defense at the strength that leaked least within the budget.

    spend   of accuracy, counted from the most accurate stop, in [0, 1)
    trials  how many strengths are tried in all, each with at most `MODELS` models on the split of the next seed
    told    gets a line per trial

    A defense that has no strength, or has others beside it, stays as it is. The same settings give the same trials, and
    their models are in the store: a search that was interrupted goes on.
    Raises `SettingsError` without Optuna, and for fewer trials than defenses, before anything is trained.
    """
    if not _with_strength(settings.defenses, trials):
        return list(settings.defenses)
    own = settings.replace(
        models=min(MODELS, settings.models), seed=(settings.seed + 1) % 2**32, canaries=0, defenses=("none",)
    )
    dearest = _most_accurate_stop(own, jobs, store) - spend - ROUNDING
    measures: list[str] = []

    def tried(name: str) -> tuple[float, float]:
        study = ReferenceStudy(own.replace(defenses=(name,)), store)
        units = by_unit(table(study.train(jobs)))
        means = units.groupby("attack")[[level_column(0.01), "auc"]].mean()
        if not measures:
            measures.append("auc" if means[level_column(0.01)].isna().all() else level_column(0.01))
        found = float(units[ACCURACY].mean()), float(means[measures[0]].max())
        told(f"{name}: accuracy {found[0]:.3f}, {measures[0]} {found[1]:.3f}")
        return found

    return best_strengths(settings.defenses, tried, dearest, trials, settings.seed)


def best_strengths(names: Sequence[str], tried: Tried, dearest: float, trials: int, seed: int = 0) -> list[str]:
    """Of each single defense the strength with the least leak among those of at least the accuracy `dearest`, or the
    most accurate one where none has it; other combinations as they are.

    The first trials are the middle strengths. What comes then is up to Optuna's tree-structured Parzen estimator
    (Bergstra et al. 2011, section 4), between the weakest and the strongest dose: it tries again what has done well.
    """
    alone = _with_strength(names, trials)
    if not alone:
        return list(names)
    import optuna

    found: dict[str, dict[str, tuple[float, float]]] = {name: {} for name in alone}

    def objective(trial: "optuna.Trial") -> float:
        name = trial.suggest_categorical("defense", list(alone))
        strength = _suggested(trial, name, alone[name])
        other = describe((alone[name].replace(**{alone[name].strength: strength}),))
        if other not in found[name]:
            found[name][other] = tried(other)
        accuracy, leak = found[name][other]
        trial.set_constraint("accuracy below the budget", dearest - accuracy)
        return leak

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=2 * len(alone))
    search = optuna.create_study(sampler=sampler)
    for name, defense in alone.items():
        search.enqueue_trial({"defense": name, name: getattr(defense, defense.strength)})
    search.optimize(objective, n_trials=trials)
    return [_best(found[name], dearest) if name in found else name for name in names]


def _with_strength(names: Sequence[str], trials: int) -> dict[str, Defense]:
    """The single defenses whose strength can be searched, by name. Raises `SettingsError` as `searched`."""
    if find_spec("optuna") is None:
        raise SettingsError("search: needs Optuna: pip install 'mia-core[search]'")
    alone = {name: parts[0] for name in names if len(parts := combination(name)) == 1 and parts[0].doses}
    if trials < len(alone):
        raise SettingsError(f"search: expected a trial or more of each of {len(alone)} defenses, found {trials}")
    return alone


def _suggested(trial: "optuna.Trial", name: str, defense: Defense) -> float:
    """A strength between the weakest and the strongest dose, of three digits."""
    low, high = min(defense.doses), max(defense.doses)
    if all(isinstance(dose, int) for dose in defense.doses):
        return trial.suggest_int(name, int(low), int(high))
    found, middle = trial.suggest_float(name, low, high, log=True), getattr(defense, defense.strength)
    return middle if found == middle else float(f"{found:.3g}")


def _best(found: Mapping[str, tuple[float, float]], dearest: float) -> str:
    return min(found, key=lambda name: (max(dearest - found[name][0], 0.0), found[name][1]))


def _most_accurate_stop(settings: ReferenceSettings, jobs: int | None, store: Store | None) -> float:
    """Mean accuracy of the undefended model at the recorded epoch at which that is highest."""
    study = ReferenceStudy(settings.replace(attacks=("gap",)), store)
    return float(by_unit(table(study.train(jobs))).groupby("epochs")[ACCURACY].mean().max())
