"""Data sets by name: digits, those that are downloaded (here from a server of the test), and unknown names."""

import gzip
import hashlib
import pickle
import socket
import struct
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from mia_core.data import NAMES, Dataset, DataSettings, load_dataset
from mia_core.errors import DataError, MiaWarning, SettingsError


def load(**settings) -> Dataset:
    return load_dataset(DataSettings(**settings))


class TestSettings:
    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ("digits", "digits"),
            ("CIFAR10", "cifar10"),
            ("cifar-10", "cifar10"),
            ("CIFAR-100", "cifar100"),
            ("FashionMNIST", "fashion-mnist"),
            ("fashion_mnist", "fashion-mnist"),
            ("Folder:some/Where", "folder:some/Where"),
            ("folder: /a b ", "folder:/a b"),
        ],
    )
    def test_spellings(self, given, name):
        assert DataSettings(dataset=given).dataset == name

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ("cifr10", "did you mean cifar10?"),
            ("digit", "did you mean digits?"),
            ("imagenet", "Known: digits, cifar10, cifar100, mnist, fashion-mnist, folder:<path>"),
            ("folder:", "expected a path"),
            ("folder:  ", "expected a path"),
            ("", "Known"),
            ("x" * 5000, "Known"),
            ("data/cats", "a folder is given as folder:<path>"),
            (7, "expected a valid string"),
            (None, "expected a valid string"),
            ("two\nlines", "Known"),
        ],
    )
    def test_unknown_data_set(self, given, words):
        with pytest.raises(SettingsError, match=r"^dataset: ") as error:
            DataSettings(dataset=given)
        assert words in str(error.value)
        assert "\n" not in str(error.value) and len(str(error.value)) < 400

    def test_existing_folder_without_its_prefix(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "cats").mkdir()
        with pytest.raises(SettingsError, match="folder:<path>"):
            DataSettings(dataset="cats")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("noise", -0.1),
            ("noise", "loud"),
            ("noise", float("nan")),
            ("noise", 1e9),
            ("size", 0),
            ("size", -32),
            ("size", 12.5),
            ("size", 10**9),
            ("size", True),
            ("size", "big"),
            ("skip_damaged", "maybe"),
            ("skip_damaged", 2),
            ("nois", 0.5),
        ],
    )
    def test_values_out_of_range(self, name, value):
        with pytest.raises(SettingsError, match=f"^{name}: ") as error:
            DataSettings(**{name: value})
        assert "\n" not in str(error.value)

    def test_text_that_spells_a_value(self):
        settings = DataSettings(noise="5e-1", size="32", skip_damaged="yes")
        assert (settings.noise, settings.size, settings.skip_damaged) == (0.5, 32, True)


class TestDigits:
    def test_shape_and_pool(self):
        data = load()
        assert (data.name, data.images.shape, data.images.dtype) == ("digits", (1797, 1, 16, 16), np.uint8)
        assert (data.labels.shape, data.labels.dtype, data.pool) == ((1797,), np.int64, 1797)
        assert data.classes == tuple("0123456789")
        assert data.pool // 4 == 449

    def test_labels_are_those_of_scikit_learn(self):
        from sklearn.datasets import load_digits

        assert np.array_equal(load().labels, load_digits().target)

    def test_without_noise_the_scans_come_back(self):
        from sklearn.datasets import load_digits

        clean = load(noise=0, size=8).images[:, 0]
        assert np.array_equal(clean, np.round(load_digits().images * (255 / 16)))

    def test_the_noise_is_the_same_every_time_and_in_proportion(self):
        assert load().fingerprint == load().fingerprint
        clean, little, much = (load(noise=noise, size=8).images.astype(float) for noise in (0, 0.1, 0.6))
        inside = (clean > 100) & (clean < 155)  # pixels far from the ends of the range, at which the noise is clipped
        assert abs((little - clean)[inside].std() / 255 - 0.1) < 0.005
        assert abs(little - clean).mean() < abs(much - clean).mean()

    def test_the_state_of_numpy_does_not_matter(self):
        np.random.seed(1)
        first = load().fingerprint
        np.random.seed(2)
        assert load().fingerprint == first

    @pytest.mark.parametrize("size", [1, 8, 12, 32])
    def test_size(self, size):
        assert load(size=size).images.shape == (1797, 1, size, size)


class TestFingerprint:
    def dataset(self, **changes) -> Dataset:
        fields = {
            "name": "a",
            "images": np.arange(48, dtype=np.uint8).reshape(4, 3, 2, 2),
            "labels": np.array([0, 1, 0, 1]),
            "classes": ("x", "y"),
            "pool": 3,
        }
        return Dataset(**{**fields, **changes})

    def test_name_and_memory_layout_do_not_matter(self):
        images = self.dataset().images
        for same in (
            self.dataset(name="b"),
            self.dataset(images=np.asfortranarray(images)),
            self.dataset(images=images.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)),
            self.dataset(labels=np.array([0, 1, 0, 1], ">i4")),
        ):
            assert same.fingerprint == self.dataset().fingerprint

    @pytest.mark.parametrize(
        "change",
        [
            {"images": np.arange(48, dtype=np.uint8).reshape(4, 3, 2, 2) + np.uint8(1)},
            {"images": np.arange(48, dtype=np.uint8).reshape(4, 1, 4, 3)},
            {"labels": np.array([0, 1, 1, 1])},
            {"classes": ("x", "z")},
            {"classes": ("xy", "")},
            {"pool": 4},
        ],
    )
    def test_everything_else_does(self, change):
        assert self.dataset(**change).fingerprint != self.dataset().fingerprint


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def small_cifar(kind: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files of a CIFAR data set of 12 + 6 images: the archive to download, and what is in it."""
    generator = np.random.default_rng(0)

    def batch(count: int) -> bytes:
        pixels = generator.integers(0, 256, (count, 3072), dtype=np.uint8)
        key = "labels" if kind == "cifar10" else "fine_labels"
        return pickle.dumps({"data": pixels, key: [i % 2 for i in range(count)]})

    if kind == "cifar10":
        folder, archive, names = "cifar-10-batches-py", "cifar-10-python.tar.gz", ("label_names", "batches.meta")
        batches = {f"data_batch_{i}": batch(4) for i in (1, 2, 3)} | {"test_batch": batch(6)}
    else:
        folder, archive, names = "cifar-100-python", "cifar-100-python.tar.gz", ("fine_label_names", "meta")
        batches = {"train": batch(12), "test": batch(6)}
    files = batches | {names[1]: pickle.dumps({names[0]: ["apple", "bear"]})}
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            tar.addfile(info, BytesIO(data))
    return {archive: packed.getvalue()}, {f"{folder}/{name}": data for name, data in files.items()}


def small_mnist(kind: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    generator = np.random.default_rng(0)
    folder = "MNIST/raw" if kind == "mnist" else "FashionMNIST/raw"
    files = {}
    for part, count in (("train", 12), ("t10k", 6)):
        pixels = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        files[f"{part}-images-idx3-ubyte"] = struct.pack(">IIII", 0x803, count, 28, 28) + pixels.tobytes()
        files[f"{part}-labels-idx1-ubyte"] = struct.pack(">II", 0x801, count) + labels.tobytes()
    packed = {f"{folder}/{name}.gz": gzip.compress(data) for name, data in files.items()}
    return packed, {f"{folder}/{name}": data for name, data in files.items()}


DOWNLOADED = ("cifar10", "cifar100", "mnist", "fashion-mnist")


class Host:
    """A server on this machine that offers small data sets instead of the real ones, and a data root to fill."""

    def __init__(self, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from torchvision import datasets

        self.name = name
        self.offered = folder / "offered"
        self.root = folder / "root"
        self.offered.mkdir()
        self.archives, self.files = (small_cifar if name.startswith("cifar") else small_mnist)(name)
        for path, data in self.archives.items():
            (self.offered / Path(path).name).write_bytes(data)
        handler = partial(SimpleHTTPRequestHandler, directory=self.offered)
        handler.func.log_message = lambda *_: None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        kind = {
            "cifar10": datasets.CIFAR10,
            "cifar100": datasets.CIFAR100,
            "mnist": datasets.MNIST,
            "fashion-mnist": datasets.FashionMNIST,
        }[name]
        sums = {Path(path).name: md5(data) for path, data in (self.files | self.archives).items()}
        self.sums = sums
        if name.startswith("cifar"):
            test = [name for name in ("test_batch", "test") if name in sums]
            meta = {**kind.meta, "md5": sums[kind.meta["filename"]]}
            train = [name for name in sums if name.startswith(("data_batch", "train"))]
            monkeypatch.setattr(kind, "url", self.url + kind.filename)
            monkeypatch.setattr(kind, "tgz_md5", sums[kind.filename])
            monkeypatch.setattr(kind, "train_list", [[name, sums[name]] for name in train])
            monkeypatch.setattr(kind, "test_list", [[name, sums[name]] for name in test])
            monkeypatch.setattr(kind, "meta", meta)
        else:
            monkeypatch.setattr(kind, "mirrors", [self.url])
            monkeypatch.setattr(kind, "resources", [(name, sums[name]) for name, _ in kind.resources])
        for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("MIA_CACHE", str(folder / "cache"))
        monkeypatch.setenv("MIA_DATA", str(self.root))

    def put(self, files: dict[str, bytes], shorten: int = 0) -> None:
        """Write files into the data root, as a user would by hand."""
        for path, data in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(data[: len(data) - shorten])

    def stop(self) -> None:
        """From here on nothing answers."""
        self.server.shutdown()
        self.server.server_close()

    def everything(self) -> dict[str, bytes]:
        """All files in the data root."""
        return {str(p.relative_to(self.root)): p.read_bytes() for p in self.root.rglob("*") if p.is_file()}


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


def check(data: Dataset, name: str) -> None:
    cifar = name.startswith("cifar")
    assert data.name == name
    assert data.images.shape == (18, 3, 32, 32) if cifar else (18, 1, 28, 28)
    assert (data.images.dtype, data.labels.dtype, data.pool) == (np.uint8, np.int64, 12)
    assert data.images.flags.c_contiguous
    assert data.classes == ("apple", "bear") if cifar else len(data.classes) == 10
    labels = [i % 2 for i in range(12)] + [i % 2 for i in range(6)] if cifar else [*range(10), 0, 1, *range(6)]
    if name == "cifar10":
        labels = [0, 1] * 9
    assert data.labels.tolist() == labels
    assert len(np.unique(data.images[:, 0].reshape(18, -1), axis=0)) == 18


class TestDownloads:
    def test_downloaded_and_then_found(self, host, capfd):
        first = load(dataset=host.name)
        check(first, host.name)
        assert capfd.readouterr().out == ""
        assert {path: data for path, data in host.everything().items() if path in host.files} == host.files
        assert not list(host.root.glob(".download-*"))
        host.stop()
        assert load(dataset=host.name).fingerprint == first.fingerprint

    def test_pixels_are_those_of_the_files(self, host):
        host.put(host.files)
        if host.name.startswith("cifar"):
            first = next(iter(pickle.loads(host.files[p])["data"] for p in host.files)).reshape(-1, 3, 32, 32)[0]
        else:
            (first,) = (np.frombuffer(d, np.uint8, 784, 16) for p, d in host.files.items() if "train-im" in p)
            first = first.reshape(1, 28, 28)
        assert np.array_equal(load(dataset=host.name).images[0], first)

    def test_default_root_is_in_the_cache(self, host, monkeypatch, tmp_path):
        monkeypatch.delenv("MIA_DATA")
        load(dataset=host.name)
        assert (tmp_path / "cache" / "torchvision" / next(iter(host.files))).exists()

    def test_size(self, host):
        images = load(dataset=host.name, size=16).images
        assert images.shape[2:] == (16, 16) and images.std() > 5

    def test_not_there_and_no_network(self, cut_off, capfd):
        with pytest.raises(DataError) as error:
            load(dataset=cut_off.name)
        message = str(error.value)
        assert message.startswith(f"{cut_off.name}: looked for")
        assert "\n" not in message
        for words in (str(cut_off.root), cut_off.url, "Connection refused", "digits", "MIA_DATA"):
            assert words in message
        for path in cut_off.archives:
            name = Path(path).name
            assert f"{name} (MD5 {cut_off.sums[name]})" in message
        assert cut_off.everything() == {} and not list(cut_off.root.iterdir())
        assert capfd.readouterr() == ("", "")

    def test_archive_put_by_hand(self, cut_off):
        cut_off.put(cut_off.archives)
        check(load(dataset=cut_off.name), cut_off.name)

    def test_unpacked_by_hand(self, cut_off):
        cut_off.put(cut_off.files)
        check(load(dataset=cut_off.name), cut_off.name)

    @pytest.mark.parametrize("deeper", [1, 2])
    def test_root_too_deep(self, cut_off, deeper, monkeypatch):
        cut_off.put(cut_off.files)
        folder = Path(next(iter(cut_off.files))).parent
        inner = Path(*folder.parts[:deeper])
        monkeypatch.setenv("MIA_DATA", str(cut_off.root / inner))
        check(load(dataset=cut_off.name), cut_off.name)

    def test_partial_archive_without_network_stays_as_it_is(self, cut_off):
        cut_off.put(cut_off.archives, shorten=30)
        before = cut_off.everything()
        with pytest.raises(DataError, match=r"not complete, and left as it is: .*bytes") as error:
            load(dataset=cut_off.name)
        assert next(iter(cut_off.archives)) in str(error.value)
        assert cut_off.everything() == before

    def test_partial_archive_with_network_is_replaced_aloud(self, host):
        host.put(host.archives, shorten=30)
        with pytest.warns(MiaWarning, match=r"not complete, and so replaced in .*root: .*gz"):
            check(load(dataset=host.name), host.name)
        assert {path: host.everything()[path] for path in host.archives} == host.archives

    def test_half_unpacked_is_replaced_aloud(self, host):
        host.put(host.files, shorten=40)
        with pytest.warns(MiaWarning, match="replaced"):
            check(load(dataset=host.name), host.name)

    def test_half_unpacked_beside_a_good_archive(self, cut_off):
        cut_off.put(cut_off.archives)
        cut_off.put(cut_off.files, shorten=40)
        with pytest.warns(MiaWarning, match="replaced"):
            check(load(dataset=cut_off.name), cut_off.name)

    def test_server_sends_something_else(self, host):
        for path in host.offered.iterdir():
            path.write_bytes(b"<html>please log in</html>")
        with pytest.raises(DataError, match=r"failed: .*corrupted"):
            load(dataset=host.name)
        assert host.everything() == {}

    def test_server_says_no(self, host):
        for path in host.offered.iterdir():
            path.unlink()
        with pytest.raises(DataError, match=r"failed: .*(?i:not found|404)"):
            load(dataset=host.name)

    def test_root_that_cannot_be_used(self, host):
        host.root.write_text("a file")
        with pytest.raises(DataError, match=r"failed: (File exists|Not a directory)"):
            load(dataset=host.name)

    def test_a_silent_server_is_given_up(self, cut_off, monkeypatch):
        from mia_core.downloads import source

        kind = source(cut_off.name).kind
        monkeypatch.setattr("mia_core.downloads.PATIENCE", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            if cut_off.name.startswith("cifar"):
                monkeypatch.setattr(kind, "url", url)
            else:
                monkeypatch.setattr(kind, "mirrors", [url])
            with pytest.raises(DataError, match="timed out"):
                load(dataset=cut_off.name)
        assert socket.getdefaulttimeout() is None


def test_every_known_name_is_tested():
    assert set(NAMES) == {"digits", *DOWNLOADED}
