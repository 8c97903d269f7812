"""Mistakes on the command line are one line, and no terminal, pipe or encoding makes a traceback."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from arrays import base
from attack_commands import attacked, refused
from mia_core.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("arrays", "words"), [
    ({**base("target"), "posteriors": np.where(np.arange(20_000).reshape(2000, 10) == 173, np.nan, 0.1)},
     "posteriors: found 1 value not finite (NaN or infinite), the first in row 17"),
    ({**base("target"), "members": np.ones(2000)}, "members: found 2000 members, 0 non-members"),
    ({name: array[:0] for name, array in base("target").items()}, "no examples"),
    ({**base("target"), "posteriors": base("target")["posteriors"] * 100}, "percents"),
    ({**base("target"), "posteriors": np.log(base("target")["posteriors"])}, "negative values"),
    ({**base("target"), "logits": np.log(base("target")["posteriors"])[::-1]}, "contradict each other"),
])  # fmt: skip
def test_bad_arrays_are_refused_and_nothing_is_written(capsys, files, shadow, tmp_path, arrays, words):
    scores = tmp_path / "out.csv"
    line = refused(capsys, "attack", "--shadow", shadow, "--target", files("t", arrays), "--scores", scores, "--json")
    assert words in line and "t.npz" in line and not scores.exists()


@pytest.mark.parametrize(("options", "words"), [
    (["--attack", "gapp"], "did you mean gap"), (["--features", "log"], "features"), (["--k", "0"], "k: "),
    (["--k", "three"], "k: expected a number, found 'three'"),
    (["--replicates", "1"], "replicates: expected at least 2"), (["--confidence", "95"], "confidence"),
    (["--scores", "scores.txt"], ".csv or .npz"), (["--epochs", "3"], "No such option: --epochs"),
])  # fmt: skip
def test_bad_options_are_refused(capsys, shadow, target, options, words):
    assert words in refused(capsys, "attack", "--shadow", shadow, "--target", target, *options)


def test_attacks_that_need_labels_say_so(capsys, files, shadow):
    arrays = base("target")
    del arrays["labels"]
    path = files("unlabelled", arrays)
    line = refused(capsys, "attack", "--shadow", shadow, "--target", path, "--attack", "loss")
    assert "unlabelled.npz: labels: missing" in line
    attacked(capsys, path, shadow, "--attack", "gap")  # its threshold is fixed: the shadow needs no labels
    refused(capsys, "attack", "--shadow", path, "--target", shadow, "--attack", "loss")


def test_inputs_are_never_overwritten(capsys, shadow, target):
    before = Path(target).read_bytes()
    line = refused(capsys, "attack", "--shadow", shadow, "--target", target, "--scores", target)
    assert "one of the inputs" in line and Path(target).read_bytes() == before


def test_a_result_that_cannot_be_written_is_an_error(capsys, monkeypatch, shadow, target, tmp_path):
    def flush():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with open(tmp_path / "spare", "w") as spare:
        full = io.StringIO()
        full.flush, full.fileno = flush, spare.fileno
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["attack", "--shadow", shadow, "--target", target, "--replicates", "0"]) == 2
    assert "No space left on device" in capsys.readouterr().err


def mia(shadow, target, **environment):
    command = [sys.executable, "-m", "mia_core", "attack", "--shadow", shadow, "--target", target, "--replicates", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, errors="replace", env=environment)


@pytest.mark.parametrize("encoding", [{"PYTHONIOENCODING": "cp1252"}, {"PYTHONUTF8": "0", "LC_ALL": "C"}])
def test_narrow_encodings_and_names_outside_ascii(files, shadow, encoding):
    path = files("größe-目标-é", {**base("target"), "members": 1 - base("target")["members"]})
    with mia(shadow, path, **encoding, PYTHONCOERCECLOCALE="0") as running:
        out, err = running.communicate(timeout=100)
    assert running.returncode == 0 and "0.1768" in out and "Traceback" not in err
    assert all(line.startswith("mia: warning: ") for line in err.splitlines())


def test_a_closed_pipe_is_no_traceback(shadow, target):
    with mia(shadow, target) as running:
        running.stdout.close()
        assert running.stderr.read() == "" and running.wait(60) == 1
