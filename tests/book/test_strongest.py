"""The grid of attacks and defenses names the strongest, says what cannot be measured, and is held against stopping."""

import re
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from mia_book import grids, reference_models, strongest_attack, wording
from mia_book.grids import LOW, MARK
from mia_core.base.errors import DataError
from mia_core.display.svg import themed_svg
from mia_core.studies.early_stopping import AT_ACCURACY
from mia_core.studies.finding import path
from mia_core.studies.recorded import recorded_parts, write_recorded
from mia_core.studies.reference_rows import table
from mia_core.studies.reference_summary import by_unit, over_targets
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
    worst = strongest_attack.worst_case(rows, "auc")
    assert worst["AUC, canaries"].str.contains(r"^[01]\.\d{3}$").all()
    few = strongest_attack.worst_case(rows)["TPR at 1% FPR, canaries"]
    assert (few == "not measurable").all(), "48 canaries of all targets are too few"
    without = strongest_attack.worst_case(rows[rows["examples"] == "pool"], "auc")
    assert (without["AUC, canaries"] == "not measurable").all()


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
    assert words in grids.strongest_table(negative)["defenses"].tolist()
    assert words in strongest_attack.worst_case(negative)["model"].tolist()
    for made in (strongest_attack.stops_and_defenses, strongest_attack.every_cell):
        fig, alt = made(negative)
        assert words in alt and "epsilon" not in alt and themed_svg(fig, name="a", alt=alt).startswith("<svg")


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
    whole, weak = (
        {one.defenses: one.verdict for one in strongest_attack.held(rows, attack) if one.question == AT_ACCURACY}
        for attack in ("", "adversary1")
    )
    for name in ("smoothing", "masking"):
        changed = f"{name} ({weak[name]} instead of {whole[name]})"
        assert (changed in words) == (weak[name] != whole[name])


def test_every_model_and_stop_is_in_the_grid_and_in_the_file(rows: pd.DataFrame) -> None:
    _, alt = strongest_attack.every_cell(rows)
    models = ["none, epoch 1", "none, epoch 2", "smoothing", "masking"]
    assert all(f"{name} 0." in alt for name in models)
    assert strongest_attack.worst_case(rows)["model"].tolist() == models
    found = strongest_attack.every_value(rows)
    pool = found[found["examples"] == "pool"].set_index(["defenses", "epochs", "attack"])
    units = by_unit(rows[rows["examples"] == "pool"]).groupby(["defenses", "epochs", "attack"])[LOW].mean()
    assert len(pool) == len(units) and pool[LOW].astype(float).to_dict() == pytest.approx(units.to_dict())
    assert (found["examples"] == "canaries").any()
    every = rows.assign(**{LOW: np.nan})
    assert (strongest_attack.leak_measure(rows), strongest_attack.leak_measure(every)) == (LOW, "auc")


def test_a_table_can_be_saved_from_the_page(capsys, rows: pd.DataFrame) -> None:
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", shown.append)
        strongest_attack.download(pd.DataFrame({"a, b": [0.5]}), "values", "All <values>")
    link = re.search(
        r'<a download="values.csv" href="data:text/csv;charset=utf-8,([^"]+)">All &lt;values&gt;', shown[0].data
    )
    assert unquote(link[1]) == '"a, b"\n0.500000\n'


def test_verdicts_against_stopping_are_claims(rows: pd.DataFrame) -> None:
    found = strongest_attack.held(rows)
    judged = strongest_attack.stop_verdicts(found)
    assert [verdict.outcome == "holds" for verdict in judged] == [
        one.verdict in ("safer", "more accurate") for one in found
    ]
    assert {one.verdict for one in found} - {verdict.outcome for verdict in judged} <= {
        "safer", "less safe", "more accurate", "less accurate",
    }  # fmt: skip
    assert judged[0].claim.text.startswith("Trained to the end without a defense, the model gives away fewer members")
    made = strongest_attack.evidence([*judged, *strongest_attack.verdicts(rows)], "fig-a", "fig-b")
    assert made == ["fig-a"] * 6 + ["fig-b"] * (len(made) - 6)


def test_what_the_chapter_says_of_the_recorded_study_is_so() -> None:
    """Sentences of the sections on CIFAR-10 and on the worst case, and the third answer of "In short"."""
    cifar, _ = recorded_parts("cifar10-jpeg-references")
    held = strongest_attack.held(cifar)
    safety = {one.defenses: one for one in held if one.question == AT_ACCURACY}
    accuracy = {one.defenses: one for one in held if one.question != AT_ACCURACY}
    assert {one.verdict for one in safety.values()} == {"less safe"}
    assert safety["dropout"].stops == safety["dropout+smoothing"].stops == (2,)
    assert safety[reference_models.NEGATIVE].stops == (5,)
    for name in ("dropout", "dropout+smoothing"):
        assert accuracy[name].stops == (5,) and accuracy[name].difference.high < -0.05
    assert (
        -0.01
        < accuracy[reference_models.NEGATIVE].difference.low
        < 0
        < safety[reference_models.NEGATIVE].difference.low
    )
    low = f"{grids.HEADS[LOW]}, canaries"
    worst = strongest_attack.worst_case(cifar).set_index("model")[low].map(lambda cell: cell.interval)
    assert worst["none, epoch 10"].low > 0.5 and worst["smoothing (ε = −0.1)"].low > 0.5
    assert worst["none, epoch 5"].high < worst["dropout"].low
    plain = path(cifar).set_index("epochs")
    assert plain.loc[50, LOW] > 3 * plain.loc[10, LOW]
    assert abs(plain.loc[50, "target_accuracy"] - plain.loc[10, "target_accuracy"]) < 0.005


def test_claims_on_what_a_table_lacks_are_left_out(rows: pd.DataFrame) -> None:
    judged = {verdict.claim.of: verdict for verdict in strongest_attack.verdicts(rows)}
    assert set(judged) == {"smoothing", "masking"}  # no t-LiRA, no dropout, no negative smoothing
    assert all(verdict.seeds == 3 for verdict in judged.values())
    renamed = rows.assign(attack=rows["attack"].replace({"lira": "t-lira"}))
    found = strongest_attack.verdicts(renamed)
    assert found[0].claim == strongest_attack.MISSED and found[0].seeds == 3
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
