"""To add an attack is to add its file: help, names, tables and the tests of every attack then have it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ONE_SHADOW = """
from mia_core.attacks.contract import Attack, ShadowRecord


class Moonshine(Attack):
    def score(self, posteriors, labels=None):
        return posteriors.max(axis=1) ** 2


RECORDS = (ShadowRecord("moonshine", Moonshine, "largest posterior by moonlight", "Yeom et al. 2018"),)
"""
WITH_REFERENCES = """
from mia_core.references.record import ReferenceRecord

RECORDS = (ReferenceRecord("starlight", lambda view: view.of_target("logit"), "logit by starlight", "Ye et al. 2022"),)
"""
ASK = """
import contextlib, io, json, sys
from mia_book.all_attacks import attacks_reference
from mia_core.cli.main import main
from mia_core.studies.settings import ReferenceSettings
from mia_core.studies.settings import StudySettings

def shown(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        main(list(arguments))
    return " ".join(out.getvalue().split())

sides = ["--shadow", sys.argv[1], "--target", sys.argv[2], "--replicates", "0", "--json"]
print(json.dumps({
    "help": [shown(command, "--help") for command in ("attack", "study", "references", "attack-models")],
    "unknown": [shown("attack", *sides, "--attack", "moonshin"), shown("references", "--attack", "starligt")],
    "report": shown("attack", *sides, "--attack", "all"),
    "studies": [StudySettings(attacks="all").attacks, ReferenceSettings(attacks="all").attacks],
    "page": attacks_reference().iloc[-1].to_list(),
}))
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the package, its tests and what the chapters share, with one more attack of each kind."""
    folder = tmp_path_factory.mktemp("house")
    for part in ("mia_core", "tests", "book/mia_book"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "mia_core/attacks/moonshine.py").write_text(ONE_SHADOW)
    (folder / "mia_core/references/starlight.py").write_text(WITH_REFERENCES)
    return folder


def python(folder, *arguments):
    """What Python prints with this copy first on its path."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'book'}"}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_record_is_all_that_help_settings_and_tables_need(house, shadow, target):
    found = json.loads(python(house, "-c", ASK, shadow, target))
    for text, words in zip(found["help"], ("by moonlight",) * 2 + ("by starlight",) * 2, strict=True):
        assert words in text
    assert "did you mean moonshine?" in found["unknown"][0] and "did you mean starlight?" in found["unknown"][1]
    assert found["report"].count('"attack": "moonshine"') == 1
    assert found["studies"][0][-1] == "moonshine" and found["studies"][1][-1] == "starlight"
    assert found["page"] == ["starlight", "logit by starlight", "Ye et al. 2022"]


def test_the_tests_of_every_attack_have_it(house):
    files = [f"tests/{name}.py" for name in ("attacks/test_every_attack", "references/test_reference_attacks")]
    said = python(house, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "moonshine or starlight", *files)
    assert int(said.split(" passed")[0].split()[-1]) >= 10


def test_two_of_one_name_are_refused(house):
    twin = house / "mia_core/attacks/twin.py"
    twin.write_text(ONE_SHADOW)
    with pytest.raises(AssertionError, match="expected one record for each name"):
        python(house, "-c", "import mia_core.attacks")
    twin.unlink()
