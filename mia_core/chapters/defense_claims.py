"""What the chapters on single defenses put to the test: the report's conclusions, and what explains them."""

from mia_core.chapters.confidence_features import NEAR
from mia_core.claims import Claim
from mia_core.report import CLAIMS, SAME

NEGATIVE = "smoothing(epsilon=-0.1)"

_OF_REPORT = {(claim.of, claim.measure): claim for claim in CLAIMS if claim.than == "none"}

SMOOTHING_CLAIMS: tuple[Claim, ...] = (
    _OF_REPORT["smoothing", "attack_accuracy"],
    _OF_REPORT["smoothing", "target_accuracy"],
    Claim("Label smoothing raises the attack's AUC.", "Hintersdorf et al.", "auc", "smoothing", "none", "higher"),
    Claim(
        "With label smoothing the attack names more members at 1% FPR.",
        "this chapter", "tpr_at_fpr_0.01", "smoothing", "none", "higher",
    ),
)  # fmt: skip
"""On `none` and `smoothing`, attack adversary1."""

NEGATIVE_CLAIMS: tuple[Claim, ...] = (
    Claim("A negative ε lowers the attack's accuracy.", "this chapter", "attack_accuracy", NEGATIVE, "none", "lower"),
    Claim("A negative ε keeps target accuracy.", "this chapter", "target_accuracy", NEGATIVE, "none", "same", SAME),
)
"""On `none` and smoothing with ε = -0.1, attack adversary1."""

DISTANCE_CLAIMS: tuple[Claim, ...] = (
    Claim(
        f"With smoothing, most members lie within {NEAR:g} of the confidence that the labels ask for.",
        "this chapter", "near_members", "smoothing", 0.5, "higher",
    ),
    Claim(
        "With smoothing, the distance to it tells members better than the largest posterior does.",
        "this chapter", "auc_over_largest", "smoothing", 0.0, "higher",
    ),
)  # fmt: skip
"""On `mia_core.chapters.confidence_features.feature_table`, feature "distance"."""

MASKING_CLAIMS: dict[str, tuple[Claim, ...]] = {
    "adversary1": (
        _OF_REPORT["masking", "attack_accuracy"],
        _OF_REPORT["masking", "target_accuracy"],
        Claim("Masking leaves the attack as it is, to within 0.025.",
            "this chapter", "attack_accuracy", "masking", "none", "same", SAME,
        ),
        Claim("Clipping leaves the attack as it is, to within 0.025.",
            "this chapter", "attack_accuracy", "clipping", "none", "same", SAME,
        ),
        Claim("Rounding to one decimal leaves the attack as it is, to within 0.025.",
            "this chapter", "attack_accuracy", "rounding", "none", "same", SAME,
        ),
        Claim("With labels only, the attack on posteriors guesses.",
            "this chapter", "attack_accuracy", "label-only", 0.5, "same", SAME,
        ),
    ),
    "gap": (
        Claim("With labels only, the gap attack is exactly what it was.",
            "this chapter", "attack_accuracy", "label-only", "none", "same",
        ),
        Claim("With labels only, the gap attack still beats guessing.",
            "this chapter", "attack_accuracy", "label-only", 0.5, "higher",
        ),
    ),
}  # fmt: skip
"""Attack -> claims on `none` and the operations on the output."""

DROPOUT_CLAIMS: tuple[Claim, ...] = (
    _OF_REPORT["dropout", "attack_accuracy"],
    _OF_REPORT["dropout", "target_accuracy"],
    Claim("Dropout narrows the generalisation gap.", "IV-A", "generalisation_gap", "dropout", "none", "lower"),
    Claim("With dropout the attack is within 0.05 of guessing.",
        "IV-A", "attack_accuracy", "dropout", 0.5, "same", 0.05,
    ),
)  # fmt: skip
"""On `none` and `dropout`, attack adversary1."""

INPUT_ONLY, HIDDEN_ONLY = "dropout(hidden=False)", "dropout(input=False)"

PLACE_CLAIMS: tuple[Claim, ...] = (
    Claim("At the input alone, dropout lowers the attack's accuracy.",
        "this chapter", "attack_accuracy", INPUT_ONLY, "none", "lower",
    ),
    Claim("At the hidden layer alone, dropout lowers the attack's accuracy.",
        "this chapter", "attack_accuracy", HIDDEN_ONLY, "none", "lower",
    ),
    Claim("The input protects more than the hidden layer.",
        "this chapter", "attack_accuracy", INPUT_ONLY, HIDDEN_ONLY, "lower",
    ),
)  # fmt: skip
"""On `none` and dropout at one place, attack adversary1."""
