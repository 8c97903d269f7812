"""A throw-away defense shows up in the chapters' grids, and what they claim of others is told no worse for it."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from mia_core.defenses import DEFENSES
from mia_core.defenses.base import Defense, Stage
from mia_core.report.sources import open_book
from turned import run_chapter


class Halving(Defense):
    """Halves every posterior and gives what is missing to all classes alike."""

    name: ClassVar[str] = "halving"
    stage: ClassVar[Stage] = "output"

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        return posteriors / 2 + 0.5 / posteriors.shape[-1]


@pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")
@pytest.mark.parametrize(
    "name", ["combinations", "adversaries", "strongest-attack", "reference-attacks", "report-under-test"]
)
def test_a_defense_shows_up_in_the_grids_of_a_chapter(
    name: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEFENSES, "halving", Halving)
    run = run_chapter(open_book().chapters[name], None, monkeypatch, defenses="none,dropout,halving")
    shown = [*run.captions, *(table.to_string() for table in run.tables), *run.glued.values()]
    if name == "report-under-test":  # its rows are those of Table I; what it claims of others cannot be told
        assert run.glued["conclusions"] == "18" and any("cannot be told" in text for text in shown)
    else:
        assert sum("halving" in text for text in shown) >= 2
