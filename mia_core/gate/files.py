"""Outputs of one model from a file of any kind that is read: .npz, .csv or .parquet."""

import os
from pathlib import Path

from mia_core.gate.arrays import Outputs


def read_outputs(path: str | os.PathLike[str]) -> Outputs:
    """The outputs saved at `path`: arrays as `mia_core.gate.npz.read_outputs` takes them, or a table as
    `mia_core.gate.columns.outputs_of_table` does. Raises `ArrayError`, one line, for anything else."""
    from mia_core.gate import columns, npz

    if Path(path).suffix.lower() in columns.ENDINGS:
        return columns.outputs_of_table(path)
    return npz.read_outputs(path)
