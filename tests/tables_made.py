"""Tables of studies without any model behind them: all measures are as a test wishes."""

import pandas as pd

from mia_core.studies.study import ATTACK_MEASURES, MODEL_MEASURES


def made_up(names: list[str], attack: list[float], spread: float = 0.001, **others: list[float]) -> pd.DataFrame:
    """A table of three seeds in which all measures, but `others`, are those of the attack, for some combinations."""
    rows = []
    for place, name in enumerate(names):
        for seed in range(3):
            shift = spread * (seed - 1) * (1 + place / 4) * (1 if place % 2 else -1)
            row = dict.fromkeys((*MODEL_MEASURES, *ATTACK_MEASURES), attack[place] + shift)
            row |= {measure: values[place] + shift for measure, values in others.items()}
            rows.append({"dataset": "toy", "defenses": name, "seed": seed, "attack": "adversary1"} | row)
    return pd.DataFrame(rows)


def repeated(rows: pd.DataFrame, seeds: int = 3, spread: float = 1e-4) -> pd.DataFrame:
    """The rows of one seed as those of several, every number a little larger from seed to seed, by a step that differs
    from row to row: as a study's, differences within seeds are distinct."""
    parts = []
    for seed in range(seeds):
        part = rows.assign(seed=seed)
        numbers = [name for name in part.select_dtypes("number") if name != "seed"]
        part[numbers] = part[numbers].add(seed * spread * pd.Series(range(len(part)), index=part.index), axis=0)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
