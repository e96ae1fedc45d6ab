"""One append-only file with a header: written in one piece, cut back to a known size, never trusted blindly."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import BinaryIO

from streams.process.atomic_file import sync_directory, write_all
from streams.process.log_throttle import NEVER_HELD_BACK

logger = logging.getLogger(__name__)


class LogError(Exception):
    """The metric log cannot continue; the message is a sentence."""


class Unwritable(LogError):
    """A file of the metric log cannot be read or written: a full disk, a missing right."""

    def __init__(self, directory: Path, exc: OSError) -> None:
        """Name the file that `exc` names, or else the directory."""
        super().__init__(f"{exc.filename or directory} cannot be written: {exc.strerror or exc}.")


def set_aside(path: Path, why: str) -> Path:
    """Rename a file that cannot be used, so that nothing of it is lost, and say so once.

    Raises:
        OSError: it cannot be renamed.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept, n = path.with_name(f"{path.name}.damaged-{stamp}"), 1
    while kept.exists():
        kept, n = path.with_name(f"{path.name}.damaged-{stamp}-{n}"), n + 1
    path.rename(kept)
    logger.warning("%s %s. It is kept as %s, and a new file is started.", path, why, kept.name, extra=NEVER_HELD_BACK)
    return kept


def end_of_last_line(file: BinaryIO, size: int) -> int:
    """Return where the last whole line within a file's first `size` bytes ends; 0 if there is none.

    Raises:
        OSError: the file cannot be read.
    """
    while size > 0:
        start = max(0, size - 65536)
        file.seek(start)
        end = file.read(size - start).rfind(b"\n")
        if end >= 0:
            return start + end + 1
        size = start
    return 0


class LogFile:
    """A file of lines under a header, if it has one. Its size is kept elsewhere: what lies beyond that size never happened."""

    def __init__(self, path: Path, header: bytes) -> None:
        self.path = path
        self.header = header

    def size(self) -> int:
        """Return the file's size in bytes, -1 if there is none."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return -1

    def cut_back(self, size: int) -> int:
        """Cut off what was written beyond `size`; return the size that the file now has.

        A file that is missing, shorter or otherwise not the one that was written is set aside, and a new one begins.

        Raises:
            OSError: the file cannot be read or written.
        """
        found = self.size()
        if found == size:
            return size
        if found == -1:
            if size > len(self.header):
                said = "%s is gone with its %d bytes: somebody moved it. A new file is started."
                logger.warning(said, self.path, size, extra=NEVER_HELD_BACK)
            return self._begin()
        if found < size:
            set_aside(self.path, f"holds {found} bytes of the {size} that were written: somebody changed it")
            return self._begin()
        if not self._is_whole(size):
            set_aside(self.path, "is not as it was written: somebody changed it")
            return self._begin()
        os.truncate(self.path, size)
        logger.warning(
            "%s: %d bytes of an unfinished write were removed; their rows will be written again.",
            self.path,
            found - size,
        )
        return size

    def adopt(self) -> int:
        """Return the size up to the last whole line of a file whose size nobody recorded; make it that size.

        Raises:
            OSError: the file cannot be read or written.
        """
        found = self.size()
        if found <= 0:
            return self._begin()
        if not self._is_whole(len(self.header)):
            set_aside(self.path, "does not begin with the line " + self.header.decode().strip())
            return self._begin()
        with self.path.open("rb") as file:
            end = end_of_last_line(file, found)
        return self.cut_back(end)

    def append(self, data: bytes) -> None:
        """Write `data` at the end, and wait until the disk has it.

        Raises:
            OSError: the disk is full, or fails. Part of `data` may be in the file: cut it back.
        """
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            write_all(fd, data)
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def _begin(self) -> int:
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            write_all(fd, self.header)
            os.fsync(fd)
        finally:
            os.close(fd)
        sync_directory(self.path.parent)
        return len(self.header)

    def _is_whole(self, size: int) -> bool:
        """Return whether the header is there and a line ends at `size`."""
        with self.path.open("rb") as file:
            begins_well = file.read(len(self.header)) == self.header
            file.seek(max(0, size - 1))
            return begins_well and (size == 0 or file.read(1) == b"\n")
