"""The join as a loop by hand: confluent-kafka, a dict, a CSV. The floor of cost: what waits is lost when it is killed.

Takes a row a record and packets alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from confluent_kafka import Consumer, Message

from bench.peers import given

N_AT_ONCE = 10_000
WAIT_S = 0.1


class TrueRow(msgspec.Struct, gc=False):
    """The truth of one id."""

    id: str
    ts: float
    y_true: float


class PredRow(msgspec.Struct, gc=False):
    """The prediction of one id."""

    id: str
    ts: float
    y_pred: float


_true = msgspec.json.Decoder(TrueRow | list[TrueRow]).decode
_pred = msgspec.json.Decoder(PredRow | list[PredRow]).decode
TOPIC_TRUE, TOPIC_PRED = f"{given.APP}-y_true", f"{given.APP}-y_pred"


class Join:
    """What waits, in two dicts."""

    def __init__(self) -> None:
        self._true: dict[str, float] = {}
        self._pred: dict[str, float] = {}

    def lines(self, messages: Sequence[Message]) -> Iterator[str]:
        """Yield the rows of the pairs that some messages complete."""
        for message in messages:
            if message.error():
                raise RuntimeError(message.error().str())
            if message.topic() == TOPIC_TRUE:
                yield from self._truths(_true(message.value()))
            else:
                yield from self._predictions(_pred(message.value()))

    def _truths(self, found: TrueRow | list[TrueRow]) -> Iterator[str]:
        for row in found if isinstance(found, list) else (found,):
            y_pred = self._pred.pop(row.id, None)
            if y_pred is None:
                self._true[row.id] = row.y_true
            else:
                yield given.line(row.id, row.y_true, y_pred)

    def _predictions(self, found: PredRow | list[PredRow]) -> Iterator[str]:
        for row in found if isinstance(found, list) else (found,):
            y_true = self._true.pop(row.id, None)
            if y_true is None:
                self._pred[row.id] = row.y_pred
            else:
                yield given.line(row.id, y_true, row.y_pred)


def main() -> None:
    """Join for ever."""
    consumer = Consumer(
        {
            "bootstrap.servers": given.KAFKA,
            "group.id": given.APP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([TOPIC_TRUE, TOPIC_PRED])
    join = Join()
    with given.CSV.open("w") as log:
        log.write(given.HEADER)
        while True:
            messages = consumer.consume(N_AT_ONCE, WAIT_S)
            if messages:
                given.note_beginning()
                log.write("".join(join.lines(messages)))
                log.flush()
                consumer.commit(asynchronous=True)


if __name__ == "__main__":
    main()
