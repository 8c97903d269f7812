"""Attackers who know more or less, side by side: whose rows they are, what is trained for them, what is claimed."""

import re

import numpy as np
import pandas as pd
import pytest

from mia_book import adversaries, claims, sweeps
from mia_core.data.load import load_dataset
from mia_core.data.splits import four_way
from mia_core.defenses import combination
from mia_core.measures.claims import DOES_NOT_HOLD, HOLDS
from mia_core.store.runs import Store
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import Study
from small import RECIPE, tiny_dataset

# Models this small hardly learn, and some classes lack members or non-members.
pytestmark = pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")

OWN = {"epochs": 2, "record": (), "seeds": 2, "part": 40, "replicates": 0, "defenses": adversaries.DEFENSES}
SETTINGS = StudySettings(**(RECIPE.model_dump() | OWN), attacks=tuple(adversaries.OF_STUDY))
NAMES = list(adversaries.ATTACKERS)
EVERYWHERE = [name for name in NAMES if name != adversaries.SEVERAL]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    data = tiny_dataset(160, classes=4)
    return Study(SETTINGS, Store(tmp_path_factory.mktemp("store")), data).train(jobs=1)


@pytest.fixture(scope="module")
def table(study: Study) -> pd.DataFrame:
    return adversaries.by_attacker(study)


def of(table: pd.DataFrame, attacker: str, defenses: str = "none") -> pd.DataFrame:
    rows = table[(table["attack"] == attacker) & (table["defenses"] == defenses)]
    return rows.set_index("seed")[[*adversaries.MEASURES, adversaries.FPR]]


def test_every_attacker_meets_every_target_once_a_seed(table: pd.DataFrame) -> None:
    assert list(table["attack"].unique()) == [*NAMES, adversaries.CUT_BY_SHADOW]
    assert not table.duplicated(["attack", "defenses", "seed"]).any()
    for name in EVERYWHERE:
        assert set(table[table["attack"] == name]["defenses"]) == set(adversaries.DEFENSES), name
    assert set(table[table["attack"] == adversaries.SEVERAL]["defenses"]) == {"none"}
    assert table["balanced_accuracy"].between(0, 1).all()
    assert np.allclose(table[adversaries.FPR], 1 - table["recall_non_members"])


def test_attackers_are_the_attacks_that_they_are_called_after(study: Study, table: pd.DataFrame) -> None:
    of_study = study.table()
    for attack, name in adversaries.OF_STUDY.items():
        rows = of_study[(of_study["attack"] == attack) & (of_study["defenses"] == "dropout")].set_index("seed")
        assert rows["auc"].equals(of(table, name, "dropout")["auc"]), name
    gap = of(table, adversaries.GAP)
    assert gap["auc"].to_numpy() == pytest.approx(gap["balanced_accuracy"])
    for defenses in adversaries.DEFENSES:
        own, shadow = (of(table, name, defenses) for name in (adversaries.NO_SHADOW, adversaries.CUT_BY_SHADOW))
        assert own["auc"].equals(shadow["auc"]), "a threshold from elsewhere changes no AUC"
    assert of(table, adversaries.UNKNOWN).equals(of(table, adversaries.ALIKE))
    assert not of(table, adversaries.UNKNOWN, "dropout").equals(of(table, adversaries.ALIKE, "dropout"))
    for name in (adversaries.GAP, adversaries.LABELS):
        assert of(table, name).equals(of(table, name, "masking")), "labels do not see a mask"


def test_only_further_shadows_are_trained_and_only_once(study: Study, table: pd.DataFrame) -> None:
    kinds = [re.match(r"(\w+)-(\w+)-([\w.+]+)-", path.name).groups() for path in study.store.root.iterdir()]
    assert kinds.count(("tiny", "cnn", "none")) == 2 * (2 + adversaries.SHADOWS - 1)
    assert kinds.count(("tiny", "mlp", "none")) == kinds.count(("digits", "mlp", "none")) == 2
    before = sorted(study.store.root.iterdir())
    pd.testing.assert_frame_equal(adversaries.by_attacker(study), table)
    assert sorted(study.store.root.iterdir()) == before


@pytest.mark.parametrize("own", [{}, {"noise": 0}, {"part": 60}, {"size": 8}, {"network": "mlp"}])
def test_digits_are_attacked_with_other_scans(own: dict) -> None:
    settings = StudySettings(**own)
    other = adversaries.other_both(settings)
    assert other.network != settings.network and other.noise != settings.noise and other.noise > 0
    data, theirs = load_dataset(settings), load_dataset(other)
    assert data.fingerprint != theirs.fingerprint and data.classes == theirs.classes
    assert other.part == settings.part and data.pool == theirs.pool
    split = four_way(data.pool, settings.part, 0)
    assert not np.any(split.counted[0] & four_way(theirs.pool, other.part, 0).counted[1])
    assert f"{other.noise:g}" in adversaries.data_in_words(settings)


def test_anything_else_is_attacked_with_digits() -> None:
    other = adversaries.other_both(StudySettings(dataset="cifar10", part=10_000, size=32, noise=0))
    assert (other.dataset, other.part, other.size, other.network) == ("digits", None, None, "mlp")
    assert other.noise == StudySettings().noise
    assert "pixels" not in adversaries.data_in_words(StudySettings(dataset="cifar10"))


def test_figures_show_whom_they_speak_of(table: pd.DataFrame) -> None:
    units = claims.side_by_side(adversaries.named(table))
    assert list(units["defenses"].unique()) == [name for name in NAMES if name != adversaries.UNKNOWN]
    both = adversaries.two_measures(units)
    assert len(both) == 2 * len(units) and list(both.columns) == ["attacker", "seed", "measure", "value"]
    _, alt = sweeps.dots(both, "value", "share", rows="attacker", series="measure")
    mean = of(table, adversaries.ALIKE)["auc"].mean()
    assert f"adversary 1, AUC, any threshold: {mean:.3f}" in alt
    steps = adversaries.steps(table)
    assert list(steps["attacker"].unique()) == list(adversaries.STEPS.values())
    first = steps[(steps["attacker"] == adversaries.STEPS[adversaries.GAP]) & steps["measure"].str.startswith("AUC")]
    assert first["value"].tolist() == of(table, adversaries.GAP)["auc"].tolist()
    defended = [name for name in EVERYWHERE if name != adversaries.PLAIN]
    assert list(adversaries.named(table, defended=True)["attack"].unique()) == defended
    text = adversaries.reached(table, adversaries.ALIKE, "dropout", "auc")
    assert text.startswith(f"{of(table, adversaries.ALIKE, 'dropout')['auc'].mean():.3f} [")


def test_the_strongest_is_the_best_on_each_kind_of_target(table: pd.DataFrame) -> None:
    best = adversaries.strongest(table)
    assert len(best) == 2 * 4
    for defenses, rows in best.groupby("defenses"):
        means = {name: of(table, name, defenses)["balanced_accuracy"].mean() for name in EVERYWHERE}
        assert rows["balanced_accuracy"].mean() == pytest.approx(max(means.values()))
        assert means[rows["named"].iloc[0]] == max(means.values())


def test_more_random_pixels_above_accuse_more_next_to_a_shadows_threshold(study: Study, table: pd.DataFrame) -> None:
    for defenses in adversaries.DEFENSES:
        cuts = adversaries.by_percent(study, (1, 10, 50), combination(defenses))
        assert (cuts["defenses"] == defenses).all() and len(cuts) == 2 * 2 * 3
        rates = cuts.pivot_table(index="value", columns=["attack", "seed"], values=adversaries.FPR)
        assert (rates["random pixels"].diff().dropna() >= 0).all().all()
        assert (rates["shadow"].nunique() == 1).all()
        at_ten = cuts[cuts["value"] == 10].set_index(["attack", "seed"])
        for kind, attacker in (("random pixels", adversaries.NO_SHADOW), ("shadow", adversaries.CUT_BY_SHADOW)):
            wanted = of(table, attacker, defenses)
            assert at_ten.loc[kind][list(wanted.columns)].to_dict() == wanted.to_dict()


def test_exercises_are_answered_by_their_numbers() -> None:
    made = pd.DataFrame({"attack": ["random pixels"] * 4 + ["shadow"] * 4, "value": [5, 5, 10, 10] * 2})
    made = made.assign(seed=[0, 1] * 4, balanced_accuracy=[0.6, 0.6, 0.8, 0.8, 0.9, 0.9, 0.9, 0.9])
    assert adversaries.best_percent(made) == "10% (balanced accuracy 0.800)"
    areas = {("none", "entropy"): 0.7, ("none", "loss"): 0.7, ("dropout", "entropy"): 0.5, ("dropout", "loss"): 0.55}
    table = pd.DataFrame({"defenses": name, "attack": attack, "auc": auc} for (name, attack), auc in areas.items())
    assert adversaries.widest_range(table) == "0.050 in AUC under dropout"


def test_every_claim_is_judged_and_evidence_shows_both_sides(table: pd.DataFrame) -> None:
    found = adversaries.verdicts(table)
    others = len(adversaries.DEFENSES) - 1
    assert len(found) == len(adversaries.KNOWLEDGE_CLAIMS) + 1 + 2 * others
    assert len({verdict.claim.text for verdict in found}) == len(found)
    (masked,) = (verdict for verdict in found if verdict.claim == adversaries.MASKING_CLAIM)
    assert masked.outcome == HOLDS and masked.difference == 0

    shown = dict(zip((verdict.claim for verdict in found), adversaries.evidence(found), strict=True))
    undefended = set(adversaries.named(table)["attack"])
    for claim in adversaries.KNOWLEDGE_CLAIMS:
        figure = "fig-attackers" if {claim.of, claim.than} <= undefended else "fig-threshold"
        assert shown.pop(claim) == figure, claim.text
    assert set(shown.values()) == {"fig-defended"}


def test_more_and_noisier_copies_are_judged(study: Study) -> None:
    copies = adversaries.by_copies(study, (2, 3))
    assert list(copies["attack"].unique()) == ["7 questions", "8 questions"]
    assert list(copies["defenses"].unique()) == list(adversaries.NOISES) and len(copies) == 2 * 2 * 3
    more, noisier = adversaries.on_copies(copies)
    means = copies.groupby(["attack", "defenses"])["auc"].mean()
    before = means["7 questions", "noise as before"]
    assert more.difference == pytest.approx(means["8 questions", "noise as before"] - before)
    assert noisier.difference == pytest.approx(means["7 questions", "four times the noise"] - before)


def made_up(reached: dict[str, float]) -> pd.DataFrame:
    """A table in which each attacker reaches what is given for the target with smoothing, and one half elsewhere."""
    rows = [
        {"defenses": defenses, "seed": seed, "attack": name, "auc": 0.5}
        | {"balanced_accuracy": 0.5 + 1e-5 * seed * (1 + place) * (1 + column)}
        for column, defenses in enumerate(adversaries.DEFENSES)
        for seed in range(3)
        for place, name in enumerate([*NAMES, adversaries.CUT_BY_SHADOW])
    ]
    table = pd.DataFrame(rows)
    for name, value in reached.items():
        chosen = (table["attack"] == name) & (table["defenses"] == "smoothing")
        table.loc[chosen, "balanced_accuracy"] += value
    return table


def test_claims_follow_what_attackers_reach() -> None:
    def outcomes(reached: dict[str, float]) -> list[str]:
        found = {verdict.claim.text: verdict.outcome for verdict in adversaries.verdicts(made_up(reached))}
        return [found[claim("smoothing").text] for claim in (adversaries.unknown_claim, adversaries.strongest_claim)]

    assert outcomes({adversaries.ALIKE: 0.2}) == [HOLDS, DOES_NOT_HOLD]
    assert outcomes({adversaries.UNKNOWN: 0.2}) == [DOES_NOT_HOLD, DOES_NOT_HOLD]
    assert outcomes(dict.fromkeys(NAMES, -0.2))[1] == HOLDS
