"""What the metric log knows beside its rows: sizes, positions, the writer and how many rows, replaced as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import msgspec

from agents.metric_log import sinks
from agents.metric_log.csv_rows import METRIC, UNMATCHED
from agents.metric_log.files import LogError, set_aside
from streams.process.file_lock import wait_for_lock
from streams.wire import versions
from streams.wire.versions import Newer

VERSION: Final = 3
"""Of the state file. One without a field `version` is of version 1, which had a field for the size of each file; up to
version 2 it held scores too, which an older program would take for those of no pair."""
STATE_NAME = "metric_log.state.json"
LOCK_NAME = "metric_log.lock"
LOCK_WAIT_S = 10.0


class Busy(LogError):
    """Another process holds the metric log's lock for longer than an append takes."""


class StateIsNewer(LogError):
    """A newer program writes the metric log; the message says what to do."""


class LogState(msgspec.Struct):
    """The state file. A byte beyond the sizes, or a verdict beyond the positions, has not been written yet.

    `sizes`: of the files, by their names. `positions`: the offset of the last decision seen, by decision log and partition.
    `writer`: a token of the log's
    owner, which is whoever opened it last. After a rebuild without a state file, positions are `positions_lost` until a
    record of their partition comes; its rows are looked for in the files until one is not there, and then the partition
    is in `settled`, by decision log.
    """

    writer: str
    sizes: dict[str, int] = {}
    positions: dict[str, dict[int, int]] = {}
    n_matched: int = 0
    n_unmatched_true: int = 0
    n_unmatched_pred: int = 0
    n_broken: int = 0
    positions_lost: bool = False
    settled: dict[str, list[int]] = {}
    version: int = VERSION

    def copy(self) -> Self:
        """Return a state that can be changed while readers use this one."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        settled = {log: partitions.copy() for log, partitions in self.settled.items()}
        copies = {"sizes": self.sizes.copy(), "positions": self.copy_of_positions(), "settled": settled}
        return type(self)(**fields | copies)

    def copy_of_positions(self) -> dict[str, dict[int, int]]:
        """Return positions that can move on while readers use these."""
        return {log: last.copy() for log, last in self.positions.items()}


class _Sizes1(msgspec.Struct):
    """The sizes in a state file of version 1."""

    metric_bytes: int
    unmatched_bytes: int


encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LogState).decode
_decode_sizes_1 = msgspec.json.Decoder(_Sizes1).decode


def decode(raw: bytes) -> LogState | Newer | None:
    """Return the state that the file's bytes hold, None if they hold none. Never raises."""
    try:
        if (version := versions.of_json(raw)) > VERSION:
            return Newer(f"the state file {STATE_NAME}", version, VERSION)
        state = _decode(raw)
        if version == 1:
            old = _decode_sizes_1(raw)
            state.sizes = {METRIC.name: old.metric_bytes, UNMATCHED.name: old.unmatched_bytes}
        state.version = VERSION
    except Exception:  # anybody may have edited it; msgspec raises more than its own errors
        return None
    known = (sink for sink in sinks.SINKS if sink.name in state.sizes)
    return state if all(state.sizes[sink.name] >= len(sink.header) for sink in known) else None


def read(directory: Path) -> bytes | None:
    """Return the state file's bytes, None if there is none.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return (directory / STATE_NAME).read_bytes()
    except FileNotFoundError:
        return None


def load(directory: Path) -> LogState | None:
    """Return the state, None if there is none; one that cannot be understood is set aside.

    Raises:
        StateIsNewer: a newer program wrote it.
        OSError: the file cannot be read, or renamed.
    """
    raw = read(directory)
    if raw is None:
        return None
    found = decode(raw)
    if isinstance(found, Newer):
        raise StateIsNewer(f"{directory}: {found}.")
    if found is None:
        set_aside(directory / STATE_NAME, "cannot be understood: somebody changed it")
    return found


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock that every writer of this directory takes. A process that ends in any way lets go of it.

    Raises:
        Busy: somebody held it for `LOCK_WAIT_S`.
        OSError: the lock file cannot be opened.
    """
    path = directory / LOCK_NAME
    lock = wait_for_lock(path, LOCK_WAIT_S)
    if lock is None:
        raise Busy(
            f"{path} has been held by another process for {LOCK_WAIT_S:.0f} s: is a worker paused? Resume or end it."
        )
    with lock:
        yield
