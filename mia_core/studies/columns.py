"""What the columns of tables mean, in words: one place for the book's pages and for the tests that compare."""

from mia_core.measures.metrics import LEVELS, level_column

_SHARE = "share in [0, 1]"
_TPR = "largest share of members found by a real threshold that accuses at most {:g} of the non-members; empty: {}"

COLUMNS: dict[str, tuple[str, str]] = {
    "dataset": ("text", "name of the data set; of a folder its base name"),
    "defenses": ("text", "none, or names joined by + in the order model, training, output"),
    "seed": ("whole number", "seed of the split and of all that is random in the training"),
    "attack": ("text", "name of the attack"),
    "target_train_accuracy": (_SHARE, "accuracy of the target model on its members"),
    "target_accuracy": (_SHARE, "accuracy of the target model on its non-members"),
    "generalisation_gap": ("difference in [-1, 1]", "the first of these two minus the second"),
    "shadow_accuracy": (_SHARE, "accuracy of the shadow model on its non-members"),
    "attack_accuracy": (_SHARE, "members and non-members that the attack tells apart at its own threshold"),
    "balanced_accuracy": (_SHARE, "mean of the two recalls"),
    "recall_members": (_SHARE, "members called members (true-positive rate at the attack's threshold)"),
    "recall_non_members": (_SHARE, "non-members called non-members (true-negative rate)"),
    "auc": (_SHARE, "probability that a random member scores above a random non-member, ties counting half"),
    **{
        level_column(level): (_SHARE, _TPR.format(level, f"fewer than {1 / level:.0f} non-members")) for level in LEVELS
    },
    **{f"fpr_at_{level:g}": (_SHARE, "the false-positive rate that this threshold has") for level in LEVELS},
    **{f"false_positives_at_{level:g}": ("count", "the non-members behind that rate") for level in LEVELS},
    "members": ("count", "members on which the attack was judged"),
    "non_members": ("count", "non-members on which the attack was judged"),
    "epochs": ("count", "passes over the members that target and shadow were trained for"),
    "shadow_models": ("count", "models that the attack was fitted on"),
    "queries": ("count", "outputs that the attack saw of each example"),
    "precision": ("text", "float32 or bfloat16: what the models were trained in"),
}
"""Column -> (kind, meaning). A measure's `_low` and `_high` are its interval over examples."""

TRANSFER_COLUMNS: dict[str, tuple[str, str]] = COLUMNS | {
    "shadow_dataset": ("text", "name of the data set that the shadow was trained on"),
    "shadow_network": ("text", "cnn or mlp: the shadow's architecture"),
    "shadow_defenses": ("text", "those of the shadow, named as in defenses: what the attacker assumes of the target"),
    "k": ("count", "posteriors of each example that the attack could see: no more than either model has classes"),
}
"""Column -> (kind, meaning) of a table of `mia_core.studies.transfer.Transfer`, whose shadow is of another kind."""

REFERENCE_LEVELS = (0.01, 0.001, 0.0001)
"""FPR levels of the columns of a table with reference models."""
_SHARED = ("dataset", "defenses", "attack", "balanced_accuracy", "recall_members", "recall_non_members", "auc")
_SHARED += ("members", "non_members", "queries", "precision")


def level_columns(level: float) -> dict[str, tuple[str, str]]:
    """The columns of such a table for one FPR level."""
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
    **{name: meaning for level in REFERENCE_LEVELS for name, meaning in level_columns(level).items()},
    "distinct_scores": ("count", "different scores that the attack gave"),
    "note": ("text", "why nothing is measured, or that the attack sees nothing; empty otherwise"),
}
"""Column -> (kind, meaning). Accuracies and recalls are at a threshold that was chosen on a reference model, tried as
if it were the target; they are empty where there are too few models for that, and for all targets together. Attacks
that were fitted on such a model bring their threshold (`mia_core.references.record.ReferenceRecord`)."""
