"""The grid of attacks and defenses names the strongest, says what cannot be measured, and is held against stopping."""

import numpy as np
import pandas as pd
import pytest

from mia_book import grids, reference_models, strongest_attack, wording
from mia_book.grids import LOW, MARK
from mia_core.base.errors import DataError
from mia_core.display.svg import themed_svg
from mia_core.studies.recorded import recorded_parts, write_recorded
from mia_core.studies.reference_rows import table
from mia_core.studies.reference_summary import over_targets
from references_made import made_study

# The made study has more canaries than is advised.
pytestmark = pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")

ATTACKS = ("adversary1", "loss", "lira", "label-only")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return table(made_study(tmp_path_factory.mktemp("store"), attacks=ATTACKS, defenses="none,smoothing,masking"))


def test_one_attack_of_each_column_is_marked_and_it_is_the_strongest(rows: pd.DataFrame) -> None:
    grid = grids.attack_grid(rows)
    assert list(grid.columns) == ["attack", "none", "smoothing", "masking"] and list(grid["attack"]) == list(ATTACKS)
    last = over_targets(rows[(rows["examples"] == "pool") & (rows["epochs"] == rows["epochs"].max())])
    for name in grid.columns[1:]:
        marked = grid.loc[grid[name].str.contains(MARK), "attack"].tolist()
        of_name = last[last["defenses"] == name].set_index("attack")[LOW].astype(float)
        assert marked == [of_name.idxmax()]


def test_what_cannot_be_measured_or_sees_nothing_says_so(rows: pd.DataFrame) -> None:
    grid = grids.attack_grid(rows, "tpr_at_fpr_0.001")
    assert (grid[["none", "smoothing", "masking"]] == "not measurable").all(axis=None)
    assert (grids.strongest_table(rows)["TPR at 0.1% FPR"] == "not measurable").all()
    assert list(grids.measured(rows)) == ["auc", LOW]
    blind = rows.copy()
    blind.loc[(blind["attack"] == "loss") & (blind["defenses"] == "masking"), "distinct_scores"] = 1
    grid = grids.attack_grid(blind).set_index("attack")
    assert grid.loc["loss", "masking"] == "sees nothing" and grid.loc["loss", "none"] != "sees nothing"


def test_the_strongest_is_named(rows: pd.DataFrame) -> None:
    found = grids.strongest_table(rows).set_index("defenses")
    for part in grids.strongest_in_words(rows).split("; "):
        attack, _, name = part.partition(" on ")
        assert found.loc[name, "TPR at 1% FPR"].partition(" 0.")[0] in {attack, attack.lower()}
    worst = strongest_attack.worst_case(rows)
    assert list(worst["defenses"]) == ["none", "smoothing", "masking"]
    assert worst["AUC, canaries"].str.contains(r"^[a-z0-9-]+ [01]\.\d{3}$").all()
    assert (worst["TPR at 1% FPR, canaries"] == "not measurable").all(), "48 canaries of all targets are too few"
    assert (strongest_attack.worst_case(rows[rows["examples"] == "pool"])["AUC, canaries"] == "not measurable").all()


def test_the_order_of_attacks_at_two_levels_is_compared(rows: pd.DataFrame) -> None:
    assert strongest_attack.order_kept(rows) == "not measurable"
    same = rows.assign(**{grids.LOWEST: rows[LOW]})
    assert strongest_attack.order_kept(same) == "1.00 on none; 1.00 on smoothing; 1.00 on masking"
    turned = rows.assign(**{grids.LOWEST: -rows[LOW].astype(float)})
    assert strongest_attack.order_kept(turned).count("-1.00") == 3


def test_combinations_are_named_in_words(rows: pd.DataFrame) -> None:
    assert wording.named("none, dropout+smoothing(epsilon=-0.1)") == "none, dropout+smoothing (ε = −0.1)"
    assert wording.named("smoothing(epsilon=0.2)") == "smoothing (ε = 0.2)"
    negative = rows.assign(defenses=rows["defenses"].replace("smoothing", reference_models.NEGATIVE))
    words = "smoothing (ε = −0.1)"
    assert words in grids.attack_grid(negative).columns and words in grids.strongest_in_words(negative)
    for made in (grids.strongest_table, strongest_attack.worst_case, strongest_attack.stopping_table):
        assert words in made(negative)["defenses"].tolist()
    for made in (strongest_attack.weak_and_strong, strongest_attack.against_earlier_stops):
        fig, alt = made(negative)
        assert words in alt and "epsilon" not in alt and themed_svg(fig, name="a", alt=alt).startswith("<svg")
    said = strongest_attack.stopping_in_words(negative)
    assert words in said and "epsilon" not in said


def test_attacks_without_a_threshold_are_named(rows: pd.DataFrame) -> None:
    none = (rows["attack"] == "loss") & (rows["defenses"] == "none")
    nobody = rows.assign(**{LOW: rows[LOW].mask(none, 0.0), "fpr_at_0.01": rows["fpr_at_0.01"].mask(none, 0.0)})
    before = strongest_attack.without_threshold(rows)
    assert "loss" not in before and "loss" in strongest_attack.without_threshold(nobody).split(", ")
    accused = nobody.assign(**{"fpr_at_0.01": 0.01})  # a threshold there is, but no member above it
    assert strongest_attack.without_threshold(accused) == "none of them"


def test_verdicts_of_one_attack_are_set_beside_those_of_the_strongest(rows: pd.DataFrame) -> None:
    alone = rows[rows["attack"] == "adversary1"]
    assert strongest_attack.apart_in_words(alone) == "the same on smoothing, masking; another on none of them"
    words = strongest_attack.apart_in_words(rows)
    whole, weak = (strongest_attack.stopping_table(rows, (LOW,), attack) for attack in ("strongest", "adversary1"))
    for (_, one), (_, other) in zip(whole.iterrows(), weak.iterrows(), strict=True):
        first, second = (row["TPR at 1% FPR"].rpartition(": ")[2] for row in (one, other))
        if one["defenses"] != "none" and first != second:
            assert f"{one['defenses']} ({second} instead of {first})" in words


def test_stopping_is_told_in_table_and_words(rows: pd.DataFrame) -> None:
    found = strongest_attack.stopping_table(rows)
    words = strongest_attack.stopping_in_words(rows)
    verdicts = {part.partition(": ")[0]: part.partition(": ")[2] for part in words.split("; ")}
    assert list(verdicts) == ["safer", "less safe", "cannot be told"]
    for _, row in found[found["defenses"] != "none"].iterrows():
        verdict = row["TPR at 1% FPR"].rpartition(": ")[2]
        assert row["defenses"] in verdicts[verdict].split(", ")


def test_verdicts_link_to_their_evidence_and_claims_on_what_a_table_lacks_are_left_out(rows: pd.DataFrame) -> None:
    judged = {verdict.claim.of: verdict for verdict in strongest_attack.verdicts(rows)}
    assert set(judged) == {"smoothing", "masking"}  # no t-LiRA, no dropout, no negative smoothing
    assert all(verdict.seeds == 3 for verdict in judged.values())
    renamed = rows.assign(attack=rows["attack"].replace({"lira": "t-lira"}))
    found = strongest_attack.verdicts(renamed)
    assert found[0].claim == strongest_attack.MISSED and found[0].seeds == 3
    assert strongest_attack.evidence(found) == ["tab-grid", *["tab-strongest"] * (len(found) - 1)]
    assert set(strongest_attack.evidence(found, recorded=True)) == {"tab-cifar-grid", "tab-cifar-strongest"}
    unmeasured = rows.assign(**{LOW: np.nan})
    assert {verdict.claim.measure for verdict in strongest_attack.verdicts(unmeasured)} == {"auc"}


def test_a_recorded_study_says_what_it_is() -> None:
    def part(last: str, precision: str = "bfloat16", defenses: tuple[str, ...] = ("none",)) -> dict:
        settings = {"models": 18, "epochs": 50, "canaries": 210, "defenses": list(defenses)}
        made = {"first": "2026-01-02T03:04", "last": last}
        return {"settings": settings, "models_made": made, "recipe_used": {"precision": precision}}

    words = "18 models of each combination, 50 epochs, 210 canaries, trained on 2026-01-02"
    assert grids.recorded_words([part("2026-01-02T05:06")]) == f"{words} in bfloat16"
    both = [part("2026-01-02"), part("2026-02-03", defenses=("smoothing", "dropout"))]
    assert grids.recorded_words(both) == f"{words} to 2026-02-03 in bfloat16"
    mixed = f"{words} to 2026-02-03 (in bfloat16: none, smoothing, dropout; in float32: masking)"
    assert grids.recorded_words([*both, part("2026-01-02", "float32", ("masking",))]) == mixed


def test_parts_of_a_recorded_study_are_one_table(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path))
    with pytest.raises(DataError, match="no recorded study"):
        recorded_parts("study")
    for number, name in ((1, "study"), (2, "study-2"), (4, "study-4")):
        write_recorded(tmp_path / f"{name}.csv", pd.DataFrame({"part": [number]}), {"number": number})
    table, about = recorded_parts("study")
    assert table["part"].tolist() == [1, 2] and [one["number"] for one in about] == [1, 2]
