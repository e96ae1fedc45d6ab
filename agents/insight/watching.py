"""The alarm, run over labels as they are counted, of all models and of each that has a reference; kept with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.insight.matched import Coded, Matched
from agents.insight.reader import Reader
from agents.insight.references import WATCH, Kept, decode, decode_watch, name_of, watch_of
from agents.insight.store import Frame
from streams.scores.delay import Ints
from streams.scores.histogram import Floats
from streams.scores.losses import LARGEST
from streams.scores.reference import Reference
from streams.scores.watch import Came, Watch
from streams.wire.verdicts import VerdictRecord

_encode = msgspec.json.Encoder().encode


class Watching:
    """Holds what is counted against each reference there is: of all models together, and of single ones."""

    def __init__(self, frame: Frame, reader: Reader, keys: Sequence[str] = ()) -> None:
        """Take what the store knows, and the keys of tags whose segments are watched."""
        self._frame, self._reader, self._keys = frame, reader, tuple(keys)
        kept = {_model(name): decode_watch(raw) for name, raw in reader.named(WATCH).items()}
        self.watches = {model: watch for model, watch in kept.items() if watch is not None}
        self._references: dict[str, tuple[bytes, Kept | None]] = {}

    def after(
        self, counted: Sequence[VerdictRecord], matched: Matched, segments: Sequence[Coded[str]] = ()
    ) -> dict[str, Watch]:
        """Return the watches by model once these records, and what matched of them, are counted.

        There is one of each model that has a reference; '' is all together, without challengers.

        Args:
            segments: the one that each matched row is in, by each of the keys that are watched.
        """
        references = self._read()
        if not references:
            return {}
        found = {}
        labels, of_labels, is_usable = _came(matched)
        names = {model: self._watched(reference) for model, reference in references.items()}
        n_series = sum(1 + len({name.partition(":")[0] for name in mine}) for mine in names.values())
        made, of_made = _made(counted)
        challengers = {name for each in counted if each.report is not None for name in each.report.challengers}
        for model, reference in references.items():
            watch = self.watches.get(model)
            if watch is None or not watch.is_of(reference, self._frame.slice_s):
                watch = Watch.new(reference, self._frame.slice_s)
            watch = msgspec.structs.replace(watch.with_segments(names[model]), n_series=n_series)
            labels = labels._replace(segments=_numbers(segments, names[model], is_usable))
            if model or challengers:
                is_mine, is_made = _of(model, challengers, of_labels), _of(model, challengers, of_made)
                mine = labels.take(is_mine)
                found[model] = watch.take(mine, made[is_made], reference, self._frame.bins)
            else:
                found[model] = watch.take(labels, made, reference, self._frame.bins)
        return found

    def kept(self, watches: Mapping[str, Watch]) -> dict[str, bytes]:
        """Return what the store is to keep."""
        return {watch_of(model): _encode(watch) for model, watch in watches.items()}

    def _watched(self, reference: Reference) -> list[str]:
        """Return the segments that are watched: by the keys that rules are by, and known well enough."""
        return [name for name in sorted(reference.segments) if name.partition(":")[0] in self._keys]

    def _read(self) -> dict[str, Reference]:
        """Return the references that labels can be held against, by model."""
        before = self._references
        self._references = {
            name: before[name] if name in before and before[name][0] == raw else (raw, decode(raw))
            for name, raw in self._reader.named(name_of()).items()
        }
        ends = self._frame.bins.ends.tolist()
        return {
            _model(name): kept.reference
            for name, (_, kept) in self._references.items()
            if kept is not None and kept.reference.ends == ends
        }


def _of(model: str, challengers: Collection[str], models: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return which rows are a model's; where none is named, all but those of challengers."""
    return models == model if model else ~np.isin(models, list(challengers))


def _model(name: str) -> str:
    """Return the model in the name under which something is kept; empty for all together."""
    return name.partition("/")[2]


def _numbers(segments: Sequence[Coded[str]], names: Sequence[str], is_usable: NDArray[np.bool_]) -> Ints:
    """Return the number of the segment of each usable row by each key, -1 where it is not among the names."""
    at = {name: number for number, name in enumerate(names)}
    columns = [np.array([at.get(value, -1) for value in one.values] or [-1])[one.code][is_usable] for one in segments]
    return np.stack(columns, axis=1) if columns else np.zeros((int(is_usable.sum()), 0), np.int64)


def _came(matched: Matched) -> tuple[Came, NDArray[np.str_], NDArray[np.bool_]]:
    """Return the labels as they came, the model of each, and which rows they are: too large ones are left out."""
    _, time, delay, y_true, y_pred = matched.labels
    usable = (np.abs(y_true) <= LARGEST) & (np.abs(y_pred) <= LARGEST)
    loss = np.abs(y_pred[usable] - y_true[usable])
    models = np.array([name or "" for name in matched.models.values] or [""])[matched.models.code][usable]
    return Came(matched.decided[usable], time[usable], delay[usable], loss), models, usable


def _made(counted: Sequence[VerdictRecord]) -> tuple[Floats, NDArray[np.str_]]:
    """Return when the predictions were made that records report, and by which model."""
    arrivals = [each for record in counted if record.report is not None for each in record.report.arrivals]
    seconds = [np.repeat(np.array(each.seconds, np.float64), each.n_predictions) for each in arrivals]
    models = np.repeat(np.array([each.model or "" for each in arrivals], np.str_), [len(some) for some in seconds])
    return np.concatenate([np.zeros(0), *seconds]), models
