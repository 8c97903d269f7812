"""Noise and training examples as knobs, earlier stops, and exercises that answer with paired differences."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mia_book import attack_mechanism, dropout, label_smoothing, recorded_epochs, why_models_leak
from mia_book.scales import SCALE_CLAIMS
from mia_book.why_models_leak import KNOB_CLAIMS, noise_claim, over_noise
from mia_core.data.dataset import Dataset
from mia_core.display.svg import themed_svg
from mia_core.gate.outputs import check_outputs
from mia_core.measures.claims import judge
from mia_core.store.runs import Store
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import Study
from tables_made import made_up

# Models this small hardly learn, and say so.
pytestmark = pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")

OWN = {"seeds": 2, "epochs": 1, "part": 20, "batch_size": 20, "replicates": 0, "precision": "float32"}
SETTINGS = StudySettings(**OWN, network="mlp", hidden_units=4, defenses=["none"], device="cpu")


def test_noise_of_digits_is_turned_both_ways(tmp_path) -> None:
    study = Study(SETTINGS, Store(tmp_path)).train(jobs=1)
    table = why_models_leak.by_noise(study, seeds=1)
    assert table["knob"].tolist() == [0.27, 0.53, 0.74] and table["seed"].tolist() == [0, 0, 0]
    own = study.table().iloc[0]
    assert table["attack_accuracy"][1] == own["attack_accuracy"], "its own noise is the study itself"
    assert judge(noise_claim(table["knob"].tolist()), table).seeds == 1


@pytest.mark.parametrize(("noise", "levels"), [(0.0, [0.0, 0.27, 0.74]), (10.0, [5.0, 10.0])])
def test_noise_can_be_turned_from_the_ends_of_its_range(noise: float, levels: list, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(Study, "train", lambda study: study)
    monkeypatch.setattr(Study, "table", lambda study: made_up(["none"], [0.5]))
    study = Study(SETTINGS.replace(noise=noise), Store(tmp_path))
    assert why_models_leak.by_noise(study)["knob"].drop_duplicates().tolist() == levels


def test_only_digits_have_noise_to_turn(tmp_path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (80, 1, 8, 8)).astype(np.uint8)
    data = Dataset("toy", images, np.arange(80) % 2, ("a", "b"), 80)
    study = Study(SETTINGS.replace(dataset="mnist"), Store(tmp_path), data).train(jobs=1)
    knobs = why_models_leak.other_knobs(study)
    assert list(knobs) == [why_models_leak.SIZE] and set(KNOB_CLAIMS) == {why_models_leak.SIZE, why_models_leak.NOISE}
    assert over_noise(None) == "Noise is a knob of the digits only, and this run is on other data."


GAINS = (
    (0.9, 0.001, "the attack gains", "is not attacked better"),
    (0.6, 0.001, "the attack does not gain", "is attacked better"),
    (0.7, 0.2, "it cannot be told", "too few to tell"),
)


@pytest.mark.parametrize(("more", "spread", "noise", "sizes"), GAINS)
def test_words_on_noise_and_sizes_follow_the_verdict(more: float, spread: float, noise: str, sizes: str) -> None:
    said = over_noise(
        judge(noise_claim([0.27, 0.53, 0.74]), made_up(["noise 0.27", "noise 0.74"], [0.7, more], spread))
    )
    assert said.startswith(f"From noise 0.27 to noise 0.74 {noise}") and f"(difference {more - 0.7:+.3f} [" in said
    table = made_up(["20 examples", "40 examples"], [0.7, more], spread)
    assert sizes in why_models_leak.over_sizes(judge(why_models_leak.size_claim([20, 40]), table))


def test_every_knob_has_its_points_and_labels() -> None:
    def summary(names: list[str], knob: list[float]) -> pd.DataFrame:
        levels = [0.6 + 0.1 * place for place in range(len(names))]
        table = made_up(names, levels, generalisation_gap=levels)
        return recorded_epochs.over_the_knob(table.assign(knob=np.repeat(knob, 3)))

    noise = summary(["noise 0.27"], [0.27])
    knobs = {"epochs": summary(["1 epoch", "50 epochs"], [1, 50]), why_models_leak.NOISE: noise}
    fig, alt = why_models_leak.gap_against_attack(knobs)
    assert "50 epochs 0.70 / 0.70" in alt and "noise 0.27 0.60 / 0.60" in alt
    assert [text.get_text() for text in fig.axes[0].texts] == ["1", "50", "0.27"]
    assert "<svg" in themed_svg(fig, name="gap", alt=alt)


def test_earlier_stops_are_differences_within_seeds() -> None:
    names = ["1 epoch", "20 epochs", "50 epochs"]
    table = made_up(names, [0.5, 0.64, 0.8], target_accuracy=[0.3, 0.59, 0.6]).assign(knob=np.repeat([1, 20, 50], 3))
    stops, said = why_models_leak.earlier_stops(table)
    assert stops["trained for"].tolist() == names[:2]
    assert stops["attack accuracy"][0].startswith("-0.300 [")
    assert "at most 0.025 of target accuracy is after 20 epochs. Against 50 epochs, target accuracy differs by" in said
    assert stops["target accuracy"][1] in said and stops["attack accuracy"][1] in said
    worse = table.assign(target_accuracy=table["target_accuracy"] + 0.2 * (table["knob"] == 50))
    assert why_models_leak.earlier_stops(worse)[1].startswith("No earlier epoch is shown to cost at most 0.025")
    stops, said = why_models_leak.earlier_stops(made_up(["1 epoch"], [0.5]).assign(knob=1))
    assert len(stops) == 0 and "trained for" in stops and said.startswith("No earlier epoch")


def test_left_end_of_the_losses_is_counted_and_medians_are_said() -> None:
    members = np.arange(400) % 2 == 0
    top = np.where(members, 0.999, np.where(np.arange(400) % 8 == 1, 0.9999, 0.5))
    seen = check_outputs(posteriors=np.stack([top, 1 - top], axis=1), members=members, labels=np.zeros(400, int))
    fig, alt = why_models_leak.loss_histogram([seen])
    assert "0.001 nats for members, 0.69 nats for non-members" in alt and fig.axes[0].get_xscale() == "log"
    assert "nats, lie 100.0% of the members and 25.0% of the non-members" in alt


def test_scores_of_the_attack_model_are_counted_from_the_threshold() -> None:
    scores, members = np.array([-2.0, 0.0, 1.0, 3.0, -1.0, -1.0, -4.0, 2.0]), np.arange(8) < 4
    fig, alt = attack_mechanism.score_histogram(scores, members, 0.0)
    assert "from -4.0 to 3.0" in alt and "75% of the members and 25% of the non-members" in alt
    first, second = (patch.get_hatch() for patch in fig.axes[0].patches)
    assert first != second and "<svg" in themed_svg(fig, name="scores", alt=alt)
    _, alt = attack_mechanism.score_histogram(np.zeros(8), members, 0.0)
    assert "100% of the members and 100% of the non-members" in alt


def test_gain_of_the_attack_is_found_at_the_first_epoch_that_shows_it() -> None:
    class Made:
        def __init__(self, levels: list[float]) -> None:
            self.levels = dict(zip((1, 5, 50), levels, strict=True))
            self.recipe = SimpleNamespace(recorded_epochs=lambda: list(self.levels))

        def table(self, epoch: int) -> pd.DataFrame:
            train = [0.9, self.levels[epoch]]
            return made_up(["none", "smoothing"], [0.5, self.levels[epoch]], target_train_accuracy=train)

    rows, said = label_smoothing.gains_by_epoch(Made([0.5, 0.6, 0.9]))
    assert rows["trained for"].tolist() == ["1 epoch", "5 epochs", "50 epochs"]
    assert re.search(r"is that after 5 epochs \(\+0\.100 \[.*\] \(3 seeds\)\); there .* classify 0\.600 \[", said)
    assert label_smoothing.gains_by_epoch(Made([0.4, 0.4, 0.4]))[1].startswith("At no recorded epoch")


def test_claims_on_rates_and_scales_are_judged() -> None:
    table = recorded_epochs.beyond_the_gap(made_up(["none", "dropout"], [0.8, 0.6], generalisation_gap=[0.2, 0.4]))
    claims = [dropout.beyond_claim(0, "none"), dropout.beyond_claim(0.5, "dropout")]
    assert [judge(claim, table).outcome for claim in claims] == ["holds", "does not hold"]
    assert claims[1].text.startswith("At a rate of 0.5 ")
    scales = made_up(["posteriors", "logarithms"], [0.5, 0.6])
    assert [judge(claim, scales).outcome for claim in SCALE_CLAIMS.values()] == ["holds", "holds"]
