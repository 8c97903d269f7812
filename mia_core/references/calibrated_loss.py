"""An example's statistic set against how hard the example is for models that did not see it; and memorisation."""

import numpy as np

from mia_core.attacks.contract import Floats
from mia_core.references.outputs import References
from mia_core.references.record import ReferenceRecord, reading
from mia_core.references.summaries import summarise


def difficulty_calibrated(references: References) -> Floats:
    """The target's statistic minus its mean over the OUT references: float64 [N], in the statistic's unit.

    With the statistic log p_y: the calibrated loss, sign turned. Watson, Guo, Cormode, Sablayrolles 2022, "On the
    Importance of Difficulty Calibration in Membership Inference Attacks". With Q queries the mean over
    queries. An example without OUT references takes the average mean of the others.
    """
    total = np.zeros(references.examples)
    for query in range(references.queries):
        outside = summarise(references, query)[1]
        total += references.of_target(query) - outside.filled(outside.mean)
    return total / references.queries


def memorisation(references: References) -> Floats:
    """Mean over IN minus mean over OUT references of the statistic: float64 [N], from -1 to 1 for probabilities.

    With the statistic p_y, or correctness, the estimate of Feldman and Zhang 2020, "What Neural Networks Memorize and
    Why": how much an example owes its own prediction to being trained on. It is no attack: the target's
    output is not read. An example without references on a side takes that side's average.
    """
    total = np.zeros(references.examples)
    for query in range(references.queries):
        inside, outside = summarise(references, query)
        total += inside.filled(inside.mean) - outside.filled(outside.mean)
    return total / references.queries


RECORDS = (
    ReferenceRecord(
        "calibrated-loss", reading("log-likelihood", difficulty_calibrated),
        "log-probability minus its mean over OUT references", "Watson et al. 2022", order=10,
    ),
)  # fmt: skip
