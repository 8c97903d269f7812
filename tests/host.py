"""A server on this machine that offers small data sets in the place of those that torchvision downloads."""

import gzip
import hashlib
import pickle
import struct
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from mia_core.data.dataset import Dataset
from mia_core.data.downloads import CONTENT, origin
from mia_core.data.load import DataSettings, load_dataset

DOWNLOADED = ("cifar10", "cifar100", "mnist", "fashion-mnist")


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


class Host:
    """A server on this machine that offers small data sets instead of the real ones, and a data root to fill."""

    def __init__(self, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        self.kind = kind = origin(name).kind
        self.sums = sums = {
            Path(path).name: hashlib.md5(data).hexdigest() for path, data in (self.files | self.archives).items()
        }
        if name.startswith("cifar"):
            changes = {
                "url": self.url + kind.filename,
                "tgz_md5": sums[kind.filename],
                "train_list": [[name, md5] for name, md5 in sums.items() if name.startswith(("data_batch", "train"))],
                "test_list": [[name, md5] for name, md5 in sums.items() if name in ("test_batch", "test")],
                "meta": {**kind.meta, "md5": sums[kind.meta["filename"]]},
            }
        else:
            unpacked = list(sums.values())[:4]
            monkeypatch.setitem(CONTENT, name, (tuple(unpacked[:2]), tuple(unpacked[2:])))
            changes = {"mirrors": [self.url], "resources": [(name, sums[name]) for name, _ in kind.resources]}
        for name, value in changes.items():
            monkeypatch.setattr(kind, name, value)
        for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("MIA_CACHE", str(folder / "cache"))
        monkeypatch.setenv("MIA_DATA", str(self.root))

    def put(self, files: dict[str, bytes], shorten: int = 0) -> None:
        """Write files into the data root, as a user would by hand."""
        for path, data in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(data[: len(data) - shorten])

    def load(self, **settings: int) -> Dataset:
        """The data set, as the package reads it."""
        return load_dataset(DataSettings(dataset=self.name, **settings))

    def stop(self) -> None:
        """From here on nothing answers."""
        self.server.shutdown()
        self.server.server_close()

    def everything(self) -> dict[str, bytes]:
        """All files in the data root."""
        return {str(p.relative_to(self.root)): p.read_bytes() for p in self.root.rglob("*") if p.is_file()}
