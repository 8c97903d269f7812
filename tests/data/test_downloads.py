"""Data sets that are downloaded, here from a server of the test: found, fetched, put there by hand, or refused."""

import pickle
import socket
from pathlib import Path

import numpy as np
import pytest

from host import DOWNLOADED, Host
from mia_core.base.errors import DataError, MiaWarning
from mia_core.data.dataset import Dataset


@pytest.fixture(params=DOWNLOADED)
def host(request, tmp_path, monkeypatch):
    host = Host(request.param, tmp_path, monkeypatch)
    yield host
    host.stop()


@pytest.fixture
def cut_off(host):
    """The same, with nothing at the other end."""
    host.stop()
    return host


FIRST_CLASS = {"cifar10": "apple", "cifar100": "apple", "mnist": "0 - zero", "fashion-mnist": "T-shirt/top"}


def checked(host: Host) -> Dataset:
    """The data set as it is read, after a look at all that the host offered."""
    data = host.load()
    if host.name.startswith("cifar"):
        shape, classes, labels = (18, 3, 32, 32), 2, [0, 1] * 9
    else:
        shape, classes, labels = (18, 1, 28, 28), 10, [*range(10), 0, 1, *range(6)]
    assert (data.name, data.pool, data.images.shape) == (host.name, 12, shape)
    assert (data.images.dtype, data.labels.dtype) == (np.uint8, np.int64) and data.images.flags.c_contiguous
    assert (data.classes[0], len(data.classes)) == (FIRST_CLASS[host.name], classes)
    assert data.labels.tolist() == labels
    assert len(np.unique(data.images[:, 0].reshape(18, -1), axis=0)) == 18
    return data


class TestDownloads:
    def test_downloaded_and_then_found(self, host, capfd):
        first = checked(host)
        assert capfd.readouterr().out == ""
        assert {path: data for path, data in host.everything().items() if path in host.files} == host.files
        assert not list(host.root.glob(".download-*"))
        host.stop()
        assert host.load().fingerprint == first.fingerprint
        images = host.load(size=16).images
        assert images.shape[2:] == (16, 16) and images.std() > 5

    def test_pixels_are_those_of_the_files(self, host):
        host.put(host.files)
        if host.name.startswith("cifar"):
            first = next(iter(pickle.loads(host.files[p])["data"] for p in host.files)).reshape(-1, 3, 32, 32)[0]
        else:
            (first,) = (np.frombuffer(d, np.uint8, 784, 16) for p, d in host.files.items() if "train-im" in p)
            first = first.reshape(1, 28, 28)
        assert np.array_equal(host.load().images[0], first)

    def test_default_root_is_in_the_cache(self, host, monkeypatch, tmp_path):
        monkeypatch.delenv("MIA_DATA")
        host.load()
        assert (tmp_path / "cache" / "torchvision" / next(iter(host.files))).exists()

    def test_not_there_and_no_network(self, cut_off, capfd):
        with pytest.raises(DataError) as error:
            cut_off.load()
        message = str(error.value)
        assert message.startswith(f"{cut_off.name}: looked for") and "\n" not in message
        for words in (str(cut_off.root), cut_off.url, "Connection refused", "digits", "MIA_DATA"):
            assert words in message
        for name in (Path(path).name for path in cut_off.archives):
            assert f"{name} (MD5 {cut_off.sums[name]})" in message
        assert cut_off.everything() == {} and not list(cut_off.root.iterdir())
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize(("form", "deeper"), [("archives", 0), ("files", 0), ("files", 1), ("files", 2)])
    def test_put_there_by_hand_also_with_a_root_too_deep(self, cut_off, form, deeper, monkeypatch):
        cut_off.put(getattr(cut_off, form))
        inner = Path(next(iter(cut_off.files))).parent.parts[:deeper]
        monkeypatch.setenv("MIA_DATA", str(cut_off.root.joinpath(*inner)))
        checked(cut_off)

    def test_partial_archive_without_network_stays_as_it_is(self, cut_off):
        cut_off.put(cut_off.archives, shorten=30)
        before = cut_off.everything()
        with pytest.raises(DataError, match=r"not complete, and left as it is: .*bytes") as error:
            cut_off.load()
        assert next(iter(cut_off.archives)) in str(error.value)
        assert cut_off.everything() == before

    def test_partial_archive_with_network_is_replaced_aloud(self, host):
        host.put(host.archives, shorten=30)
        with pytest.warns(MiaWarning, match=r"not complete, and so replaced in .*root: .*gz"):
            checked(host)
        assert {path: host.everything()[path] for path in host.archives} == host.archives

    @pytest.mark.parametrize("network", [True, False], ids=["from the server", "from a good archive"])
    def test_half_unpacked_is_replaced_aloud(self, host, network):
        if not network:
            host.stop()
            host.put(host.archives)
        host.put(host.files, shorten=40)
        with pytest.warns(MiaWarning, match="replaced"):
            checked(host)

    def test_other_data_under_the_right_names_are_not_taken_for_it_and_stay(self, cut_off):
        path = next(path for path in cut_off.files if "train" in path or "data_batch_1" in path)
        whole = cut_off.files[path]
        cut_off.put(cut_off.files | {path: whole[:-1] + bytes([whole[-1] ^ 1])})
        before = cut_off.everything()
        with pytest.raises(DataError, match=r"^[\w-]+: (\S+ holds other data under its file names \(12 tr|looked for)"):
            cut_off.load()
        assert cut_off.everything() == before

    def test_server_sends_something_else_or_says_no(self, host):
        for path in host.offered.iterdir():
            path.write_bytes(b"<html>please log in</html>")
        with pytest.raises(DataError, match=r"failed: .*corrupted"):
            host.load()
        assert host.everything() == {}
        for path in host.offered.iterdir():
            path.unlink()
        with pytest.raises(DataError, match=r"failed: .*(?i:not found|404)"):
            host.load()

    def test_root_that_cannot_be_used(self, host):
        host.root.write_text("a file")
        with pytest.raises(DataError, match=r"failed: (File exists|Not a directory)"):
            host.load()

    def test_a_silent_server_is_given_up(self, cut_off, monkeypatch):
        monkeypatch.setattr("mia_core.data.downloads.PATIENCE", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            name, value = ("url", url) if cut_off.name.startswith("cifar") else ("mirrors", [url])
            monkeypatch.setattr(cut_off.kind, name, value)
            with pytest.raises(DataError, match="timed out"):
                cut_off.load()
        assert socket.getdefaulttimeout() is None
