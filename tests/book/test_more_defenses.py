"""Losses by hand, and claims on the accuracy under defenses."""

import numpy as np
import pandas as pd
import pytest

from mia_book import more_defenses
from mia_core.defenses import DEFENSES
from mia_core.studies.reference_summary import MEASURES
from references_made import made_study

# The made study has more canaries than is advised.
pytestmark = pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")


def test_losses_are_those_of_members_and_of_others_without_canaries(tmp_path) -> None:
    study = made_study(tmp_path, attacks=("loss",), defenses="none,smoothing")
    members, others = more_defenses.losses(study, "none")
    run = study.run(0, ())
    chosen = run.members & np.isin(np.arange(len(run.labels)), study.pool) & ~study.canaries
    logits = run.logits[chosen].astype(float)
    each = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(logits)), run.labels[chosen]]
    assert np.allclose(members[: len(each)], each, atol=1e-6)
    ordinary = len(study.pool) - int(study.canaries.sum())
    assert len(members) + len(others) == study.settings.models * ordinary
    _, alt = more_defenses.losses_plot(study, ["none", "smoothing"])
    assert f"none, members: mean {members.mean():.2f}" in alt and "smoothing, others" in alt


def test_claims_on_accuracy_are_judged_on_what_the_table_has() -> None:
    rows = []
    for name, accuracy in (("none", 0.5), ("mixup", 0.7), ("relaxloss", 0.5), ("adversarial-training", 0.6)):
        for target in range(12):
            case = {"dataset": "d", "defenses": name, "epochs": 9, "attack": "gap", "seed": 0, "queries": 1}
            case |= {"design": "pairs", "references": 10, "examples": "pool", "target": str(target)}
            moved = accuracy + 1e-4 * (target % 5) * (1 if name == "none" else -1)
            rows.append(case | dict.fromkeys(MEASURES, moved) | {"members": 10**6, "non_members": 10**6})
    found = {one.claim.of: one.outcome for one in more_defenses.verdicts(pd.DataFrame(rows))}
    assert found == {"mixup": "holds", "adversarial-training": "does not hold", "relaxloss": "holds"}


def test_every_defense_has_a_row_and_every_result_of_others_a_source() -> None:
    assert more_defenses.kinds(DEFENSES)["defense"].tolist() == list(DEFENSES)
    for table in (more_defenses.others_measured(), more_defenses.elsewhere()):
        assert table["source"].str.contains(r"\d{4}").all()
