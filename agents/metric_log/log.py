"""The metric log: every verdict once in each sink that has it, as a line of `metric_log.csv`, say.

Every append is a transaction over files, under one lock: read the state, cut the files back to the sizes in it, write
the rows and wait for the disk, replace the state. Whatever dies in between, the next append or open begins with the
state that stands, and Kafka sends again what that state does not know.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple, Self

from agents.metric_log import sinks
from agents.metric_log import state as log_state
from agents.metric_log.csv_rows import METRIC, UNMATCHED
from agents.metric_log.files import LogError, LogFile, Unwritable
from agents.metric_log.rebuild import Held, n_rows
from agents.metric_log.sink import Sink
from agents.metric_log.state import LogState
from streams.process import atomic_file
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.wire.verdicts import Verdict, VerdictRecord

logger = logging.getLogger(__name__)


class Fenced(LogError):
    """Another worker has opened the metric log since; this one must not write any more."""


class Appended(NamedTuple):
    """What one append did: rows written, breaks in the chain, and the records that had not come before."""

    n_matched: int
    n_broken: int
    fresh: list[VerdictRecord]


class MetricLog:
    """The files of the sinks and their state, in one directory, owned by whoever opened it last.

    `open` and `append` wait for the disk: call them in a worker thread. `state` may be read at any time, from any thread: it
    is replaced after each append and never changed.
    """

    def __init__(self, directory: Path) -> None:
        """Take a directory; `open` is what callers use."""
        self._directory = directory
        self._files = {sink: LogFile(directory / sink.name, sink.header) for sink in sinks.SINKS}
        self.state = LogState("")
        self._raw = b""

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Make the log ours: create what is missing, cut off what was not finished, and fence its last owner.

        Without a state file, the rows are counted, which takes about 2 s per million.

        Raises:
            Busy: another process holds the lock.
            StateIsNewer: a newer program wrote the log.
            Unwritable: the directory or a file in it cannot be read or written.
        """
        log = cls(directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with log_state.locked(directory):
                state = log_state.load(directory)
                state = log._rebuilt() if state is None else log._cut_back(state)
                state.writer = uuid.uuid4().hex
                log._keep(state)
        except OSError as exc:
            raise Unwritable(directory, exc) from exc
        return log

    def append(self, records: Sequence[VerdictRecord]) -> Appended:
        """Write the verdicts of records that were not seen before; when it returns, the disk has them.

        Records come in the order of their topic. After any exception but `Fenced` the same records can be given again.

        Raises:
            Fenced: another worker opened the log since.
            Busy: another process holds the lock.
            Unwritable: a full disk, a missing right; nothing was written.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with log_state.locked(self._directory):
                state = self._cut_back(self._own_state())
                fresh, n_broken = _unseen(records, state)
                if not fresh:
                    return Appended(0, 0, [])
                n_matched = self._write(state, fresh)
                self._keep(state)
        except OSError as exc:
            raise Unwritable(self._directory, exc) from exc
        return Appended(n_matched, n_broken, fresh)

    def _own_state(self) -> LogState:
        """Return a copy of our state, unless another owner's is in the file."""
        raw = log_state.read(self._directory)
        if raw == self._raw:
            return self.state.copy()
        if raw is None and self._is_as_we_left_it():
            logger.warning("%s is missing; it is rewritten.", self._directory / log_state.STATE_NAME)
            return self.state.copy()
        found = log_state.load(self._directory)
        if found is not None and found.writer == self.state.writer:
            return found  # of an append of ours that failed after this file was replaced
        raise Fenced(f"Another worker has opened the metric log in {self._directory}: this one no longer writes to it.")

    def _is_as_we_left_it(self) -> bool:
        """Tell whether the files are as we wrote them, or all gone: whoever opened the log since would have made new ones."""
        sizes = {sink.name: file.size() for sink, file in self._files.items()}
        return sizes == self.state.sizes or set(sizes.values()) == {-1}

    def _cut_back(self, state: LogState) -> LogState:
        """Bring the files to the sizes of a state; a sink that it does not know begins, or goes on with what it has."""
        for sink, file in self._files.items():
            size = state.sizes.get(sink.name)
            state.sizes[sink.name] = file.adopt() if size is None else file.cut_back(size)
        return state

    def _rebuilt(self) -> LogState:
        state = self._cut_back(LogState(""))
        state.positions_lost = any(state.sizes[sink.name] > len(sink.header) for sink in self._files)
        if state.sizes[METRIC.name] > len(METRIC.header):
            state.n_matched = n_rows(self._files[METRIC].path)
        return state

    def _write(self, state: LogState, fresh: Sequence[VerdictRecord]) -> int:
        """Write the rows of `fresh` and count them into `state`; return how many matched ones were written."""
        due = self._missing(state, fresh) if state.positions_lost else self._all(fresh)
        for sink, file in self._files.items():
            state.sizes[sink.name] += _add(file, sink.lines(due[sink]))
        _count(state, due[METRIC], due[UNMATCHED])
        return len(due[METRIC])

    def _all(self, fresh: Sequence[VerdictRecord]) -> dict[Sink, list[Verdict]]:
        verdicts = [verdict for record in fresh for verdict in record.rows]
        return {sink: sink.of(verdicts) for sink in self._files}

    def _missing(self, state: LogState, fresh: Sequence[VerdictRecord]) -> dict[Sink, list[Verdict]]:
        """Return the verdicts that do not stand in the files; a partition is settled with the first that stand in none."""
        missing: dict[Sink, list[Verdict]] = {sink: [] for sink in self._files}
        with ExitStack() as stack:
            held = {sink: stack.enter_context(closing(Held(file.path))) for sink, file in self._files.items()}
            for record in fresh:
                settled, is_new = state.settled.setdefault(record.log, []), not all(v.challenger for v in record.rows)
                is_settled = record.partition in settled
                for sink, lines in held.items():
                    rows = sink.of(record.rows)
                    new = rows if is_settled else [v for v in rows if not lines.knows(sink.lines([v]))]
                    is_new = is_new and len(new) == len(rows)
                    missing[sink] += new
                if is_new and not is_settled:
                    settled.append(record.partition)
        return missing

    def _keep(self, state: LogState) -> None:
        raw = log_state.encode(state)
        atomic_file.replace(self._directory / log_state.STATE_NAME, raw)
        self.state, self._raw = state, raw


def _unseen(records: Sequence[VerdictRecord], state: LogState) -> tuple[list[VerdictRecord], int]:
    """Return the records beyond the positions of `state`, which moves on, and how often the chain is broken."""
    fresh: list[VerdictRecord] = []
    n_broken = 0
    for record in records:
        last = state.positions.setdefault(record.log, {})
        seen = last.get(record.partition, -1)
        if record.offset <= seen:
            continue
        if record.previous != seen and not (seen == -1 and state.positions_lost):
            n_broken += 1
            logger.error(
                "The verdicts between offsets %d and %d of partition %d of the decision log %s never came.",
                seen,
                record.offset,
                record.partition,
                record.log,
                extra=NEVER_HELD_BACK,
            )
        last[record.partition] = record.offset
        fresh.append(record)
    state.n_broken += n_broken
    return fresh, n_broken


def _add(file: LogFile, lines: bytes) -> int:
    """Append lines; return how many bytes that was."""
    if lines:
        file.append(lines)
    return len(lines)


def _count(state: LogState, matched: Sequence[Verdict], unmatched: Sequence[Verdict]) -> None:
    n_true = sum(verdict.verdict == "unmatched_true" for verdict in unmatched)
    state.n_unmatched_true += n_true
    state.n_unmatched_pred += len(unmatched) - n_true
    state.n_matched += len(matched)
