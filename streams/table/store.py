"""One partition of the table `pairs` on disk: RocksDB, with the expiry index kept in it.

Keys of states, and of the rows kept beside them: see `keys`. Index entries (see `deadlines.INDEX`): lists of keys that share
a deadline's bucket, one list a bucket and log offset, cut into chunks. `h`: the checkpoint. No iterator lives longer than
one call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import rocksdict

from streams.join.deadlines import INDEX, index_entries
from streams.join.decision import Checkpoint, Decision, checkpoint_after, decode_checkpoint, encode_checkpoint, is_valid
from streams.join.keys import BASE, STATES
from streams.wire.versions import Newer

CHECKPOINT = b"h"
_encode_keys = msgspec.msgpack.Encoder().encode
_decode_keys = msgspec.msgpack.Decoder(list[bytes]).decode


def options(block_cache: rocksdict.Cache) -> rocksdict.Options:
    """Return bounds for one partition's database; RocksDB's own defaults take gigabytes."""
    opts = rocksdict.Options(raw_mode=True)
    opts.create_if_missing(True)
    opts.set_write_buffer_size(8 << 20)
    opts.set_max_write_buffer_number(2)
    opts.set_max_open_files(128)
    opts.set_keep_log_file_num(2)
    opts.set_max_total_wal_size(64 << 20)
    table = rocksdict.BlockBasedOptions()
    table.set_bloom_filter(10, False)
    table.set_block_cache(block_cache)
    # 2 bytes an id, beside the cache: inside of it they do not fit at some size, and the join falls to 1/10 of its rate.
    table.set_cache_index_and_filter_blocks(False)
    opts.set_block_based_table_factory(table)
    return opts


class StoreFailed(Exception):
    """The disk does not take the table, or does not give it back; the message is a sentence."""

    advice = (
        "Free space on its disk, or give its user permission to write there, and restart the worker; nothing is lost"
    )

    def __init__(self, path: Path, exc: Exception) -> None:
        """Name the database and RocksDB's reason."""
        self.reason = str(exc).strip().rstrip(".")
        super().__init__(f"the database {path} cannot be used: {self.reason}. {self.advice}")


class StoreDamaged(StoreFailed):
    """What the disk gives back is not what was written."""

    advice = "Move it away and restart the worker: its state is read from the log again, and nothing is lost"


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what rocksdict does, which is bare exceptions with RocksDB's text, and what damaged content does, as StoreFailed."""
    try:
        yield
    except Exception as exc:
        is_damage = str(exc).startswith("Corruption") or isinstance(exc, (msgspec.DecodeError, UnicodeDecodeError))
        raise (StoreDamaged if is_damage else StoreFailed)(path, exc) from exc


class PairsStore:
    """The states, the expiry index and the checkpoint of one partition.

    All that reads or writes raises StoreFailed: a full disk, one that fails, a damaged file.
    """

    def __init__(self, path: Path, block_cache: rocksdict.Cache):
        """Open a database, or make it.

        Raises:
            StoreFailed: a full disk, a missing right, another process that holds it; a damaged file (StoreDamaged).
        """
        self._path = path
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = rocksdict.Rdict(str(path), options=options(block_cache))
        self.problem = ""
        """Why the database cannot be used, as the end of a sentence; its checkpoint is then one of an empty database."""
        try:
            self.checkpoint = self._read_checkpoint()
        except StoreDamaged as exc:
            self.problem, self.checkpoint = f"is damaged: {exc.reason}", Checkpoint()

    def _read_checkpoint(self) -> Checkpoint:
        with translated(self._path):
            packed = self._db.get(CHECKPOINT)
        found = decode_checkpoint(packed) if packed else Checkpoint()
        if isinstance(found, Checkpoint):
            return found
        if isinstance(found, Newer):
            self.problem = f"is of version {found.version}, and this program knows versions up to {found.known}"
        else:
            self.problem = "is damaged: its checkpoint cannot be read"
        return Checkpoint()

    def close(self) -> None:
        """Close the database; its lock is free then."""
        self._db.close()

    def states(self, keys: list[bytes]) -> list[bytes | None]:
        """Return the packed state of each key."""
        with translated(self._path):
            return self._db.get(keys) if keys else []

    def states_after(self, key: bytes, n: int) -> list[tuple[bytes, bytes]]:
        """Return up to `n` states, of whatever model, with their keys, in the order of these, behind a key (b"" is the start)."""
        found: list[tuple[bytes, bytes]] = []
        with translated(self._path):
            for one, packed in self._entries(key or BASE):
                if one[:1] not in STATES or len(found) == n:
                    break
                if one != key:
                    found.append((one, packed))
        return found

    def due(self, start: bytes, last_bucket: int, max_keys: int) -> list[tuple[bytes, list[bytes]]]:
        """Return the index entries of a timer kind from `start` to the end of `last_bucket`: index key, keys.

        It stops after the entry that reaches `max_keys`.
        """
        end = INDEX.pack(start[:1], last_bucket + 1, 0, 0)
        entries: list[tuple[bytes, list[bytes]]] = []
        if start >= end:
            return entries
        n_keys = 0
        with translated(self._path):
            for index, packed in self._entries(start):
                if index >= end or n_keys >= max_keys:
                    break
                keys = _decode_keys(packed)
                n_keys += len(keys)
                entries.append((index, keys))
        return entries

    def apply(self, offset: int, decision: Decision | None) -> None:
        """Apply the record at log offset `offset`, or note that it is void; the same for writer and reader.

        Args:
            decision: None if what lies there is no record of ours.
        """
        batch = rocksdict.WriteBatch(raw_mode=True)
        self.add(batch, offset, decision)
        self.write(batch)

    def add(self, batch: rocksdict.WriteBatch, offset: int, decision: Decision | None) -> None:
        """Add one record to a write batch and move `checkpoint`; `write` must follow before anything is read.

        Raises:
            ValueError: the record is not the one that follows in the log; an empty store may begin anywhere.
        """
        if offset != self.checkpoint.offset + 1 and self.checkpoint.offset >= 0:
            raise ValueError(f"log record {offset} does not follow {self.checkpoint.offset}, the last one applied")
        if is_valid(decision, offset):
            self._add_states(batch, decision)
            self._add_index(batch, offset, decision)
            self.checkpoint = checkpoint_after(decision, offset)
        else:
            self.checkpoint.offset = offset
        batch.put(CHECKPOINT, encode_checkpoint(self.checkpoint))

    def write(self, batch: rocksdict.WriteBatch) -> None:
        """Write what was added, as one; where that fails, `checkpoint` is what the disk has."""
        try:
            with translated(self._path):
                self._db.write(batch)
        except StoreFailed:
            self.checkpoint = self._read_checkpoint()
            raise

    def _add_states(self, batch: rocksdict.WriteBatch, decision: Decision) -> None:
        put = batch.put
        for states in (decision.waiting, decision.done, decision.updated):
            for key, packed in states.items():
                put(key, packed)
        for keys in (decision.deleted, decision.unindexed):
            for key in keys:
                batch.delete(key)

    def _add_index(self, batch: rocksdict.WriteBatch, offset: int, decision: Decision) -> None:
        """Index what began to wait, and what is done, by the deadlines that its own times give."""
        cursors = decision.checkpoint.timer_cursors
        for index, keys in index_entries(decision.waiting, decision.done, decision.rules, cursors, offset).items():
            batch.put(index, _encode_keys(keys))

    def page(self, after: bytes, n: int) -> list[tuple[str, bytes]]:
        """Return up to `n` ids with their packed states, in key order, past the key `after` (b"i" is the start).

        From a key of other models' states on (b"j"), each id has its model behind it, as its key has.
        """
        return self._ids_from(after, n)

    def page_before(self, before: bytes, n: int) -> list[tuple[str, bytes]]:
        """Return up to `n` ids with their packed states before the key `before`, the nearest one first."""
        return self._ids_from(before, n, backwards=True)

    def _ids_from(self, start: bytes, n: int, *, backwards: bool = False) -> list[tuple[str, bytes]]:
        found: list[tuple[str, bytes]] = []
        with translated(self._path):
            for key, packed in self._entries(start, backwards=backwards):
                if key[:1] != start[:1] or len(found) == n:
                    break
                if key != start:
                    found.append((key[1:].decode(), packed))
        return found

    def latest(self, before: bytes, n: int) -> list[tuple[bytes, list[bytes]]]:
        """Return up to `n` entries of a timer kind below the index key `before`, the latest deadline first."""
        entries: list[tuple[bytes, list[bytes]]] = []
        with translated(self._path):
            for index, packed in self._entries(before, backwards=True):
                if index[:1] != before[:1] or len(entries) == n:
                    break
                if index < before:
                    entries.append((index, _decode_keys(packed)))
        return entries

    def earliest(self, start: bytes, n: int) -> list[tuple[bytes, list[bytes]]]:
        """Return up to `n` entries of a timer kind from the index key `start` on, the earliest deadline first."""
        entries: list[tuple[bytes, list[bytes]]] = []
        with translated(self._path):
            for index, packed in self._entries(start):
                if index[:1] != start[:1] or len(entries) == n:
                    break
                entries.append((index, _decode_keys(packed)))
        return entries

    def _entries(self, start: bytes, *, backwards: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield all that is stored from a key on (rocksdict's `items` ends at a damaged block as if there were no more)."""
        entries = self._db.iter()
        (entries.seek_for_prev if backwards else entries.seek)(start)
        step = entries.prev if backwards else entries.next
        while entries.valid():
            yield entries.key(), entries.value()
            step()
        entries.status()  # raises what ended it
