"""Reference models: who is compared with whom, statistics, small attacks by hand, known answers."""

import itertools

import numpy as np
import pytest

from mia_core.base.errors import ArrayError, SettingsError
from mia_core.gate.posteriors import softmax
from mia_core.references import References
from mia_core.references.attack_r import attack_r
from mia_core.references.calibrated_loss import difficulty_calibrated, memorisation
from mia_core.references.label_only import fit_logistic, label_only
from mia_core.references.outputs import BLOCK, held_out
from mia_core.references.rmia import BaseSettings, RmiaSettings, base, ratio, rmia
from mia_core.references.statistics import STATISTICS, correctness, hinge_statistic
from mia_core.references.summaries import summarise
from mia_core.references.target_alone import attack_p
from reference_attacks import small

# The data class


def test_rows_leave_out_target_and_partner():
    statistics, members = small()
    assert References(statistics, members, 4, 5).rows.tolist() == [0, 1, 2, 3, 6, 7]
    assert References(statistics, members, 5, 4, asked=2).rows.tolist() == [0, 1]
    assert References(statistics, members, 0, None).rows.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert np.flatnonzero(held_out(members)).tolist() == list(range(60, 110))
    inside, outside = References(statistics, members, 3, 2).counts()
    assert (inside[:60] == 3).all() and (outside[:60] == 3).all() and (inside[60:] == 0).all()


NOT_FINITE = small()[0]
NOT_FINITE[[3, 5], [7, 2]] = np.nan, np.inf


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"asked": 8}, SettingsError, "for 8, found 6"), ({"asked": 0}, SettingsError, "for 0, found 6"),
        ({"target": 8}, SettingsError, "0 to 7, found 8"), ({"partner": 0}, SettingsError, "found 0 for both"),
        ({"statistics": np.zeros(8)}, ArrayError, r"expected numbers \[M, N\]"),
        ({"statistics": np.zeros((8, 0))}, ArrayError, "none empty"),
        ({"statistics": np.zeros((8, 110), complex)}, ArrayError, "complex128"),
        ({"members": np.zeros((8, 109), bool)}, ArrayError, r"expected bool \(8, 110\)"),
        ({"members": np.zeros((8, 110), int)}, ArrayError, "found int64"),
        ({"statistics": NOT_FINITE}, ArrayError, "2 values that are not finite, first at model 3, example 7"),
        ({"statistics": np.zeros((2, 9)), "members": np.eye(2, 9) > 0}, ArrayError, "found 2 models, no reference"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change, error, words):
    statistics, members = small()
    References(np.full((8, 110), 1e308), members, 0, 1)  # its sum overflows, its values are finite
    with pytest.raises(error, match=words) as caught:
        References(**({"statistics": statistics, "members": members, "target": 0, "partner": 1} | change))
    assert "\n" not in str(caught.value)


def test_blocks_cover_all_examples_once_and_leave_no_single_one():
    members = np.zeros((3, BLOCK + 1), bool)
    references = References(np.zeros((3, BLOCK + 1), np.float32), members, 0, None)
    blocks = list(references.columns())
    assert len(blocks) > 1 and blocks[0].start == 0 and blocks[-1].stop == BLOCK + 1
    assert all(a.stop == b.start for a, b in itertools.pairwise(blocks))
    assert min(b.stop - b.start for b in blocks) > 1
    assert [b.stop for b in References(np.zeros((3, 1)), members[:, :1], 0, None).columns()] == [1]


def test_summaries_are_numpys():
    statistics, members = small(models=12, pool=40)
    references = References(statistics, members, 2, 3)
    for side, wanted in zip(summarise(references, median=True), (True, False), strict=True):
        for j in range(references.examples):
            values = statistics[references.rows, j][members[references.rows, j] == wanted]
            assert side.count[j] == len(values)
            expected = [values.mean(), values.var() * len(values), np.median(values)] if len(values) else [0, 0, 0]
            np.testing.assert_allclose([side.mean[j], side.squares[j], side.median[j]], expected, atol=1e-12)


# Statistics


def test_statistics_by_hand_and_from_posteriors():
    logits = np.array([[2.0, 0.0, 1.0], [0.0, 5.0, 3.0]])
    labels = np.array([0, 2])
    assert hinge_statistic(logits, labels).tolist() == [1.0, -2.0]
    np.testing.assert_allclose(hinge_statistic(np.log(softmax(logits)), labels), [1.0, -2.0])
    p = softmax(logits)[[0, 1], labels]
    np.testing.assert_allclose(STATISTICS["logit"](np.log(softmax(logits)), labels), np.log(p / (1 - p)))
    np.testing.assert_allclose(STATISTICS["probability"](logits[None], labels)[0], p)
    np.testing.assert_allclose(STATISTICS["log-likelihood"](logits, labels), np.log(p))
    assert correctness(logits, labels).tolist() == [1.0, 0.0]


# The small attacks


def test_attack_r_attack_p_calibration_and_memorisation_by_hand():
    statistics = np.array([[1.0, 5.0, 2.0], [0.0, 6.0, 2.0], [2.0, 4.0, 2.0], [3.0, 1.0, 4.0]])
    members = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], bool)
    references = References(statistics, members, 0, None)
    assert attack_r(references).tolist() == [0.5, 1.0, 0.0]
    assert difficulty_calibrated(references).tolist() == [0.0, 1.0, 0.0]
    assert memorisation(references).tolist() == [2.0, -0.5, 1.0]
    assert attack_p(np.array([1.0, 2.0, 9.0]), np.array([1.0, 1.0, 2.0, 4.0])).tolist() == [0.5, 0.75, 1.0]


def test_label_only_is_scikit_learns_regression():
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    features = np.concatenate([random.integers(0, 2, (40, 12, 3)), np.ones((40, 12, 1))], axis=2).astype(float)
    targets = random.random((40, 12)) < 0.5
    targets[:, 0], targets[:, 1] = True, False
    targets[0] = features[0, :, 0] > 0  # separable
    targets[1, 2:] = True  # one against all others
    weights = fit_logistic(features, targets, c=2.0)
    for j in range(40):
        model = LogisticRegression(C=2.0, tol=1e-10, max_iter=10000).fit(features[j, :, :3], targets[j])
        np.testing.assert_allclose(weights[j], [*model.coef_[0], model.intercept_[0]], atol=1e-4)


# Known answers


def test_published_answers_on_eight_models(answers):
    known = answers["eight_models_case"]
    start = {key.split(" ")[0].rstrip(":"): value for key, value in known.items()}
    p = STATISTICS["probability"](known["logits"], known["labels"])
    z = STATISTICS["probability"](known["z_logits"], known["z_labels"])
    members = np.array(known["keep"], bool)
    references, logs = References(p, members, 0, 1), References(np.log(p), members, 0, 1)
    population = References(z, np.zeros(z.shape, bool), 0, 1)
    for name, scores in {
        "hinge_on_logits_of_target": hinge_statistic(known["logits"], known["labels"])[0],
        "attack_r": attack_r(logs),
        "attack_p": 1 - attack_p(np.log(p[0]), np.log(z[0])),
        "memorisation": memorisation(references),
        "base_online_temperature_1": base(references),
        "base_offline_temperature_1_c_1": base(references, BaseSettings(form="offline", c=1.0)),
        "z_ratios_online": ratio(population),
        "rmia_online_gamma_1": rmia(references, population),
        "rmia_offline_gamma_1_a_0.3": rmia(references, population, RmiaSettings(form="offline", a=0.3)),
    }.items():
        np.testing.assert_allclose(scores, start[name], atol=1e-9, err_msg=name)


def test_published_answer_of_label_only(answers):
    known = answers["label_only_from_references"]
    right, members = np.array(known["correct"], float)[:, None], np.array(known["member"], bool)[:, None]
    scores = [label_only(References(right, members, row, None))[0] for row in range(len(right))]
    np.testing.assert_allclose(scores, known["scores"], atol=1e-4)
