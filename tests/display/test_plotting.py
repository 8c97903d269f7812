"""Figures and tables of the book: what they say is what was measured."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from mia_book import attack_mechanism
from mia_book.paper import beside_table_i
from mia_book.what_goes_in import array_cases, columns_reference, refusals, settings_reference
from mia_core.display import figures, tables
from mia_core.display import plots as plotting
from mia_core.display.svg import themed_svg
from mia_core.gate.outputs import check_outputs
from mia_core.measures.claims import Claim, judge
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import ATTACK_MEASURES, MODEL_MEASURES, over_the_seeds


def outputs(seed=0, n=400):
    generator = np.random.default_rng(seed)
    members = np.arange(n) % 2 == 0
    top = np.where(members, 0.99, generator.uniform(0.4, 0.97, n))
    return check_outputs(posteriors=np.stack([top, 1 - top], axis=1), members=members)


def table(seeds=(0, 1, 2)):
    rows = [
        {"dataset": "toy", "defenses": name, "seed": seed, "attack": "adversary1"}
        | {
            measure: 0.5 + 0.1 * place + 0.01 * seed + 0.001 * place * (0, 1, -1)[seed]
            for measure in (*MODEL_MEASURES, *ATTACK_MEASURES)
        }
        for place, name in enumerate(("none", "dropout", "smoothing(epsilon=-0.1)"))
        for seed in seeds
    ]
    return pd.DataFrame(rows)


def drawn(pair):
    figure, alt = pair
    svg = themed_svg(figure, name="x", alt=alt)
    assert 'role="img"' in svg and len(alt) > 40 and "np." not in alt and "nan" not in alt
    return alt


def test_drawings_have_words_for_those_who_do_not_see_them():
    alt = drawn(plotting.confidence_histogram(outputs()))
    assert "100% of the members" in alt and int(re.search(r"and (\d+)% of the non-members", alt)[1]) < 10
    assert "members at a median of 0.99 and 0.01" in drawn(plotting.attackers_view(outputs()))
    assert "fitted on the shadow's posteriors" in drawn(attack_mechanism.adversary_1())


def test_roc_over_seeds_takes_real_thresholds():
    members = np.arange(200) < 100
    perfect, useless = (members.astype(float), members), (np.zeros(200), members)
    alt = drawn(plotting.roc_over_seeds({"perfect": [perfect], "useless": [useless]}))
    assert "perfect: TPR 1.000 at 10% FPR and 1.000 at 1%" in alt
    assert "useless: TPR 0.000 at 10% FPR and 0.000 at 1%" in alt


@pytest.mark.parametrize(("non_members", "words"), [(50, "0.02, one of 50"), (2, "0.5, one of 2"), (1, "one of 1")])
def test_roc_starts_at_one_accused_non_member(non_members, words):
    members = np.arange(10 + non_members) < 10
    figure, alt = plotting.roc_over_seeds({"perfect": [(members.astype(float), members)]})
    assert figure.axes[0].get_xlim()[0] == pytest.approx(1 / max(non_members, 2)) and words in alt
    at_ten_percent = "1.000" if non_members == 50 else "not measurable"
    assert f"TPR {at_ten_percent} at 10% FPR and not measurable at 1%" in alt


def test_measures_have_limits_and_what_is_no_measure_has_none():
    assert plotting.limits("tpr_at_fpr_0.01") == (0, 1) and plotting.limits("generalisation_gap") == (-1, 1)
    assert plotting.limits("beyond_gap") == (-np.inf, np.inf)


@pytest.mark.parametrize("seeds", [(0, 1, 2), (0,)])
def test_the_privacy_utility_plane_names_every_combination(seeds):
    alt = drawn(plotting.privacy_utility(over_the_seeds(table(seeds))))
    assert "dropout 0.6" in alt and "smoothing(epsilon=-0.1) 0.7" in alt


def grid():
    values = {("gap", "none"): 0.0, ("gap", "dropout"): 0.5, ("lira", "none"): 0.4, ("lira", "dropout"): None}
    values |= {("rmia", "none"): 0.2, ("rmia", "dropout"): 0.25}
    return pd.DataFrame([(*names, value) for names, value in values.items()], columns=["attack", "defenses", "auc"])


def test_a_heat_map_shows_means_in_order_and_says_the_largest_of_each_column():
    twice = pd.concat([grid(), grid().assign(auc=lambda table: table["auc"] + 0.1)])
    figure, alt = plotting.heat_map(twice, "attack", "defenses", "auc", digits=2)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["gap", "lira", "rmia"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["none", "dropout"]
    assert [text.get_text() for text in axes.texts] == ["0.05", "0.55", "0.45", "–", "0.25", "0.30"]
    assert [text.get_text() for text in axes.texts if text.get_weight() == "bold"] == ["0.55", "0.45"]
    assert "Largest of each column: none 0.45 (lira), dropout 0.55 (gap). Least of all: 0.05." in alt
    figure, alt = plotting.heat_map(grid().assign(auc=None), "attack", "defenses", "auc")
    assert drawn((figure, alt)).endswith("(defenses). Not measurable: 6 cells.")


def test_text_in_a_heat_map_can_be_read_on_light_and_dark_pages():
    from matplotlib.colors import to_rgb

    def light(colour):
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    many = pd.DataFrame([{"a": str(i), "b": "x", "v": i / 40} for i in range(41)])
    figure, alt = plotting.heat_map(many, "a", "b", "v", words="a share", limits=(0, 1))
    (axes,) = figure.axes
    fills = axes.collections[0].to_rgba(axes.collections[0].get_array()).reshape(-1, 4)
    for text, fill in zip(axes.texts, fills, strict=True):
        low, high = sorted((light(text.get_color()), light(fill[:3])))
        assert (high + 0.05) / (low + 0.05) >= 4.5
    svg = themed_svg(figure, name="x", alt=alt)
    inks = set(re.findall(r"fill: (#[0-9a-f]{6})[^>]*>0\.\d{3}<", svg))
    assert inks == {plotting.BLACK, plotting.WHITE}, "the same on every page"
    assert re.search(r"var\(--text\)[^>]*>40<", svg), "names take the page's colour"


def test_table_i_stands_beside_ours():
    beside = beside_table_i(over_the_seeds(table())).set_index("defenses")
    assert beside.loc["none, Table I", "target accuracy"] == "0.60"
    assert beside.loc["none, this run", "target accuracy"].startswith("0.510 [")
    assert beside.loc["smoothing(epsilon=-0.1), Table I", "attack accuracy"] == "not printed"
    single = beside_table_i(over_the_seeds(table((0,))), ["recall_members", "shadow_accuracy"], "recorded")
    assert list(single.iloc[1]) == ["none, recorded", "0.50", "0.500"] and single.iloc[0, 2] == "not printed"


def test_zero_has_no_minus():
    assert tables.number(-0.0004) == "0.000"
    assert [tables.number(value, sign="+") for value in (-0.0004, -0.0006, 0.1234)] == ["+0.000", "-0.001", "+0.123"]


def test_what_was_not_measured_says_so():
    data = table()
    data.loc[1, "tpr_at_fpr_0.01"] = None
    shown = tables.measures(over_the_seeds(data), ["tpr_at_fpr_0.01", "auc"])
    assert shown.loc[0, "TPR at 1% FPR"] == "not measurable"
    assert re.fullmatch(r"0\.510 \[0\.\d{3}, 0\.\d{3}\]", shown.loc[0, "AUC"])
    row = over_the_seeds(data).iloc[0]
    measured = ["auc", "tpr_at_fpr_0.001", "recall_non_members", "target_accuracy"]
    words = ["AUC", "TPR at 0.1% FPR", "recall of non-members", "target accuracy"]
    assert list(tables.upright(row, measured)["measure"]) == words


def test_a_verdict_is_told_with_its_difference_and_seeds_and_links_to_what_shows_it():
    claim = Claim("It rises.", "here", "auc", "dropout", "none", "higher")
    verdict, single = judge(claim, table()), judge(claim, table((0,)))
    line = tables.verdicts_table([verdict], evidence="fig-rise").iloc[0]
    assert line["verdict"] == "holds" and line["measured difference"] == "+0.100 [+0.098, +0.102] (3 seeds)"
    assert tables.difference(single) == "+0.100 (1 seed)"
    both = "“It rises” holds, +0.100 [+0.098, +0.102] (3 seeds); “It rises” cannot be told, +0.100 (1 seed)"
    assert tables.told([verdict, single]) == both
    beyond = dataclasses.replace(verdict, difference=0.993, low=0.985, high=1.001)
    assert tables.difference(beyond, "round", (-1, 1)) == "+0.993 [+0.985, +1.000] (3 rounds)"
    in_rounds = tables.verdicts_table([beyond], "round", evidence="fig-rise")
    assert in_rounds.iloc[0, 2] == "+0.993 [+0.985, +1.001] (3 rounds)"
    page = figures.table_html(tables.verdicts_table([verdict] * 2, evidence=["fig-rise", "tab-grid"]), "Verdicts.")
    for link, words in (("fig-rise", "figure"), ("tab-grid", "table")):
        assert f'<td><a class="mia-evidence" href="#{link}">{words}</a></td>' in page
    with pytest.raises(ValueError, match="shorter"):
        tables.verdicts_table([verdict] * 2, evidence=["fig-rise"])


def test_every_setting_and_column_has_a_meaning():
    settings = settings_reference(StudySettings)
    assert list(settings["setting"]) == StudySettings.known()
    assert (settings["meaning"].str.len() > 10).all()
    assert settings.set_index("setting").loc["learning_rate", "allowed"] == "above 0, at most 1"
    assert (columns_reference()["meaning"].str.len() > 3).all()


def test_the_page_of_refusals_shows_both_answers():
    answers = refusals(array_cases())["answer"]
    assert answers.str.startswith("refused: target.npz: ").sum() == 7 and (answers == "taken").sum() == 3
