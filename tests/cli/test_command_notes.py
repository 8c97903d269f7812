"""Notes, warnings and errors go to stderr or nowhere, and no result is lost because of them; --params may not be ""."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from arrays import base
from attack_commands import refused, strict

ROOT = Path(__file__).resolve().parents[2]


def shell(redirection, shadow, target):
    """`mia attack --json` with a note and a warning to give, its stderr redirected by a shell."""
    line = f'exec "$0" -m mia_core attack --shadow "$1" --target "$2" --json --replicates 0 {redirection}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = ["sh", "-c", line, sys.executable, shadow, target]
    return subprocess.run(command, stdout=subprocess.PIPE, env=environment, timeout=100, check=False)


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_stderr_that_cannot_be_written_costs_no_result_and_adds_nothing_to_it(files, shadow, redirection):
    if "full" in redirection and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    arrays = base("target")
    path = files("target", [arrays["posteriors"], 1 - arrays["members"]])
    done = shell(redirection, shadow, path)
    report = strict(done.stdout.decode())
    assert done.returncode == 0 and report["notes"] and report["warnings"]
    assert shell(redirection, "nowhere.npz", path).returncode == 2


@pytest.mark.parametrize("command", ["study", "references", "report"])
def test_a_file_of_settings_needs_a_name_and_is_named_where_it_is_wrong(command, tmp_path, capsys):
    for params in ("", " "):
        assert "params: expected the name of a YAML file" in refused(capsys, command, "--params", params)
    file = tmp_path / "mine.yml"
    for text, words in (("epochz: 3\n", "epochz: unknown"), ("epochs: 0\n", "epochs: ")):
        file.write_text(text)
        assert f"mia: error: {file}: {words}" in refused(capsys, command, "--params", file)
    own = refused(capsys, command, "--params", file, "--param", "epochs=-1")
    assert "mia: error: epochs: " in own, "what was typed goes before, and no file gave it"
