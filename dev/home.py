"""The directory of one broker: claimed by one process at a time, with room on its disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev import DevError
from streams.process.file_lock import try_lock

LEAST_FREE_BYTES = 500 << 20


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Hold a directory, made if missing, against other processes; the kernel lets go of it however we end.

    Raises:
        DevError: another process holds it, or it cannot be made or written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = try_lock(home / "lock")
    except OSError as exc:
        raise DevError(
            f"{home} cannot be used: {exc.strerror}. Set HINDSIGHT_DEV_DIR to a directory that you can write to."
        ) from None
    if lock is None:
        raise DevError(
            f"{home} is in use by process {(home / 'lock').read_text().strip() or '(unknown)'}: "
            "stop that one, or set HINDSIGHT_DEV_DIR (and the ports) for a second one."
        )
    with lock:
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
