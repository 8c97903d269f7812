"""How a command shows a report of attacks: text or strict JSON on stdout, notes on stderr."""

import json
from typing import Any

from mia_core.audits.text import as_text
from mia_core.base.messages import one_line
from mia_core.base.stderr import say, write


def show(report: dict[str, Any], as_json: bool) -> None:
    """A report on stdout, as text or as strict JSON, its notes on stderr."""
    for note in report["notes"]:
        say(f"mia: note: {one_line(note, 400)}")
    write(json.dumps(report, indent=2, allow_nan=False) + "\n" if as_json else as_text(report))
