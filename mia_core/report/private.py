"""Folders of the cache from which things are shown or obeyed, such as executed chapters: this user's alone.

The cache may be shared. Stored models are numbers and are checked when they are read; but whoever can change an
executed chapter writes the page, and Matplotlib does what stands in its folder.
"""

import os
import shutil
from pathlib import Path

from mia_core.base.errors import SettingsError
from mia_core.base.files import cache_dir, reason


def private_folder(name: str) -> Path:
    """A folder of the cache with mode 0700 that belongs to this user; what others could have changed is thrown away.

    Where another user has taken the name it is NAME-NUMBER, with the number of this one.
    Raises `SettingsError` where none can be made.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0  # on Windows folders are private where the user's profile is
    for folder in (cache_dir() / name, cache_dir() / f"{name}-{user}"):
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
            if found.st_uid != user or folder.is_symlink():
                continue
            if found.st_mode & 0o022:
                shutil.rmtree(folder)
                folder.mkdir(mode=0o700)
            folder.chmod(0o700)
            return folder
        except OSError as error:
            raise SettingsError(f"MIA_CACHE: {folder} cannot be made or emptied: {reason(error)}") from None
    raise SettingsError(f"MIA_CACHE: {folder} belongs to another user; expected a cache folder of your own")
