"""The join in Quix Streams, two ways: `keyed` state over both topics together, or its own `interval` join.

A sink writes the CSV at each checkpoint, as Quix's own sinks do. The keyed join has no window and forgets an id once
both sides are there. The interval join looks backward in time only: where the row of the larger ts is processed first,
the pair is lost (not here, where both sides of an id have one ts).
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

from quixstreams import Application, State
from quixstreams.dataframe import StreamingDataFrame
from quixstreams.models import Topic
from quixstreams.sinks import BatchingSink, SinkBatch

from bench.peers import given

COMMIT_S = 0.5
WINDOW, LATENESS = timedelta(hours=1), timedelta(minutes=1)


class MetricLog(BatchingSink):
    """Appends pairs to the CSV."""

    def setup(self) -> None:
        """Begin the file."""
        given.CSV.write_text(given.HEADER)

    def write(self, batch: SinkBatch) -> None:
        """Write what one partition joined since the last checkpoint."""
        with given.CSV.open("a") as log:
            log.writelines(
                given.line(pair["id"], pair["y_true"], pair["y_pred"]) for pair in (one.value for one in batch)
            )


def keyed(truths: StreamingDataFrame, predictions: StreamingDataFrame) -> StreamingDataFrame:
    """Keep the first side of an id in the state; put the second one to it."""

    def join(row: dict[str, Any], state: State) -> dict[str, Any] | None:
        given.note_beginning()
        first = state.get("first")
        if first is None:
            state.set("first", row)
            return None
        if ("y_true" in first) == ("y_true" in row):
            return None
        state.delete("first")
        return first | row

    both = truths.concat(predictions).apply(join, stateful=True)
    return both.filter(lambda pair: pair is not None)


def interval(truths: StreamingDataFrame, predictions: StreamingDataFrame) -> StreamingDataFrame:
    """Join with Quix's interval join."""
    truths = truths.update(lambda _: given.note_beginning())
    return truths.join_interval(
        predictions,
        on_merge=lambda truth, prediction: truth | prediction,
        grace_ms=WINDOW + LATENESS,
        backward_ms=WINDOW,
        forward_ms=WINDOW,
    )


def main(how: str) -> None:
    """Join for ever."""
    app = Application(
        given.KAFKA,
        consumer_group=given.APP,
        auto_offset_reset="earliest",
        state_dir=given.STATE,
        commit_interval=COMMIT_S,
    )
    truths, predictions = (app.dataframe(_topic(app, side)) for side in ("y_true", "y_pred"))
    join = {"keyed": keyed, "interval": interval}[how]
    join(truths, predictions).sink(MetricLog())
    app.run()


def _topic(app: Application, side: str) -> Topic:
    def happened(row: dict[str, Any], *_: Any) -> int:
        return int(row["ts"] * 1000)

    return app.topic(f"{given.APP}-{side}", key_deserializer="str", timestamp_extractor=happened)


if __name__ == "__main__":
    main(sys.argv[1])
