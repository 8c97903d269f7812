"""What the columns of a study's table mean, in words: one place for the book's page and for the tests that compare."""

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
"""Column -> (kind, meaning). A measure's `_low` and `_high` are its bootstrap interval over examples."""

TRANSFER_COLUMNS: dict[str, tuple[str, str]] = COLUMNS | {
    "shadow_dataset": ("text", "name of the data set that the shadow was trained on"),
    "shadow_network": ("text", "cnn or mlp: the shadow's architecture"),
    "shadow_defenses": ("text", "those of the shadow, named as in defenses: what the attacker assumes of the target"),
    "k": ("count", "posteriors of each example that the attack could see: no more than either model has classes"),
}
"""Column -> (kind, meaning) of a table of `mia_core.studies.transfer.Transfer`, whose shadow is of another kind."""
