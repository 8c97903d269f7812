"""What all tests share: where reference data lies that is not part of the project."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with reference data (`MIA_SHARED`, else `shared` beside the checkout); skips where there is none."""
    folder = Path(os.environ.get("MIA_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not folder.is_dir():
        pytest.skip(f"no reference data: {folder} is not a folder (set MIA_SHARED)")
    return folder
