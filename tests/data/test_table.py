"""Tables from files: what becomes of each kind of column, and one line for what cannot be taken."""

import numpy as np
import pandas as pd
import pytest

from mia_core.base.errors import DataError, MiaWarning
from mia_core.data.dataset import Dataset
from mia_core.data.load import DataSettings, load_dataset

MIXED = """age, workclass, hours, member,income
39, State-gov,40,True,<=50K
50, Self-emp,,False,>50K
?, State-gov,13,True,<=50K
28, ?,40,False,>50K
39, State-gov,41,True,<=50K
50, Self-emp,10,False,>50K
51, Private,12,True,<=50K
28, State-gov,40.5,False,>50K
"""


def table(path, content: str | bytes, column: str = "") -> Dataset:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_dataset(DataSettings(dataset=f"table:{path}" + (f"#{column}" if column else "")))


def test_numbers_stay_categories_become_columns_and_gaps_get_one(tmp_path):
    data = table(tmp_path / "adult.csv", MIXED, "income")
    assert (data.name, data.classes, data.pool, data.missing) == ("adult", ("<=50K", ">50K"), 8, True)
    assert data.labels.tolist() == [0, 1] * 4 and data.inputs.dtype == np.float32
    nan = np.nan
    expected = [  # age, missing; Private, Self-emp, State-gov, missing; hours, missing; member
        [39, 0, 0, 0, 1, 0, 40, 0, 1], [50, 0, 0, 1, 0, 0, nan, 1, 0], [nan, 1, 0, 0, 1, 0, 13, 0, 1],
        [28, 0, 0, 0, 0, 1, 40, 0, 0], [39, 0, 0, 0, 1, 0, 41, 0, 1], [50, 0, 0, 1, 0, 0, 10, 0, 0],
        [51, 0, 1, 0, 0, 0, 12, 0, 1], [28, 0, 0, 0, 1, 0, 40.5, 0, 0],
    ]  # fmt: skip
    assert np.array_equal(data.inputs, np.float32(expected), equal_nan=True)


def test_whole_small_numbers_are_bytes_and_number_labels_keep_their_order(tmp_path):
    rows = "".join(f"{number % 2},{number % 250},{(10, 2)[number % 2]}\n" for number in range(300))
    with pytest.warns(MiaWarning, match="50 of 300 rows equal another one"):
        data = table(tmp_path / "b.csv", f"x,y,Target\n{rows}")
    assert data.inputs.dtype == np.uint8 and data.classes == ("2", "10") and data.labels[:2].tolist() == [1, 0]


def test_row_numbers_without_a_name_are_left_out_and_told(tmp_path):
    frame = pd.DataFrame({"x": np.arange(8) / 3, "class": list("ab") * 4})
    with pytest.warns(MiaWarning, match="column 0 has no name .*; left out"):
        data = table(tmp_path / "n.csv", frame.to_csv())
    assert data.inputs.shape == (8, 1) and data.classes == ("a", "b")


def test_a_parquet_file_is_the_same_table(tmp_path):
    frame = pd.DataFrame({"x": [1.5, None] * 4, "kind": ["a", "b", None, "a"] * 2, "label": list("uv") * 4})
    try:
        frame.to_parquet(tmp_path / "t.parquet")
    except ImportError:
        (tmp_path / "t.parquet").write_bytes(b"PAR1")
        with pytest.raises(DataError, match="needs pyarrow"):
            load_dataset(DataSettings(dataset=f"table:{tmp_path / 't.parquet'}"))
        return
    assert load_dataset(DataSettings(dataset=f"table:{tmp_path / 't.parquet'}")).fingerprint == table(
        tmp_path / "t.csv", frame.to_csv(index=False)).fingerprint  # fmt: skip


def rows(*columns) -> str:
    return "\n".join(",".join(map(str, fields)) for fields in zip(*columns, strict=True)) + "\n"


EIGHT = range(8)
LABEL = ["label", *"abababab"]


@pytest.mark.parametrize(("content", "column", "words"), [
    ("", "", "found no names of columns in the first line"), ("x,label\n", "", "found no rows"),
    (MIXED, "", "found the columns age, workclass, hours, member, income; name the column of classes behind the file"),
    (MIXED, "salary", "column salary: not found; expected one of age, workclass"),
    (rows(["x", *EIGHT], LABEL, ["class", *"abababab"]), "", "found 2 columns of the names label, target, class"),
    (rows(["x", *EIGHT], ["label", *"aaaaaaaa"]), "", "column label: found one class, a; expected at least 2"),
    (rows(["x", *EIGHT], ["label", *"aaaaaaab"]), "", "column label: found 1 of class b; expected at least 4"),
    (rows(["x", *EIGHT], ["label", *"aba?abab"]), "", "column label: found 1 of 8 missing, the first in row 3"),
    (rows(["x", *EIGHT], ["label", *(n / 7 for n in EIGHT)]), "", "column label: found 8 different values in 8 rows"),
    (rows(["x", *EIGHT], ["gap", *8 * [""]], LABEL), "", "column gap: all values are missing; leave it out"),
    (rows(["x", *EIGHT, *EIGHT], ["x", *EIGHT, *EIGHT], [*LABEL, *"abababab"]), "", "column x: found twice"),
    (rows(["x", *EIGHT], LABEL) + "1,a,2\n", "", "line 10: found 3 fields; expected 2, as many as columns"),
    (rows(["x", *EIGHT], LABEL) + "1\n", "", "line 10: found 1 fields"),
    (rows(["x", *range(7), 1e39], LABEL), "", "column x: found 1e+39 in row 7"),
    (rows(["t", *(1_700_000_000_000_000_000 + n for n in EIGHT)], LABEL), "",
     "column t: found values from 1700000000000000000 to 1700000000000000007, too close to each other"),
    (rows(["name", *(f"n{n}" for n in range(10_000))], ["label", *5000 * "ab"]), "",
     "column name: found 10,000 different texts; expected at most 1,000 categories; make numbers of it"),
    (rows(["age", *range(2000), "old", "old"], ["label", *1001 * "ab"]), "",
     "expected at most 1,000 categories; most are numbers, and row 2000 is not: old"),
    (rows(LABEL), "", "found no column but label"), (b"x,label\n\xff,a\n", "", "byte 8: found no UTF-8 text"),
    ('x,label\n"1,a\n', "", "line 2: unexpected end of data"),
])  # fmt: skip
def test_what_cannot_be_taken_is_one_line_with_file_and_column(tmp_path, content, column, words):
    with pytest.raises(DataError) as error:
        table(tmp_path / "bad.csv", content, column)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'bad.csv'}: {words}") or words in message, message
    assert "\n" not in message and str(tmp_path) in message


def test_a_file_that_is_none(tmp_path):
    for path, words in ((tmp_path / "no.csv", "No such file"), (tmp_path, "ends in .csv or .parquet")):
        with pytest.raises(DataError, match=words):
            load_dataset(DataSettings(dataset=f"table:{path}"))
