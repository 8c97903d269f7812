"""The claims of the chapters "Why models leak" and "Measuring an attack", and of exercises between the two."""

from collections.abc import Sequence

from mia_book.leak import NOISE, SIZE, epochs_name, noise_name, size_name
from mia_book.reference_claims import after
from mia_core.display.tables import difference
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, Verdict

GAP_MARGIN = 0.05
"""A generalisation gap that moves by less than this counts as the same."""


def epoch_claims(epochs: Sequence[int]) -> tuple[Claim, ...]:
    """Claims on the table of `mia_book.leak.by_epoch`, for these recorded epochs, ascending.

    The first three test what follows from section I of the report, which speaks of the generalisation error.
    """
    first, last = epochs_name(epochs[0]), epochs_name(epochs[-1])
    before = epochs_name(epochs[-2] if len(epochs) > 1 else epochs[-1])
    return (
        Claim(
            "The target is more accurate on members than on others.",
            after("I"), "generalisation_gap", last, 0.0, "higher",
        ),
        Claim(
            f"The gap is larger after {last} than after {first}.",
            after("I"), "generalisation_gap", last, first, "higher",
        ),
        Claim(
            f"The attack is better after {last} than after {first}.",
            after("I"), "attack_accuracy", last, first, "higher",
        ),
        Claim(
            f"From {before} to {last} the gap stays the same, to within {GAP_MARGIN}.",
            "this chapter", "generalisation_gap", last, before, "same", GAP_MARGIN,
        ),
        Claim(
            f"From {before} to {last} the attack still gains.",
            "this chapter", "attack_accuracy", last, before, "higher",
        ),
        Claim(
            f"After {last} the attack knows more than right and wrong.",
            "this chapter", "beyond_gap", last, 0.0, "higher",
        ),
    )  # fmt: skip


def size_claim(sizes: Sequence[int]) -> Claim:
    """A claim on the table of `mia_book.leak.by_size`, for these sizes of the training set, ascending."""
    small, large = size_name(sizes[0]), size_name(sizes[-1])
    return Claim(
        f"A model of {small} is attacked better than one of {large}.",
        after("I"), "attack_accuracy", small, large, "higher",
    )  # fmt: skip


def noise_claim(levels: Sequence[float]) -> Claim:
    """A claim on the table of `mia_book.leak.by_noise`, for these shares of the pixel range, ascending."""
    less, more = noise_name(levels[0]), noise_name(levels[-1])
    return Claim(
        f"A model on {more} is attacked better than one on {less}.",
        after("I"), "attack_accuracy", more, less, "higher",
    )  # fmt: skip


KNOB_CLAIMS = {SIZE: size_claim, NOISE: noise_claim}
"""Knob of `mia_book.leak.other_knobs` -> the claim on its table, for its values."""


def together(gap: Verdict, attack: Verdict) -> str:
    """What the verdicts on gap and attack, each after the last epoch against the first, say of the two together."""
    outcomes = {gap.outcome, attack.outcome}
    if outcomes == {HOLDS}:
        return "gap and attack rise together"
    return "gap and attack do not both rise" if DOES_NOT_HOLD in outcomes else "it cannot be told whether both rise"


def over_sizes(verdict: Verdict) -> str:
    """What the verdict on `size_claim` says."""
    if verdict.outcome == HOLDS:
        return "the model of the smaller set is attacked better"
    if verdict.outcome == DOES_NOT_HOLD:
        return "the model of the smaller set is not attacked better"
    return "the seeds are too few to tell"


_GAINS = {
    HOLDS: "the attack gains",
    DOES_NOT_HOLD: "the attack does not gain",
    CANNOT_TELL: "it cannot be told whether the attack gains",
}


def over_noise(verdict: Verdict | None) -> str:
    """What the verdict on `noise_claim` says, in a sentence; None where the data set has no such knob."""
    if verdict is None:
        return "Noise is a knob of the digits only, and this run is on other data."
    claim = verdict.claim
    return f"From {claim.than} to {claim.of} {_GAINS[verdict.outcome]} (difference {difference(verdict)})."


THREE, EVERY = "the three largest", "all"

MORE_CLAIM = Claim(
    "All posteriors make the attack more accurate than the three largest do.",
    "this chapter", "attack_accuracy", EVERY, THREE, "higher",
)  # fmt: skip
"""On tables of adversary 1 whose column `defenses` says which posteriors it sees."""

ONE_IN_TEN = 0.1
ALIKE = 0.05
"""Accuracies of the two scales that differ by less than this count as the same."""

MEASURE_CLAIMS: tuple[Claim, ...] = (
    Claim("The attack beats guessing.", "IV", "attack_accuracy", "posteriors", 0.5, "higher"),
    Claim(
        "At 1% FPR it finds one member in ten.",
        "this chapter", "tpr_at_fpr_0.01", "posteriors", ONE_IN_TEN, "higher",
    ),
    Claim(
        "Where one candidate in a hundred is a member, most of those it accuses are members.",
        "this chapter", "precision_at_prior_0.01", "posteriors", 0.5, "higher",
    ),
    Claim(
        f"On logarithms it is as accurate, to within {ALIKE}.",
        "this chapter", "attack_accuracy", "logarithms", "posteriors", "same", ALIKE,
    ),
    Claim(
        "On logarithms it finds more members at 1% FPR.",
        "this chapter", "tpr_at_fpr_0.01", "logarithms", "posteriors", "higher",
    ),
)  # fmt: skip
"""Claims on the table of `mia_book.measure_tables.by_features`."""

SCALE_CLAIMS: dict[str, Claim] = {
    "auc": Claim("On logarithms the AUC is larger.", "this chapter", "auc", "logarithms", "posteriors", "higher"),
    "low": MEASURE_CLAIMS[-1],
}
"""Claims on the same table, on averages and on the left end."""
