"""The claims of the chapters "Why models leak" and "Measuring an attack"."""

from collections.abc import Sequence

from mia_core.chapters.leak import epochs_name, size_name
from mia_core.claims import Claim

GAP_MARGIN = 0.05
"""A generalisation gap that moves by less than this counts as the same."""


def epoch_claims(epochs: Sequence[int]) -> tuple[Claim, ...]:
    """Claims on the table of `mia_core.chapters.leak.by_epoch`, for these recorded epochs, ascending.

    The first two are what section I of the report says of the generalisation gap.
    """
    first, last = epochs_name(epochs[0]), epochs_name(epochs[-1])
    before = epochs_name(epochs[-2] if len(epochs) > 1 else epochs[-1])
    return (
        Claim("The target is more accurate on members than on others.", "I", "generalisation_gap", last, 0.0, "higher"),
        Claim(
            f"The attack is better after {last} than after {first}.", "I", "attack_accuracy", last, first, "higher"
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
    """A claim on the table of `mia_core.chapters.leak.by_size`, for these sizes of the training set, ascending."""
    small, large = size_name(sizes[0]), size_name(sizes[-1])
    return Claim(
        f"A model of {small} is attacked better than one of {large}.", "I", "attack_accuracy", small, large, "higher"
    )


ONE_IN_TEN = 0.1

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
        "On logarithms it is as accurate, to within 0.05.",
        "this chapter", "attack_accuracy", "logarithms", "posteriors", "same", 0.05,
    ),
    Claim(
        "On logarithms it finds more members at 1% FPR.",
        "this chapter", "tpr_at_fpr_0.01", "logarithms", "posteriors", "higher",
    ),
)  # fmt: skip
"""Claims on the table of `mia_core.chapters.measure_tables.by_features`."""
