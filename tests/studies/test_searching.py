"""Searching strengths: within the budget, better than a grid where that is coarse, and the same again."""

import pytest

from mia_core.base.errors import SettingsError
from mia_core.defenses import combination
from mia_core.studies.searching import best_strengths

pytest.importorskip("optuna", reason="no Optuna: pip install 'mia-core[search]'")


def rate(name: str) -> float:
    return combination(name)[0].rate


def traded(name: str) -> tuple[float, float]:
    """Accuracy and leak of a made-up world: more dropout costs accuracy and protects, mixup does neither."""
    if not name.startswith("dropout"):
        return 0.9, 0.5
    return 0.9 - 0.2 * rate(name) ** 2, 0.5 - 0.4 * rate(name)


def test_the_strongest_that_the_budget_affords_is_found_more_closely_than_by_three_doses():
    dearest = 0.9 - 0.2 * 0.65**2  # a rate of 0.65 is just affordable, and of the doses 0.5 is the strongest below
    dropout, mixup = best_strengths(["dropout", "mixup"], traded, dearest, trials=40)
    assert 0.6 < rate(dropout) <= 0.65 and mixup.startswith("mixup")


def test_the_middle_strengths_come_first_and_nothing_is_tried_twice():
    asked: list[str] = []
    names = ["none", "dropout", "augmentation", "label-only", "dropout+mixup"]
    found = best_strengths(names, lambda name: asked.append(name) or (0.9, 0.1), 0.5, trials=12)
    assert asked[:2] == ["dropout", "augmentation"] and len(set(asked)) == len(asked) <= 12
    assert [found[place] for place in (0, 3, 4)] == [names[place] for place in (0, 3, 4)]
    assert all(0.25 <= rate(name) <= 0.75 for name in asked if name.startswith("dropout"))
    pads = {combination(name)[0].pad for name in asked if name.startswith("augmentation")}
    assert pads <= {1, 2, 3, 4}


def test_where_nothing_is_affordable_the_most_accurate_stays():
    (found,) = best_strengths(["dropout"], traded, 0.99, trials=15)
    assert rate(found) < 0.4


def test_the_same_seed_gives_the_same_trials_and_another_one_others():
    def asked(seed: int) -> list[str]:
        names: list[str] = []
        best_strengths(["dropout", "mixup"], lambda name: names.append(name) or traded(name), 0.85, 12, seed)
        return names

    assert asked(1) == asked(1) != asked(2)


def test_fewer_trials_than_defenses_are_refused():
    with pytest.raises(SettingsError, match="search: expected a trial or more of each of 2 defenses, found 1"):
        best_strengths(["dropout", "mixup"], traded, 0.5, trials=1)
