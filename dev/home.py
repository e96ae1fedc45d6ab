"""The directory of one broker: claimed by one process at a time, with room on its disk."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev import DevError

LEAST_FREE_BYTES = 500 << 20


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Hold a directory, made if missing, against other processes; the kernel lets go of it however we end.

    Raises:
        DevError: another process holds it, or it cannot be made or written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "lock").open("a+")
    except OSError as exc:
        raise DevError(
            f"{home} cannot be used: {exc.strerror}. Set HINDSIGHT_DEV_DIR to a directory of yours."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise DevError(
                f"{home} is in use by process {lock.read().strip() or '(unknown)'}: "
                "stop that one, or set HINDSIGHT_DEV_DIR (and the ports) for a second one."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def require_room(home: Path) -> None:
    """Check that the disk of an existing directory is not about to be full.

    Raises:
        DevError: it is.
    """
    if shortage := shortage_of_room(home):
        raise DevError(shortage)


def shortage_of_room(home: Path) -> str:
    """Return a sentence when the disk of `home` is nearly full, else nothing."""
    free = shutil.disk_usage(home).free
    if free >= LEAST_FREE_BYTES:
        return ""
    return (
        f"The disk of {home} has {free >> 20} MB left and the brokers need {LEAST_FREE_BYTES >> 20} MB: "
        "free some, or set HINDSIGHT_DEV_DIR to a directory on another disk."
    )
