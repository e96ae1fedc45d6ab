"""Records of the topic `metric`, counted into insight.db: each once and in order, whatever dies, and what is missing said.

A record counts if it directly follows the last one counted of its partition. What does not follow has to be read from Kafka
first; only if Kafka does not have it either is it a gap.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from agents.insight.by_segment import BySegment
from agents.insight.matched import Matched
from agents.insight.pairs import rows_of
from agents.insight.reader import LISTED
from agents.insight.records import cells_of, time_of
from agents.insight.series import Series
from agents.insight.store import Frame, Store
from agents.insight.watching import Watching
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.scores.delay import event_now
from streams.scores.figures import Gap, Mark
from streams.wire.verdicts import VerdictRecord

logger = logging.getLogger(__name__)
COUNTING: Final = "counting"
NOW: Final = "now"
"""Under which names the store keeps how far it has come, and what time it is by the clock `event` (a JSON number)."""
MAX_MODELS = 200
OTHER = "other"
"""Whoever names more models than that gets one for the rest."""
SILENT_S = 60.0
"""A partition in which no newer truth came for so long, while decisions were made, does not hold up the clock `event`."""
BEFORE_REPORTS = "an older version of Hindsight did not count predictions when they came"
REMOVED = "Kafka no longer holds the verdicts of that time"


class Stand(msgspec.Struct):
    """How far one partition has come: when its last decision was made, and the last one that had read a newer truth.

    `newest_true` is that truth's ts, `time` what time it was at the last decision by the clock of figures. All in UTC
    epoch seconds. `is_reported`: whether that decision had a report.
    """

    at: float
    time: float
    is_reported: bool
    newest_true: float | None = None
    true_at: float = 0.0


class State(msgspec.Struct):
    """What is kept beside the positions. All of Kafka's records before `read_to` are counted."""

    read_to: int = 0
    stands: dict[str, dict[int, Stand]] = {}


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(State).decode


def counted_to(raw: bytes | None) -> float:
    """Return what time it was at the last decision that is counted, from what is kept under COUNTING; 0 if there is none."""
    stands = _decode(raw or b"{}").stands.values()
    return max((stand.time for partitions in stands for stand in partitions.values()), default=0.0)


class Counting:
    """Counts into the store of one directory. It waits for the disk: call it in one thread."""

    def __init__(self, store: Store, segments: Sequence[str] = (), watched: Sequence[str] = ()) -> None:
        """Take a store, the keys of tags that count, and those whose segments are watched; `open` is what callers use."""
        self._store = store
        self._positions = store.reader.positions()
        self._state = _decode(store.reader.state(COUNTING) or b"{}")
        self._watched = [key for key in segments if key in watched]
        self._watching = Watching(store.frame, store.reader, self._watched)
        self._models, self._n_series = {known.model for known in store.known}, len(store.known)
        self._by_segment = BySegment(store.frame, store.reader, segments)

    @classmethod
    def open(
        cls,
        directory: Path,
        frame: Frame,
        mark: Mark,
        segments: Sequence[str] = (),
        listed: Sequence[str] = (),
        watched: Sequence[str] = (),
    ) -> Self:
        """Open the store, and mark in what was there before that we did, and which models are listed now if they were others.

        Args:
            listed: the models whose predictions are each joined, the reference first.
            watched: the keys whose segments are each held against the reference.

        Raises:
            Busy, Unwritable, WrittenByNewer: as `Store.open`.
        """
        store = Store.open(directory, frame)
        try:
            if store.reader.positions():
                store.mark(mark)
            if list(listed) != store.reader.listed():
                names = ", ".join(listed)
                text = (
                    f"The models are {names}; {listed[0]} is the reference."
                    if listed
                    else "No models are listed any more."
                )
                store.mark(Mark(mark.at, "models", text))
                store.add((), state={LISTED: _encode(list(listed))})
            return cls(store, segments, watched)
        except BaseException:
            store.close()
            raise

    @property
    def read_to(self) -> int:
        """Up to which offset of the topic all is counted."""
        return self._state.read_to

    def positions(self) -> dict[str, dict[int, int]]:
        """Return the last decision counted, by decision log and partition."""
        return {log: offsets.copy() for log, offsets in self._positions.items()}

    def count(self, records: Sequence[VerdictRecord], read_to: int, *, is_all: bool = False) -> bool:
        """Count the records that were not counted before; False if one did not follow: it and those behind it were left out.

        After any exception but `Fenced` the same can be given again.

        Args:
            records: in the order of their topic.
            read_to: once these are counted, all of the topic before this offset is.
            is_all: the topic has nothing between them, so that what does not follow is taken, and the gap noted.

        Raises:
            Fenced, Busy, Unwritable, Damaged: as `Store.add`.
        """
        positions, state, gaps = self.positions(), msgspec.json.decode(_encode(self._state), type=State), _Gaps()
        fresh, is_complete = [], True
        for record in records:
            seen = positions.get(record.log, {}).get(record.partition, -1)
            if record.offset <= seen:
                continue
            if record.previous != seen and not is_all:
                is_complete = False
                break
            gaps.note(record, state, self._store.frame, is_broken=record.previous != seen)
            fresh.append(record)
            positions.setdefault(record.log, {})[record.partition] = record.offset
            _move(state, record, self._store.frame)
        if is_complete:
            state.read_to = read_to
        if fresh or (is_all and state.read_to != self._state.read_to):
            self._add(fresh, positions, state, gaps.found)
        else:
            self._store.check()
        self._positions, self._state = positions, state
        return is_complete

    def _add(
        self, fresh: Sequence[VerdictRecord], positions: dict[str, dict[int, int]], state: State, gaps: Sequence[Gap]
    ) -> None:
        kept = {COUNTING: _encode(state)}
        if (now := _event_now(state)) is not None:
            kept[NOW] = _encode(now)
        matched = Matched.of(fresh, self._store.frame.clock)
        frame = self._store.frame
        times = [time for record in fresh if (time := time_of(record, frame.clock)) is not None]
        split = self._by_segment.split(fresh, matched, min(times, default=None), self._number)
        kept |= self._by_segment.encoded(split.kept)
        watches = self._watching.after(fresh, matched, self._by_segment.names_of(matched, self._watched))
        kept |= self._watching.kept(watches)
        cells = cells_of(fresh, matched, frame, self._number) + split.cells
        n_series = len(self._store.known)
        models = self._models if n_series == self._n_series else {known.model for known in self._store.known}
        marks = _new_models(self._models, models, state)
        self._store.add(cells, positions, kept, gaps, [*rows_of(fresh, frame.slice_s), *split.pair_rows], marks)
        self._watching.watches, self._by_segment.kept = watches, split.kept
        self._models, self._n_series = models, n_series

    def _number(self, series: Series) -> int:
        if series in self._store.known:
            return self._store.number(series)
        models = {known.model for known in self._store.known}
        if series.model in models or len(models) < MAX_MODELS:
            return self._store.number(series)
        if OTHER not in models:
            logger.warning(
                "More than %d models are named: predictions of further ones are counted as %r. Is an id or a date in `model`?",
                MAX_MODELS,
                OTHER,
                extra=NEVER_HELD_BACK,
            )
        return self._store.number(series._replace(model=OTHER))

    def roll_up(self, now: float) -> None:
        """Roll up what is old, by the clock of figures; `now` is the wall clock, UTC epoch seconds.

        Raises:
            Fenced, Busy, Unwritable, Damaged: as `Store.add`.
        """
        by_clock = now if self._store.frame.clock == "arrival" else _event_now(self._state)
        if by_clock is not None:
            self._store.roll_up(by_clock)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()


def _new_models(before: set[str], after: set[str], state: State) -> list[Mark]:
    """Return a mark for each model that is named for the first time, beside others that were counted before."""
    at = max((stand.at for partitions in state.stands.values() for stand in partitions.values()), default=0.0)
    return [Mark(at, "model", f"First predictions of the model {new}.") for new in sorted(after - before) if before]


class _Gaps:
    """The gaps of one call: those of several partitions for one reason are one."""

    def __init__(self) -> None:
        self._by_why: dict[str, Gap] = {}

    @property
    def found(self) -> list[Gap]:
        return list(self._by_why.values())

    def note(self, record: VerdictRecord, state: State, frame: Frame, *, is_broken: bool) -> None:
        """Note what is missing before a record: all since the last one counted, and labels of predictions up to then."""
        stand = state.stands.get(record.log, {}).get(record.partition)
        since = stand.time - frame.closed_s if stand else 0.0
        time = time_of(record, frame.clock)
        if is_broken:
            self._add(Gap(since, since if time is None else time, REMOVED))
        elif stand and record.report and not stand.is_reported:
            self._add(Gap(since, stand.time, BEFORE_REPORTS))

    def _add(self, gap: Gap) -> None:
        known = self._by_why.get(gap.why, gap)
        self._by_why[gap.why] = Gap(min(known.start, gap.start), max(known.end, gap.end), gap.why)


def _move(state: State, record: VerdictRecord, frame: Frame) -> None:
    """Move the stand of a record's partition on."""
    stands, report = state.stands.setdefault(record.log, {}), record.report
    before = stands.get(record.partition)
    at = report.at if report else max((row.at for row in record.rows), default=0.0)
    time = time_of(record, frame.clock)
    newest_true, true_at = (before.newest_true, before.true_at) if before else (None, 0.0)
    if report and report.newest_true is not None and (newest_true is None or report.newest_true > newest_true):
        newest_true, true_at = report.newest_true, at
    known = before.time if before else 0.0
    stands[record.partition] = Stand(at, known if time is None else time, report is not None, newest_true, true_at)


def _event_now(state: State) -> float | None:
    """Return how far the truths have been read in all partitions that are not silent."""
    stands = [stand for partitions in state.stands.values() for stand in partitions.values()]
    newest_at = max((stand.at for stand in stands), default=0.0)
    return event_now(stand.newest_true if newest_at - stand.true_at <= SILENT_S else None for stand in stands)
