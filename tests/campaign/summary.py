"""Figures of a campaign: what was tried and what held, in a table and in the record that the book shows."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mia_core.base.sealed import sealed

RECORD = Path(__file__).resolve().parents[2] / "results" / "campaign.json"


def read(file: Path) -> list[dict[str, Any]]:
    """The cases that a file holds, a line each; a line that was cut when the campaign was ended counts as missing."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def counted(cases: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Of each part: cases tried, held, and left out because they cannot be tried on this machine."""
    parts: dict[str, dict[str, int]] = {}
    for case in cases:
        counts = parts.setdefault(case["part"], {"tried": 0, "held": 0, "left out": 0})
        counts["left out" if case["held"] is None else "tried"] += 1
        counts["held"] += case["held"] is True
    return parts


def table(parts: Mapping[str, Mapping[str, int]]) -> str:
    """The counts as lines of text."""
    lines = [f"{'part':28}{'tried':>8}{'held':>8}{'left out':>10}"]
    lines += [f"{name:28}{of['tried']:8}{of['held']:8}{of['left out']:10}" for name, of in parts.items()]
    return "\n".join(lines)


def record(cases: list[dict[str, Any]], file: Path = RECORD) -> None:
    """Write the counts, with what they were found on, for the page of promises."""
    about = {
        "made": datetime.now(UTC).date().isoformat(),
        "seeds": sorted({case["seed"] for case in cases}),
        "system": f"{platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores",
        "parts": counted(cases),
    }
    file.write_text(sealed(about), encoding="utf-8")
