"""Which combinations of defenses lie on the Pareto front: no other is at least as useful and at least as safe."""

import pandas as pd

from mia_core.base.errors import SettingsError


def pareto_front(rows: pd.DataFrame, risk: str = "attack_accuracy", utility: str = "target_accuracy") -> list[str]:
    """Names of the rows that no other row dominates, from the least useful to the most.

    A row dominates another where its utility is at least as high and its risk at least as low, and one of the two is
    better; equal rows do not dominate each other.

    rows  one row per combination, such as a summary (`mia_core.studies.study.over_the_seeds`), with columns defenses,
          `risk` (lower is better) and `utility` (higher is better); rows without a value are left out
    Raises `SettingsError` for a combination that has several rows.
    """
    known = rows.dropna(subset=[risk, utility])
    if known["defenses"].duplicated().any():
        raise SettingsError("front: found several rows of one combination; expected one data set, seed and attack")
    values = known[[utility, risk]].to_numpy(dtype=float)
    kept = []
    for name, (useful, risky) in zip(known["defenses"], values, strict=True):
        no_worse = (values[:, 0] >= useful) & (values[:, 1] <= risky)
        better = (values[:, 0] > useful) | (values[:, 1] < risky)
        if not (no_worse & better).any():
            kept.append((useful, risky, name))
    return [name for *_, name in sorted(kept, key=lambda found: found[:2])]


def front_counts(
    table: pd.DataFrame, risk: str = "attack_accuracy", utility: str = "target_accuracy", attack: str = "adversary1"
) -> dict[str, int]:
    """For each combination of a study's table, the number of seeds in which it lies on the front of that seed.

    A front of means hides chance: a combination that is on it in every seed belongs there, one of few seeds may not.
    """
    rows = table[table["attack"] == attack]
    counts = dict.fromkeys(rows["defenses"], 0)
    for _, of_seed in rows.groupby("seed"):
        for name in pareto_front(of_seed, risk, utility):
            counts[name] += 1
    return counts
