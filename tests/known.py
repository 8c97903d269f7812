"""Reading what others computed or reported from the folder with reference data."""

import json
import zipfile
from pathlib import Path
from typing import Any


def known_answers(shared: Path) -> dict[str, Any]:
    """Inputs and the outputs of published implementations on them."""
    return json.loads((shared / "reference" / "known_answers.json").read_text())


def reported_cases(shared: Path, folder: Path, *parts: str) -> Path:
    """`folder`, after the inputs of reported cases under `parts` (such as "models/") were unpacked there."""
    with zipfile.ZipFile(shared / "user-cases" / "inputs.zip") as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(parts)])
    return folder
