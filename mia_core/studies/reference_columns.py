"""What the columns of a table with reference models mean, in words (see `mia_core.studies.columns` for those of a
study)."""

from mia_core.measures.metrics import level_column
from mia_core.studies.columns import COLUMNS
from mia_core.studies.reference_rows import LEVELS

_SHARE = "share in [0, 1]"
_SHARED = ("dataset", "defenses", "attack", "balanced_accuracy", "recall_members", "recall_non_members", "auc")
_SHARED += ("members", "non_members", "queries", "precision")


def _of_level(level: float) -> dict[str, tuple[str, str]]:
    tpr = level_column(level)
    needed = f"largest share of members found by a real threshold that accuses at most {level:g} of the non-members"
    return {
        tpr: (_SHARE, f"{needed}; empty: fewer than {1 / level:.0f} non-members"),
        f"{tpr}_low": (_SHARE, "lower end of Clopper and Pearson's interval of it, at that threshold"),
        f"{tpr}_high": (_SHARE, "upper end of that interval"),
        f"fpr_at_{level:g}": (_SHARE, "the false-positive rate that this threshold has"),
        f"false_positives_at_{level:g}": ("count", "the non-members behind that rate"),
    }


REFERENCE_COLUMNS: dict[str, tuple[str, str]] = {
    **{name: COLUMNS[name] for name in _SHARED},
    "epochs": ("count", "passes over the members after which all models are asked"),
    "seed": ("whole number", "seed of the pool, the members, the canaries and the trainings"),
    "design": ("text", "how members were drawn: pairs, random_halves or exactly_half"),
    "examples": ("text", "pool: the average case, without canaries; canaries: the worst case"),
    "target": ("text", "number of the attacked model; all: the scores of all of them put together"),
    "references": ("count", "reference models beside the target that an attack may ask; some ask one, some none"),
    "target_train_accuracy": (_SHARE, "accuracy of the target on its members, canaries left out"),
    "target_accuracy": (_SHARE, "accuracy of the target on what it did not train on, canaries left out"),
    **{name: meaning for level in LEVELS for name, meaning in _of_level(level).items()},
    "distinct_scores": ("count", "different scores that the attack gave"),
    "note": ("text", "why nothing is measured, or that the attack sees nothing; empty otherwise"),
}
"""Column -> (kind, meaning). Accuracies and recalls are at a threshold that was chosen on a reference model, tried as
if it were the target; they are empty where there are too few models for that, and for all targets together. Attacks
that were fitted on such a model bring their threshold (`mia_core.references.record.ReferenceRecord`)."""
