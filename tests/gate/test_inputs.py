"""The gate for arrays: what is read, what is refused and in which words, what is only suspicious."""

import re
import warnings

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from arrays import LABELS, MEMBERS, POSTERIORS, base, refusal, six
from mia_core.base.errors import MiaWarning
from mia_core.gate.arrays import check_scores
from mia_core.gate.outputs import check_outputs
from mia_core.gate.posteriors import softmax
from mia_core.gate.suspicions import _found_again, warn_if_same


def test_clean_arrays_come_out_normalised():
    outputs = check_outputs(**six())
    assert outputs.posteriors.dtype == np.float64 and outputs.posteriors.shape == (6, 3)
    assert outputs.members.dtype == bool and outputs.members.tolist() == [True] * 3 + [False] * 3
    assert outputs.labels.dtype == np.int64 and outputs.logits is None and outputs.notes == ()
    assert outputs.classes == 3 and outputs.correct.tolist() == [True] * 5 + [False]
    rounded = np.round(POSTERIORS, 4)  # accepted and never renormalised
    assert np.array_equal(check_outputs(**six(posteriors=rounded)).posteriors, rounded)


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "<f2", ">f2", np.longdouble])
def test_any_float_type_and_byte_order(dtype):
    outputs = check_outputs(**six(posteriors=POSTERIORS.astype(dtype)))
    np.testing.assert_allclose(outputs.posteriors, POSTERIORS, atol=1e-3)
    assert outputs.posteriors.dtype == np.float64 and outputs.posteriors.dtype.isnative


@pytest.mark.parametrize(
    "twist", [np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2], list, np.ndarray.tolist]
)
def test_any_memory_layout_and_nested_lists(twist):
    assert np.array_equal(check_outputs(**six(posteriors=twist(POSTERIORS))).posteriors, POSTERIORS)


@pytest.mark.parametrize("dtype", [bool, "u1", "i1", ">i4", "u8", "f2", ">f8"])
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_any_coding_of_membership_as_zero_and_one(dtype, shape):
    outputs = check_outputs(**six(members=MEMBERS.astype(dtype).reshape(shape)))
    assert outputs.members.tolist() == [True] * 3 + [False] * 3


@pytest.mark.parametrize("labels", [
    LABELS.reshape(6, 1), LABELS.astype(">f4"), LABELS.astype("u1"), np.eye(3)[LABELS], np.eye(3, dtype=bool)[LABELS],
])  # fmt: skip
def test_labels_as_column_float_and_one_hot(labels):
    assert check_outputs(**six(labels=labels)).labels.tolist() == LABELS.tolist()


def test_conversions_are_noted():
    outputs = check_outputs(**six(labels=np.eye(3)[LABELS], members=MEMBERS.reshape(6, 1)))
    assert outputs.notes == ("members: shape (6, 1) read as (6,)", "labels: one-hot (6, 3) read as (6,)")


def test_logits_alone_give_their_softmax_and_are_kept_with_posteriors_that_agree():
    logits = np.log(POSTERIORS) + 5
    outputs = check_outputs(**six(posteriors=None, logits=logits))
    np.testing.assert_allclose(outputs.posteriors, POSTERIORS, rtol=1e-12)
    assert np.array_equal(outputs.logits, logits)
    outputs = check_outputs(**six(logits=np.log(POSTERIORS).astype("f4")))
    assert np.array_equal(outputs.posteriors, POSTERIORS) and outputs.logits is not None


def test_logits_of_minus_infinity_are_posteriors_of_zero():
    logits = np.array([[2.0, -np.inf, 1.0], [-np.inf, 0.0, -np.inf]])
    outputs = check_outputs(logits=logits, members=[1, 0])
    np.testing.assert_allclose(outputs.posteriors, [[np.e / (1 + np.e), 0, 1 / (1 + np.e)], [0, 1, 0]])
    assert np.array_equal(check_outputs(logits=logits, posteriors=outputs.posteriors, members=[1, 0]).logits, logits)


def bad(value):
    array = POSTERIORS.copy()
    array[2, 1] = value
    return array


REFUSED = {
    "posteriors": [
        (None, "no posteriors and no logits"), (POSTERIORS.astype(str), "posteriors: found text"),
        (bad(np.nan), "found 1 value not finite.*row 2"), (bad(np.inf), "found 1 value not finite.*row 2"),
        (POSTERIORS * 100, "percents.*divide by 100"), ((POSTERIORS * 100).round().astype(int), "percents"),
        (POSTERIORS * 255, "6 of 6 rows that do not sum to 1"), (bad(0.2), "1 of 6 rows that do not sum to 1 .row 2"),
        (np.log(POSTERIORS), "negative values.*log-probabilities.*logits"),
        (np.log(POSTERIORS) + 1, "negative value.*logits"), (POSTERIORS.astype(complex), "found complex numbers"),
        (POSTERIORS.astype(object), "found Python objects"), ([[0.5, 0.5], [1.0]], "found no array"),
        (np.ma.masked_greater(POSTERIORS, 0.85), "1 masked value"), (np.float64(0.5), r"posteriors \(\)"),
        *((p, r"shape \(6,.*: a single probability .*two columns") for p in (POSTERIORS[:, :1], POSTERIORS[:, 0])),
        (POSTERIORS[:, 0] * 40 + 20, "a single number from 2[0-9.]* to 5[0-9.]* .as of a regression.*has no classes"),
        (np.log(POSTERIORS[:, :1]), "a single number from -.*as of a regression"), (1 - POSTERIORS, "multi-label"),
        (POSTERIORS * 1.05, "renormalise cut or rounded"), (POSTERIORS * 40 + 10, "above 1 are logits.*regression"),
        (POSTERIORS[:, None], r"shape \(6, 1, 3\)"), (POSTERIORS[:5], r"posteriors \(5, 3\), members \(6,\)"),
        (POSTERIORS.T, r"posteriors \(3, 6\), members \(6,\).*same number of rows"),
    ],
    "logits": [
        (np.log(POSTERIORS)[::-1], "posteriors and logits that contradict each other in 6 rows"),
        (np.zeros((6, 4)), r"posteriors \(6, 3\), logits \(6, 4\)"),
        (bad(-np.inf), "contradict each other in 6 rows"), (bad(np.inf), "logits: found 1 value not finite.*row 2"),
        (POSTERIORS[:, :1], r"logits: found shape \(6, 1\): a single logit .*two columns"),
        (np.where(np.arange(6)[:, None] > 3, -np.inf, POSTERIORS), "6 values not finite.*row 4.*next to a finite one"),
    ],
    "members": [
        (None, "members: missing"), ([1] * 6, "6 members, 0 non-members"), ([False] * 6, "0 members, 6 non-members"),
        ([1, 1, 1, -1, -1, -1], "values -1, 1; expected 1 .* = member"),
        ([1, 1, 1, 2, 2, 2], "values 1, 2; expected 1 .* = member"), ([0.9, 0.1, 1, 0, 0, 1], "values 0, 0.1, 0.9, 1"),
        (["in"] * 3 + ["out"] * 3, "members: found text.*= member"), (MEMBERS[None], "same number of rows"),
        ([1, 1, np.nan, 0, 0, 0], "members: found 1 value not finite"),
        (np.eye(2)[MEMBERS], r"members: found shape \(6, 2\)"),
    ],
    "labels": [
        ([1, 2, 3, 1, 2, 2], "labels: found 1 value outside.*0 ... 2.*count from 1"),
        ([0, 1, 2, 0, 1, -1], "labels: found 1 value outside.*row 5: -1"),
        ([0, 1, 2, 0, 1, 1e300], "labels: found 1 value outside"), ([0, 1, 2, 0, 1, 0.5], "labels: found 0.5 in row 5"),
        (list("catdog"), "labels: found text"), (np.eye(3)[LABELS] * 0.9 + 0.1 / 3, "not one-hot"),
        ((np.eye(3)[LABELS] + np.eye(3)[0] > 0), "rows that are not one-hot, as of a multi-label model"),
        (POSTERIORS[:, 0] * 40 + 0.5, "found 36.5 in row 0.*a regression has no classes"),
        (np.eye(4)[LABELS], r"labels: found shape \(6, 4\)"), (LABELS[:5], r"labels \(5,\)"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value", "words"), [(name, *row) for name, rows in REFUSED.items() for row in rows])
def test_refused_with_array_found_and_expected(name, value, words):
    message = refusal(check_outputs, **{"members": None, **six(**{name: value})}, source="t.npz")
    assert message.startswith("t.npz: ") and re.search(words, message), message


def test_refused_without_examples_and_with_logits_alone():
    assert "no examples" in refusal(check_outputs, posteriors=np.zeros((0, 3)), members=[])
    assert "logits: found 1 value not finite" in refusal(check_outputs, logits=bad(np.nan), members=MEMBERS)


def test_foreign_objects_that_fail_to_convert_are_refused():
    class Stubborn:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("on another\ndevice")

    assert "on another device" in refusal(check_outputs, **six(posteriors=Stubborn()))


@pytest.mark.parametrize(("scores", "members", "words"), [
    ([1, np.nan, 2], [1, 0, 1], "1 value not finite.*row 1"), ([1, -np.inf, 2], [1, 0, 1], "1 value not finite.*row 1"),
    ([1, 2], [1, 0, 1], r"scores \(2,\), members \(3,\)"), ([[1, 2], [3, 4]], [1, 0], r"scores: found shape \(2, 2\)"),
    ([1, 2, 3], [1, 1, 1], "3 members, 0 non-members"), ([], [], "no examples"),
    (["a", "b"], [1, 0], "scores: found text"),
])  # fmt: skip
def test_scores_refused(scores, members, words):
    assert re.search(words, refusal(check_scores, scores, members))


def test_scores_of_any_kind_come_out_as_floats():
    scores, members = check_scores(np.array([[3], [1]], dtype=">i2"), [True, False])
    assert scores.dtype == np.float64 and scores.tolist() == [3, 1] and members.tolist() == [True, False]


# Suspicions


def warned(action, *arguments, **named):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action(*arguments, **named)
    assert all(item.category is MiaWarning for item in caught)
    return [str(item.message) for item in caught]


def test_members_classified_worse_than_non_members():
    arrays = base("target")
    assert warned(check_outputs, **arrays) == []
    (message,) = warned(check_outputs, **{**arrays, "members": 1 - arrays["members"]})
    assert "members are classified worse (0.570) than non-members (0.977)" in message


def test_labels_that_have_nothing_to_do_with_the_predictions():
    arrays = base("target")
    for labels in (np.random.default_rng(0).permutation(arrays["labels"]), (arrays["labels"] + 1) % 10):
        messages = warned(check_outputs, **{**arrays, "labels": labels})
        assert any("chance alone gives 0.1" in message for message in messages)


def test_logits_that_look_like_posteriors():
    (message,) = warned(check_outputs, logits=POSTERIORS, members=MEMBERS)
    assert "logits: every row is non-negative and sums to 1" in message


def same(shadow, target):
    sides = [check_outputs(**side, source=name) for side, name in ((shadow, "s.npz"), (target, "t.npz"))]
    return warned(warn_if_same, *sides)


def noisy(seed, rows=400):
    random = np.random.default_rng(seed)
    return {"logits": random.normal(size=(rows, 10)) * 3, "members": np.arange(rows) % 2}


@pytest.mark.parametrize("arrays", [base("target"), noisy(0)], ids=["posteriors", "logits"])
def test_one_model_on_both_sides_is_noticed_however_it_was_saved(arrays):
    order = np.random.default_rng(1).permutation(len(arrays["members"]))
    assert "hold the same rows" in same(arrays, {name: array[order] for name, array in arrays.items()})[0]
    recoded = {**arrays, "members": 1 - arrays["members"]}
    recoded.pop("labels", None)
    assert "hold the same rows" in same(arrays, recoded)[0]


def test_rows_in_common_are_noticed():
    arrays = noisy(0)
    part = {name: array[:-3] for name, array in arrays.items()}
    assert "share about 397 rows" in same(arrays, part)[0]


@pytest.mark.parametrize("saved", ["rounded", "f2", ">f4", "f8"])
def test_half_of_one_model_is_noticed_in_another_precision_and_order(saved):
    arrays = noisy(0, 2000)
    chosen = np.random.default_rng(1).permutation(2000)[:1200]
    posteriors = softmax(arrays["logits"][chosen])
    posteriors = posteriors.round(4) if saved == "rounded" else posteriors.astype(saved)
    part = {"posteriors": posteriors, "members": arrays["members"][chosen]}
    assert same(arrays, part) and same(part, arrays)
    mixed = np.concatenate([part["posteriors"], softmax(noisy(2, 800)["logits"])])
    assert "share about " in same(arrays, {"posteriors": mixed, "members": np.arange(2000) % 2})[0]


def test_bare_classes_of_two_models_may_be_equally_many():
    random = np.random.default_rng(0)
    classes = np.repeat(np.arange(10), 40)
    one, other = ({"posteriors": np.eye(10)[random.permutation(classes)], "members": np.arange(400) % 2} for _ in "12")
    assert same(one, other) == [] and same(one, one)


def test_different_models_are_not_taken_for_one():
    assert same(base("shadow"), base("target")) == []
    assert same(noisy(0), noisy(1)) == []
    coarse = [softmax(noisy(seed)["logits"]).round(1) for seed in (0, 1)]
    assert same(*({"posteriors": p / p.sum(1, keepdims=True), "members": np.arange(400) % 2} for p in coarse)) == []
    two = [{"logits": noisy(s, 4000)["logits"][:, :2], "members": np.arange(4000) % 2} for s in (0, 1)]
    assert same(*two) == [], "in few classes independent rows lie close together"
    assert same(noisy(0), {"logits": np.zeros((400, 2)), "members": np.arange(400) % 2}) == []


def test_only_rows_that_are_near_are_compared_and_the_share_is_that_of_all():
    random = np.random.default_rng(0)
    ours = softmax(random.normal(size=(300, 6)) * 3)
    theirs = [ours[random.integers(300, size=900)], softmax(random.normal(size=(900, 6)) * 3)]
    theirs[0] += random.choice([0, 1e-10, 5e-4, 1e-3, 2e-3, 6e-3], 900)[:, None] * random.uniform(-1, 1, (900, 6))
    nearest, second = np.sort(cdist(ours, np.concatenate(theirs), "chebyshev"), axis=1)[:, :2].T
    told = second > 1e-9
    found = nearest[told] <= np.minimum(1e-3, 0.2 * second[told])
    assert 0.1 < found.mean() < 0.9 and _found_again(ours, np.concatenate(theirs)) == found.mean()
