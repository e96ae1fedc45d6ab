"""All verdicts as Parquet files, each verdict in one of them, whatever dies.

A file is complete when it appears: it is written beside, and renamed. Its footer says up to which decision of each partition
it and those before it hold all, so that rows and positions are one step. What is not in a file yet is held in memory, and
comes from Kafka again after a crash. Two workers never write the same rows: under the lock, a file follows the one that
its writer knows as the last, or is not written.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from agents.metric_log import state
from agents.metric_log.files import LogError, Unwritable
from agents.metric_log.local_path import Positions
from agents.metric_log.log import Fenced
from agents.metric_log.parquet_rows import FOOTER_KEY, VERSION, Footer, columns, decode, file_bytes
from streams.process import atomic_file
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.wire.verdicts import VerdictRecord
from streams.wire.versions import Newer

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)
DIRECTORY = "verdicts"
MANIFEST = "_manifest.json"
MOST_ROWS = 200_000
"""A file is written once it has so many, about 10 MB, however young they are."""
_NAME = re.compile(r"verdicts-(\d{9,})\.parquet")


class Unusable(LogError):
    """A file among those of verdicts is none of ours, or of a newer version; the message says which."""


class Listed(msgspec.Struct):
    """A file in the manifest: its rows, its size, and the first and last time of a decision in it, UTC epoch seconds."""

    name: str
    n_rows: int
    n_bytes: int
    first_at: float
    last_at: float
    n_missing: int = 0


class Manifest(msgspec.Struct):
    """The complete files, and where the last one stands. It is derived: what the files say goes."""

    last: Footer
    files: list[Listed]
    version: int = VERSION


_encode = msgspec.json.Encoder().encode


class VerdictFiles:
    """The files of one directory, written by whoever wrote the last one. It waits for the disk: call it in one thread."""

    def __init__(self, logs_dir: Path, every_s: float, manifest: Manifest) -> None:
        """Take what is known of the files; `open` is what callers use."""
        self._logs_dir, self._directory, self._every_s = logs_dir, logs_dir / DIRECTORY, every_s
        self._manifest = manifest
        self._positions, self._read_to = _copy(manifest.last.positions), manifest.last.read_to
        self._held: list[pa.RecordBatch] = []
        self._times: list[float] = []
        self._n_rows = self._n_missing = 0
        self._due_mono = float("inf")

    @classmethod
    def open(cls, logs_dir: Path, every_s: float) -> Self:
        """Find out where the files of a directory stand; make what is missing.

        Args:
            every_s: what came is in a file after so long at the latest, in seconds.

        Raises:
            Busy: another process holds the lock.
            Unusable: the last file is none of ours, or of a newer version.
            Unwritable: the directory or a file in it cannot be read or written.
        """
        directory = logs_dir / DIRECTORY
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with state.locked(logs_dir):
                manifest = _manifest(directory)
                atomic_file.replace(directory / MANIFEST, _encode(manifest))
        except OSError as exc:
            raise Unwritable(directory, exc) from exc
        return cls(logs_dir, every_s, manifest)

    @property
    def read_to(self) -> int:
        """Up to which offset of the topic `metric` all is in the files or held."""
        return self._read_to

    def positions(self) -> Positions:
        """Return the last decision that is in the files or held, by decision log and partition."""
        return _copy(self._positions)

    def count(self, records: Sequence[VerdictRecord], read_to: int, *, is_all: bool = False) -> bool:
        """Hold the rows of records that did not come before, once what is due is written; False if one did not follow.

        After any exception but `Fenced` the same can be given again: nothing of it is held.

        Args:
            records: in the order of their topic.
            read_to: once these are held, all of the topic before this offset is.
            is_all: the topic has nothing between them, so that what does not follow is taken, and said.

        Raises:
            Fenced: another worker wrote a file since.
            Busy, Unusable, Unwritable: as `open`.
        """
        if self._n_rows >= MOST_ROWS or time.monotonic() >= self._due_mono:
            self._write()
        fresh: list[VerdictRecord] = []
        for record in records:
            last = self._positions.setdefault(record.log, {})
            seen = last.get(record.partition, -1)
            if record.offset <= seen:
                continue
            if record.previous != seen and not is_all:
                self._hold(fresh)
                return False
            if record.previous != seen != -1:
                self._note_missing(record, seen)
            last[record.partition] = record.offset
            fresh.append(record)
        self._hold(fresh)
        self._read_to = read_to
        return True

    def _hold(self, records: Sequence[VerdictRecord]) -> None:
        rows = [row for record in records for row in record.rows]
        if rows:
            self._held.append(columns(rows))
            times = [row.at for row in rows]
            self._times += (min(times), max(times))
            self._n_rows += len(rows)
            self._due_mono = min(self._due_mono, time.monotonic() + self._every_s)

    def _note_missing(self, record: VerdictRecord, seen: int) -> None:
        self._n_missing += 1
        logger.error(
            "The Parquet files lack the verdicts between offsets %d and %d of partition %d of the decision log %s: Kafka no "
            "longer holds them.",
            seen,
            record.offset,
            record.partition,
            record.log,
            extra=NEVER_HELD_BACK,
        )

    def roll_up(self, now: float) -> None:
        """Nothing is to be done from time to time."""

    def close(self) -> None:
        """Write what is held, if that can be done; else it comes from Kafka again."""
        try:
            self._write()
        except LogError as exc:
            logger.info("What is in no Parquet file yet is read from Kafka again later: %s", exc)

    def _write(self) -> None:
        """Write what is held as the next file."""
        if not self._held:
            return
        footer = Footer(self._manifest.last.number + 1, self.positions(), self._read_to, self._n_missing)
        raw = file_bytes(self._held, footer)
        name = f"verdicts-{footer.number:09d}.parquet"
        listed = Listed(name, self._n_rows, len(raw), min(self._times), max(self._times), self._n_missing)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with state.locked(self._logs_dir):
                found = _manifest(self._directory)
                if found.last.number > self._manifest.last.number:
                    raise Fenced(
                        f"Another worker writes the files in {self._directory}: this one writes no more to them."
                    )
                manifest = Manifest(footer, [*found.files, listed])
                atomic_file.replace(self._directory / name, raw)
                self._manifest = manifest
                self._held, self._times, self._n_rows, self._n_missing = [], [], 0, 0
                self._due_mono = float("inf")
                atomic_file.replace(self._directory / MANIFEST, _encode(manifest))
        except OSError as exc:
            raise Unwritable(self._directory, exc) from exc


def _manifest(directory: Path) -> Manifest:
    """Return the manifest as the files have it: of files that are gone, only where the last of all stands is kept."""
    names = {path.name: path for path in directory.iterdir() if _NAME.fullmatch(path.name)}
    path = directory / MANIFEST
    known = decode(path.read_bytes(), Manifest, "it") if path.exists() else None
    if isinstance(known, Newer):
        raise Unusable(f"{path}: {known}.")
    known = known or Manifest(Footer(0, {}, 0), [])
    files = {listed.name: listed for listed in known.files if listed.name in names}
    last = known.last
    for name in sorted(names.keys() - files.keys(), key=_number):
        files[name], footer = _read(names[name])
        if footer.number > last.number:
            last = footer
    return Manifest(last, [files[name] for name in sorted(files, key=_number)])


def _read(path: Path) -> tuple[Listed, Footer]:
    """Return what a file that the manifest does not know says of itself."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_table(path, columns=["at"])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowKeyError) as exc:
        raise Unusable(f"{path} is none of the Parquet files of verdicts, or damaged: move it away.") from exc
    footer = decode((found.schema.metadata or {}).get(FOOTER_KEY), Footer, "it")
    if isinstance(footer, Newer):
        raise Unusable(f"{path}: {footer}.")
    if footer is None or not found.num_rows:
        raise Unusable(f"{path} is none of the Parquet files of verdicts: move it away.")
    at = found["at"].to_numpy()
    return Listed(path.name, len(at), path.stat().st_size, float(at.min()), float(at.max()), footer.n_missing), footer


def _number(name: str) -> int:
    return int(name.removeprefix("verdicts-").removesuffix(".parquet"))


def _copy(positions: Positions) -> Positions:
    return {log: offsets.copy() for log, offsets in positions.items()}
