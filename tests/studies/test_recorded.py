"""Recorded tables: whatever was cut or altered since they were written is noticed, and the file is named."""

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mia_core.base.errors import DataError
from mia_core.base.sealed import unsealed
from mia_core.studies.recorded import TABLE, recorded, write_recorded

ABOUT = {"settings": {"seeds": [0, 1], "noise": 0.5}, "dataset": {"classes": ["ä", "b"]}, "made": "2026-01-02"}
ROWS = pd.DataFrame({"defenses": ["none", "dropout"], "seed": [0, 1], "auc": [0.123456789, None]})


@pytest.fixture
def files(tmp_path, monkeypatch) -> tuple[Path, Path]:
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path))
    return write_recorded(tmp_path / "toy.csv", ROWS, ABOUT)


def refused(path: Path) -> str:
    with pytest.raises(DataError) as error:
        recorded("toy")
    assert str(error.value).startswith(f"{path}: no recorded study, or damaged (") and "\n" not in str(error.value)
    return str(error.value)


def test_table_and_provenance_come_back(files):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table, made = recorded("toy")
    pd.testing.assert_frame_equal(table, ROWS, atol=1e-6)
    assert ABOUT.items() <= made.items() and made["format"] == 1


def test_every_cut_and_every_flipped_character_is_noticed(files):
    random = np.random.default_rng(0)
    for path in files:
        whole = path.read_bytes()
        changed = [whole[:length] for length in random.integers(0, len(whole) - 1, 40)]
        for place, bit in zip(random.integers(0, len(whole), 200), random.integers(0, 7, 200), strict=True):
            changed.append(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        for content in changed:
            if path.suffix == ".json" and same_json(content, whole):
                continue  # a space became another one
            path.write_bytes(content)
            refused(path)
        path.write_bytes(whole)


def same_json(one: bytes, two: bytes) -> bool:
    try:
        return json.loads(one) == json.loads(two)
    except ValueError:
        return False


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("which", [0, 1])
def test_a_pipe_or_a_folder_in_its_place_is_refused_without_waiting(files, which):
    files[which].unlink()
    os.mkfifo(files[which])
    assert "no regular file" in refused(files[which])
    files[which].unlink()
    files[which].mkdir()
    refused(files[which])


def test_files_that_do_not_belong_together_or_of_a_newer_version_are_refused(files):
    table, made_by = files
    kept = made_by.read_bytes()
    write_recorded(table, ROWS.assign(auc=0.9), ABOUT)
    made_by.write_bytes(kept)
    assert f"does not match {TABLE} in toy.provenance.json" in refused(table)
    write_recorded(table, ROWS, ABOUT | {"format": 2})
    assert "its format is 2, expected 1" in refused(made_by)
    made_by.unlink()
    assert "No such file" in refused(made_by)
    made_by.write_bytes(b"[" * 100_000)
    assert "no whole JSON object" in refused(made_by)


def test_what_an_older_version_wrote_is_read_with_a_warning_that_it_cannot_be_checked(files):
    files[1].write_text(json.dumps(ABOUT))
    with pytest.warns(UserWarning, match=r"toy.provenance.json: an older version wrote it without a digest"):
        assert recorded("toy")[1] == ABOUT
    files[1].write_text(json.dumps(ABOUT | {"format": 1}))
    assert "its digest is missing" in refused(files[1])


def test_every_recorded_file_of_the_project_is_as_it_was_written():
    folder = Path(__file__).parents[2] / "results"
    for path in folder.rglob("*.json"):
        assert unsealed(path.read_text(encoding="utf-8"))[1], path
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in folder.glob("*.csv"):
            assert len(recorded(path.stem)[0]) > 0
