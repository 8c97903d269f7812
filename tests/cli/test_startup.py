"""Start-up: importing the package, or asking for help, loads nothing heavy."""

import json
import subprocess
import sys

import pytest

from mia_core.cli.main import main

HEAVY = (
    "torch",
    "torchvision",
    "sklearn",
    "scipy",
    "pandas",
    "matplotlib",
    "seaborn",
    "numba",
    "numpy",
    "pydantic",
    "joblib",
)


def loaded(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


TELL = f"; import json, sys; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"


def test_importing_the_package_loads_nothing_heavy():
    assert loaded("import mia_core" + TELL) == []


def test_help_loads_nothing_heavy():
    assert loaded("from mia_core.cli.main import main; main(['--help'])" + TELL) == []


def mia(*arguments):
    return subprocess.run([sys.executable, "-m", "mia_core", *arguments], capture_output=True, text=True)


def test_running_the_package_is_the_command_line(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    asked = mia("--help")
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, shown, "") and "Usage: mia " in shown
    mistaken = mia("studdy")
    assert (mistaken.returncode, mistaken.stdout) == (2, "") and mistaken.stderr.startswith("mia: error: ")


MODULES = ("settings", "study_settings", "study", "commands.attack_report", "data", "inputs", "metrics")


@pytest.mark.parametrize("module", MODULES)
def test_modules_load_heavy_libraries_where_they_are_used(module):
    heavy = set(loaded(f"import mia_core.{module}{TELL}")) - {"numpy", "pydantic"}
    assert heavy == set()


def test_names_of_the_package_are_found_and_unknown_ones_refused():
    import mia_core

    assert mia_core.StudySettings().epochs == 50
    assert set(mia_core.__all__) <= set(dir(mia_core))
    with pytest.raises(AttributeError, match="no attribute 'Studdy'"):
        mia_core.Studdy  # noqa: B018
