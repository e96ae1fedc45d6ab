"""The join: which verdict each id gets. A pure function over plain values: no Faust, no Kafka, no clock, no I/O.

An interval join by id. y_true and y_pred of one id meet if their ts lie within the window, in any order. An id whose
other side has not come ends unmatched when the watermark passes its ts + window, or, while the missing input is idle,
when it has waited window + out-of-orderness by the wall clock. The watermark of a partition is the smaller of both inputs'
largest ts, less the max out-of-orderness; it moves from one Kafka record to the next, so that no verdict depends on how
records are batched. The method is that of Flink's interval join, with one answer an id and tombstones against redelivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from math import isclose
from typing import NamedTuple, Protocol, cast

import msgspec

from streams.join import carried, deadlines, pairing
from streams.join import state as pair
from streams.join.arrivals import Arriving
from streams.join.deadlines import LAST_BUCKET, TIMER_KINDS, TOMBSTONE, Rules, last_bucket
from streams.join.decision import NOWHERE_TS, Checkpoint, Counts, Decision
from streams.join.input import Input
from streams.join.keys import id_of, other_key
from streams.join.lanes import Lane, Lanes, Run
from streams.join.state import MATCHED, NAN, PRED, TRUE, UNMATCHED, WAITING, State
from streams.wire import forwarding
from streams.wire.forwarding import Origin
from streams.wire.rows import PredRow, TrueRow
from streams.wire.verdicts import Pairs, Report, Verdict

SAME = 1e-9
"""Values that differ by no more, relative to the larger one, are the same: a model that predicts a row again after a crash, in
another batch, may round otherwise."""
MAX_EXPIRY_BYTES = 150_000
"""What the ids that one kind of timer ends in one decision may weigh, in bytes of its record."""
MAX_EXPIRY_KEYS = 10_000
"""How many keys of one kind of timer a decision looks at: more than it can add, or the index would outgrow its expiry."""
NO_CAP = 1 << 62

_encode = msgspec.json.Encoder().encode


class Decided(NamedTuple):
    """A decision, its verdicts and report as they were before the record took them in, and how many packets it sends on."""

    record: Decision
    verdicts: list[Verdict]
    report: Report | None = None
    n_forwards: int = 0


class View(Protocol):
    """What the join reads of the table."""

    def states(self, keys: list[bytes]) -> list[bytes | None]:
        """Return the packed state of each key."""

    def due(self, start: bytes, last_bucket: int, max_keys: int) -> list[tuple[bytes, list[bytes]]]:
        """Return the index entries of a timer kind from `start` to the end of `last_bucket`: index key, keys."""


def decide(
    checkpoint: Checkpoint,
    inputs: Sequence[Input],
    view: View,
    rules: Rules,
    *,
    now: float,
    idle: tuple[bool, bool] = (False, False),
    writer: str = "",
    max_waiting: int = NO_CAP,
    segments: tuple[str, ...] = (),
    models: Sequence[str] = (),
) -> Decided | None:
    """Decide one batch of one partition, and what expires with it; None if nothing changed.

    Args:
        checkpoint: where the partition stands.
        inputs: Kafka records in the order they are to be applied, each input's offsets rising.
        now: the wall clock, UTC epoch seconds.
        idle: whether y_true, and y_pred, have nothing to read and had nothing for `max_out_of_orderness_s`.
        max_waiting: ids that may wait; when exceeded, those with the nearest deadlines end unmatched before it.
        segments: the keys of tags that count.
        models: those whose predictions are joined each for itself, the reference first (see `lanes`): no row names another
            one. None: an id has one prediction, whoever made it.
    """
    draft = _Draft(checkpoint, view, rules, now, segments, models)
    draft.read(inputs)
    draft.expire(idle)
    draft.evict(max_waiting)
    return draft.decided(writer)


class _Draft:
    """A decision in the making."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        view: View,
        rules: Rules,
        now: float,
        segments: tuple[str, ...],
        models: Sequence[str],
    ):
        self.checkpoint, self.view, self.rules, self.now, self.segments = checkpoint, view, rules, now, segments
        self.input_offsets, self.ts, self.timer_cursors = (
            list(checkpoint.input_offsets),
            list(checkpoint.ts),
            list(checkpoint.timer_cursors),
        )
        self.counts: Counts = msgspec.structs.replace(checkpoint.counts)
        self.lanes = Lanes(checkpoint, models, self.counts)
        self.known: dict[bytes, bytes | None] = {}
        self.dirty: dict[bytes, State] = {}
        self.others: dict[bytes, bytes] = {}
        self.reindexed: set[bytes] = set()
        self.deleted: list[bytes] = []
        self.verdicts: list[Verdict] = []
        self.arriving = Arriving()
        self.n_bad_tags = 0
        self.watermark = deadlines.watermark(self.ts, rules)
        self.unindexed: list[bytes] = []
        self.origins = dict(checkpoint.origins)
        self.foreign: tuple[dict[int, list[TrueRow | PredRow]], ...] = ({}, {})
        """By side, rows for other partitions by partition."""

    # Rows

    def read(self, inputs: Sequence[Input]) -> None:
        steps_of = [self.lanes.runs(record.side, record.rows, record.offsets) for record in inputs]
        keys = list(
            dict.fromkeys(chain.from_iterable(run.keys for steps in steps_of for step in steps for _, run in step))
        )
        self.known = dict(zip(keys, self.view.states(keys), strict=True)) if keys else {}
        for record, steps in zip(inputs, steps_of, strict=True):
            self.input_offsets[record.side] = record.offset
            if record.origin is not None and not self._is_new(record.side, record.origin):
                continue
            self.lanes.count(record.side, len(record.rows))
            for step in steps:
                self._read_step(record, step)
            self.counts.unreadable += record.n_unreadable
            for partition, rows in record.foreign.items():
                self.foreign[record.side].setdefault(partition, []).extend(rows)
                self.counts.forwarded += len(rows)
        self.watermark = deadlines.watermark(self.ts, self.rules)

    def _read_step(self, record: Input, step: Sequence[tuple[Lane, Run]]) -> None:
        """Have each lane read its rows, all from the same time on. A truth carries the same in all lanes."""
        side = record.side
        before = newest = self.ts[side]
        self.watermark = deadlines.watermark(self.ts, self.rules)
        carries = self._carried(TRUE, record.rows) if side == TRUE else []
        for lane, run in step:
            self.ts[side] = before
            if side == TRUE:
                lane.counts.rows_true += len(run.keys)
                values = [row.y_true for row in cast(Sequence[TrueRow], run.rows)]
            else:
                lane.counts.rows_pred += len(run.keys)
                values = [row.y_pred for row in cast(Sequence[PredRow], run.rows)]
                carries = lane.named(self._carried(PRED, run.rows))
                self.arriving.came(carries, [row.ts for row in run.rows])
            self._read_rows(record, lane, run, values, carries)
            newest = max(newest, self.ts[side])
        self.ts[side] = newest

    def _carried(self, side: int, rows: Sequence[TrueRow | PredRow]) -> list[bytes]:
        carries, n_bad_tags = carried.of_rows(side, rows, self.segments)
        self.n_bad_tags += n_bad_tags
        return carries

    def _is_new(self, side: int, origin: Origin) -> bool:
        """Tell whether a record that was sent on has not been seen; from one log they come in order, some of them again."""
        source = f"{origin.log}/{side}"
        is_new = origin.number > self.origins.get(source, -1)
        if is_new:
            self.origins[source] = origin.number
        return is_new

    def _read_rows(self, record: Input, lane: Lane, run: Run, values: list[float], carries_of: list[bytes]) -> None:
        """Apply each row; the hot loop: in one piece, since a call a row costs a sixth of its time."""
        side, now, dirty, known, is_run = record.side, self.now, self.dirty, self.known, bool(run.offsets)
        rules, watermark, verdicts, joins = self.rules, self.watermark, self.verdicts, deadlines.joins
        begins, waits_for_it, merged = WAITING + side, WAITING + 1 - side, carried.merged
        values_of, nothing = lane.values, lane.nothing
        newest, n_new, n_matched = self.ts[side], 0, 0
        looked_at, offsets = newest, run.offsets or repeat(record.offset)
        for row, key, y, offset, own in zip(run.rows, run.keys, values, offsets, carries_of, strict=False):
            ts = row.ts
            if is_run and newest != looked_at:
                looked_at, watermark = newest, self._watermark_at(side, newest)
            if ts > newest:  # noqa: PLR1730  max() is a call a row
                newest = ts
            flag = pair.REDELIVERED[side] if row.redelivered else 0
            state = dirty.get(key)
            if state is None:
                packed = known[key]
                if packed is None:
                    dirty[key] = (begins, flag, 0, y, ts, now, offset, own)
                    n_new += 1
                    continue
                state = pair.unpack(packed)
            if state[0] != waits_for_it:
                first = state[3] if state[0] < MATCHED else state[3 + side]
                dirty[key] = self._repeat(lane, key, state, first, side, row, y, offset, own)
                continue
            _, flags, n_repeats, other_y, other_ts, other_at, other_offset, other_carries = state
            if not joins(other_ts, ts, watermark, rules):
                if deadlines.is_over(other_ts, watermark, rules):
                    state = self._unmatched(lane, row.id, state)
                dirty[key] = self._repeat(lane, key, state, NAN, side, row, y, offset, own)
                continue
            n_matched += 1
            carries = merged(own, other_carries) if own and other_carries else own or other_carries
            more = values_of(carries) if carries else nothing
            if side == PRED:
                verdicts.append(Verdict(row.id, "matched", now, other_y, y, other_ts, ts, *more))
                dirty[key] = (
                    MATCHED,
                    flags | flag,
                    n_repeats,
                    other_y,
                    y,
                    other_ts,
                    ts,
                    other_at,
                    now,
                    now,
                    other_offset,
                    offset,
                    carries,
                )
            else:
                verdicts.append(Verdict(row.id, "matched", now, y, other_y, ts, other_ts, *more))
                dirty[key] = (
                    MATCHED,
                    flags | flag,
                    n_repeats,
                    y,
                    other_y,
                    ts,
                    other_ts,
                    now,
                    other_at,
                    now,
                    offset,
                    other_offset,
                    carries,
                )
        lane.counts.matched += n_matched
        lane.counts.waiting += n_new - n_matched
        self.ts[side] = max(self.ts[side], min(newest, now))  # a ts ahead of the clock must not carry the watermark off

    def _watermark_at(self, side: int, newest: float) -> float:
        """Return the watermark once `newest` is the largest ts of a side that was read."""
        ts = list(self.ts)
        ts[side] = max(ts[side], min(newest, self.now))
        return deadlines.watermark(ts, self.rules)

    def _repeat(
        self,
        lane: Lane,
        key: bytes,
        state: State,
        first: float,
        side: int,
        row: TrueRow | PredRow,
        y: float,
        offset: int,
        carries: bytes,
    ) -> State:
        """Count a row that cannot change its id's end: the same value again, another value, or too late."""
        kind, flags, n_repeats, *rest = state
        is_late = first != first  # NaN: that side never came, and can no longer
        if side == PRED:
            self.arriving.was_known(carries, row.ts, is_late=is_late)
        elif is_late:
            self.arriving.late(state[-1], state[4] if kind < MATCHED else state[6])
        is_same = isclose(first, y, rel_tol=SAME)
        if is_same:
            lane.counts.duplicates += 1
            flags |= pair.DUPLICATE
        elif is_late:
            lane.counts.late += 1
            flags |= pair.LATE
        else:
            lane.counts.conflicts += 1
            flags |= pair.CONFLICT
        if not is_same:
            self.others[other_key(key)] = pair.pack_other(side, y, row.ts, self.now, offset)
        return (kind, flags, min(n_repeats + 1, pair.MAX_REPEATS), *rest)

    def _unmatched(self, lane: Lane, row_id: str, state: State) -> State:
        kind, flags, n_repeats, y, ts, at, offset, carries = state
        lane.counts.waiting -= 1
        now, more = self.now, lane.values(carries)
        if kind == WAITING + TRUE:
            lane.counts.unmatched_true += 1
            self.verdicts.append(Verdict(row_id, "unmatched_true", now, y, None, ts, None, *more))
            return (UNMATCHED, flags, n_repeats, y, NAN, ts, NAN, at, NAN, now, offset, -1, carries)
        lane.counts.unmatched_pred += 1
        self.verdicts.append(Verdict(row_id, "unmatched_pred", now, None, y, None, ts, *more))
        return (UNMATCHED + PRED, flags, n_repeats, NAN, y, NAN, ts, NAN, at, now, -1, offset, carries)

    # Time

    def expire(self, idle: tuple[bool, bool]) -> None:
        """End what is past its deadline, as far as one decision may; the rest is due the next time."""
        for i, until in enumerate(deadlines.clocks(self.watermark, self.now, idle)):
            if until > 0:
                self._expire_kind(i, TIMER_KINDS[i], until)

    def _expire_kind(self, i: int, timer_kind: bytes, until: float) -> None:
        weight = 0
        for index, keys in self.view.due(self.timer_cursors[i], last_bucket(until), MAX_EXPIRY_KEYS):
            if weight >= MAX_EXPIRY_BYTES:
                return
            self._look_up(keys)
            self.timer_cursors[i] = (
                index  # not as far as `until`: a clock that was ahead once must not hold up later deadlines
            )
            self.unindexed.append(index)
            for key in keys:
                state = self.dirty.get(key)
                if state is None:
                    packed = self.known[key]
                    if packed is None:
                        continue
                    state = pair.unpack(packed)
                weight += self._expire_one(timer_kind, key, state, until)

    def _look_up(self, keys: Sequence[bytes]) -> None:
        missing = [key for key in dict.fromkeys(keys) if key not in self.known]
        if missing:
            self.known.update(zip(missing, self.view.states(missing), strict=True))

    def _expire_one(self, timer_kind: bytes, key: bytes, state: State, until: float) -> int:
        """End an id, if its time has come; return what that weighs in the record."""
        if not deadlines.concerns(timer_kind, state[0]):
            return 0
        if deadlines.deadline(timer_kind, state, self.rules) >= until:
            self.dirty[key] = state  # the settings asked for a nearer deadline when it was indexed
            self.reindexed.add(key)
            return 150 + 3 * len(key) + len(state[-1])
        if timer_kind == TOMBSTONE:
            self.deleted += [key, other_key(key)] if state[1] & (pair.CONFLICT | pair.LATE) else [key]
            self.dirty.pop(key, None)
            self.known[key] = None
            return 2 * len(key) + 10
        self.dirty[key] = self._unmatched(self.lanes.of_key(key), id_of(key), state)
        return 250 + 3 * len(key) + 2 * len(state[-1])

    def evict(self, max_waiting: int) -> None:
        """While more ids wait than may, end those with the nearest deadlines, as far as one decision may."""
        if self.lanes.n_waiting <= max_waiting:
            return
        weight, done_with = 0, set(self.unindexed)
        for index, keys in self.view.due(self.timer_cursors[0], LAST_BUCKET, MAX_EXPIRY_KEYS):
            if self.lanes.n_waiting <= max_waiting or weight >= MAX_EXPIRY_BYTES:
                return
            if index in done_with:
                continue
            self.timer_cursors[0] = index
            self.unindexed.append(index)
            self._look_up(keys)
            weight += sum(map(self._evict_one, keys))

    def _evict_one(self, key: bytes) -> int:
        """End an id that waits, whatever its deadline; return what that weighs in the record."""
        packed = self.known[key]
        state = self.dirty.get(key) or (packed and pair.unpack(packed))
        if not state or state[0] >= MATCHED:
            return 0
        lane = self.lanes.of_key(key)
        self.dirty[key] = self._unmatched(lane, id_of(key), state)
        lane.counts.evicted += 1
        return 250 + 3 * len(key) + 2 * len(state[-1])

    # The record

    def decided(self, writer: str) -> Decided | None:
        if self.input_offsets == self.checkpoint.input_offsets and not self.unindexed:
            return None
        layout, pack_waiting, pack_done = (
            pair.layout,
            pair.pack_waiting,
            pair.pack_done,
        )  # as `pack`, without a call an id
        waiting: dict[bytes, bytes] = {}
        done: dict[bytes, bytes] = {}
        updated = dict(self.others)
        for key, state in self.dirty.items():
            packed = self.known[key]
            if state[0] < MATCHED:
                put = updated if packed and key not in self.reindexed else waiting
                put[key] = layout(len(state[-1])).pack_waiting(*state) if state[-1] else pack_waiting(*state)
            else:
                was_done = packed and pair.kind_of(packed) >= MATCHED and key not in self.reindexed
                put = updated if was_done else done
                put[key] = layout(len(state[-1])).pack_done(*state) if state[-1] else pack_done(*state)
        self.lanes.sum_up()
        checkpoint = self.checkpoint
        after = msgspec.structs.replace(
            checkpoint,
            offset=-1,
            input_offsets=self.input_offsets,
            ts=self.ts,
            timer_cursors=self.timer_cursors,
            counts=self.counts,
            origins=self.origins,
            base=self.lanes.base,
            by_model=self.lanes.by_model,
            listed=list(self.lanes.listed),
        )
        report = self._report(self._pairs())
        forwards = [one for side in (TRUE, PRED) for one in forwarding.forwards(side, self.foreign[side])]
        record = Decision(
            checkpoint.offset,
            writer,
            self.now,
            self.rules,
            after,
            waiting,
            done,
            updated,
            self.deleted,
            self.unindexed,
            _encode(self.verdicts) if self.verdicts else b"",
            forwarding.encode(forwards) if forwards else b"",
            _encode(report) if report else b"",
        )
        return Decided(record, self.verdicts, report, len(forwards))

    def _pairs(self) -> list[Pairs]:
        """Return the ids that the reference and another model have in common since this decision."""
        if len(self.lanes.names) == 1:
            return []
        ended = dict.fromkeys([(one.id, one.model) for one in self.verdicts if one.verdict == "matched"])
        ids = list(dict.fromkeys([row_id for row_id, _ in ended]))
        keys = {model: self.lanes.of(model).keys_of(ids) for model in self.lanes.names}
        dirty, known = self.dirty, self.known
        self._look_up([key for some in keys.values() for key in some if key not in dirty])
        states = {
            model: [dirty.get(key) or (pair.unpack(packed) if (packed := known[key]) else None) for key in some]
            for model, some in keys.items()
        }
        return pairing.pairs(ids, ended, states)

    def _report(self, pairs: list[Pairs]) -> Report | None:
        """Return what there is to say beside the verdicts; None where nothing came and nothing ended."""
        arrivals, n_unreadable = self.arriving.counted(), self.counts.unreadable - self.checkpoint.counts.unreadable
        if not (self.verdicts or arrivals or n_unreadable or self.n_bad_tags):
            return None
        newest_true = self.ts[TRUE] if self.ts[TRUE] > NOWHERE_TS else None
        challengers = list(self.lanes.listed[1:])
        return Report(self.now, newest_true, n_unreadable, arrivals, self.n_bad_tags, pairs, challengers)
