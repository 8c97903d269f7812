"""A copy of the project in a temporary folder, for tests that add a file to it and see what changes."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("mia_core", "book", "params", "_toc.yml", "_config.yml", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "_build")


@dataclass(frozen=True)
class Project:
    """A copy of this checkout that a test may change.

    root  the folder that holds `mia_core/`, `book/` and the files next to them
    """

    root: Path

    def add(self, path: str, text: str) -> Path:
        """Write a file, by its path from the top of the project; returns where it is."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def python(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy, so that it imports the copy's packages; models are kept in a cache of the copy."""
        own = {
            "PYTHONPATH": os.pathsep.join(map(str, (self.root, self.root / "book"))),
            "MIA_CACHE": str(self.root / "cache"),
            "MIA_RESULTS": str(ROOT / "results"),
            "MIA_PROGRESS": "off",
            "OMP_NUM_THREADS": "1",
        }
        env = {**os.environ, **own, **environment}
        return subprocess.run([sys.executable, *words], cwd=self.root, env=env, capture_output=True, text=True)

    def mia(self, *words: str, **environment: str) -> str:
        """What `mia WORDS` of the copy prints; a failure of it is a failure of the test, with its stderr."""
        done = self.python("-m", "mia_core", *words, **environment)
        assert done.returncode == 0, f"mia {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def recipe(heading: str) -> dict[str, str]:
    """The files that a recipe of CONTRIBUTING.md writes: path -> text of the block below it.

    heading  of the recipe's section, such as "A defense"
    """
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.split(r"^##+ .*\n", text.partition(f"\n### {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"^`([\w/.]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found, f"CONTRIBUTING.md: found no files below {heading!r}"
    return dict(found)


def copy_project(folder: Path) -> Project:
    """Copy what a checkout consists of, without its tests, records and pictures, to `folder`/project."""
    root = folder / "project"
    root.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=LEFT_OUT)
        else:
            shutil.copyfile(source, root / name)
    return Project(root)
