"""From the records of the topic `metric` to the cells of segments: by tags, and by the size of y_pred and of y_true.

Segments are counted by prediction time alone. By a key of tags each row is in one segment, `key:` if it has no such tag; so
the segments of a key add up to the whole model, over predictions made since the key is counted. The tags of a prediction
count when it comes, those of a truth only where the prediction has none, and when the two meet: such a segment has labels,
and no predictions. By size, predictions count when they end, and sums alone are kept: no histogram, no worst labels. Nothing
of that can be held against what is still to come.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec
import numpy as np

from agents.insight.matched import Coded, Matched
from agents.insight.pairs import Row, pairs_of, rows_of
from agents.insight.reader import Reader
from agents.insight.records import tallies
from agents.insight.series import Number, Series
from agents.insight.store import Frame
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.scores.cells import COUNTS, Cells
from streams.scores.delay import Ints
from streams.scores.histogram import Floats
from streams.scores.labels import cells_of_counts, cells_of_labels
from streams.scores.losses import LARGEST
from streams.scores.numbering import numbered
from streams.scores.segments import MAX_SEGMENTS, MAX_VALUES, N_SIZES, OTHER, Segments, size_edges, size_names, size_of
from streams.settings import SIZES
from streams.wire.tags import parsed
from streams.wire.verdicts import Pairs, Verdict, VerdictRecord

logger = logging.getLogger(__name__)
NAME: Final = "segments"
"""Under which name the store keeps what is known of them."""
N_SAMPLE = 500
"""So many labels say where the bins of sizes begin and end."""
_MAX_KNOWN = 4096
_PREDICTIONS = COUNTS.index("n_predictions")
_Key = tuple[str | None, str | None, str | None]
"""Model, tags of the prediction, and tags of the truth."""
_of_row = attrgetter("model", "tags", "true_tags")


class Kept(msgspec.Struct, frozen=True):
    """What is kept of segments beside their cells.

    Attributes:
        since: by key, from when on predictions count (UTC epoch seconds); 0: always. Keys that count no more are not in it.
        pairs_since: the same of pairs of two models, by key of tags.
        of_truths: keys of which a truth brought tags that its prediction did not have.
        n_bad_tags: tags that were left out; `n_other`: tags that came as `other`, since there were too many to tell apart.
        edges: of the bins of sizes, by SIZES; none while there are fewer than N_SAMPLE labels, which `sample` holds.
    """

    since: dict[str, float] = {}
    pairs_since: dict[str, float] = {}
    of_truths: list[str] = []
    n_bad_tags: int = 0
    n_other: int = 0
    edges: dict[str, list[float]] = {}
    sample: list[Verdict] = []

    @property
    def n_sampled(self) -> int:
        """How many labels there are to make the bins of sizes of; 0 once these are made."""
        return sum(map(_is_usable, self.sample))


class Split(NamedTuple):
    """The cells and pairs that records add to segments, and what is to be kept then."""

    cells: list[Cells]
    kept: Kept
    pair_rows: Sequence[Row] = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Kept).decode


def read(reader: Reader) -> Kept:
    """Return what is kept; nothing in a file that has no segments."""
    return _decode(reader.state(NAME) or b"{}")


class BySegment:
    """Splits what is counted. `kept` is what the store has; give it what `split` returned once that is stored, too."""

    def __init__(self, frame: Frame, reader: Reader, keys: Sequence[str]) -> None:
        """Take the keys of tags that count."""
        self._frame, self._keys = frame, tuple(keys)
        self._is_new = not reader.positions()
        self.kept = read(reader)
        found = reader.series()
        known = [one for one in sorted(found, key=found.__getitem__) if one.segment and one.key not in SIZES]
        self._known = set(known)
        self._segments = Segments(
            keys, [one.segment for one in known if one.segment.partition(":")[2] not in ("", OTHER)]
        )
        self._sets: dict[tuple[str | None, str | None], _Names] = {}

    def encoded(self, kept: Kept) -> dict[str, bytes]:
        """Return what the store is to keep under which name."""
        return {NAME: _encode(kept)}

    def split(self, records: Sequence[VerdictRecord], matched: Matched, time: float | None, number: Number) -> Split:
        """Return what records add.

        Args:
            matched: how their rows ended.
            time: what time it is by the clock of figures, as far as they say: a key that is new counts from then on.
            number: tells the number of a series.
        """
        new = 0.0 if self._is_new else time or 0.0
        since = {key: self.kept.since.get(key, new) for key in (*self._keys, *SIZES)}
        pairs_since = {key: self.kept.pairs_since.get(key, new) for key in self._keys}
        n_bad_tags = self.kept.n_bad_tags + sum(record.report.n_bad_tags for record in records if record.report)
        kept = msgspec.structs.replace(self.kept, since=since, pairs_since=pairs_since, n_bad_tags=n_bad_tags)
        by_tags = self._by_tags(records, matched, kept, number) if self._keys else Split([], kept)
        by_size = self._by_size(matched, by_tags.kept, number)
        return Split(by_tags.cells + by_size.cells, by_size.kept, self._pairs(records, kept) if self._keys else ())

    # By tags

    def names_of(self, matched: Matched, keys: Sequence[str]) -> list[Coded[str]]:
        """Return the segment of each matched row by each of these keys; rows that were split before."""
        if not keys:
            return []
        kinds, code = Coded.of(list(map(_of_row, matched.rows)))
        named = [
            [self._limited(Series(model or "", name)).segment for name in self._names(tags, true_tags).segments]
            for model, tags, true_tags in kinds
        ]
        return [Coded([names[self._keys.index(key)] for names in named], code) for key in keys]

    def _by_tags(self, records: Sequence[VerdictRecord], matched: Matched, kept: Kept, number: Number) -> Split:
        width_s, bins = self._frame.width("segment"), Series("", f"{self._keys[0]}:").bins(self._frame.bins)
        self._meet(records)
        since = np.array([kept.since[key] for key in self._keys])
        n_other, of_truths, parts = 0, set(kept.of_truths), []
        for name, tally in tallies(records, matched.lone, "predicted", self._frame).items():
            if tally.times:
                coded, times = Coded.of(tally.of), np.array(tally.times)
                found = self._found(coded.values, number)
                row, key = np.nonzero(times[:, None] >= since)
                n, of = np.array(tally.n)[row], coded.code[row]
                parts.append(cells_of_counts(name, times[row], found.series[of, key], n, width_s=width_s, bins=bins))
                n_other += int(found.is_other[of, key] @ n) if name == "n_predictions" else 0
        if matched.rows:
            kinds: list[_Key] = list(map(_of_row, matched.rows))
            values, code = Coded.of(kinds)
            found = self._found(values, number)
            n_of = np.bincount(code, minlength=len(values))
            if len(n_of) * 4 <= len(code) and float(matched.labels.time.min()) >= since.max():
                cells = cells_of_labels(matched.labels, code, width_s=width_s, bins=bins)  # once for all keys
                parts += [cells._replace(series=found.series[cells.series, key]) for key in range(len(self._keys))]
            else:
                row, key = np.nonzero(matched.labels.time[:, None] >= since)
                labels = matched.labels.take(row)
                parts.append(cells_of_labels(labels, found.series[code[row], key], width_s=width_s, bins=bins))
            of_truths |= {self._keys[i] for i in np.flatnonzero(found.is_of_truth.any(axis=0)).tolist()}
            n_other += int((n_of[:, None] * (found.is_other & found.is_of_truth)).sum())
        if n_other and not kept.n_other:
            logger.warning(
                "There are more than %d values of a key in HINDSIGHT_SEGMENTS, or more than %d segments: later ones are counted "
                "as %r. Is an id or a time among the tags?",
                MAX_VALUES,
                MAX_SEGMENTS,
                OTHER,
                extra=NEVER_HELD_BACK,
            )
        after = msgspec.structs.replace(kept, n_other=kept.n_other + n_other, of_truths=sorted(of_truths))
        return Split(parts, after)

    def _pairs(self, records: Sequence[VerdictRecord], kept: Kept) -> list[Row]:
        """Return what pairs of two models add: each is of the segments of the reference's prediction."""
        since = [kept.pairs_since[key] for key in self._keys]

        def segments_of(pairs: Pairs) -> dict[str, float]:
            names = self._names(pairs.tags, pairs.true_tags).segments
            limited = [self._limited(Series(pairs.reference, name)).segment for name in names]
            return dict(zip(limited, since, strict=True))

        return rows_of(records, self._frame.width("segment"), segments_of)

    def _meet(self, records: Sequence[VerdictRecord]) -> None:
        """Tell tags apart in the order of the topic, so that the same ones are `other` however records are batched."""
        for record in records:
            for one in record.report.arrivals if record.report else ():
                self._names(one.tags, None)
            for row in record.rows:
                if row.true_tags:
                    self._names(row.tags, row.true_tags)
        for pairs in pairs_of(records):
            self._names(pairs.tags, pairs.true_tags)

    def _found(self, values: Sequence[_Key], number: Number) -> _Found:
        """Return the series of rows of each kind, by key."""
        numbers, other, of_truth = [], [], []
        for model, tags, true_tags in values:
            named = self._names(tags, true_tags)
            series = [self._limited(Series(model or "", name)) for name in named.segments]
            numbers.append([number(one) for one in series])
            are_limited = [one.segment != name for one, name in zip(series, named.segments, strict=True)]
            other.append([a or b for a, b in zip(named.are_other, are_limited, strict=True)])
            of_truth.append(named.are_of_truth)
        return _Found(np.array(numbers, np.int64), np.array(other), np.array(of_truth))

    def _names(self, tags: str | None, true_tags: str | None) -> _Names:
        """Return the segment of each key, and what there is to say of it."""
        found = self._sets.get((tags, true_tags))
        if found is None:
            if len(self._sets) >= _MAX_KNOWN:
                self._sets.clear()
            of_pred, of_true = (parsed(text) if text else {} for text in (tags, true_tags))
            given = {**of_true, **of_pred}
            names = self._segments.names(given)
            found = _Names(
                tuple(names.get(key, f"{key}:") for key in self._keys),
                tuple(key in names and key not in of_pred for key in self._keys),
                tuple(names.get(key) == f"{key}:{OTHER}" and given[key] != OTHER for key in self._keys),
            )
            self._sets[tags, true_tags] = found
        return found

    def _limited(self, series: Series) -> Series:
        """Return a series, or `other` if there are too many: those of several models count each."""
        if series in self._known:
            return series
        if len(self._known) >= MAX_SEGMENTS and series.segment != f"{series.key}:":
            series = series._replace(segment=f"{series.key}:{OTHER}")
        self._known.add(series)
        return series

    # By size

    def _by_size(self, matched: Matched, kept: Kept, number: Number) -> Split:
        lone, edges = matched.lone, kept.edges
        if not edges:
            sample = [*kept.sample, *matched.rows]
            usable = [row for row in sample if _is_usable(row)]
            if len(usable) < N_SAMPLE and len(sample) < 10 * N_SAMPLE:
                return Split([], msgspec.structs.replace(kept, sample=sample))
            first = usable[:N_SAMPLE]
            edges = {name: size_edges(np.array([getattr(row, name) for row in first] or [0.0])) for name in SIZES}
            matched = Matched.of([VerdictRecord("", 0, 0, -1, [row]) for row in sample], self._frame.clock)
        after = msgspec.structs.replace(kept, edges=edges, sample=[])
        parts = [*self._lone_by_size(lone, after, number), *self._labels_by_size(matched, after, number)]
        return Split(parts, after)

    def _lone_by_size(self, lone: Sequence[Verdict], kept: Kept, number: Number) -> Iterator[Cells]:
        width_s, bins = self._frame.width("segment"), Series("", f"{SIZES[0]}:").bins(self._frame.bins)
        for name in SIZES:
            rows = [row for row in lone if getattr(row, name) is not None]
            if rows:
                models, values = Coded.of([row.model for row in rows]), np.array([getattr(row, name) for row in rows])
                times = np.array([row.ts_true if row.ts_pred is None else row.ts_pred for row in rows])
                is_in = times >= kept.since[name]
                of = _of_size(name, kept.edges[name], models, values, number)[is_in]
                counted = ("n_predictions", "n_unmatched_pred") if name == "y_pred" else ("n_unmatched_true",)
                for each in counted:
                    yield cells_of_counts(each, times[is_in], of, width_s=width_s, bins=bins)

    def _labels_by_size(self, matched: Matched, kept: Kept, number: Number) -> Iterator[Cells]:
        """Yield the cells of labels by each of SIZES: summed up once by both, which count since the same time."""
        if not matched.rows:
            return
        width_s, bins = self._frame.width("segment"), Series("", f"{SIZES[0]}:").bins(self._frame.bins)
        labels, code, since = matched.labels, matched.models.code, max(kept.since[name] for name in SIZES)
        if float(labels.time.min()) < since:
            rows = np.flatnonzero(labels.time >= since)
            labels, code = labels.take(rows), code[rows]
        of_pred, of_true = (size_of(kept.edges[name], getattr(labels, name)) for name in SIZES)
        both = (code * N_SIZES + of_pred) * N_SIZES + of_true
        cells = cells_of_labels(labels, both, width_s=width_s, bins=bins, with_details=False)
        cells.counts[:, _PREDICTIONS] += cells.n.sum(axis=1) + cells.count_of("n_left_out")
        found, of = cells.series // N_SIZES, cells.series % N_SIZES
        model = found // N_SIZES
        for name, size in zip(SIZES, (found % N_SIZES, of), strict=True):
            yield cells._replace(series=_of_sizes(name, kept.edges[name], matched.models.values, model, size, number))


class _Names(NamedTuple):
    """By key: the segment, whether the truth says so, and whether it is `other` since there are too many, and not by name."""

    segments: tuple[str, ...]
    are_of_truth: tuple[bool, ...]
    are_other: tuple[bool, ...]


class _Found(NamedTuple):
    """By kind of row and key: the number of the series, whether it is `other`, and whether the truth says so."""

    series: Ints
    is_other: np.ndarray
    is_of_truth: np.ndarray


def _of_size(name: str, edges: list[float], models: Coded[str | None], values: Floats, number: Number) -> Ints:
    """Return the series of each row by one of SIZES."""
    return _of_sizes(name, edges, models.values, models.code, size_of(edges, values), number)


def _of_sizes(
    name: str, edges: list[float], models: Sequence[str | None], code: Ints, size: Ints, number: Number
) -> Ints:
    """Return the series of each row or cell, from the number of its model and of its size."""
    names = size_names(name, edges)
    kinds, kind_of = numbered(code * N_SIZES + size)
    found = [divmod(kind, N_SIZES) for kind in kinds.tolist()]
    return np.array([number(Series(models[model] or "", names[i])) for model, i in found], np.int64)[kind_of]


def _is_usable(row: Verdict) -> bool:
    return all(abs(value) <= LARGEST for value in (row.y_true, row.y_pred) if value is not None)
