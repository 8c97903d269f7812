"""What is written by hand against what the package gives, and the package's source on the page."""

import numpy as np
import pytest

from mia_book.by_hand import agree, source
from mia_core.defenses.dropout.layer import Drop


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ([1.0, np.nan], [1 + 1e-7, np.nan], "equal to 1e-06"),
        (0.5, 0.5, "equal to 1e-06"),
        ([1.0, 2.0], [1.0, 2.25], "DIFFERENT, by up to 0.25"),
        ([1.0, 2.0], [1.0], "DIFFERENT SHAPES, (2,) and (1,)"),
        ([1.0, np.nan], [np.nan, 1.0], "DIFFERENT, by up to nan"),
    ],
)
def test_agreement_is_said_in_one_line(first, second, said, capsys) -> None:
    agree(first, second)
    assert capsys.readouterr().out == f"by hand and by the package: {said}\n"


def documented(x):
    """One line,
    and another."""
    return x


@pytest.mark.parametrize(
    ("of", "starts", "lacks"), [(Drop, "class Drop", '"""'), (documented, "def documented", "One")]
)
def test_source_is_shown_as_it_runs_without_its_docstring(of, starts, lacks, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr("IPython.display.display", seen.append)
    source(of)
    text = seen[0].data
    assert text.startswith(f"```python\n{starts}") and text.endswith("\n```") and lacks not in text
    assert "return x" in text
