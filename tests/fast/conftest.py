"""These tests are of what is optional: without the folder there is nothing to test, without Numba no compiled block."""

from importlib.util import find_spec

if find_spec("mia_core.fast") is None:
    collect_ignore_glob = ["test_*.py"]
elif find_spec("numba") is None:
    collect_ignore = ["test_block.py", "test_matrix_unit.py"]
