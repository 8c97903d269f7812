"""Reading what others computed or reported from the folder with reference data."""

import json
import zipfile
from pathlib import Path
from typing import Any


def known_answers(shared: Path) -> dict[str, Any]:
    """Inputs and the outputs of published implementations on them."""
    return json.loads((shared / "reference" / "known_answers.json").read_text())


def reported_cases(shared: Path, folder: Path, *parts: str) -> Path:
    """`folder`, after the inputs of reported cases, all or those under `parts` ("models/"), were unpacked there."""
    with zipfile.ZipFile(shared / "user-cases" / "inputs.zip") as archive:
        names = archive.namelist()
        archive.extractall(folder, [name for name in names if name.startswith(parts)] if parts else names)
    return folder
