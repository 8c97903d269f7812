"""How far a result rests on its seeds and on the machine: verdicts without a seed, a seed trained in another way."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mia_core.measures.claims import Claim, judge
from mia_core.measures.text import heading
from mia_core.studies.study import Study, over_the_seeds

if TYPE_CHECKING:
    import pandas as pd


def without_one_seed(claims: Iterable[Claim], table: "pd.DataFrame") -> "pd.DataFrame":
    """Each claim's verdict, and what becomes of it where any one seed is left out.

    Columns: claim; verdict; without any one seed: "the same", or how many of the subsets turn it.
    Raises what `mia_core.measures.claims.judge` raises.
    """
    import pandas as pd

    seeds = table["seed"].unique()
    rows = []
    for claim in claims:
        verdict = judge(claim, table)
        others = [judge(claim, table[table["seed"] != seed]).outcome for seed in seeds] if len(seeds) > 1 else []
        turned = sum(outcome != verdict.outcome for outcome in others)
        rows.append(
            {
                "claim": claim.text,
                "verdict": verdict.outcome,
                "without any one seed": _words(turned, len(others)),
            }
        )
    return pd.DataFrame(rows)


def after_a_nudge(study: Study, measures: Sequence[str], nudge: float = 1e-6) -> "pd.DataFrame":
    """The first seed's undefended models, trained again with a learning rate that differs by a share `nudge` of itself.

    About what another machine's rounding amounts to, on one machine: two trainings. One row a measure: its value
    the first time, the change, and half the width of the interval over the study's seeds, which says how little that
    is; None for a single seed. Raises `RunError` where the study has not been trained.
    """
    import pandas as pd

    settings = study.settings.replace(defenses=["none"], replicates=0)
    nudged = settings.replace(seeds=list(settings.seeds[:1]), learning_rate=settings.learning_rate * (1 - nudge))
    again = Study(nudged, study.store, study.dataset).train().table().iloc[0]
    every = Study(settings, study.store, study.dataset).table()
    first, spread = every.iloc[0], over_the_seeds(every).iloc[0]
    rows = []
    for name in measures:
        low, high = spread[f"{name}_low"], spread[f"{name}_high"]
        rows.append(
            {
                "measure": heading(name),
                "once": first[name],
                "change": again[name] - first[name],
                "± over seeds": None if low is None or low != low else (high - low) / 2,
            }
        )
    return pd.DataFrame(rows)


def _words(turned: int, subsets: int) -> str:
    if not subsets:
        return "only one seed"
    return "the same" if turned == 0 else f"another in {turned} of {subsets}"
