"""Runs `mia` in this process: what it prints and says, its report, and the line with which it refuses."""

import json
from typing import Any

from mia_core.cli.main import main

RATES = [(0.0, 0.0, 0), (0.0, 0.0, 0), (0.0, 0.0, 0), (0.35, 0.06, 60)]
"""TPR, realised FPR and false positives of the counted outputs at the four levels of a report."""


def run(capsys, *arguments) -> tuple[int, str, list[str]]:
    """Exit status, stdout and lines of stderr of `mia` with these arguments."""
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err.splitlines()


def strict(text: str) -> Any:
    """The value in `text`, which must hold no NaN and no infinity."""

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def report_of(capsys, *arguments) -> tuple[dict[str, Any], list[str]]:
    """The report of a run that must succeed, and the lines of stderr."""
    status, out, err = run(capsys, *arguments, "--json")
    assert status == 0, err
    return strict(out), err


def attacked(capsys, shadow, target, *options, replicates=20) -> tuple[dict[str, Any], list[str]]:
    """The same of `mia attack` on two files of outputs."""
    return report_of(capsys, "attack", "--shadow", shadow, "--target", target, "--replicates", replicates, *options)


def refused(capsys, *arguments) -> str:
    """The one line on stderr of a run that must be refused."""
    status, out, err = run(capsys, *arguments)
    assert status == 2 and out == "" and len(err) == 1 and err[0].startswith("mia: error: "), (status, out, err)
    return err[0]


def named(names) -> list[str]:
    """Options that ask for attacks by name."""
    return [word for name in names for word in ("--attack", name)]


def rates(result) -> list[tuple[float, float, int]]:
    """TPR, realised FPR and false positives at every level of a result."""
    return [(point["tpr"], point["realised_fpr"], point["false_positives"]) for point in result["tpr_at_fpr"]]
