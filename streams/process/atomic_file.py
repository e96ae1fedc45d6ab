"""A file that is replaced as a whole: readers see the old one or the new one, after a power cut too."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def replace(path: Path, raw: bytes, *, mode: int = 0o644) -> None:
    """Replace a file, or make it; when this returns, the disk has it.

    Args:
        mode: of the new file, less the umask.

    Raises:
        OSError: the disk is full, or fails. The old file stands, and nothing is left beside it.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        try:
            write_all(fd, raw)
            os.fsync(fd)
        finally:
            os.close(fd)
        new.replace(path)
    except (OSError, KeyboardInterrupt):
        new.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`, where one call may write less.

    Raises:
        OSError: the disk is full, or fails.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_directory(path: Path) -> None:
    """Make renames and new files in the directory `path` survive a power cut.

    Raises:
        OSError: the disk fails.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
