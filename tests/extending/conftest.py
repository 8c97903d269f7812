"""What the tests of CONTRIBUTING.md's recipes share."""

from pathlib import Path

import pytest

from throwaway import Project, copy_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of this checkout that the test may change."""
    return copy_project(tmp_path)
