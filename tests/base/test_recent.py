"""What was read lately is given again, unless the file has changed; memory is bounded."""

import os

import pytest

from mia_core.base.recent import SETTLED, Recent


@pytest.fixture
def calls():
    return []


def reader(calls):
    def read(path):
        calls.append(path.name)
        return path.read_bytes()

    return read


def written(path, content, age=2 * SETTLED):
    path.write_bytes(content)
    # ctime cannot be set, so the clock is moved instead; see `later`
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    return path


@pytest.fixture
def later(monkeypatch):
    """All files were written long ago."""
    import time

    now = time.time
    monkeypatch.setattr("mia_core.base.recent.time.time", lambda: now() + 2 * SETTLED)


def test_a_file_is_read_once(tmp_path, calls, later):
    recent, path = Recent(100, len), written(tmp_path / "a", b"content")
    assert [recent.read(path, reader(calls)) for _ in range(3)] == [b"content"] * 3
    assert calls == ["a"]


@pytest.mark.parametrize("content", [b"another", b"longer than before"])
def test_a_changed_file_is_read_anew(tmp_path, calls, later, content):
    recent, path = Recent(100, len), written(tmp_path / "a", b"content")
    recent.read(path, reader(calls))
    other = written(tmp_path / "b", content)
    os.replace(other, path)
    assert recent.read(path, reader(calls)) == content
    path.unlink()
    with pytest.raises(FileNotFoundError):
        recent.read(path, reader(calls))


def test_a_file_written_a_moment_ago_is_not_relied_upon(tmp_path, calls):
    recent, path = Recent(100, len), written(tmp_path / "a", b"content", age=0)
    for _ in range(2):
        recent.read(path, reader(calls))
    assert calls == ["a", "a"]


def test_the_least_recently_used_goes_first(tmp_path, calls, later):
    recent = Recent(10, len)
    a, b, c = (written(tmp_path / name, b"12345") for name in "abc")
    for path in (a, b, a, c, a, b):
        recent.read(path, reader(calls))
    assert calls == ["a", "b", "c", "b"]


def test_a_value_beyond_the_limit_is_given_and_not_kept(tmp_path, calls, later):
    recent, path = Recent(3, len), written(tmp_path / "a", b"12345")
    assert recent.read(path, reader(calls)) == recent.read(path, reader(calls)) == b"12345"
    assert calls == ["a", "a"]


def test_a_failure_is_raised_each_time(tmp_path, later):
    recent, path = Recent(100, len), written(tmp_path / "a", b"12345")

    def fail(path):
        raise ValueError("damaged")

    for _ in range(2):
        with pytest.raises(ValueError, match="damaged"):
            recent.read(path, fail)
