"""Attack-R: how the target ranks among reference models on the same example.

Ye, Maddi, Murakonda, Bindschaedler, Shokri 2022, "Enhanced Membership Inference Attacks against Machine Learning
Models" (attack R).
"""

import numpy as np

from mia_core.attacks.contract import Floats
from mia_core.references.outputs import References
from mia_core.references.record import ReferenceRecord, reading
from mia_core.references.summaries import Side


def attack_r(references: References) -> Floats:
    """Share of the example's OUT references whose statistic is below the target's: float64 [N], 0 to 1.

    With the statistic log p_y: the share with a larger loss. R references on a side give R + 1 different scores, too
    few for low false-positive rates. With Q queries the mean over queries. An example without OUT references takes the
    average score of the others.
    """
    count = references.counts()[1]
    shares = np.zeros(references.examples)
    for query in range(references.queries):
        target = references.of_target(query)
        for columns in references.columns():
            beaten = (references.values(columns, query) < target[columns]) & ~references.inside(columns)
            shares[columns] += beaten.sum(axis=0) / np.maximum(count[columns], 1)
    shares /= references.queries
    return Side("OUT", count, shares, shares).filled(shares)


RECORDS = (
    ReferenceRecord(
        "attack-r", reading("log-likelihood", attack_r), "rank of the loss among those of the OUT references",
        "Ye et al. 2022", order=9,
    ),
)  # fmt: skip
