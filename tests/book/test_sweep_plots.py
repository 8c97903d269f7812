"""Figures and tables of the chapters on single defenses: what they say of a sweep, and their claims."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mia_book import claims, confidence_masking, dropout, label_smoothing, sweeps
from mia_book.label_smoothing import SMOOTHING, feature_table, features, short_of
from mia_book.sweeps import asked_confidence
from mia_core.defenses import combination, describe
from mia_core.display.svg import themed_svg
from mia_core.gate.outputs import check_outputs
from mia_core.measures.claims import Claim, Verdict, judge
from mia_core.store.runs import Store
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import over_the_seeds
from mia_core.studies.sweeps import Sweep
from small import RECIPE, tiny_dataset

OWN = {"epochs": 2, "record": (1,), "seeds": 2, "attacks": ["adversary1", "gap"]}
SETTINGS = StudySettings(**(RECIPE.model_dump() | OWN))
DATA = tiny_dataset(96)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    return Sweep(SETTINGS, "smoothing", "epsilon", (0.2, 0, -0.1), off=0, store=store, dataset=DATA).train(jobs=1)


def drawn(figure, alt):
    svg = themed_svg(figure, name="x", alt=alt)
    assert 'role="img"' in svg and len(alt) > 40 and "np." not in alt and "nan" not in alt
    return svg


def test_curves_draw_a_line_an_attack_only_where_it_matters(done):
    panels = ("target_accuracy", "attack_accuracy")
    figure, alt = sweeps.knob_curves(done.table(), panels, "ε", {"attack_accuracy": (0.2, 0.72)})
    drawn(figure, alt)
    assert alt.count("target accuracy") == 1 and "gap: attack accuracy" in alt and "adversary1: attack accuracy" in alt
    assert "the report prints 0.72 at 0.2" in alt
    mean = done.summary().set_index(["value", "attack"]).loc[(0.2, "gap"), "attack_accuracy"]
    assert f"{mean:.3f} at 0.2" in alt


def made_up():
    """A table of a sweep without any model: two values of the knob, two attacks, two seeds."""
    names = {0: "none", 0.2: "smoothing(epsilon=0.2)"}
    cells = [(value, attack, seed) for value in names for attack in ("adversary1", "gap") for seed in (0, 1)]
    table = pd.DataFrame(cells, columns=["value", "attack", "seed"])
    measure = 0.5 + table["value"] + 0.1 * (table["attack"] == "gap") + 0.01 * table["seed"]
    low = {"tpr_at_fpr_0.01": 0.01 * table["seed"]}
    return table.assign(defenses=table["value"].map(names), attack_accuracy=measure, auc=measure, **low)


def legend(figure):
    assert all(axes.get_legend() is None for axes in figure.axes) and len(figure.legends) == 1
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_one_legend_below_explains_every_line_and_mark():
    figure, _ = sweeps.knob_curves(made_up(), ("auc", "attack_accuracy"), "ε", {"attack_accuracy": (0.2, 0.7)})
    assert legend(figure) == ["adversary1", "gap", "the report"]
    plain = made_up().query("defenses == 'none'")
    figure, alt = sweeps.knob_curves(made_up(), ["attack_accuracy"], "ε", level=("undefended", plain))
    assert legend(figure) == ["adversary1", "gap", "undefended"]
    assert "undefended 0.505" in alt and "undefended 0.605" in alt
    figure, _ = sweeps.dots(made_up().query("attack == 'adversary1' or defenses != 'none'"), "attack_accuracy", "x")
    assert legend(figure) == ["adversary1", "gap"], "one mark is missing in the first line"


def test_intervals_are_cut_to_what_the_measure_can_be():
    table = made_up().assign(members=100, non_members=100)
    figure, _ = sweeps.knob_curves(table, ["tpr_at_fpr_0.01"], "ε")  # 0 and 0.01: the interval goes below 0
    ends = [segment for bars in figure.axes[0].containers for segment in bars.lines[2][0].get_segments()]
    assert min(end[:, 1].min() for end in ends) == 0 and max(end[:, 1].max() for end in ends) > 0.01


def test_curves_leave_out_what_was_not_measured_and_need_no_interval(done):
    table = done.table()
    table = table[table["seed"] == 0].assign(auc=None)
    figure, alt = sweeps.knob_curves(table, ("auc", "attack_accuracy"), "ε")
    drawn(figure, alt)
    assert "AUC not measurable" in alt
    figure, alt = sweeps.dots(done.table(), "attack_accuracy", "attack accuracy")
    svg = drawn(figure, alt)
    for name in ("none", "smoothing(epsilon=-0.1)", "smoothing(epsilon=0.2)"):
        assert f"{name}, gap: " in alt and name in svg


def test_frames_share_their_axes_and_say_what_the_attack_reaches(done):
    frames, alts = sweeps.confidence_frames(done, mark_asked=True)
    assert [value for value, _ in frames] == ["-0.1", "0", "0.2"]
    limits = {(fig.axes[0].get_xlim(), fig.axes[0].get_ylim()) for _, fig in frames}
    assert len(limits) == 1
    for (value, figure), alt in zip(frames, alts, strict=True):
        assert sweeps.reach(done.table(), float(value)) in alt
        assert re.search(r"\d+% of the members between .* and \d+% of the non-members between", alt)
        drawn(figure, alt)
    assert "labels ask for 1.1, off the scale" in alts[0] and "a dashed line where labels ask for 0.8." in alts[2]
    assert "labels ask" not in sweeps.confidence_frames(done)[1][0]


def test_frames_of_a_mask_have_as_many_bars_as_it_leaves(done):
    masks = Sweep(SETTINGS, "masking", "k", (1, 2, 3), seeds=2, store=done.study.store, dataset=DATA)
    frames, alts = confidence_masking.rank_frames(masks, list(masks.steps))
    assert [re.search(r"(\d) bars left", alt)[1] for alt in alts] == ["1", "2", "3"]
    for (_, figure), alt in zip(frames, alts, strict=True):
        drawn(figure, alt)


def test_the_label_asks_for_less_than_certainty():
    assert asked_confidence(combination("dropout"), 4) == 1
    assert asked_confidence(combination("smoothing(epsilon=0.3)"), 4) == pytest.approx(0.7)
    assert asked_confidence(combination("smoothing(epsilon=0.4,convention=uniform)"), 4) == pytest.approx(0.7)


def test_features_are_higher_for_members():
    posteriors = np.array([[0.9, 0.06, 0.04], [0.5, 0.3, 0.2], [0.99, 0.01, 0.0], [0.2, 0.7, 0.1]])
    outputs = check_outputs(posteriors=posteriors, members=[1, 0, 0, 0], labels=[0, 0, 0, 0])
    found = features(outputs, asked=0.9)
    assert found["distance"].argmax() == 0 and found["largest"].argmax() == 2
    assert np.allclose(found["distance"], [0, -0.4, -0.09, -0.2])
    assert np.allclose(found["second"], [-0.06, -0.3, -0.01, -0.2])
    assert np.allclose(found["rest"], [-0.01, -0.05, -0.005, -0.05])
    assert np.allclose(found["true class"], np.log([0.9, 0.5, 0.99, 0.2]))


def test_the_feature_table_is_read_by_judge(done):
    table = feature_table(done.study)
    assert len(table) == 2 * 3 * 5
    undefended = table[table["defenses"] == "none"].pivot(index="seed", columns="attack", values="auc")
    assert np.allclose(undefended["distance"], undefended["largest"])  # the distance to 1 ranks as the value itself
    verdict = judge(Claim("x", "here", "auc_over_largest", "none", 0.0, "same"), table, "distance")
    assert (verdict.outcome, verdict.difference, verdict.seeds) == ("cannot be told", 0, 2), "of two equal seeds"
    assert table["near_members"].between(0, 1).all()


def test_guesses_are_judged_against_a_row():
    """Members at 0.8 and 0.78, what the labels ask for and just short of it; the others on both sides."""
    top = np.array([0.8, 0.78, 0.95, 0.6])
    seen = check_outputs(posteriors=np.stack([top, 1 - top], axis=1), members=[1, 1, 0, 0])
    study = SimpleNamespace(settings=SimpleNamespace(seeds=(0, 1)), outputs=lambda seed, model, defenses: seen)
    assert short_of(study, combination("smoothing(epsilon=0.2)")) == 0.5
    rows = [
        (f"guess {guess:g}", seed, area - seed / 100)
        for seed in (0, 1, 2)
        for guess, area in ((0, 0.5), (0.2, 0.9 + seed / 20))
    ]
    areas = pd.DataFrame(rows, columns=["defenses", "seed", "auc"])
    assert label_smoothing.guesses_in_words(areas, (0, 0.2), "guess 0") == "holds at 0.2"
    assert label_smoothing.guesses_in_words(areas, (0, 0.2), "guess 0.2") == "does not hold at 0"


def test_outcomes_are_told_with_their_places():
    claim = confidence_masking.digits_claim(1, "rounding")
    said = ("does not hold", "holds", "holds")
    found = {str(place): Verdict(claim, outcome, None, None, None, 0) for place, outcome in enumerate(said)}
    assert claims.by_outcome(found) == "does not hold at 0; holds at 1, 2"


def test_published_numbers_stand_below_ours(done):
    assert label_smoothing.times_less(SMOOTHING[0]) == pytest.approx(0.1 / (0.0083 * 0.9))
    table = done.study.table().replace({"defenses": {"smoothing(epsilon=0.2)": "smoothing"}})
    beside = label_smoothing.smoothing_beside({"tiny": over_the_seeds(table[table["attack"] == "adversary1"])})
    assert beside.loc[0, "source"] == "this book" and "[" in beside.loc[0, "with smoothing"]
    assert beside["ε"].tolist()[:2] == ["0.1", "0.0083"] and len(beside) == 1 + len(SMOOTHING)


def test_every_claim_names_defenses_as_tables_do():
    claims = [
        *label_smoothing.SMOOTHING_CLAIMS, *label_smoothing.NEGATIVE_CLAIMS, *label_smoothing.DISTANCE_CLAIMS,
        *dropout.DROPOUT_CLAIMS, *dropout.PLACE_CLAIMS,
        *(claim for group in confidence_masking.MASKING_CLAIMS.values() for claim in group),
    ]  # fmt: skip
    for claim in claims:
        assert not claim.margin or f"{claim.margin:g}" in claim.text
        for name in (claim.of, claim.than):
            assert not isinstance(name, str) or describe(combination(name)) == name
