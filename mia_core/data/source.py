"""What a source of data is: a record, in the file that reads it, of its name, what it needs and how it is read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from mia_core.data.dataset import Dataset


@dataclass(frozen=True)
class Source:
    """A kind of data set that the setting `dataset` can ask for.

    name         as it is given there; of a source that needs a path what stands before the colon, as in folder:<path>
    description  a few words for help texts
    load         the data set, from the `mia_core.data.load.DataSettings` that name it; raises `DataError` for data that
                 are missing, damaged or wrongly laid out. What it imports, it imports when it is called
    settings     the other ones of these settings that it reads
    needs        what must be there: nothing, a "download", or a "path" (`DataSettings.path`)
    ending       of a file whose path may be followed by #COLUMN, as a pattern: what of it is the path
    is_table     whether its examples are rows of a table, and no images
    """

    name: str
    description: str
    load: Callable[[Any], Dataset]
    settings: tuple[str, ...] = ()
    needs: Literal["", "download", "path"] = ""
    ending: str = ""
    is_table: bool = False

    @property
    def spelling(self) -> str:
        """The setting that asks for it, such as cifar10 or folder:<path>."""
        return f"{self.name}:<path>" if self.needs == "path" else self.name

    def path_and_column(self, given: str) -> tuple[str, str]:
        """What stands behind the colon, as the path and the column of a file that is named with one, else empty."""
        found = re.fullmatch(rf"(.*?{self.ending})#(.*)", given, re.DOTALL | re.IGNORECASE) if self.ending else None
        return (found[1], found[2].strip()) if found else (given, "")
