"""Help, version and start-up: what commands tell of themselves, and that asking for it loads nothing heavy."""

import json
import re
import subprocess
import sys

import pytest

from attack_commands import refused, run
from mia_core.attacks import ATTACKS
from mia_core.references import REFERENCE_ATTACKS

LIBRARIES = ["torch", "torchvision", "sklearn", "scipy", "pandas", "matplotlib", "seaborn", "numba", "numpy"]
LIBRARIES += ["pydantic", "joblib"]
MAIN = "from mia_core.cli.main import main"


def heavy(code):
    """Which of `LIBRARIES` a new process has loaded after `code`."""
    tell = f"import json, sys; print(json.dumps([name for name in {LIBRARIES} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{tell}"], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("code", "allowed"), [
    ("import mia_core", ""), (f"{MAIN}; main(['--help'])", ""), (f"{MAIN}; main(['--version'])", ""),
    (f"{MAIN}; main(['attack', '--help'])", "numpy pydantic"),
    (f"{MAIN}; main(['attack-models', '--help'])", "numpy pydantic scipy"),
    ("import mia_core.base.settings", "pydantic"), ("import mia_core.display.figures", "numpy"),
    ("import mia_core.studies.study, mia_core.studies.settings, mia_core.gate.npz", "numpy pydantic"),
    ("import mia_core.audits.one_shadow, mia_core.measures.metrics", "numpy pydantic"),
])  # fmt: skip
def test_what_is_not_used_is_not_loaded(code, allowed):
    assert heavy(code) <= set(allowed.split())


def test_attacking_saved_outputs_loads_no_torch(shadow, target):
    code = f"main(['attack', '--shadow', {shadow!r}, '--target', {target!r}, '--json', '--replicates', '0'])"
    assert not {"torch", "matplotlib"} & heavy(f"{MAIN}; {code}")


@pytest.mark.parametrize("command", ["attack", "study", "references", "attack-models"])
def test_help_lists_every_attack_from_its_record(capsys, command):
    records = ATTACKS if command in ("attack", "study") else REFERENCE_ATTACKS
    status, out, err = run(capsys, command, "--help")
    flat = " ".join(re.sub(r"(?<=-)\n\s+", "", out).split())
    assert status == 0 and err == [] and out.isascii()
    assert command != "attack" or "coded 1 = member" in flat
    for name, record in records.items():
        assert name in flat and record.compares in flat
        if getattr(record, "settings", None):
            values = record.settings().model_dump(mode="json").items()
            texts = (f"{key}={','.join(map(str, v)) if isinstance(v, list) else v}" for key, v in values)
            assert f"{name} {' '.join(texts)}" in flat


@pytest.mark.parametrize(("arguments", "command"), [
    (["attack"], "mia attack"), (["attack", "--shadow"], "mia attack"), (["attack", "extra"], "mia attack"),
    (["study", "--epoch", "3"], "mia study"),
    (["attack-models", "--references", "none"], "mia attack-models"), (["atack"], "mia"), (["--epochs"], "mia"),
])  # fmt: skip
def test_a_mistaken_command_line_is_one_line_that_names_the_help_to_read(capsys, arguments, command):
    assert refused(capsys, *arguments).endswith(f" (see {command} --help)")


def test_the_package_runs_as_a_command_and_tells_its_version(capsys):
    def mia(*arguments):
        done = subprocess.run([sys.executable, "-m", "mia_core", *arguments], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr.splitlines()

    assert mia() == mia("--help") == run(capsys, "--help") and "Usage: mia " in mia("--help")[1]
    assert mia("studdy")[:2] == (2, "")
    status, out, err = mia("--version")
    assert (status, err) == (0, []) and re.fullmatch(r"mia (\d+\.\d+.*|.*not installed)\n", out)


def test_names_of_the_package_are_found_and_unknown_ones_refused():
    import mia_core

    assert mia_core.StudySettings().epochs == 50
    assert set(mia_core.__all__) <= set(dir(mia_core))
    with pytest.raises(AttributeError, match="no attribute 'Studdy'"):
        mia_core.Studdy  # noqa: B018
