"""Sums of effects and the Pareto front, on numbers that can be checked by hand."""

import pandas as pd
import pytest

from mia_core.base.errors import SettingsError
from mia_core.studies.interactions import agreement, in_words, interactions, interactions_table
from mia_core.studies.pareto import front_counts, pareto_front

JITTER = (0.0, 0.0021, -0.0019, 0.001)


def study(effects):
    """A table in which each combination's measure is 0.8 plus its effect plus jitter that differs by combination."""
    rows = [
        {"defenses": name, "seed": seed, "attack": "adversary1", "attack_accuracy": 0.8 + effect + jitter}
        for shift, (name, effect) in enumerate(effects.items())
        for seed, jitter in enumerate(JITTER[shift % 4 :] + JITTER[: shift % 4])
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("both", "verdict"), [(-0.30, "no material effect"), (-0.20, "above the sum"), (-0.40, "below the sum")]
)
def test_two_defenses_against_the_sum_of_their_effects(both, verdict):
    table = study({"none": 0, "dropout": -0.2, "masking": -0.1, "dropout+masking": both})
    (found,) = interactions(table)
    assert found.verdict == verdict and found.seeds == 4
    assert found.difference.mean == pytest.approx(both + 0.3, abs=0.003)
    assert found.measured - found.expected == pytest.approx(found.difference.mean)
    table.loc[(table["defenses"] == "dropout") & (table["seed"] == 2), "attack_accuracy"] = None
    assert interactions(table)[0].seeds == 3


def test_difference_of_differences_by_hand():
    values = {"none": 0.9, "dropout": 0.7, "smoothing": 0.8, "dropout+smoothing": 0.65}
    rows = [{"defenses": name, "seed": 0, "attack": "adversary1", "auc": value} for name, value in values.items()]
    (found,) = interactions(pd.DataFrame(rows), "auc")
    assert found.difference.mean == pytest.approx((0.65 - 0.8) - (0.7 - 0.9))
    assert (found.p, found.adjusted, found.verdict) == (None, None, "cannot be told")


@pytest.mark.parametrize(("effects", "expected", "verdict"), [
    ({"dropout": -0.1, "smoothing": 0.05, "masking": -0.01, "dropout+smoothing+masking": -0.06}, 0.74,
     "cannot be told"),
    ({"dropout": -0.1, "dropout(rate=0.2)": -0.05, "masking": 0, "dropout(rate=0.2)+masking": -0.05}, 0.75,
     "no material effect"),
])  # fmt: skip
def test_the_sum_is_that_of_three_effects_and_of_a_defenses_own_settings(effects, expected, verdict):
    (found,) = interactions(study({"none": 0} | effects))
    assert found.expected == pytest.approx(expected, abs=0.01) and found.verdict == verdict


def test_holms_correction_and_verdicts_agree():
    effects = {"none": 0, "dropout": -0.1, "smoothing": 0.1, "masking": 0, "dropout+smoothing": -0.1,
               "dropout+masking": -0.1, "smoothing+masking": 0.1, "dropout+smoothing+masking": -0.1}  # fmt: skip
    found = interactions(study(effects))
    assert [one.defenses for one in found] == [name for name in effects if "+" in name]
    assert [one.verdict for one in found] == [
        "below the sum",
        "no material effect",
        "no material effect",
        "below the sum",
    ]
    assert all(one.adjusted >= one.p for one in found) and any(one.adjusted > one.p for one in found)
    assert list(interactions_table(found)["verdict"]) == [one.verdict for one in found]


def test_combinations_in_words_and_against_another_measure():
    effects = {"none": 0, "dropout": -0.2, "masking": -0.1, "smoothing": 0, "dropout+masking": -0.2,
               "dropout+smoothing": -0.2}  # fmt: skip
    found = interactions(study(effects))
    other = interactions(study(effects | {"dropout+masking": -0.3}))
    assert in_words(found).startswith("dropout+masking above the sum, +0.10") and in_words(found).count("; ") == 1
    assert agreement(found, found) == "2 of 2 combinations" and agreement(found, other) == "1 of 2 combinations"


@pytest.mark.parametrize(("effects", "options", "message"), [
    ({"none": 0, "dropout": -0.1}, {}, "expected none, single defenses and combinations"),
    ({"dropout": 0, "masking": 0, "dropout+masking": 0}, {}, "expected none, single defenses"),
    ({"none": 0}, {"measure": "auc"}, "no measure auc"),
])  # fmt: skip
def test_what_cannot_be_tested_is_an_error(effects, options, message):
    with pytest.raises(SettingsError, match=message):
        interactions(study(effects), **options)


def rows(**points):
    return pd.DataFrame(
        {"defenses": name, "target_accuracy": useful, "attack_accuracy": risky, "seed": 0, "attack": "adversary1"}
        for name, (useful, risky) in points.items()
    )


def test_front_keeps_what_nobody_beats_and_leaves_out_what_was_not_measured():
    table = rows(best=(0.6, 0.7), safe=(0.4, 0.5), beaten=(0.5, 0.8), worse=(0.4, 0.6), twin=(0.6, 0.7), no=(0.7, None))
    assert pareto_front(table) == ["safe", "best", "twin"]
    with pytest.raises(SettingsError, match="several rows of one combination"):
        pareto_front(pd.concat([table, table]))


def test_fronts_are_counted_seed_by_seed():
    first, second = rows(a=(0.6, 0.7), b=(0.5, 0.8)), rows(a=(0.6, 0.7), b=(0.7, 0.6)).assign(seed=1)
    other = rows(c=(0.9, 0.1)).assign(attack="gap")
    assert front_counts(pd.concat([first, second, other])) == {"a": 1, "b": 1}
