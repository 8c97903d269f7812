"""The gate for arrays: what is read, what is refused and in which words, what is only suspicious."""

import io
import os
import pickle
import re
import struct
import warnings
import zipfile

import numpy as np
import pytest
from arrays import base, rows_of, save

from mia_core.errors import ArrayError, MiaWarning
from mia_core.inputs import check_outputs, check_scores
from mia_core.outputs_file import read_outputs, read_scores
from mia_core.posteriors import softmax
from mia_core.suspicions import warn_if_same


def refusal(action, *arguments, **named):
    """The message of the `ArrayError` that the call must raise, checked to be one line without a Python repr."""
    with pytest.raises(ArrayError) as caught:
        action(*arguments, **named)
    message = str(caught.value)
    assert "\n" not in message and "np." not in message
    return message


def small(**changes):
    """Outputs of six examples, with some arrays changed."""
    posteriors = rows_of([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [0, 1, 2, 0, 1, 2], classes=3)
    arrays = {"posteriors": posteriors, "members": [1, 1, 1, 0, 0, 0], "labels": [0, 1, 2, 0, 1, 1]}
    return {name: value for name, value in {**arrays, **changes}.items() if value is not None}


POSTERIORS = small()["posteriors"]
MEMBERS = np.array([1, 1, 1, 0, 0, 0])
LABELS = np.array([0, 1, 2, 0, 1, 1])


def test_clean_arrays_come_out_normalised():
    outputs = check_outputs(**small())
    assert outputs.posteriors.dtype == np.float64 and outputs.posteriors.shape == (6, 3)
    assert outputs.members.dtype == bool and outputs.members.tolist() == [True] * 3 + [False] * 3
    assert outputs.labels.dtype == np.int64 and outputs.logits is None and outputs.notes == ()
    assert outputs.classes == 3 and outputs.correct.tolist() == [True] * 5 + [False]


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "<f2", ">f2", np.longdouble])
def test_any_float_type_and_byte_order(dtype):
    outputs = check_outputs(**small(posteriors=POSTERIORS.astype(dtype)))
    np.testing.assert_allclose(outputs.posteriors, POSTERIORS, atol=1e-3)
    assert outputs.posteriors.dtype == np.float64 and outputs.posteriors.dtype.isnative


@pytest.mark.parametrize(
    "twist", [np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2], list, np.ndarray.tolist]
)
def test_any_memory_layout_and_nested_lists(twist):
    assert np.array_equal(check_outputs(**small(posteriors=twist(POSTERIORS))).posteriors, POSTERIORS)


@pytest.mark.parametrize("dtype", [bool, "u1", "i1", ">i4", "u8", "f2", ">f8"])
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_any_coding_of_membership_as_zero_and_one(dtype, shape):
    outputs = check_outputs(**small(members=MEMBERS.astype(dtype).reshape(shape)))
    assert outputs.members.tolist() == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    "labels",
    [LABELS.reshape(6, 1), LABELS.astype(">f4"), LABELS.astype("u1"), np.eye(3)[LABELS], np.eye(3, dtype=bool)[LABELS]],
)
def test_labels_as_column_float_and_one_hot(labels):
    assert check_outputs(**small(labels=labels)).labels.tolist() == LABELS.tolist()


def test_conversions_are_noted():
    outputs = check_outputs(**small(labels=np.eye(3)[LABELS], members=MEMBERS.reshape(6, 1)))
    assert outputs.notes == ("members: shape (6, 1) read as (6,)", "labels: one-hot (6, 3) read as (6,)")


def test_logits_alone_give_their_softmax():
    logits = np.log(POSTERIORS) + 5
    outputs = check_outputs(**small(posteriors=None, logits=logits))
    np.testing.assert_allclose(outputs.posteriors, POSTERIORS, rtol=1e-12)
    assert np.array_equal(outputs.logits, logits)


def test_posteriors_and_logits_that_agree_are_both_kept():
    outputs = check_outputs(**small(logits=np.log(POSTERIORS).astype("f4")))
    assert np.array_equal(outputs.posteriors, POSTERIORS) and outputs.logits is not None


def bad(value, row=2, column=1, array=POSTERIORS):
    array = np.array(array, dtype=np.float64)
    array[row, column] = value
    return array


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"posteriors": None}, "no posteriors and no logits"),
        ({"members": None}, "members: missing"),
        ({"posteriors": bad(np.nan)}, "posteriors: found 1 value not finite.*row 2"),
        ({"posteriors": bad(np.inf)}, "posteriors: found 1 value not finite.*row 2"),
        ({"posteriors": None, "logits": bad(-np.inf)}, "logits: found 1 value not finite.*row 2"),
        ({"posteriors": POSTERIORS * 100}, "percents.*divide by 100"),
        ({"posteriors": (POSTERIORS * 100).round().astype(int)}, "percents"),
        ({"posteriors": POSTERIORS * 255}, "6 of 6 rows that do not sum to 1"),
        ({"posteriors": np.log(POSTERIORS)}, "negative values.*log-probabilities.*logits"),
        ({"posteriors": np.log(POSTERIORS) + 1}, "negative value.*logits"),
        ({"posteriors": bad(0.2)}, "1 of 6 rows that do not sum to 1 .row 2"),
        ({"posteriors": POSTERIORS.astype(complex)}, "posteriors: found complex numbers"),
        ({"posteriors": POSTERIORS.astype(str)}, "posteriors: found text"),
        ({"posteriors": POSTERIORS.astype(object)}, "posteriors: found Python objects"),
        ({"posteriors": [[0.5, 0.5], [1.0]]}, "posteriors: found no array"),
        ({"posteriors": np.ma.masked_greater(POSTERIORS, 0.85)}, "1 masked value"),
        ({"posteriors": POSTERIORS[:, :1]}, r"shape \(6, 1\).*two columns"),
        ({"posteriors": POSTERIORS[:, 0]}, r"shape \(6,\).*two columns"),
        ({"posteriors": POSTERIORS[:, None]}, r"shape \(6, 1, 3\)"),
        ({"posteriors": POSTERIORS.T}, r"posteriors \(3, 6\), members \(6,\).*same number of rows"),
        ({"posteriors": POSTERIORS[:5]}, r"posteriors \(5, 3\), members \(6,\)"),
        ({"posteriors": np.float64(0.5)}, r"posteriors \(\)"),
        ({"posteriors": np.zeros((0, 3)), "members": [], "labels": None}, "no examples"),
        ({"logits": np.log(POSTERIORS)[::-1]}, "posteriors and logits that contradict each other in 6 rows"),
        ({"logits": np.zeros((6, 4))}, r"posteriors \(6, 3\), logits \(6, 4\)"),
        ({"members": [1, 1, 1, 1, 1, 1]}, "6 members, 0 non-members"),
        ({"members": [False] * 6}, "0 members, 6 non-members"),
        ({"members": [1, 1, 1, -1, -1, -1]}, "values -1, 1; expected 1 .* = member"),
        ({"members": [1, 1, 1, 2, 2, 2]}, "values 1, 2; expected 1 .* = member"),
        ({"members": [0.9, 0.1, 1, 0, 0, 1]}, "values 0, 0.1, 0.9, 1"),
        ({"members": ["in", "in", "in", "out", "out", "out"]}, "members: found text.*= member"),
        ({"members": [1, 1, np.nan, 0, 0, 0]}, "members: found 1 value not finite"),
        ({"members": np.eye(2)[MEMBERS]}, r"members: found shape \(6, 2\)"),
        ({"members": MEMBERS[None]}, "same number of rows"),
        ({"labels": [1, 2, 3, 1, 2, 2]}, "labels: found 1 value outside.*0 ... 2.*count from 1"),
        ({"labels": [0, 1, 2, 0, 1, -1]}, "labels: found 1 value outside.*row 5: -1"),
        ({"labels": [0, 1, 2, 0, 1, 1e300]}, "labels: found 1 value outside"),
        ({"labels": [0, 1, 2, 0, 1, 0.5]}, "labels: found 0.5 in row 5"),
        ({"labels": list("catdog")}, "labels: found text"),
        ({"labels": np.eye(3)[LABELS] * 0.9 + 0.1 / 3}, "not one-hot"),
        ({"labels": np.eye(4)[LABELS]}, r"labels: found shape \(6, 4\)"),
        ({"labels": LABELS[:5]}, r"labels \(5,\)"),
    ],
)
def test_refused_with_array_found_and_expected(changes, words):
    arrays = {"members": None, **small(**changes)}
    message = refusal(check_outputs, **arrays, source="t.npz")
    assert message.startswith("t.npz: ") and re.search(words, message), message


def test_foreign_objects_that_fail_to_convert_are_refused():
    class Stubborn:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("on another\ndevice")

    assert "on another device" in refusal(check_outputs, **small(posteriors=Stubborn()))


def test_rounding_of_a_row_is_accepted_and_never_renormalised():
    rounded = np.round(POSTERIORS, 4)
    assert np.array_equal(check_outputs(**small(posteriors=rounded)).posteriors, rounded)


@pytest.mark.parametrize(
    ("scores", "members", "words"),
    [
        ([1, np.nan, 2], [1, 0, 1], "1 value not finite.*row 1"),
        ([1, -np.inf, 2], [1, 0, 1], "1 value not finite.*row 1"),
        ([1, 2], [1, 0, 1], r"scores \(2,\), members \(3,\)"),
        ([[1, 2], [3, 4]], [1, 0], r"scores: found shape \(2, 2\)"),
        ([1, 2, 3], [1, 1, 1], "3 members, 0 non-members"),
        ([], [], "no examples"),
        (["a", "b"], [1, 0], "scores: found text"),
    ],
)
def test_scores_refused(scores, members, words):
    assert re.search(words, refusal(check_scores, scores, members))


def test_scores_of_any_kind_come_out_as_floats():
    scores, members = check_scores(np.array([[3], [1]], dtype=">i2"), [True, False])
    assert scores.dtype == np.float64 and scores.tolist() == [3, 1] and members.tolist() == [True, False]


# Files


def test_named_arrays(tmp_path):
    outputs = read_outputs(save(tmp_path, "named", small()))
    assert outputs.source.endswith("named.npz") and outputs.notes == ()


def test_arrays_saved_by_position(tmp_path):
    outputs = read_outputs(save(tmp_path, "position", [POSTERIORS.astype("f4"), MEMBERS.astype("i4")]))
    assert outputs.members.sum() == 3 and "arr_0 read as posteriors, arr_1 as members" in outputs.notes[0]


def test_error_in_an_array_saved_by_position_names_it(tmp_path):
    message = refusal(read_outputs, save(tmp_path, "position", [POSTERIORS * 100, MEMBERS]))
    assert "position.npz: arr_0 (posteriors): found percents" in message


def test_other_arrays_are_ignored_with_a_note(tmp_path):
    outputs = read_outputs(save(tmp_path, "more", small(labels=None, label=LABELS, seed=3)))
    assert outputs.labels is None and outputs.notes == ("ignored: label, seed; labels?",)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"posterior": POSTERIORS, "members": MEMBERS}, r"posterior \(6, 3\), members \(6,\).*did you mean posteriors"),
        ({"Posteriors": POSTERIORS, "members": MEMBERS}, "did you mean posteriors"),
        ({"posteriors": POSTERIORS}, "members .N. .*= member"),
        ({"arr_0": POSTERIORS}, r"found arr_0 \(6, 3\); expected posteriors or logits"),
        ({"arr_0": MEMBERS, "arr_1": POSTERIORS}, r"arr_0 .posteriors.: found shape \(6,\)"),
        ({"a\nb": POSTERIORS}, "a b"),
        ({}, "no arrays"),
    ],
)
def test_missing_names_are_told_with_what_is_there(tmp_path, arrays, words):
    assert re.search(words, refusal(read_outputs, save(tmp_path, "odd", arrays)))


def test_scores_file(tmp_path):
    scores, members = read_scores(save(tmp_path, "scores", {"scores": [2.0, 1.0], "members": [1, 0]}))
    assert scores.tolist() == [2, 1] and members.tolist() == [True, False]
    assert "expected scores [N], members [N]" in refusal(read_scores, save(tmp_path, "none", small()))


class Bomb:
    """Unpickling this would leave a file behind."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_pickles_are_refused_and_never_opened(tmp_path):
    trace = tmp_path / "executed"
    objects = np.array([Bomb(trace)] * 6, dtype=object)
    path = save(tmp_path, "pickled", {"posteriors": POSTERIORS, "members": objects})
    assert "members: found pickled Python objects" in refusal(read_outputs, path)
    bare = tmp_path / "bare.npz"
    bare.write_bytes(pickle.dumps(Bomb(trace)))
    assert "a pickle" in refusal(read_outputs, bare)
    assert not trace.exists()


def npy_header(shape, descr="<f8"):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (10 + len(text)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin1")


def zipped(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile remarks on the same name twice
        for name, content in entries:
            archive.writestr(name, content)
    return path


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (npy_header((10**9, 10)), "needs 80000000000 bytes, found 0"),
        (npy_header((-6, 3)), "damaged"),
        (npy_header((6, 3), "|S0"), "without content|damaged"),
        (npy_header((6, 3), "|O"), "pickled"),
        (npy_header((6, 3), "nonsense"), "damaged"),
        (npy_header("(" * 300 + ")" * 300), "damaged"),
        (npy(POSTERIORS)[:-8], "needs 144 bytes, found 136"),
        (npy(POSTERIORS) + b"more", "needs 144 bytes, found 148"),
        (b"", "damaged"),
        (b"\x93NUMPY\x09\x00", "damaged"),
        (b"words", "damaged"),
    ],
)
def test_damaged_arrays_inside_a_whole_archive(tmp_path, entry, words):
    path = zipped(tmp_path / "d.npz", [("posteriors.npy", entry), ("members.npy", npy(MEMBERS))])
    message = refusal(read_outputs, path)
    assert "d.npz: posteriors: " in message and re.search(words, message), message


def test_oversized_arrays_are_refused_before_they_are_unpacked(tmp_path):
    path = tmp_path / "large.npz"
    # A directory that claims 3 GiB, as the header does; nothing of that size is ever written or read.
    rows = 3 * 2**30 // 24
    header = npy_header((rows, 3))
    zipped(path, [("members.npy", npy(MEMBERS)), ("posteriors.npy", header)])
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, entry + 24, len(header) + rows * 24)
    path.write_bytes(content)
    assert "at most 2 GiB" in refusal(read_outputs, path)


def test_same_name_twice_and_too_many_entries(tmp_path):
    twice = [("members.npy", npy(MEMBERS)), ("posteriors.npy", npy(POSTERIORS)), ("members.npy", npy(1 - MEMBERS))]
    assert "members: found twice" in refusal(read_outputs, zipped(tmp_path / "twice.npz", twice))
    many = [(f"{number}.npy", b"") for number in range(1001)]
    assert "1001 entries" in refusal(read_outputs, zipped(tmp_path / "many.npz", many))


def test_a_wrong_checksum_is_noticed(tmp_path):
    path = tmp_path / "flipped.npz"
    save(tmp_path, "flipped", small())
    content = bytearray(path.read_bytes())
    content[content.index(POSTERIORS.tobytes()) + 3] ^= 1
    path.write_bytes(content)
    assert "posteriors: damaged: Bad CRC-32" in refusal(read_outputs, path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"PK\x03\x04 and no more", "truncated or damaged"),
        (npy(POSTERIORS), "single .npy array"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"posteriors,members\n0.5,1\n", "another kind of file"),
    ],
)
def test_foreign_files(tmp_path, content, words):
    path = tmp_path / "foreign.npz"
    path.write_bytes(content)
    assert words in refusal(read_outputs, path)


def test_every_truncation_of_a_file_is_refused(tmp_path):
    whole = (tmp_path / "whole.npz", tmp_path / "cut.npz")
    save(tmp_path, "whole", small())
    content = whole[0].read_bytes()
    for length in range(0, len(content), 37):
        whole[1].write_bytes(content[:length])
        refusal(read_outputs, whole[1])


def test_paths_that_are_no_files(tmp_path):
    assert "No such file" in refusal(read_outputs, tmp_path / "none.npz")
    assert "a folder" in refusal(read_outputs, tmp_path)
    assert "empty file name" in refusal(read_outputs, "")
    assert "null" in refusal(read_outputs, "a\0b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    assert "no regular file" in refusal(read_outputs, tmp_path / "pipe.npz")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may read everything")
def test_a_file_without_permission(tmp_path):
    path = save(tmp_path, "secret", small())
    os.chmod(path, 0)
    assert "Permission denied" in refusal(read_outputs, path)


# A file may be damaged anywhere: whatever comes, one line or clean arrays.


def mutated(random, content):
    data = bytearray(content)
    for _ in range(random.integers(1, 6)):
        place = int(random.integers(0, len(data)))
        match random.integers(0, 4):
            case 0:
                data[place] ^= 1 << int(random.integers(0, 8))
            case 1:
                data[place] = int(random.integers(0, 256))
            case 2:
                del data[place : place + int(random.integers(1, 40))]
            case _:
                data[place:place] = random.bytes(int(random.integers(1, 40)))
        if not data:
            break
    return bytes(data)


def odd_array(random):
    shapes = [(), (0,), (6,), (6, 1), (1, 6), (6, 3), (3, 6), (6, 3, 1), (6, 10), (5, 3)]
    shape = shapes[random.integers(len(shapes))]
    types = ["f2", ">f4", "f8", "i1", ">i8", "u8", "?", "c8", "U3", "S2", "M8[s]", "m8[s]", "V4", "i4,f4", "g"]
    dtype = np.dtype(types[random.integers(len(types))])
    if dtype.kind in "fiub":
        return (random.choice([0, 1, 0.5, 1 / 3, -1, 2, 100], size=shape)).astype(dtype)
    return np.zeros(shape, dtype=dtype)


@pytest.mark.parametrize("seed", range(4))
def test_fuzzed_files_are_read_or_refused_in_one_line(tmp_path, seed):
    random = np.random.default_rng(seed)
    path = tmp_path / "fuzz.npz"
    contents = []
    for writer in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        writer(buffer, **small())
        contents.append(buffer.getvalue())
    refused = 0
    for number in range(150):
        if number % 2:
            path.write_bytes(mutated(random, contents[number % 4 // 2]))
        else:
            names = random.choice(["posteriors", "logits", "members", "labels", "arr_0", "arr_1"], 4, replace=False)
            np.savez(path, **{name: odd_array(random) for name in names})
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", MiaWarning)
            try:
                outputs = read_outputs(path)
            except ArrayError as error:
                refused += 1
                assert "\n" not in str(error) and len(str(error)) < 1000
            else:
                assert np.isfinite(outputs.posteriors).all() and 0 < outputs.members.sum() < len(outputs.members)
    assert refused > 100


# Suspicions


def warned(action, *arguments, **named):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action(*arguments, **named)
    assert all(item.category is MiaWarning for item in caught)
    return [str(item.message) for item in caught]


def test_plausible_outputs_raise_no_suspicion():
    assert warned(check_outputs, **base("target")) == []


def test_members_classified_worse_than_non_members():
    arrays = base("target")
    (message,) = warned(check_outputs, **{**arrays, "members": 1 - arrays["members"]})
    assert "members are classified worse (0.570) than non-members (0.977)" in message


def test_labels_that_have_nothing_to_do_with_the_predictions():
    arrays = base("target")
    shuffled = np.random.default_rng(0).permutation(arrays["labels"])
    shifted = (arrays["labels"] + 1) % 10
    for labels in (shuffled, shifted):
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


@pytest.mark.parametrize("make", [lambda seed: base("target", seed), noisy])
def test_one_model_on_both_sides_is_noticed_however_it_was_saved(make):
    arrays = make(0)
    order = np.random.default_rng(1).permutation(len(arrays["members"]))
    permuted = {name: array[order] for name, array in arrays.items()}
    assert "hold the same rows" in same(arrays, permuted)[0]
    recoded = {**arrays, "members": 1 - arrays["members"]}
    recoded.pop("labels", None)
    assert "hold the same rows" in same(arrays, recoded)[0]


@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8"])
def test_one_model_saved_with_another_precision_is_noticed(dtype):
    arrays = noisy(0)
    posteriors = softmax(arrays["logits"]).astype(dtype)[::-1]
    assert same(arrays, {"posteriors": posteriors, "members": arrays["members"][::-1]})


def test_rows_in_common_are_noticed():
    arrays = noisy(0)
    part = {name: array[:-3] for name, array in arrays.items()}
    assert "share 397 rows" in same(arrays, part)[0]


def test_different_models_are_not_taken_for_one():
    assert same(base("shadow"), base("target")) == []
    assert same(noisy(0), noisy(1)) == []
    assert same(noisy(0), {"logits": np.zeros((400, 2)), "members": np.arange(400) % 2}) == []
