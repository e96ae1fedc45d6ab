"""The store of cells: what comes is added to the sums on disk, together with the positions up to which they count."""

from __future__ import annotations

import logging
import sqlite3
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self, get_args

import msgspec
import numpy as np
from msgspec.structs import astuple

from agents.insight import pairs, table
from agents.insight.conversion import Layout, convert
from agents.insight.database import NAME, Damaged, InsightError, open_or_make, translated
from agents.insight.reader import Reader
from agents.insight.series import Kind, Series
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.scores.cells import SUMS, Cells
from streams.scores.delay import Clock, DelayBins, segment_width
from streams.scores.figures import Gap, Mark
from streams.scores.levels import Level, due, levels, placed

logger = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
Positions = Mapping[str, Mapping[int, int]]
"""The offset of the last decision counted, by decision log and partition."""
KEPT_MARKS = 5000
"""So many marks are kept, the newest: a page shows 200 of a span."""
OTHER_CLOCK = "HINDSIGHT_CLOCK was {} then, and the delays of these labels are by that clock"


class Fenced(InsightError):
    """Another worker has opened insight.db since; this one must not write any more."""


class Frame(NamedTuple):
    """How time is cut, in seconds: the join's window, a slice's width, and the age at which a slice is closed.

    `closed_s` is window and lateness. `clock` is what delays are read from.
    """

    window_s: float
    slice_s: float
    closed_s: float
    clock: Clock

    @property
    def bins(self) -> DelayBins:
        """The bins of label delay."""
        return DelayBins.of_window(self.window_s)

    def width(self, kind: Kind) -> float:
        """Return how wide slices of a kind are as they are filled."""
        return self.slice_s if kind == "whole" else segment_width(self.slice_s)

    def levels(self, kind: Kind) -> tuple[Level, ...]:
        """Return the levels that cells of a kind are kept at."""
        return levels(self.width(kind), self.closed_s, is_segment=kind == "segment")


class Store:
    """insight.db in one directory, owned by whoever opened it last. It waits for the disk: call it in a worker thread.

    Whatever dies at any moment, what is on disk is what all calls that returned have added, and of the one that did not
    return all or nothing. Not for several threads at once; `reader` shares the connection.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, frame: Frame) -> None:
        """Take a connection; `open` is what callers use."""
        self._path, self._connection, self.frame = path, connection, frame
        self._inode = _inode(path)
        self._writer = uuid.uuid4().hex
        self.reader = Reader(path, connection, frame.bins)
        self._numbers: dict[Series, int] = {}

    @classmethod
    def open(cls, directory: Path, frame: Frame) -> Self:
        """Make the store ours: create what is missing, set aside what is damaged, and fence its last owner.

        Raises:
            Busy: another process holds the file.
            Unwritable: it cannot be read or written.
            WrittenByNewer: it is of a version that this program does not know.
        """
        path = directory / NAME
        store = cls(path, open_or_make(path), frame)
        try:
            with store._transaction(takes_over=True):
                store._adopt()
        except BaseException:
            store.close()
            raise
        store._numbers = store.reader.series()
        return store

    def _adopt(self) -> None:
        """Convert cells that were made for other settings; write down what they are for from now on."""
        ends, sums, slice_s = (self.reader.meta(name) for name in ("delay_ends", "sums", "slice_s"))
        new = Layout(SUMS, self.frame.bins, self.frame.slice_s)
        if isinstance(ends, list) and isinstance(sums, list) and isinstance(slice_s, float):
            old = Layout(sums, DelayBins(np.array(ends)), slice_s)
            if not old.same(new):
                convert(self._connection, old, new.bins, {kind: self.frame.levels(kind) for kind in get_args(Kind)})
                logger.warning(
                    "%s was made for a window of %g s in slices of %g s, or other scores: its figures are rolled up, and "
                    "their labels sorted into the new bins of delay.",
                    self._path,
                    old.bins.ends[-1],
                    old.slice_s,
                    extra=NEVER_HELD_BACK,
                )
        if (clock := self.reader.meta("clock")) not in (None, self.frame.clock):
            end = self._connection.execute("SELECT max(start + width) FROM cells").fetchone()[0]
            gap = Gap(0.0, end or 0.0, OTHER_CLOCK.format(clock))
            self._connection.execute("INSERT INTO gaps VALUES (?, ?, ?)", astuple(gap))
        values = {"sums": SUMS, "delay_ends": new.bins.ends.tolist(), **self.frame._asdict()}
        rows = [(name, _encode(value).decode()) for name, value in values.items()]
        self._connection.executemany("REPLACE INTO meta VALUES (?, ?)", rows)

    @property
    def known(self) -> Collection[Series]:
        """The series that have a number."""
        return self._numbers.keys()

    def number(self, series: Series) -> int:
        """Return the number that cells of a series have, a new one if there are none yet.

        Raises:
            Fenced, Busy, Unwritable, Damaged: as `add`.
        """
        if series not in self._numbers:
            with self._transaction():
                key = (series.axis, series.model, series.segment)
                self._connection.execute("INSERT INTO series (axis, model, segment) VALUES (?, ?, ?)", key)
            self._numbers = self.reader.series()
        return self._numbers[series]

    def add(
        self,
        parts: Sequence[Cells],
        positions: Positions | None = None,
        state: Mapping[str, bytes] | None = None,
        gaps: Sequence[Gap] = (),
        pair_rows: Sequence[pairs.Row] = (),
        marks: Sequence[Mark] = (),
    ) -> None:
        """Add cells, pairs, gaps and marks, move positions on and replace what is kept under names, all or nothing.

        Each part has cells of one number of bins, in slices as wide as `Frame.width` says; `Cells.series` are from `number`.
        After any exception but `Fenced` the same can be given again.

        Raises:
            Fenced: another worker opened the store since.
            Busy: another process holds the file.
            Unwritable: a full disk, a missing right; nothing was written.
            Damaged: the file is damaged or gone; open it again.
        """
        moved = [(log, *at) for log, offsets in (positions or {}).items() for at in offsets.items()]
        with self._transaction():
            by_bins: dict[int, list[Cells]] = {}
            for part in self._placed([part for part in parts if len(part.start)]):
                by_bins.setdefault(part.n.shape[1], []).append(part)
            for same in by_bins.values():
                table.add(self._connection, same)
            self._connection.executemany("REPLACE INTO positions VALUES (?, ?, ?)", moved)
            self._connection.executemany("REPLACE INTO state VALUES (?, ?)", (state or {}).items())
            self._connection.executemany("INSERT INTO gaps VALUES (?, ?, ?)", map(astuple, gaps))
            pairs.add(self._connection, pair_rows)
            self._connection.executemany("INSERT INTO marks VALUES (?, ?, ?)", map(astuple, marks))

    def mark(self, mark: Mark) -> None:
        """Keep what happened, for charts to show it.

        Raises:
            Fenced, Busy, Unwritable, Damaged: as `add`.
        """
        with self._transaction():
            self._connection.execute("INSERT INTO marks VALUES (?, ?, ?)", astuple(mark))

    def roll_up(self, now: float) -> None:
        """Roll up what is old enough by a clock that says `now`, and forget marks beyond KEPT_MARKS; cheap if nothing is.

        Raises:
            Fenced, Busy, Unwritable, Damaged: as `add`.
        """
        for kind in get_args(Kind):
            own = self.frame.levels(kind)
            until = due(own, now)
            if any(end > since for end, since in zip(until, self._rolled_until(kind), strict=True)):
                numbers = [number for series, number in self._numbers.items() if series.kind == kind]
                with self._transaction():
                    table.roll_up(self._connection, kind, numbers, own, until)

        for old in pairs.old(self._connection, now):
            with self._transaction():
                old.roll_up(self._connection)
        with translated(self._path):
            newest, oldest = self._connection.execute("SELECT max(rowid), min(rowid) FROM marks").fetchone()
        if newest is not None and oldest <= newest - KEPT_MARKS:
            with self._transaction():
                self._connection.execute("DELETE FROM marks WHERE rowid <= ?", (newest - KEPT_MARKS,))

    def _rolled_until(self, kind: Kind) -> list[float]:
        return table.rolled_until(self._connection, kind, self.frame.levels(kind))

    def _placed(self, parts: Sequence[Cells]) -> list[Cells]:
        """Return cells at the level where their time is kept now."""
        kinds = {number: series.kind for series, number in self._numbers.items()}
        rolled = {kind: (self.frame.levels(kind), self._rolled_until(kind)) for kind in get_args(Kind)}
        found = []
        for cells in parts:
            kind_of = [kinds[number] for number in cells.series.tolist()]
            start, width = cells.start, cells.width
            for kind in set(kind_of):
                at = placed(cells.start, *rolled[kind])
                mine = np.array([each == kind for each in kind_of])
                start, width = np.where(mine, at[0], start), np.where(mine, at[1], width)
            found.append(cells._replace(start=start, width=width))
        return found

    def check(self) -> None:
        """See that the file is still there.

        Raises:
            Damaged: it is gone, or another one; open it again.
        """
        if _inode(self._path) != self._inode:
            raise Damaged(f"Somebody removed or replaced {self._path} while it was written. It is opened again.")

    @contextmanager
    def _transaction(self, *, takes_over: bool = False) -> Iterator[None]:
        """Do something in one transaction, if the file is still the one that was opened, and still ours."""
        with translated(self._path):
            self.check()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                if takes_over:
                    self._connection.execute("REPLACE INTO meta VALUES ('writer', ?)", (f'"{self._writer}"',))
                elif self.reader.meta("writer") != self._writer:
                    raise Fenced(f"Another worker has opened {self._path}: this one writes no more.")
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
