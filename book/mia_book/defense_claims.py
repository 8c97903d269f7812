"""What the chapters on single defenses put to the test: the report's conclusions, and what explains them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mia_book.confidence_features import NEAR, guess_name
from mia_book.leak import epochs_name
from mia_book.reference_claims import after
from mia_core.display.tables import difference, with_interval
from mia_core.measures.claims import Claim, Verdict, judge
from mia_core.studies.paper import CLAIMS, SAME
from mia_core.studies.study import over_the_seeds

if TYPE_CHECKING:
    import pandas as pd

    from mia_core.studies.study import Study

NEGATIVE = "smoothing(epsilon=-0.1)"
BARELY = 0.05
"""An attack accuracy this close to one half is "barely more than random guessing"."""

_OF_REPORT = {(claim.of, claim.measure): claim for claim in CLAIMS if claim.than == "none"}

SMOOTHING_CLAIMS: tuple[Claim, ...] = (
    _OF_REPORT["smoothing", "attack_accuracy"],
    _OF_REPORT["smoothing", "target_accuracy"],
    Claim(
        "Label smoothing raises the attack's AUC.", after("Hintersdorf et al."), "auc", "smoothing", "none", "higher",
    ),
    Claim(
        "With label smoothing the attack names more members at 1% FPR.",
        "this chapter", "tpr_at_fpr_0.01", "smoothing", "none", "higher",
    ),
)  # fmt: skip
"""On `none` and `smoothing`, attack adversary1."""

NEGATIVE_CLAIMS: tuple[Claim, ...] = (
    Claim("A negative ε lowers the attack's accuracy.", "this chapter", "attack_accuracy", NEGATIVE, "none", "lower"),
    Claim(
        f"A negative ε keeps target accuracy, to within {SAME}.",
        "this chapter", "target_accuracy", NEGATIVE, "none", "same", SAME,
    ),
)  # fmt: skip
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
"""On `mia_book.confidence_features.feature_table`, feature "distance"."""

MASKING_CLAIMS: dict[str, tuple[Claim, ...]] = {
    "adversary1": (
        _OF_REPORT["masking", "attack_accuracy"],
        _OF_REPORT["masking", "target_accuracy"],
        Claim(f"Masking leaves the attack as it is, to within {SAME}.",
            "this chapter", "attack_accuracy", "masking", "none", "same", SAME,
        ),
        Claim(f"Clipping leaves the attack as it is, to within {SAME}.",
            "this chapter", "attack_accuracy", "clipping", "none", "same", SAME,
        ),
        Claim(f"Rounding to one decimal leaves the attack as it is, to within {SAME}.",
            "this chapter", "attack_accuracy", "rounding", "none", "same", SAME,
        ),
        Claim(f"With the class only, the attack on posteriors guesses, to within {SAME}.",
            "this chapter", "attack_accuracy", "label-only", 0.5, "same", SAME,
        ),
    ),
    "gap": (
        Claim("With the class only, the gap attack is exactly what it was.",
            "this chapter", "attack_accuracy", "label-only", "none", "same",
        ),
        Claim("With the class only, the gap attack still beats guessing.",
            "this chapter", "attack_accuracy", "label-only", 0.5, "higher",
        ),
    ),
}  # fmt: skip
"""Attack -> claims on `none` and the operations on the output."""


MARK_CLAIM = Claim(
    "Clipping the members alone tells adversary 1 more.", "this chapter", "auc", "members", "nobody", "higher"
)
"""On a table whose column `defenses` says whose posteriors are clipped."""


def digits_claim(digits: int, name: str) -> Claim:
    """That rounding to so many decimals, called `name` in the table, leaves the attack as it is."""
    few = f"{digits} decimal{'s' if digits != 1 else ''}"
    return Claim(f"Rounding to {few} leaves the attack as it is, to within {SAME}.",
        "this chapter", "attack_accuracy", name, "none", "same", SAME,
    )  # fmt: skip


def guesses_in_words(table: "pd.DataFrame", guesses: Sequence[float], than: str) -> str:
    """At which guesses of epsilon the distance has a larger AUC than another row of the table, see `by_outcome`.

    table  of `mia_book.confidence_features.guess_table`, and perhaps rows of others
    than   what stands in "defenses" there, such as "guess 0"
    """
    verdicts = {}
    for guess in guesses:
        if guess_name(guess) != than:
            text = f"With a guess of {guess:g} the distance tells members better than {than}."
            claim = Claim(text, "this chapter", "auc", guess_name(guess), than, "higher")
            verdicts[f"{guess:g}"] = judge(claim, table.assign(attack="adversary1"))
    return by_outcome(verdicts)


def by_outcome(verdicts: Mapping[str, Verdict]) -> str:
    """Places with a verdict each, in words: "holds at 1, 2, 3; does not hold at 0"."""
    places: dict[str, list[str]] = {}
    for place, verdict in verdicts.items():
        places.setdefault(verdict.outcome, []).append(place)
    return "; ".join(f"{outcome} at {', '.join(found)}" for outcome, found in places.items())


def gains_by_epoch(study: "Study") -> "tuple[pd.DataFrame, str]":
    """How far smoothed targets fit their members at each recorded epoch and what the attack gains within seeds; and
    when it first gains, in a sentence.

    study  trained, with `none` and `smoothing`
    Columns: trained for, train accuracy (of the smoothed targets), the attack accuracy of both, their difference.
    """
    import pandas as pd

    claim = Claim(
        "Smoothing raises the attack's accuracy.", "this chapter", "attack_accuracy", "smoothing", "none", "higher"
    )
    rows, said = [], "At no recorded epoch is it shown that the attack gains from smoothing."
    for epoch in reversed(study.recipe.recorded_epochs()):
        table = study.table(epoch)
        at, verdict = over_the_seeds(table).set_index("defenses"), judge(claim, table)
        fitted, name = with_interval(at.loc["smoothing"], "target_train_accuracy"), epochs_name(epoch)
        row = {"trained for": name, "train accuracy": fitted}
        row |= {f"attack, {of}": with_interval(at.loc[of], "attack_accuracy") for of in ("none", "smoothing")}
        rows.insert(0, row | {"difference": difference(verdict)})
        if verdict.holds:
            said = (
                f"The first recorded epoch at which the attack is shown to gain from smoothing is that after {name} "
                f"({difference(verdict)}); there the smoothed targets classify {fitted} of their members correctly."
            )
    return pd.DataFrame(rows), said


def beyond_claim(rate: float, name: str) -> Claim:
    """On `mia_book.leak.beyond_the_gap`: that adversary 1 knows more than the gap attack at a rate of dropout,
    called `name` in the table."""
    return Claim(f"At a rate of {rate:g} adversary 1 is more accurate than the gap attack.",
        "this chapter", "beyond_gap", name, 0.0, "higher",
    )  # fmt: skip


DROPOUT_CLAIMS: tuple[Claim, ...] = (
    _OF_REPORT["dropout", "attack_accuracy"],
    _OF_REPORT["dropout", "target_accuracy"],
    Claim("Dropout narrows the generalisation gap.", "IV-A", "generalisation_gap", "dropout", "none", "lower"),
    Claim(f"With dropout the attack is within {BARELY} of guessing.",
        "IV-A", "attack_accuracy", "dropout", 0.5, "same", BARELY,
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
