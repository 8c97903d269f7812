"""A quick study, few seeds of few examples: no interval is a point and no verdict rests on one, but by construction."""

import warnings

import pandas as pd

from mia_book.confidence_masking import MASKING_CLAIMS
from mia_book.paper import CLAIMS
from mia_core.base.errors import MiaWarning
from mia_core.display.tables import difference
from mia_core.measures.claims import HOLDS, Claim, judge
from mia_core.store.runs import Store
from mia_core.studies.reference_rows import table
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.reference_summary import over_targets
from mia_core.studies.settings import ReferenceSettings, StudySettings
from mia_core.studies.study import Study, over_the_seeds
from small import tiny_dataset

QUICK = {"epochs": 1, "network": "mlp"}
DATA = tiny_dataset(480, classes=6)
DEFENSES = ("none", "dropout", "masking", "dropout+masking", "clipping", "rounding", "label-only")


def points(summary: pd.DataFrame) -> list[tuple[str, float, float]]:
    """The measures of a summary whose interval is no wider than a point."""
    found = [(name, row[f"{name}_low"], row[f"{name}_high"]) for _, row in summary.iterrows() for name in summary
             if f"{name}_low" in summary and pd.notna(row[f"{name}_low"])]  # fmt: skip
    assert len(found) >= 30
    return [(name, low, high) for name, low, high in found if not high - low > 1e-6]


def test_no_interval_of_a_quick_study_is_a_point(tmp_path):
    warnings.simplefilter("ignore", MiaWarning)  # so little training teaches nothing
    settings = StudySettings(**QUICK, seeds=2, defenses=DEFENSES, attacks=("adversary1", "gap"), replicates=20)
    made = Study(settings, Store(tmp_path), DATA).train(jobs=1).table()
    assert points(over_the_seeds(made)) == []
    one = made.iloc[[0]]
    assert all(one[f"{name}_high"].item() > one[f"{name}_low"].item() for name in ("auc", "recall_members"))
    claims = [(claim, "adversary1") for claim in CLAIMS if {claim.of, claim.than} <= {*DEFENSES}]
    claims += [(claim, attack) for attack, of_attack in MASKING_CLAIMS.items() for claim in of_attack]
    found = [judge(claim, made, attack) for claim, attack in claims]
    certain = [one for one in found if one.certain]
    assert {(one.claim.of, one.claim.measure) for one in certain} == {
        ("masking", "target_accuracy"), ("label-only", "attack_accuracy")
    }  # fmt: skip
    assert all(one.holds and difference(one) == "+0.000 by construction (2 seeds)" for one in certain)
    assert all(one.high - one.low > 0.01 for one in found if not one.certain)
    beats = judge(Claim("", "", "attack_accuracy", "label-only", 0.5, "higher"), made, "gap")
    assert beats.outcome != HOLDS or beats.low > 0.0


def test_no_interval_of_a_quick_study_with_references_is_a_point(tmp_path):
    settings = ReferenceSettings(**QUICK, models=4, defenses="none,masking", attacks=("gap", "loss", "lira"))
    warnings.simplefilter("ignore", MiaWarning)
    made = table(ReferenceStudy(settings, Store(tmp_path), DATA).train(jobs=1))
    assert points(over_targets(made)) == []
