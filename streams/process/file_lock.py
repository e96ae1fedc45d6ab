"""A lock that one process at a time holds, by a file. The kernel lets go of it however the process ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

LOOK_EVERY_S = 0.01


def try_lock(path: Path) -> IO[str] | None:
    """Lock a file, made if missing; return it open, None if somebody holds it. Whoever closes it lets go.

    Raises:
        OSError: the file cannot be made or opened.
    """
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):  # a file that was removed meanwhile excludes nobody
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def wait_for_lock(path: Path, wait_s: float) -> IO[str] | None:
    """Lock a file as `try_lock` does; return None if somebody has held it for `wait_s` seconds.

    Raises:
        OSError: the file cannot be made or opened.
    """
    give_up_at = time.monotonic() + wait_s
    while (lock := try_lock(path)) is None and time.monotonic() <= give_up_at:
        time.sleep(LOOK_EVERY_S)
    return lock
