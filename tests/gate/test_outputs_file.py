"""The gate for files of arrays: named and by position, foreign, damaged, hostile."""

import io
import os
import pickle
import re
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from arrays import LABELS, MEMBERS, POSTERIORS, refusal, save, six
from mia_core.base.errors import ArrayError, MiaWarning
from mia_core.gate.npz import read_outputs, read_score_sets


def test_arrays_saved_by_name_or_by_position(tmp_path):
    outputs = read_outputs(save(tmp_path, "named", six()))
    assert outputs.source.endswith("named.npz") and outputs.notes == ()
    outputs = read_outputs(save(tmp_path, "position", [POSTERIORS.astype("f4"), MEMBERS.astype("i4")]))
    assert outputs.members.sum() == 3 and "arr_0 read as posteriors, arr_1 as members" in outputs.notes[0]
    message = refusal(read_outputs, save(tmp_path, "position", [POSTERIORS * 100, MEMBERS]))
    assert "position.npz: arr_0 (posteriors): found percents" in message


def test_other_arrays_are_ignored_with_a_note(tmp_path):
    outputs = read_outputs(save(tmp_path, "more", six(labels=None, label=LABELS, seed=3)))
    assert outputs.labels is None and outputs.notes == ("ignored: label, seed; labels?",)


@pytest.mark.parametrize(("arrays", "words"), [
    ({"posterior": POSTERIORS, "members": MEMBERS}, r"posterior \(6, 3\), members \(6,\).*did you mean posteriors"),
    ({"Posteriors": POSTERIORS, "members": MEMBERS}, "did you mean posteriors"),
    ({"posteriors": POSTERIORS}, "members .N. .*= member"),
    ({"arr_0": POSTERIORS}, r"found arr_0 \(6, 3\); expected posteriors or logits"),
    ({"arr_0": MEMBERS, "arr_1": POSTERIORS}, r"arr_0 .posteriors.: found shape \(6,\)"), ({"a\nb": POSTERIORS}, "a b"),
    ({}, "no arrays"),
])  # fmt: skip
def test_missing_names_are_told_with_what_is_there(tmp_path, arrays, words):
    assert re.search(words, refusal(read_outputs, save(tmp_path, "odd", arrays)))


def test_scores_file(tmp_path):
    (scores,), members = read_score_sets(save(tmp_path, "scores", {"scores": [2.0, 1.0], "members": [1, 0]}))
    assert scores.tolist() == [2, 1] and members.tolist() == [True, False]
    assert "expected scores [N] or [S, N], members [N]" in refusal(read_score_sets, save(tmp_path, "none", six()))


def test_files_of_this_version_are_read_without_a_word_and_those_of_a_newer_one_refused(tmp_path):
    assert read_outputs(save(tmp_path, "now", six(mia_format=1))).notes == ()
    scores = {"scores": [2.0, 1.0], "members": [1, 0]}
    for action, arrays in ((read_outputs, six()), (read_score_sets, scores)):
        for found in (2, "1", [1, 1]):
            message = refusal(action, save(tmp_path, "later", {**arrays, "mia_format": found}))
            assert "later.npz: mia_format: found " in message and message.endswith("is it of a newer version?")


class Bomb(str):
    """Unpickling this would leave a file of its name behind."""

    def __reduce__(self):
        return open, (str(self), "w")


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


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_npy_format_is_read(tmp_path, version):
    entries = []
    for name, array in six(members=MEMBERS, labels=LABELS).items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, version)
        entries.append((f"{name}.npy", buffer.getvalue()))
    outputs = read_outputs(zipped(tmp_path / "version.npz", entries))
    assert np.array_equal(outputs.posteriors, POSTERIORS) and outputs.labels.tolist() == LABELS.tolist()


def zipped(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile remarks on the same name twice
        for name, content in entries:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(("entry", "words"), [
    (npy_header((10**9, 10)), "needs 80000000000 bytes, found 0"), (npy_header((-6, 3)), "damaged"),
    (npy_header((6, 3), "|S0"), "without content|damaged"), (npy_header((6, 3), "|O"), "pickled"),
    (npy_header((6, 3), "nonsense"), "damaged"), (npy_header("(" * 300 + ")" * 300), "damaged"),
    (npy(POSTERIORS)[:-8], "needs 144 bytes, found 136"), (npy(POSTERIORS) + b"more", "needs 144 bytes, found 148"),
    (b"", "damaged"), (b"\x93NUMPY\x09\x00", "version 9.0 of the .npy format; expected 1.0 to 3.0"),
    (b"words", "damaged"),
])  # fmt: skip
def test_damaged_arrays_inside_a_whole_archive(tmp_path, entry, words):
    path = zipped(tmp_path / "d.npz", [("posteriors.npy", entry), ("members.npy", npy(MEMBERS))])
    message = refusal(read_outputs, path)
    assert "d.npz: posteriors: " in message and re.search(words, message), message


def test_oversized_arrays_are_refused_before_they_are_unpacked(tmp_path):
    # A directory that claims 3 GiB, as the header does; nothing of that size is ever written or read.
    rows = 3 * 2**30 // 24
    header = npy_header((rows, 3))
    path = zipped(tmp_path / "large.npz", [("members.npy", npy(MEMBERS)), ("posteriors.npy", header)])
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 24, len(header) + rows * 24)
    path.write_bytes(content)
    assert "at most 2 GiB" in refusal(read_outputs, path)


def test_same_name_twice_and_too_many_entries(tmp_path):
    twice = [("members.npy", npy(MEMBERS)), ("posteriors.npy", npy(POSTERIORS)), ("members.npy", npy(1 - MEMBERS))]
    assert "members: found twice" in refusal(read_outputs, zipped(tmp_path / "twice.npz", twice))
    many = [(f"{number}.npy", b"") for number in range(1001)]
    assert "1001 entries" in refusal(read_outputs, zipped(tmp_path / "many.npz", many))


def test_a_wrong_checksum_and_every_truncation_is_noticed(tmp_path):
    path = Path(save(tmp_path, "flipped", six()))
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        refusal(read_outputs, path)
    content = bytearray(whole)
    content[content.index(POSTERIORS.tobytes()) + 3] ^= 1
    path.write_bytes(content)
    assert "posteriors: damaged: Bad CRC-32" in refusal(read_outputs, path)


@pytest.mark.parametrize(("content", "words"), [
    (b"", "empty file"), (b"PK\x03\x04 and no more", "truncated or damaged"), (npy(POSTERIORS), "single .npy array"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"), (b"posteriors,members\n0.5,1\n", "another kind of file"),
])  # fmt: skip
def test_foreign_files(tmp_path, content, words):
    path = tmp_path / "foreign.npz"
    path.write_bytes(content)
    assert words in refusal(read_outputs, path)


def test_paths_that_are_no_files(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save(tmp_path, "named", six())
    assert read_outputs("~/named.npz").source == "~/named.npz"
    for path, words in (
        *((tmp_path / "none.npz", "No such file"), ("~no-such-user/named.npz", "No such file")),
        *((tmp_path, "a folder"), ("", "empty file name"), ("a\0b", "null")),
    ):
        assert words in refusal(read_outputs, path)


def test_a_message_names_the_file_of_a_long_path_and_of_one_that_cannot_be_decoded(tmp_path):
    assert "/last.npz: cannot be read" in refusal(read_outputs, tmp_path.joinpath(*["folder"] * 40, "last.npz"))
    path = os.path.join(tmp_path, "ü.npz".encode().decode("ascii", "surrogateescape"))
    assert r"/\xc3\xbc.npz: cannot be read" in refusal(read_outputs, path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    assert "no regular file" in refusal(read_outputs, tmp_path / "pipe.npz")


# A file may be damaged anywhere: whatever comes, one line or clean arrays.


def mutated(random, content):
    data = bytearray(content)
    for _ in range(random.integers(1, 6)):
        place, count = int(random.integers(0, len(data))), int(random.integers(1, 40))
        match random.integers(0, 4):
            case 0:
                data[place] ^= 1 << count % 8
            case 1:
                data[place] = int(random.integers(0, 256))
            case 2:
                del data[place : place + count]
            case _:
                data[place:place] = random.bytes(count)
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
        writer(buffer, **six())
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
