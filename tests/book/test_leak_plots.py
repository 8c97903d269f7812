"""Knobs on the gap and measures of an attack: their tables, figures and claims say what the numbers say."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mia_book import dropout, measuring_an_attack, recorded_epochs, scales, why_models_leak
from mia_book.measuring_an_attack import MEASURE_CLAIMS
from mia_book.why_models_leak import epoch_claims, together
from mia_core.base.errors import RunError
from mia_core.data.dataset import Dataset
from mia_core.defenses import Combination
from mia_core.display.svg import themed_svg
from mia_core.gate.arrays import Outputs
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, judge
from mia_core.store.runs import Store
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import ATTACK_MEASURES, TARGET, Study
from tables_made import made_up

# Models this small hardly learn, and say so.
pytestmark = pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")

SCORES = np.array([0.9, 0.9, 0.9, 0.7, 0.7, 0.5, 0.5, 0.3])
MEMBERS = np.array([1, 1, 0, 1, 0, 1, 0, 0], bool)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two seeds on 160 pictures of two classes, three recorded epochs of a small network."""
    generator = np.random.default_rng(0)
    labels = np.arange(160) % 2
    images = generator.integers(0, 256, (160, 1, 8, 8)).astype(np.uint8)
    images[labels == 1, :, :4] //= 2
    data = Dataset("toy", images, labels.astype(np.int64), ("a", "b"), 160)
    own = {"seeds": 2, "epochs": 3, "record": [1, 2], "batch_size": 20, "replicates": 20, "precision": "float32"}
    settings = StudySettings(**own, network="mlp", hidden_units=8, defenses=["none"], device="cpu")
    return Study(settings, Store(tmp_path_factory.mktemp("store")), data).train(jobs=1)


@pytest.fixture(scope="module")
def epochs(study: Study) -> pd.DataFrame:
    return recorded_epochs.by_epoch(study)


@pytest.fixture(scope="module")
def sizes(study: Study) -> pd.DataFrame:
    return why_models_leak.by_size(study, shares=(0.5,), seeds=1)


def test_every_recorded_epoch_is_a_value_of_the_knob(study: Study, epochs: pd.DataFrame) -> None:
    assert epochs["defenses"].unique().tolist() == ["1 epoch", "2 epochs", "3 epochs"]
    last = epochs[epochs["knob"] == 3].set_index("seed")["attack_accuracy"]
    assert last.tolist() == study.table()["attack_accuracy"].tolist()
    first = epochs.iloc[0]
    assert first["epochs"] == 1
    assert first["beyond_gap"] == pytest.approx(first["balanced_accuracy"] - 0.5 - first["generalisation_gap"] / 2)


def test_gap_attack_lies_on_the_line_and_an_untrained_study_is_refused(study: Study, tmp_path) -> None:
    gap = Study(study.settings.replace(attacks=["gap"]), study.store, study.dataset)
    assert recorded_epochs.by_epoch(gap)["beyond_gap"].to_numpy() == pytest.approx(0, abs=1e-12)
    with pytest.raises(RunError, match="train the study first"):
        recorded_epochs.by_epoch(Study(study.settings, Store(tmp_path), study.dataset))


def test_smaller_training_sets_are_smaller(study: Study, sizes: pd.DataFrame) -> None:
    assert sizes["knob"].tolist() == sizes["members"].tolist() == [20, 40]
    own = study.table().iloc[0]
    assert sizes.iloc[1]["attack_accuracy"] == own["attack_accuracy"], "its own size is the study itself"


def knob_table(gap_last: float, attack_last: float) -> pd.DataFrame:
    names, gaps = ["1 epoch", "20 epochs", "50 epochs"], [0.05, 0.36, gap_last]
    return recorded_epochs.beyond_the_gap(made_up(names, [0.5, 0.64, attack_last], generalisation_gap=gaps))


def test_claims_and_words_on_gap_and_attack_turn_with_the_table() -> None:
    def outcomes(table: pd.DataFrame) -> list[str]:
        return [judge(claim, table).outcome for claim in epoch_claims([1, 20, 50])]

    assert outcomes(knob_table(0.39, 0.81)) == ["holds"] * 6
    assert outcomes(knob_table(-0.01, 0.45)) == ["does not hold"] * 6
    assert outcomes(knob_table(0.39, 0.62))[3:] == ["holds", "does not hold", "does not hold"]
    verdicts = [judge(claim, knob_table(0.39, 0.64)) for claim in epoch_claims([1, 20, 50])]
    (up, down, open_) = (replace(verdicts[1], outcome=outcome) for outcome in (HOLDS, DOES_NOT_HOLD, CANNOT_TELL))
    said = ((up, up, "rise together"), (up, down, "do not both rise"), (up, open_, "it cannot be told"))
    assert all(words in together(gap, attack) for gap, attack, words in said)


def test_two_attacks_stand_side_by_side_by_epoch() -> None:
    def by_epoch(first: float, last: float, name: str, spread: float = 0.001) -> pd.DataFrame:
        table = made_up(["1 epoch", "50 epochs", "20 epochs"], [first, last, 0.5], spread)
        return table.assign(knob=np.repeat([1, 50, 20], 3), attack=name)

    early, late = by_epoch(0.6, 0.7, "loss"), by_epoch(0.5, 0.8, "adversary1", 0.0011)
    late.loc[late["knob"] == 20, "attack_accuracy"] += [0.1, -0.1, 0.0]
    both = why_models_leak.two_attacks(late, early, ("adversary 1", "loss attack"))
    assert both["trained for"].tolist() == ["1 epoch", "20 epochs", "50 epochs"]
    assert both["ahead"].tolist() == ["loss attack", "cannot be told", "adversary 1"]
    assert both["difference"][0].startswith("-0.100 [-0.100, -0.100]")
    words = "loss attack after 1 epoch; cannot be told after 20 epochs; adversary 1 after 50 epochs"
    assert why_models_leak.ahead_in_words(both) == words


def test_nearest_stop_is_named_whether_it_is_as_accurate_or_not() -> None:
    stops = pd.DataFrame({"defenses": ["1 epoch", "5 epochs", "50 epochs"], "target_accuracy": [0.3, 0.6, 0.61]})
    ends = [f"{measure}_{side}" for measure in ("target_accuracy", "attack_accuracy") for side in ("low", "high")]
    stops = stops.assign(attack_accuracy=[0.5, 0.6, 0.8], **dict.fromkeys(ends))
    said = dropout.stops_in_words(stops, pd.Series({"target_accuracy": 0.62}))
    assert "no recorded epoch is as accurate. The nearest is 50 epochs: target accuracy 0.610" in said
    said = dropout.stops_in_words(stops, pd.Series({"target_accuracy": 0.6}))
    assert "5 epochs, 50 epochs. The least attacked of these is 5 epochs" in said and "attack accuracy 0.600." in said


def test_frames_share_an_axis_and_say_the_attack(study: Study, epochs: pd.DataFrame, capsys) -> None:
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    before, shell.display_pub = shell.display_pub, CapturingDisplayPublisher()
    over = recorded_epochs.over_the_knob(epochs)
    try:
        why_models_leak.show_confidence_by_epoch(study, over, "confidence", "Two sides.")
        page = shell.display_pub.outputs[0]["data"]["text/html"]
    finally:
        shell.display_pub = before
        InteractiveShell.clear_instance()
    assert page.count('class="mia-frame"') == 3 and 'data-value="2"' in page
    assert len(re.findall(r'aria-label="After [123] epochs?: above', page)) == 3


def test_figures_plot_what_their_words_say(epochs: pd.DataFrame, sizes: pd.DataFrame) -> None:
    over, by_size = recorded_epochs.over_the_knob(epochs), recorded_epochs.over_the_knob(sizes)
    _, alt = why_models_leak.over_epochs(over)
    assert f"1 epoch: {over['target_train_accuracy'][0]:.2f}, {over['target_accuracy'][0]:.2f}" in alt
    fig, alt = why_models_leak.gap_against_attack({"epochs": over, why_models_leak.SIZE: by_size})
    assert f"40 examples {by_size['generalisation_gap'][1]:.2f} / {by_size['balanced_accuracy'][1]:.2f}" in alt
    assert "<svg" in themed_svg(fig, name="gap", alt=alt)


def test_share_of_members_names_blocks_whole() -> None:
    shares = measuring_an_attack.share_of_members(SCORES, MEMBERS, np.array([1, 2, 3, 4, 5, 8]))
    assert np.isnan(shares[:2]).all(), "the first three are tied"
    assert shares[2:].tolist() == pytest.approx([2 / 3, 2 / 3, 3 / 5, 1 / 2])


def test_low_rates_say_what_was_realised_or_why_not() -> None:
    table = measuring_an_attack.low_fpr_table({"toy": [(SCORES, MEMBERS)]}, levels=(0.3, 0.2)).set_index("FPR at most")
    assert table.loc["0.3"].tolist() == ["toy", "1 of 4, FPR 0.2500", "0.500"]
    assert table.loc["0.2", "TPR"] == "not measurable"
    table = measuring_an_attack.cleared_table({"toy": [(SCORES, MEMBERS)]}, level=0.3)
    assert table["TNR"].tolist() == ["0.500"], "0.5 and below clears two of four and costs one of four members"
    assert "not measurable" in measuring_an_attack.cleared_table({"toy": [(SCORES, MEMBERS)]}, level=0.01)["TNR"][0]
    assert measuring_an_attack.found_interval([(SCORES, MEMBERS)], 0.25).startswith("2 of 4, 0.500 [0.068, 0.932]")
    assert "not measurable" in measuring_an_attack.found_interval([(SCORES, MEMBERS)], 0.01)


def attack_table(**changes: float) -> pd.DataFrame:
    own = {"attack": "adversary1", "recall_members": 0.9, "recall_non_members": 0.7, "fpr_at_0.01": 0.01}
    own |= {"members": 100, "non_members": 100}
    row = dict.fromkeys(ATTACK_MEASURES, 0.5) | own | changes
    rows = [row | {"defenses": name, "seed": seed} for name in ("posteriors", "logarithms") for seed in range(3)]
    return scales.with_precision(pd.DataFrame(rows))


def test_precision_falls_with_the_prior() -> None:
    table = attack_table(**{"tpr_at_fpr_0.01": 0.01})
    assert table["precision_at_prior_0.5"].to_numpy() == pytest.approx(0.75)
    assert table["precision_at_prior_0.01"].to_numpy() == pytest.approx(0.009 / (0.009 + 0.297))
    shown = measuring_an_attack.precision_table(table).set_index(["attack", "threshold"])
    assert shown.loc[("posteriors", "its own"), "prior 0.5"].startswith("0.75")
    assert shown.loc[("posteriors", "1% FPR"), "prior 0.5"].startswith("0.50"), "as many found as accused"
    for rates, said in ((float("nan"), 0.01), "not measurable"), ((0.0, 0.0), "nobody accused"):
        table = attack_table(**dict(zip(("tpr_at_fpr_0.01", "fpr_at_0.01"), rates, strict=True)))
        shown = measuring_an_attack.precision_table(table)
        assert (shown[shown["threshold"] == "1% FPR"]["prior 0.1"] == said).all()


def test_both_scales_are_attacked_and_measured(study: Study) -> None:
    table = scales.by_features(study)
    assert table["defenses"].unique().tolist() == ["posteriors", "logarithms"]
    assert table[table["defenses"] == "posteriors"]["auc"].tolist() == study.table()["auc"].tolist()
    assert all(claim.measure in table for claim in MEASURE_CLAIMS)
    scored = measuring_an_attack.scores_by_features(study)
    for draw in (measuring_an_attack.surest_first, lambda found: measuring_an_attack.roc_with_thresholds(found, table)):
        fig, alt = draw(scored)
        assert "posteriors" in alt and "logarithms" in alt and "<svg" in themed_svg(fig, name="a", alt=alt)
    fig, alt = measuring_an_attack.seeds_and_mean(table[table["defenses"] == "posteriors"], "attack_accuracy")
    assert "2 seeds" in alt and f"mean {study.table()['attack_accuracy'].mean():.3f}" in alt


def test_the_targets_membership_shapes_no_score(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    before = measuring_an_attack.scores_by_features(study)
    seen, random = study.outputs, np.random.default_rng(0)

    def permuted(seed: int, model: int, defenses: Combination) -> Outputs:
        found = seen(seed, model, defenses)
        return replace(found, members=random.permutation(found.members)) if model == TARGET else found

    monkeypatch.setattr(study, "outputs", permuted)
    after = measuring_an_attack.scores_by_features(study)
    for name, scored in before.items():
        for (scores, members), (same, other) in zip(scored, after[name], strict=True):
            assert np.array_equal(scores, same) and not np.array_equal(members, other)
