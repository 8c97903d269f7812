"""Tables of which members attacks find: agreement between attacks, classes, and ranks early and late."""

import re

import numpy as np
import pandas as pd
import pytest

from mia_book import all_attacks, who_is_at_risk
from mia_book.all_attacks import differences, ranks_in_words, ranks_plot
from mia_core.studies.columns import REFERENCE_COLUMNS
from references_made import made_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return made_study(tmp_path_factory.mktemp("made"), attacks=["loss", "lira", "t-lira", "base"])


def number(cell):
    return float(re.match(r"[\d.]+", cell)[0])


def test_attacks_agree_with_themselves_and_less_with_each_other(study):
    same = all_attacks.agreement(study, ["lira", "lira"]).iloc[0]
    assert same["found by any"] == same["found by each"] and number(same["Jaccard's index"]) == 1
    found = all_attacks.agreement(study, ["loss", "lira", "t-lira"]).set_index("attacks")
    assert list(found.index) == ["loss and lira", "loss and t-lira", "lira and t-lira", all_attacks.ALL]
    for _, row in found.iterrows():
        assert number(row["found by each"]) <= number(row["found by any"]) <= 1
        assert 0 <= number(row["Jaccard's index"]) <= 1
    assert number(found.loc[all_attacks.ALL, "found by any"]) >= number(found.loc["lira and t-lira", "found by any"])


def test_classes_are_weighed_to_what_is_found_of_all(study):
    found = who_is_at_risk.by_class(study)
    assert set(found["attack"]) == set(map(str, study.dataset.classes))
    assert len(found) == len(study.dataset.classes) * study.settings.models // 2
    assert found["found"].between(0, 1).all() and found["memorised"].between(-1, 1).all()
    assert found["memorised"].mean() > 0.05  # the invented models answer better for their members
    shown = who_is_at_risk.class_table(found)
    shares = [number(cell) for cell in shown["members found"]]
    assert shares == sorted(shares, reverse=True)


def recorded():
    """AUCs of two attacks, one ahead where members are hardly told apart and the other where they are told apart."""
    random, made = np.random.default_rng(0), []
    for defenses, epochs, level, ahead in (("none", 1, 0.55, 0.03), ("none", 50, 0.95, -0.03), ("dropout", 50, 0.7, 0)):
        for target in range(8):
            aucs = {"t-lira": level, "base": level + ahead + random.normal(0, 0.002), "lira": level + 0.5 * ahead}
            made += [(defenses, epochs, str(target), attack, auc) for attack, auc in aucs.items()]
    table = pd.DataFrame(made, columns=["defenses", "epochs", "target", "attack", "auc"])
    own = {"dataset": "made", "seed": 0, "design": "pairs", "examples": "pool", "references": 6, "queries": 1}
    return table.reindex(columns=list(REFERENCE_COLUMNS)).assign(**own)


def test_ranks_are_told_early_and_late():
    found = differences(recorded())
    base = found[found["attack"] == "base"].set_index(["defenses", "epochs"])
    assert base.loc[("none", 1), "verdict"] == "base" and base.loc[("none", 50), "verdict"] == "t-lira"
    assert base.loc[("dropout", 50), "verdict"] == "no material effect"
    assert base.loc[("none", 1), "level"] == pytest.approx(0.55)
    fig, alt = ranks_plot(found)
    assert len(fig.axes) == 2 and re.search(r"base minus t-lira: \+0\.03\d where t-lira has 0\.550", alt)
    words = ranks_in_words(found)
    assert "base has the larger one in 1 of 1 cases and t-lira in 0; from 0.7 on" in words
    assert "in 0 of 2 cases and t-lira in 1 (the difference is not material in 1)" in words
