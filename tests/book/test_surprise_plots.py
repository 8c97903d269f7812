"""Figures, tables and claims of the chapters with reference models say what the numbers say, and can turn."""

import numpy as np
import pandas as pd
import pytest

from mia_book import all_attacks, claims, reference_attacks, reference_models, who_is_at_risk, wording
from mia_core.base.errors import ArrayError, SettingsError
from mia_core.display.svg import style, themed_svg
from mia_core.measures.claims import Verdict, judge
from mia_core.references import REFERENCE_ATTACKS
from mia_core.references.answers import View
from mia_core.references.lira import lira
from mia_core.studies.reference_rows import answers, kinds_of, table, views
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.vulnerability import vulnerability
from references_made import made_study

# The made study has more canaries than is advised.
pytestmark = pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")

ATTACKS = ("loss", "calibrated-loss", "rmia", "lira-own-variance", "lira", "t-lira")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ReferenceStudy:
    folder = tmp_path_factory.mktemp("store")
    return made_study(folder, record=(), attacks=ATTACKS, defenses="none,masking")


@pytest.fixture(scope="module")
def view(study: ReferenceStudy) -> View:
    return views(study, answers(study, ()))[0]


@pytest.fixture(scope="module")
def rows(study: ReferenceStudy) -> pd.DataFrame:
    return table(study)


def test_twins_are_a_member_and_a_non_member_that_answer_alike(study: ReferenceStudy, view: View) -> None:
    ordinary = kinds_of(study)["pool"]
    found = reference_attacks.find_twins(view, ordinary)
    inside, statistic = view.membership(), view.of_target("logit")
    assert inside[found.member] and not inside[found.other] and ordinary[[found.member, found.other]].all()
    assert abs(statistic[found.member] - statistic[found.other]) <= 0.1 * statistic[ordinary].std()
    assert 1 <= found.of <= inside.sum()
    fig, alt = reference_attacks.twins(view, found)
    assert f"a member: target {statistic[found.member]:.1f}" in alt
    assert f"LiRA {lira(view.pool('logit'))[found.member]:+.1f} nats" in alt, "the score that the chapter computes"
    assert themed_svg(fig, name="twins", alt=alt).startswith("<svg")
    with pytest.raises(ArrayError, match="0 non-members"):
        reference_attacks.find_twins(view, view.membership())
    with pytest.raises(ArrayError, match="no member and non-member within 0 "):
        reference_attacks.find_twins(view, kinds_of(study)["pool"], near=0)


def test_references_beat_the_level_line_where_examples_differ_in_difficulty(study: ReferenceStudy, view: View) -> None:
    fig, alt, shares = reference_attacks.thresholds_in_one_picture(view, kinds_of(study)["pool"])
    assert shares["rising"] > shares["level"] > 0
    assert f"{shares['rising']:.0%} of the members lie above the rising line" in alt
    assert len(fig.axes[0].lines) == 4
    for series, points in enumerate(fig.axes[0].lines[:2]):  # as in all other figures
        assert points.get_label() == ("members", "non-members")[series]
        assert (points.get_color(), points.get_marker()) == (style(series)["color"], style(series)["marker"])
    fig, alt, shares = reference_attacks.thresholds_in_one_picture(view, kinds_of(study)["pool"], level=0.001)
    assert shares == {"level": None, "rising": None} and len(fig.axes[0].lines) == 2, "no line at such a level"


def test_attacks_stand_where_judge_looks_and_the_strongest_is_named(rows: pd.DataFrame) -> None:
    units = reference_models.by_attack(rows)
    assert set(units["defenses"]) == set(ATTACKS) and units["seed"].nunique() == 3
    mine = rows[(rows["attack"] == "lira") & (rows["defenses"] == "none") & (rows["examples"] == "pool")]
    expected = mine[mine["target"].isin(["0", "1"])]["auc"].astype(float).mean()
    assert units[units["defenses"] == "lira"]["auc"].iloc[0] == pytest.approx(expected)
    claim = reference_attacks.ATTACK_CLAIMS[2]
    assert (claim.of, claim.than) == ("lira", "loss") and judge(claim, units, "none").difference > 0
    turned = units.assign(defenses=units["defenses"].map({"lira": "loss", "loss": "lira"}))
    assert judge(claim, turned, "none").outcome != "holds"


def test_more_references_are_more_references(study: ReferenceStudy, rows: pd.DataFrame) -> None:
    growth = reference_attacks.by_references(study, attacks=("rmia", "lira", "lira-own-variance"))
    assert growth["value"].unique().tolist() == [2, 4]
    every = growth[(growth["value"] == 4) & (growth["attack"] == "rmia")]["auc"]
    units = reference_models.by_attack(rows)
    assert every.tolist() == pytest.approx(units[units["defenses"] == "rmia"]["auc"].tolist())
    chosen = reference_attacks.growth_claims(growth)
    assert [verdict.claim.of for verdict in claims.judged(chosen, growth)] == ["4 references"] * 3
    fig, alt = reference_attacks.over_references(growth)
    assert "rmia: AUC" in alt and len(fig.legends) == 1 and all(ax.get_legend() is None for ax in fig.axes)
    with pytest.raises(SettingsError, match="references"):
        reference_attacks.by_references(study, [3])

    best = reference_models.by_strongest(rows)
    assert set(best["defenses"]) == {"none", "masking"} and (best["attack"] == "strongest").all()
    for name, group in best.groupby("defenses"):
        means = reference_models.by_attack(rows, name).groupby("defenses")["auc"].mean()
        assert group["named"].unique().tolist() == [means.idxmax()]


def test_only_the_biased_split_lies() -> None:
    noise = reference_attacks.by_split(models=(8,), examples=4_000, seeds=6)
    chosen = reference_attacks.split_claims(8)
    coins, half, pairs = "independent coins", "exactly half", "complementary pairs"
    assert [design for _, design in chosen] == [pairs, coins, half] == list(reference_attacks.SPLITS.values())
    assert claims.judged(chosen, noise)[2].outcome == "holds"
    fair = noise[noise["attack"] != half].groupby("attack")["auc"].mean()
    assert np.abs(fair - 0.5).max() < 0.01
    swapped = noise.assign(attack=noise["attack"].map({pairs: half, half: pairs}))
    turned = claims.judged([chosen[0], chosen[2]], swapped)
    assert turned[0].outcome == "does not hold" and turned[1].outcome != "holds"


@pytest.mark.parametrize(
    ("more", "area", "words"),
    [
        ("holds", "does not hold", "finds more members than the loss, but its AUC is not"),
        ("holds", "holds", "finds more members than the loss; its AUC is the higher one"),
        ("does not hold", "cannot be told", "finds no more members than the loss; which AUC"),
        ("cannot be told", None, "not measurable"),
    ],
)
def test_calibration_is_told_as_it_was_judged(more: str, area: str | None, words: str) -> None:
    judged = zip(reference_attacks.ATTACK_CLAIMS, (more, area), strict=False)
    verdicts = [Verdict(claim, outcome, 0.1, 0.0, 0.2, 3) for claim, outcome in judged if outcome]
    assert words in reference_attacks.calibration_in_words(verdicts)


def test_every_attack_by_name_is_described() -> None:
    table = all_attacks.attacks_reference()
    assert list(table["attack"]) == list(REFERENCE_ATTACKS)
    assert table["attack"].is_unique and (table[["what it compares", "source"]].map(len) > 5).all(axis=None)
    assert list(map(wording.spelt, ("t-lira-offline", "rmia", "attack-p"))) == ["t-LiRA-offline", "RMIA", "attack-p"]


@pytest.fixture(scope="module")
def risk(study: ReferenceStudy) -> pd.DataFrame:
    return vulnerability(study, (), "t-lira", level=0.05)


def test_images_at_risk_are_the_ends_of_the_table(study: ReferenceStudy, risk: pd.DataFrame) -> None:
    fig, alt = who_is_at_risk.images_at_risk(study, risk, 3)
    ordinary = risk[~risk["canary"]]
    first, last = ordinary.iloc[0], ordinary.iloc[-1]
    assert len(fig.axes) == 6 and all(len(ax.images) == 1 for ax in fig.axes)
    for words, row in (("most at risk: ", first), ("least at risk: ", ordinary.iloc[-3])):
        found = f"({round(row['found'] * row['targets'])} of {row['targets']})"
        assert f"{words}{study.dataset.classes[row['label']]} {found}" in alt
    assert (first["found"], last["found"]) == (ordinary["found"].max(), ordinary["found"].min())
    assert "<image" in themed_svg(fig, name="images", alt=alt)


def test_spread_is_set_beside_equal_risk() -> None:
    table = pd.DataFrame({"canary": False, "targets": 2, "found": [0.0, 0.0, 1.0, 1.0]})
    _, alt, always = who_is_at_risk.spread_of_risk(table)
    assert "observed: 0.50, 0.00, 0.50; equal risk: 0.25, 0.50, 0.25" in alt and always == 0.5
    _, alt, always = who_is_at_risk.spread_of_risk(table.assign(found=np.nan))
    assert "nothing is measurable" in alt and always is None


def test_groups_face_one_threshold(study: ReferenceStudy, risk: pd.DataFrame) -> None:
    groups = who_is_at_risk.by_group(study, level=0.05)
    assert len(groups) == 2 * 3 * 3
    undefended = claims.side_by_side(groups)
    means = undefended.groupby("defenses")["found"].mean()
    ordinary = risk[~risk["canary"]]
    expected = (ordinary["found"] * ordinary["targets"]).sum() / ordinary["targets"].sum()
    assert means[who_is_at_risk.AVERAGE] == pytest.approx(expected, abs=0.02)
    assert means[who_is_at_risk.AT_RISK] > means[who_is_at_risk.AVERAGE]
    defenses, _, group = who_is_at_risk.widest(groups).partition(", for ")
    means = groups.groupby(["defenses", "attack"])["found"].mean().unstack()
    gaps = means.sub(means["average"], axis=0)
    defenses = "none" if defenses == "without a defense" else defenses.removeprefix("under ")
    assert gaps.loc[defenses, group.removeprefix("those ")] == gaps.max(axis=None)
    assert who_is_at_risk.widest(groups.assign(found=np.nan)) == "not measurable"
    assert who_is_at_risk.by_group(study, level=0.001)["found"].isna().all(), "too few non-members for this level"


def test_groups_of_a_recorded_study_are_the_average_and_its_canaries(rows: pd.DataFrame) -> None:
    groups = who_is_at_risk.recorded_groups(rows.assign(epochs=50))
    assert groups["attack"].value_counts().to_dict() == {who_is_at_risk.AVERAGE: 2 * 3}, "too few canaries for 1% FPR"
    of_pool = rows["examples"].eq("pool") & rows["target"].ne("all") & rows["defenses"].eq("none")
    wanted = rows[of_pool & rows["attack"].eq("t-lira")]["tpr_at_fpr_0.01"]
    average = groups[(groups["attack"] == who_is_at_risk.AVERAGE) & (groups["defenses"] == "none")]["found"]
    assert average.mean() == pytest.approx(wanted.astype(float).mean())
    earlier = rows.assign(epochs=20, **{"tpr_at_fpr_0.01": 0.5})
    both = who_is_at_risk.recorded_groups(pd.concat([earlier, rows.assign(epochs=50)]))
    pd.testing.assert_frame_equal(both, groups)


def test_the_most_at_risk_are_not_picked_by_their_own_targets(tmp_path) -> None:
    silent = made_study(tmp_path, signal=0.0, record=(), attacks=ATTACKS)
    noise = claims.side_by_side(who_is_at_risk.by_group(silent, "t-lira", level=0.1))
    (verdict,) = claims.judged([(who_is_at_risk.GROUP_CLAIMS[1], "none")], noise)
    assert verdict.outcome != "holds"


def test_parts_by_difficulty_are_all_ordinary_members(study: ReferenceStudy) -> None:
    parts = who_is_at_risk.by_difficulty(study, level=0.05)
    assert parts["value"].unique().tolist() == [1, 2, 3, 4, 5] and len(parts) == 15
    turned = parts.assign(defenses=[f"part {6 - value}" for value in parts["value"]])
    claim = claims.on("t-lira", [who_is_at_risk.DIFFICULTY_CLAIM])
    verdict, other = (claims.judged(claim, table)[0] for table in (parts, turned))
    assert other.difference == pytest.approx(-verdict.difference)


def test_claims_on_what_was_not_measured_are_left_out(study: ReferenceStudy) -> None:
    groups = who_is_at_risk.by_group(study, level=0.05)
    chosen, undefended = claims.on("none", who_is_at_risk.GROUP_CLAIMS), claims.side_by_side(groups)
    assert len(claims.judged(chosen, undefended)) == 2
    assert len(claims.judged(chosen, undefended[undefended["defenses"] != "canaries"])) == 1
    assert claims.judged(chosen, undefended.assign(found=np.nan)) == []
