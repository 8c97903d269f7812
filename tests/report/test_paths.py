"""What a chapter says tells no path of the machine that ran it."""

import nbformat
import pytest

from mia_core.report.paths import without_paths


def said(tmp_path, text):
    cell = nbformat.v4.new_code_cell("1")
    cell.outputs = [nbformat.v4.new_output("stream", text=text)]
    without_paths(nbformat.v4.new_notebook(cells=[cell]), {}, tmp_path / "book", tmp_path / "kernel")
    return cell.outputs[0].text


@pytest.mark.parametrize("before", ["", "File ", "(", "in:"])
def test_the_file_of_a_cell_is_called_this_cell(tmp_path, before):
    assert said(tmp_path, f"{before}/tmp/ipykernel_12/345.py:1: UserWarning") == f"{before}this cell:1: UserWarning"


def test_a_word_of_megabytes_is_read_once(tmp_path):
    """A link to download a table is such a word. Read anew from each of its characters, it takes hours."""
    word = "data:text/csv;charset=utf-8," + 1_000_000 * "%2C/"
    assert said(tmp_path, word) == word
