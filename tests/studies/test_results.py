"""The text and the JSON of `mia study` and `mia references`: what is behind a TPR, and why one is missing."""

import re

import numpy as np
import pandas as pd
import pytest

from attack_commands import strict
from mia_core.attacks import AttackSettings
from mia_core.measures.metrics import LEVELS
from mia_core.studies.reference_rows import judge_scores
from mia_core.studies.results import as_rows, reference_text, summary_text
from mia_core.studies.study import attack_columns

ABOUT = {"dataset": "digits", "defenses": "none", "attack": "loss", "epochs": 2, "queries": 1, "precision": "float32"}
MODELS = {"target_train_accuracy": 0.9, "target_accuracy": 0.7}


def scored(non_members, false):
    """Scores and membership of 100 members, 40 of them above all non-members but `false`."""
    return np.repeat([3.0, 1, 4, 2], [40, 60, false, non_members - false]), np.arange(100 + non_members) < 100


def study(non_members=200, false=1):
    about = ABOUT | MODELS | {"generalisation_gap": 0.2, "shadow_accuracy": 0.7, "shadow_models": 1}
    measured = attack_columns(*scored(non_members, false), 2.5, AttackSettings(replicates=0))
    return pd.DataFrame([about | {"seed": seed} | measured for seed in (0, 1)])


def references(non_members=200, false=1):
    about = ABOUT | MODELS | {"seed": 0, "design": "pairs", "examples": "pool", "references": 2}
    one, every = (judge_scores(*scored(non_members, false), threshold) for threshold in (2.5, None))
    return pd.DataFrame([about | {"target": t} | (every if t == "all" else one) for t in (*"0123", "all")])


@pytest.mark.parametrize(
    ("make", "text", "total", "models"),
    [(study, summary_text, 2, "1 shadow model"), (references, reference_text, 4, "2 references each")],
)
def test_text_shows_what_is_behind_a_tpr_and_why_one_is_not_measurable(make, text, total, models):
    shown = text(make())
    assert re.search(rf"0\.400 \[0\.[23]\d\d, 0\.[45]\d\d\] \(FPR 0\.0050, {total} false\)", shown), "equal seeds"
    assert "0.900 [" in shown and "train accuracy" in shown and models in shown and shown.isascii()
    assert "TPR at FPR 0.01 not measurable: 20 non-members, at least 100 needed." in text(make(non_members=20))
    assert "at least 1000 needed" not in text(make(non_members=1000))


@pytest.mark.parametrize("make", [study, references])
def test_json_has_a_reason_for_everything_that_is_null(make):
    for row in strict(as_rows(make(non_members=20))):
        for name, value in row.items():
            assert (name in row["reasons"]) == (value is None), name
        for level in LEVELS:
            assert f"20 non-members, at least {round(1 / level)} needed" in row["reasons"][f"tpr_at_fpr_{level:g}"]
        assert row["reasons"][f"false_positives_at_{LEVELS[0]:g}"].startswith("not measurable")
    for row in strict(as_rows(make(non_members=20_000))):
        assert row.get("target") == "all" or row["reasons"] == {}
