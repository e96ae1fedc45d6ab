"""The alarm, run over the labels of all models as they are counted; kept in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from agents.insight.matched import Matched
from agents.insight.reader import Reader
from agents.insight.references import WATCH, Kept, decode, decode_watch, name_of
from agents.insight.store import Frame
from streams.scores.histogram import Floats
from streams.scores.losses import LARGEST
from streams.scores.watch import Came, Watch
from streams.wire.verdicts import VerdictRecord

_encode = msgspec.json.Encoder().encode


class Watching:
    """Holds what is counted against the reference of all models; nothing while there is none."""

    def __init__(self, frame: Frame, reader: Reader) -> None:
        """Take what the store knows."""
        self._frame, self._reader = frame, reader
        self.watch = decode_watch(reader.state(WATCH))
        self._raw: bytes | None = None
        self._reference: Kept | None = None

    def after(self, counted: Sequence[VerdictRecord], matched: Matched) -> Watch | None:
        """Return the watch once these records, and what matched of them, are counted; None while there is no reference."""
        if (raw := self._reader.state(name_of())) != self._raw:
            self._raw, self._reference = raw, decode(raw)
        if self._reference is None or self._reference.reference.ends != self._frame.bins.ends.tolist():
            return None
        reference, watch = self._reference.reference, self.watch
        if watch is None or not watch.is_of(reference, self._frame.slice_s):
            watch = Watch(reference=(reference.start, reference.end), slice_s=self._frame.slice_s)
        return watch.take(_came(matched), _made(counted), reference, self._frame.bins)

    def kept(self, watch: Watch | None) -> dict[str, bytes]:
        """Return what the store is to keep."""
        return {} if watch is None else {WATCH: _encode(watch)}


def _came(matched: Matched) -> Came:
    """Return the labels as they came; those that are too large to score are left out."""
    _, time, delay, y_true, y_pred = matched.labels
    usable = (np.abs(y_true) <= LARGEST) & (np.abs(y_pred) <= LARGEST)
    loss = np.abs(y_pred[usable] - y_true[usable])
    return Came(matched.decided[usable], time[usable], delay[usable], loss)


def _made(counted: Sequence[VerdictRecord]) -> Floats:
    """Return when the predictions were made that records report."""
    arrivals = [each for record in counted if record.report is not None for each in record.report.arrivals]
    seconds = [np.repeat(np.array(each.seconds, np.float64), each.n_predictions) for each in arrivals]
    return np.concatenate([np.zeros(0), *seconds])
