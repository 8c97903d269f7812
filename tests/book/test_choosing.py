"""What a budget buys, as the chapter shows it: on a table whose truth is known, and on the recorded one."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mia_book import choosing_a_defense as choosing
from mia_core.defenses import DEFENSES
from mia_core.studies.finding import options, path
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_summary import MEASURES

LEAK, ACCURACY = "tpr_at_fpr_0.01", "target_accuracy"
CELLS = {("none", 1): (0.50, 0.02), ("none", 5): (0.58, 0.05), ("none", 9): (0.60, 0.30)} | {
    ("mixup", 9): (0.595, 0.01), ("relaxloss", 9): (0.585, 0.2), ("dropout", 9): (0.45, 0.001),
    ("hamp", 9): (0.59, 0.3),
}  # fmt: skip


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Six pairs under one attack: mixup beats every stop, HAMP is attacked as no defense is."""
    random, rows = np.random.default_rng(2), []
    for (name, epochs), (accuracy, leak) in CELLS.items():
        case = {"dataset": "d", "defenses": name, "epochs": epochs, "attack": "adversary1", "seed": 0, "queries": 1}
        case |= {"design": "pairs", "references": 10, "members": 500, "non_members": 500}
        for target in (*map(str, range(12)), EVERY):
            for examples in ("pool", "canaries"):
                found = leak + random.normal(0, 1e-4)
                row = case | dict.fromkeys(MEASURES, 0.5) | {"target": target, "examples": examples}
                row |= {"target_accuracy": accuracy + random.normal(0, 1e-4), LEAK: found, "tpr_at_fpr_0.001": np.nan}
                rows.append(row | {f"{LEAK}_low": found - 0.01, f"{LEAK}_high": found + 0.01})
    return pd.DataFrame(rows)


def test_each_budget_has_its_answer_and_a_verdict(table: pd.DataFrame) -> None:
    found = choosing.answers(table)
    assert [answer.chosen for answer in found] == ["mixup"] * 3
    shown = choosing.answers_table(table, found).set_index("to spend")
    assert shown["answer"].tolist() == ["mixup"] * 3 and shown.index.tolist() == ["1 point", "2 points", "5 points"]
    without = table[table["defenses"] != "mixup"]
    found = choosing.answers(without, (0.01, 0.03))
    assert [choosing.in_words(answer) for answer in found] == [
        "no defense beats stopping at epoch 9", "no defense beats stopping at epoch 5",
    ]  # fmt: skip
    assert choosing.answers_table(without, found)["answer"].tolist() == ["stop at epoch 9", "stop at epoch 5"]
    assert [one.outcome for one in choosing.spent_verdicts(found, without)] == ["cannot be told", "does not hold"]
    assert [one.outcome for one in choosing.spent_verdicts(choosing.answers(table, (0.02,)), table)] == ["holds"]


def test_the_plane_names_everything_and_the_front_is_what_nothing_beats(table: pd.DataFrame) -> None:
    fig, alt = choosing.plane(table)
    written = {text.get_text() for text in fig.axes[0].texts}
    names = {name for text in written for name in text.split("\n")}
    assert {"epoch 1", "epoch 5", "epoch 9", "mixup", "relaxloss", "dropout", "hamp"} <= names
    assert all(name in alt for name in ("mixup", "epoch 5"))
    assert choosing.front_in_words(table) == "dropout; mixup; epoch 9"
    renderer = FigureCanvasAgg(fig).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in fig.axes[0].texts[3:]]
    apart = [one.y0 >= other.y1 or other.y0 >= one.y1 for i, one in enumerate(boxes) for other in boxes[:i]]
    assert all(apart)


def test_names_in_the_plane_leave_out_settings_that_tell_nothing_apart() -> None:
    names = ["augmentation(pad=4,flip=True)+weight-decay", "smoothing", "smoothing(epsilon=-0.1)"]
    assert choosing._short(names)[:2] == ["augmentation+weight-decay", "smoothing"]
    assert "0.1" in choosing._short(names)[2]


def test_a_curve_goes_from_weak_to_strong_where_all_three_values_are_known(table: pd.DataFrame) -> None:
    def copied(name: str, source: str) -> pd.DataFrame:
        return table[table["defenses"] == source].assign(defenses=name)

    weak, strong = copied("mixup(alpha=0.2)", "hamp"), copied("mixup(alpha=16.0)", "dropout")
    doses = pd.concat([weak, strong, copied("hamp(gamma=0.5)", "hamp")], ignore_index=True)
    fig, alt = choosing.curves(table, doses)
    assert [axes.get_title() for axes in fig.axes if axes.axison] == ["mixup"], "hamp's strong value is missing"
    assert "mixup: 0.590 / 0.300, 0.595 / 0.010, 0.450 / 0.001" in alt
    marks = fig.axes[0].collections[0]
    assert list(marks.get_sizes()) == sorted(marks.get_sizes())


def test_everything_has_a_row_a_price_and_a_verdict(table: pd.DataFrame) -> None:
    shown = choosing.everything(table, {"mixup": 1.25, "hamp": None}).set_index("model")
    assert shown.loc["mixup", "training time"] == "1.2 ×" and shown.loc["none, epoch 9", "training time"] == "1.0 ×"
    assert shown.loc["hamp", "training time"] == "not measurable"
    assert shown.loc["mixup", "than the stop as accurate"] == "safer"
    assert shown.loc["relaxloss", "than the stop as accurate"] == "less safe"


def test_claims_of_papers_are_put_to_the_strongest_attack(table: pd.DataFrame) -> None:
    found = {one.claim.of: one.outcome for one in choosing.verdicts(table)}
    assert found == {"relaxloss": "holds", "hamp": "no material effect"}
    assert choosing.not_reproduced(choosing.verdicts(table)) == "hamp (no material effect)"


def test_the_recorded_study_is_one_precision_with_every_price() -> None:
    table, parts, price = choosing.recorded_study()
    assert table["precision"].unique().tolist() == ["float32"] and {part["settings"]["models"] for part in parts} == {8}
    said = "8 models of each combination, 449 examples each, 50 epochs, 26 canaries, float32"
    assert choosing.study_in_words(parts) == said
    assert set(price) == set(table["defenses"]) and all(price.values()) and price["none"] == 1
    assert "none" in set(table["defenses"]) and table["epochs"].nunique() == 17
    assert choosing.units_of(table)["unit"].nunique() == 4 and choosing.leak_measure(table) == LEAK


def test_what_the_chapter_says_of_the_recorded_digits_is_so() -> None:
    table, _, price = choosing.recorded_study()
    found = choosing.everything(table, price).set_index("model")
    leak, canaries, accuracy = (
        found[column].map(lambda cell: cell.interval.mean)
        for column in ("TPR at 1% FPR", "canaries", "target accuracy")
    )
    answers = choosing.answers(table)
    assert [answer.chosen for answer in answers] == [None] * 3
    distilled = next(one for one in answers[1].bought if one.defenses == "distillation")
    selena = next(one for one in answers[1].bought if one.defenses == "selena")
    for one in (distilled, selena):
        assert one.difference.high < 0 and one.verdict == "cannot be told"
    assert leak["selena"] < path(table)[LEAK].min() and 0.08 < canaries["selena"] < 0.13
    assert 0.01 < answers[0].best - accuracy["selena"] < 0.02 and 5 < price["selena"] < 7
    assert leak["distillation"] < leak["none, epoch 10"] / 2
    best = answers[0].best
    assert abs(accuracy["distillation"] - best) < 0.005 and abs(accuracy["dp-sgd"] - best) < 0.005
    assert leak["dp-sgd"] < leak["none, epoch 10"] and 4 < price["dp-sgd"] < 6 and leak["distillation"] < leak["dp-sgd"]
    promised, shown = choosing.promised_and_shown()
    assert promised > 900 and 0 < shown < 1
    told = found["than the stop as accurate"]
    assert "safer" not in set(told) and told["label-only"] == "not measurable"
    assert set(told[["l1", "mixup", "ccl", "masking", "smoothing"]]) == {"less safe"}
    assert accuracy.idxmax() == "ensemble"
    for name in ("smoothing", "batch-norm", "ensemble"):
        assert leak[name] > leak["none, epoch 50"] + 0.1
    for name in ("l1", "mixup", "ccl"):
        assert abs(leak[name] - leak["none, epoch 50"]) < 0.05
    assert leak["hamp"] < 0.1 and canaries["hamp"] > 0.9 and min(canaries[["rounding", "memguard"]]) > 0.94
    assert canaries["none, epoch 10"] < 0.2 and 0.25 < canaries["distillation"] < 0.35
    stopped = next(one for one in answers[1].bought if one.defenses == "early-stopping")
    assert stopped.verdict != "safer" and choosing.blind(table) == "label-only"


def test_what_the_chapter_says_of_strengths_is_so() -> None:
    (table, *_), (doses, *_) = choosing.recorded_study(), choosing.recorded_study(choosing.DOSES)
    found = options(pd.concat([table, doses])).set_index("defenses")[["target_accuracy", LEAK]]
    none = found.loc["none", LEAK].max()
    stops = path(table).set_index("epochs")
    accuracy, leak = found.loc["dropout(rate=0.75)"]
    assert leak < stops.loc[5, LEAK] and accuracy > stops.loc[5, "target_accuracy"]
    names = choosing.curved(table, doses)
    assert len(names) >= 18
    for kind in ("weight-decay", "l1", "ccl"):
        assert (abs(found.loc[names[kind], LEAK] - none) < 0.05).all()
    for kind in ("relaxloss", "hamp"):
        assert found.loc[names[kind], LEAK].is_monotonic_decreasing
        assert found.loc[names[kind], "target_accuracy"].is_monotonic_decreasing
    assert (found.loc[names["smoothing"], LEAK] > none).all()


def test_what_the_chapter_says_of_the_recorded_photographs_is_so() -> None:
    table, parts, price = choosing.recorded_study(choosing.PHOTOGRAPHS)
    assert table["precision"].unique().tolist() == ["float32"] and {part["settings"]["models"] for part in parts} == {8}
    found = choosing.everything(table, price).set_index("model")
    best, told = "augmentation(pad=4,flip=True)+weight-decay", found["than the stop as accurate"]
    leak, canaries, accuracy = (
        found[column].map(lambda cell: cell.interval.mean)
        for column in ("TPR at 1% FPR", "canaries", "target accuracy")
    )
    stops = path(table).set_index("epochs")
    answers = choosing.answers(table)
    assert [answer.chosen for answer in answers] == [best, best, None] and answers[2].stop == 4
    assert accuracy[best] > stops["target_accuracy"].max() and leak[best] < stops.loc[4, LEAK]
    alone = "augmentation(pad=4,flip=True)"
    assert leak[alone] - leak[best] < 0.01 and accuracy[best] - accuracy[alone] < 0.01
    assert abs(leak["weight-decay"] - leak["none, epoch 20"]) < 0.03
    assert abs(leak["weight-decay+early-stopping"] - leak["early-stopping"]) < 0.01
    assert abs(leak["dp-sgd"] - leak[best]) < 0.01
    learning = [name for name in found.index if name not in ("adversarial-training", "label-only")]
    assert canaries[learning].idxmin() == leak[learning].idxmin() == "selena"
    assert 0.025 < answers[0].best - accuracy["selena"] < 0.035 and 3.5 < price["selena"] < 4.5
    assert {one.verdict for one in answers[2].bought}.isdisjoint({"safer"}) and leak["selena"] < stops.loc[4, LEAK] / 2
    longer = choosing.trained_on()
    assert longer["epochs"] == 60 and longer["accuracy"] > accuracy[best] + 0.03
    assert int(longer["found"].removesuffix("%")) > 100 * 2 * leak[best]
    assert 0.035 < answers[0].best - accuracy["dp-sgd"] < 0.05
    promised, shown = choosing.promised_and_shown(choosing.PHOTOGRAPHS)
    assert 0 < shown < promised
    asked = table.loc[table["defenses"] == best, "attack"]
    assert asked.str.endswith(", 6 queries").sum() == len(asked) / 2
    rounded = next(one for one in answers[0].bought if one.defenses == "rounding")
    assert rounded.verdict == "safer"
    more, counted, _ = choosing.recorded_study(choosing.BEST)
    assert {part["settings"]["models"] for part in counted} == {18} and choosing.units_of(more)["unit"].nunique() == 9
    again = choosing.answers(more)
    assert [answer.chosen for answer in again] == [best, best, "selena"] and again[2].stop == 4
    assert {one.defenses for one in again[2].bought if one.verdict == "safer"} == {best, "selena", "distillation"}
    there = choosing.everything(more, {}).set_index("model")
    doses, *_ = choosing.recorded_study(choosing.PHOTOGRAPH_DOSES)
    noise, dosed = "laplace-noise(scale=0.2)", options(pd.concat([table, doses])).set_index("defenses")
    assert dosed.loc[noise, LEAK] < stops.loc[7, LEAK] and dosed.loc[noise, "target_accuracy"] > stops.loc[10, ACCURACY]
    for name in (noise, "rounding"):
        assert there["TPR at 1% FPR"][name].interval.mean > 1.5 * dosed.loc[name, LEAK]
        judged = [one.verdict for answer in again for one in answer.bought if one.defenses == name]
        assert len(judged) == 3 and "safer" not in judged
    noisy = there["target accuracy"]["dp-sgd(noise=1.0)"].interval.mean
    assert 0.125 < again[2].best - noisy < 0.135 and DEFENSES["dp-sgd"]().noise * 5 == 1
    assert choosing.promised_and_shown(choosing.BEST, "dp-sgd(noise=1.0)")[0] < 7
    less = ["relaxloss", "masking", "clipping", "l1", "ccl", "weight-decay", "temperature", "smoothing"]
    assert set(told[less]) == {"less safe"} and accuracy["adversarial-training"] < 0.25
    assert abs(accuracy["ensemble"] - accuracy[best]) < 0.005 and leak["ensemble"] > 0.75
    assert abs(leak["distillation"] - leak[best]) < 0.01
    assert 0.015 < answers[0].best - accuracy["distillation"] < 0.03
    assert accuracy["smoothing"] < accuracy["none, epoch 20"] and leak["smoothing"] > leak["none, epoch 20"]
    control = leak["early-stopping"], accuracy["early-stopping"]
    assert abs(control[0] - stops.loc[6, LEAK]) < 0.005 and abs(control[1] - stops.loc[6, "target_accuracy"]) < 0.005
    assert told["early-stopping"] != "safer" and choosing.blind(table) == "label-only"
