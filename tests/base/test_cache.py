"""The cache folder, and files that are written whole or not at all."""

import errno
import os
import resource
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from mia_core.base.errors import RunError, SettingsError
from mia_core.base.files import cache_dir, sweep, write_atomically
from mia_core.report.sources import python_path
from mia_core.store.runs import Store


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("given", "expected"), [
    (None, "home/.cache/mia_core"), ("", "home/.cache/mia_core"), ("~/somewhere", "home/somewhere"),
    ("relative/folder", "relative/folder"), ("../up", "../up"), ("with space é", "with space é"),
])  # fmt: skip
def test_cache_folder_is_where_the_setting_says(given, expected, here, monkeypatch):
    monkeypatch.setenv("HOME", str(here / "home"))
    monkeypatch.delenv("MIA_CACHE", raising=False)
    if given is not None:
        monkeypatch.setenv("MIA_CACHE", given)
    folder = cache_dir()
    assert folder.is_absolute() and folder.is_dir()
    assert folder.resolve() == (here / expected).resolve()
    monkeypatch.setenv("MIA_CACHE", str(here / "a" / "b"))
    assert cache_dir() == here / "a" / "b"


@pytest.mark.parametrize("given", ["file", "file/below", "~nobody-of-this-name/x", "a" * 300, "/proc/none"])
def test_unusable_cache_folder_is_one_clear_error(given, here, monkeypatch):
    (here / "file").write_text("not a folder")
    monkeypatch.setenv("MIA_CACHE", given)
    with pytest.raises(SettingsError, match=r"^MIA_CACHE: .* cannot be the cache folder: \S.*expected a folder.*\Z"):
        cache_dir()  # the dots match no line break


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_cache_folder_without_permission(here, monkeypatch):
    (here / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("MIA_CACHE", str(here / "locked"))
    with pytest.raises(SettingsError, match="no permission to write"):
        cache_dir()


def test_file_is_written_whole_with_its_folder_and_usual_permissions(tmp_path):
    path = tmp_path / "new" / "file.bin"

    def write(file):
        file.write(b"half")
        file.flush()
        assert not path.exists()
        file.write(b" and half")

    write_atomically(path, write)
    assert path.read_bytes() == b"half and half"
    write_atomically(str(path), lambda file: file.write(b"two"))
    assert path.read_bytes() == b"two" and os.listdir(path.parent) == ["file.bin"]
    (tmp_path / "usual").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode
    write_atomically(tmp_path / ("n" * 255), lambda file: file.write(b"x"))
    assert len(os.listdir(tmp_path)) == 3


@contextmanager
def small_disk():
    """A limit on the size of files, the nearest thing to a full disk; pytest's own report must not be written in it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("write", [
    lambda file: file.write(bytes(10_000)), lambda file: np.save(file, np.zeros(10_000)),
    lambda file: np.savez(file, a=np.zeros(10_000), b=np.ones(10_000)),
    lambda file: np.savez_compressed(file, a=np.random.default_rng(0).random(10_000)),
], ids=["bytes", "npy", "npz", "compressed npz"])  # fmt: skip
def test_refused_writing_leaves_the_older_file_and_nothing_else(write, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(b"older")
    refused = r"run\.npz: cannot be written: .*(File too large|is the disk full\?\))$"
    with pytest.raises(RunError, match=refused), small_disk():
        write_atomically(path, write)
    assert os.listdir(tmp_path) == ["run.npz"]
    assert path.read_bytes() == b"older"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_full_disk_found_late_and_a_folder_that_cannot_be_made(step, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(RunError, match="No space left on device"):
        write_atomically(tmp_path / "file", lambda file: file.write(b"x"))
    assert os.listdir(tmp_path) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"file.below: cannot be written: (Not a directory|File exists)"):
        write_atomically(tmp_path / "file" / "below", lambda file: file.write(b"x"))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("own"), SystemExit(3)])
def test_errors_of_the_writer_pass_through_and_leave_nothing(error, tmp_path):
    def write(file):
        file.write(b"half")
        raise error

    with pytest.raises(type(error)):
        write_atomically(tmp_path / "file", write)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_writer_leaves_is_removed_by_the_next_and_what_another_writes_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr("mia_core.base.files.JUST_MADE", 0)
    kills_itself = "lambda file: (file.write(b'half'), file.flush(), os.kill(os.getpid(), 9))"
    program = f"import os\nfrom mia_core.base.files import write_atomically\nwrite_atomically('run', {kills_itself})"
    environment = {**os.environ, "PYTHONPATH": python_path()}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment)
    (tmp_path / ".mine.tmp").touch()
    assert done.returncode == -9 and len(os.listdir(tmp_path)) == 2

    def while_another_begins(file):
        file.write(b"whole")
        sweep.cache_clear()
        Store(tmp_path)

    sweep.cache_clear()
    write_atomically(tmp_path / "run", while_another_begins)
    assert sorted(os.listdir(tmp_path)) == [".mine.tmp", "run"] and (tmp_path / "run").read_bytes() == b"whole"
