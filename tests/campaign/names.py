"""Names chosen to do harm: of classes, folders and files, and in the report of a stranger."""

import json
import os
import random
import shutil
from pathlib import Path

import numpy as np

from campaign.cases import UNSEEN, Found, Part, judged, not_refused, not_tidy
from campaign.inputs import arrays_of
from campaign.place import CHECKOUT, OUT, Done, Place
from image_folders import two_classes
from mia_core.base.sealed import SEAL

NAMES = {
    "spaces": " a b ",
    "a quote": "it's",
    "quotes": 'quo"te',
    "a semicolon": "semi; touch executed;",
    "a command": "$(touch executed)",
    "backticks": "`touch executed`",
    "a new line": "new\nmia: error: line",
    "a leading dash": "-leading",
    "two dashes": "--out",
    "an escape code": "\x1b[31mred\x1b]0;title\x07",
    "right to left": "abc\u202egnp.exe",
    "no UTF-8": os.fsdecode(b"caf\xe9\xff"),
    "a formula": "a$x^$b$$",
    "HTML": "<script>alert(1)<∕script><img src=x onerror=alert(1)>",
    "Chinese": "猫の写真",
    "braces": "%s{0}{__class__}",
    "two hundred letters": "n" * 200,
    "a hidden name": ".hidden",
    "dots": "..,..",
}
PATHS = {"a path out": "../../../outside", "an absolute path": "/tmp/outside", "a null": "a\\0b", "nothing": ""}
USES = ("class", "data set", "out", "file", "chapter", "stranger", "class in a report")


def name(place: Place, case: int, draw: random.Random, folder: Path) -> Found:
    """One name in one place, both in turn: their numbers have no common divisor, so that every pair comes."""
    use = USES[case % len(USES)]
    known = NAMES | PATHS if use in ("chapter", "stranger") else NAMES
    kind = sorted(known)[case % len(known)]
    work = folder / "work"
    work.mkdir(parents=True)
    words = _words(place, use, known[kind], work)
    before = set(os.listdir(folder))
    done = place.run(words, work, MIA_CACHE=str(folder / "cache"))
    outside = {path for path in os.listdir(folder) if path not in before} - {"cache"}
    allowed = (0, 1) if use == "stranger" else (0,)
    wrong = [
        not_tidy(done) if done.status in allowed else not_refused(done),
        "the name was executed" if any(folder.rglob("executed")) else None,
        f"written outside: {sorted(outside)}" if outside else None,
        "codes for the terminal were printed" if _coded(done) else None,
        *_leaks(place, folder, work / OUT["report"]),
    ]
    return judged(f"{use} with {kind}", wrong, status=done.status)


PARTS = {"hostile names": Part(77, name)}


def _words(place: Place, use: str, name: str, work: Path) -> list[str]:
    study = ["study", "--epochs", "2", "-p", "replicates=0", "--seeds", "1", "--part", "12", "--defenses", "none"]
    if use in ("class", "class in a report"):
        two_classes(work / "pictures", 24, ("cat", name))
        if use == "class":
            return [*study, "--dataset", f"folder:{work / 'pictures'}"]
        return ["report", "--chapter", "second", "-p", f"dataset=folder:{work / 'pictures'}", "-p", "part=12"]
    if use == "data set":
        two_classes(work / name, 24)
        return [*study, "--dataset", f"folder:{work / name}"]
    if use == "out":
        return [*study, "--dataset", "digits", "--out", f"{name}.csv"]
    if use == "file":
        np.savez(work / "models.npz", **arrays_of("models"))
        os.rename(work / "models.npz", work / f"{name}.npz")
        return ["attack-models", "--models", f"{name}.npz", "--replicates", "0", "--scores", f"{name}.csv"]
    if use == "chapter":
        return ["report", "--chapter", name]
    return ["compare", *_reports(place, name, work), "--out", "page.html"]


def _reports(place: Place, name: str, work: Path) -> tuple[str, str]:
    """Our report, and a stranger's in which the name is that of a chapter, a column, a claim and a figure."""
    whole = place.whole("report").folder / OUT["report"]
    for report in ("ours", "theirs"):
        shutil.copytree(whole, work / report, ignore=shutil.ignore_patterns("_static", "tippy", "mathjax"))
    results = json.loads((work / "theirs" / "results.json").read_text())
    results.pop(SEAL)  # a stranger need not have any
    name = name.encode("utf-8", "replace").decode()
    chapters = results["chapters"]
    first = chapters[next(iter(chapters))]
    first["title"] = first["settings"]["dataset"] = name
    for table in first["tables"].values():
        table["caption"], table["columns"][0] = name, name
    first["glued"] = {name: name}
    chapters[name] = first
    (work / "theirs" / "results.json").write_text(json.dumps(results))
    return "ours", "theirs"


def _coded(done: Done) -> bool:
    return bool(UNSEEN.search(done.out.decode("utf-8", "replace")) or UNSEEN.search(done.err))


def _leaks(place: Place, folder: Path, report: Path) -> list[str | None]:
    """What a report must not hold: paths of this machine, and names as elements."""
    if not report.is_dir():
        return []
    forbidden = {
        str(folder): "the data's path",
        str(place.project): "the package's path",
        str(CHECKOUT): "the checkout",
    }
    forbidden |= {f"{Path.home()}/": "the home folder", "<img src=x onerror": "a name as an element"}
    found = {
        f"{path.relative_to(report)} holds {what}"
        for path in report.rglob("*")
        if path.is_file()
        for text, what in forbidden.items()
        if text.encode() in path.read_bytes()
    }
    return sorted(found)[:3]
