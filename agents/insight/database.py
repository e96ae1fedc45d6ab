"""The file insight.db: opened, checked, made if there is none, set aside if it is damaged. What may go wrong, as ours."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.insight.schema import APPLICATION_ID, CELL_TABLES, FRAME_TABLES, FROM_VERSION_2, PAIRS_OF_ALL, VERSION
from streams.process.file_lock import wait_for_lock
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.wire.versions import Newer

logger = logging.getLogger(__name__)
NAME = "insight.db"
LOCK_NAME = "insight.lock"
PAGE_BYTES = 32768
"""A cell takes about 3,500 bytes: nine fit a page, while a page of SQLite's own size would hold one."""
CHECKPOINT_PAGES = 500
"""SQLite's own 1,000 are for small pages: what is beside the file stays at 16 MB."""
LOCK_WAIT_S = 10.0
_COMPANIONS = ("-wal", "-shm")


class InsightError(Exception):
    """insight.db cannot be used; the message is a sentence."""


class Busy(InsightError):
    """Another process holds the file for longer than a commit takes."""


class Unwritable(InsightError):
    """The file cannot be read or written: a full disk, a missing right."""


class Damaged(InsightError):
    """The file is damaged, or somebody removed or replaced it while it was open: open it again."""


class WrittenByNewer(InsightError):
    """A newer program writes the file; the message says what to do."""


class WrittenByOlder(InsightError):
    """An older program wrote the file, and none of this version has opened it for writing yet."""


def _version(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of a file, 0 of one that is just being made.

    Raises:
        WrittenByNewer: it is newer than this program.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise WrittenByNewer(f"{Newer(str(path), version, VERSION)}.")
    return version


def require_version(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse to read a file of another version: its tables have other columns.

    Raises:
        WrittenByNewer, WrittenByOlder: the message says what to do.
    """
    version = _version(path, connection)
    if 0 < version < VERSION:
        raise WrittenByOlder(
            f"{path} is of version {version}, and this program reads version {VERSION}: start a worker of this Hindsight, "
            "which converts it; nothing is lost."
        )


def open_or_make(path: Path) -> sqlite3.Connection:
    """Open the file for writing; make it if it is missing. One that is damaged or none of ours is set aside and said.

    Raises:
        Busy: another process opens it at the same time.
        Unwritable: it cannot be opened, made or renamed.
        WrittenByNewer: it is of a version that this program does not know.
    """
    with translated(path), _locked(path.with_name(LOCK_NAME)):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _remove_companions(path)
        try:
            return _checked(path)
        except (sqlite3.DatabaseError, _Foreign) as exc:
            if isinstance(exc, sqlite3.OperationalError):
                raise
            _set_aside(path, str(exc))
            return _checked(path)


class _Foreign(Exception):
    """The file is a sound SQLite file, and none of ours."""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Return a connection; transactions begin and end by statement."""
    mode = "ro" if read_only else "rwc"
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=LOCK_WAIT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def _checked(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        if (problem := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(problem)
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            connection.executescript(
                f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
            )
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise _Foreign("it is not a file of Hindsight")
        kept, put_back = (FROM_VERSION_2, PAIRS_OF_ALL) if _version(path, connection) == 2 else ("", "")
        connection.executescript(  # what an older file lacks
            f"BEGIN; {kept} {FRAME_TABLES} {put_back} {CELL_TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
        )
    except BaseException:
        connection.close()
        raise
    return connection


def _set_aside(path: Path, why: str) -> None:
    stamp, n = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), 0
    while (kept := path.with_name(f"{path.name}.damaged-{stamp}{f'-{n}' if n else ''}")).exists():
        n += 1
    path.rename(kept)
    _remove_companions(path)
    logger.warning(
        "%s cannot be used (%s). It is kept as %s, and a new file begins: figures of the past are read again as far as "
        "they are known elsewhere.",
        path,
        why,
        kept.name,
        extra=NEVER_HELD_BACK,
    )


def _remove_companions(path: Path) -> None:
    """Remove what SQLite kept beside a file that is gone: it would take it for the new file's."""
    for suffix in _COMPANIONS:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock under which the file is made, checked and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = wait_for_lock(path, LOCK_WAIT_S)
    if lock is None:
        raise Busy(_held(path))
    with lock:
        yield


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what SQLite and the system raise as errors of ours.

    Raises:
        Busy, Unwritable, Damaged: see there.
    """
    try:
        yield
    except sqlite3.OperationalError as exc:
        code = getattr(exc, "sqlite_errorcode", None)  # none where Python cannot read a text
        if code is None:
            raise Damaged(_damaged(path, exc)) from exc
        if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy(_held(path)) from exc
        raise Unwritable(f"{path} cannot be read or written: {exc}.") from exc
    except sqlite3.DatabaseError as exc:
        raise Damaged(_damaged(path, exc)) from exc
    except OSError as exc:
        raise Unwritable(f"{exc.filename or path} cannot be written: {exc.strerror or exc}.") from exc


def _held(path: Path) -> str:
    return f"{path} has been held by another process for {LOCK_WAIT_S:.0f} s: is a worker paused? Resume or end it."


def _damaged(path: Path, exc: Exception) -> str:
    return (
        f"{path} is damaged: {exc}. A worker that opens it sets it aside if SQLite sees that; else remove it: the figures "
        "are counted again as far as Kafka holds what was decided."
    )
