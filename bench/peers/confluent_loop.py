"""The join as a loop by hand: confluent-kafka, a dict, a CSV. The floor of cost: what waits is lost when it is killed.

Takes a row a record and packets alike.
"""

from __future__ import annotations

import msgspec
from confluent_kafka import Consumer

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


def main() -> None:
    """Join for ever."""
    topic_true, topic_pred = f"{given.APP}-y_true", f"{given.APP}-y_pred"
    truths = msgspec.json.Decoder(TrueRow | list[TrueRow]).decode
    predictions = msgspec.json.Decoder(PredRow | list[PredRow]).decode
    waiting_true: dict[str, float] = {}
    waiting_pred: dict[str, float] = {}
    consumer = Consumer(
        {
            "bootstrap.servers": given.KAFKA,
            "group.id": given.APP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic_true, topic_pred])
    with given.CSV.open("w") as log:
        log.write(given.HEADER)
        while True:
            messages = consumer.consume(N_AT_ONCE, WAIT_S)
            if not messages:
                continue
            given.note_beginning()
            lines: list[str] = []
            for message in messages:
                if message.error():
                    raise RuntimeError(message.error().str())
                if message.topic() == topic_true:
                    found = truths(message.value())
                    for truth in found if isinstance(found, list) else (found,):
                        y_pred = waiting_pred.pop(truth.id, None)
                        if y_pred is None:
                            waiting_true[truth.id] = truth.y_true
                        else:
                            lines.append(given.line(truth.id, truth.y_true, y_pred))
                else:
                    found = predictions(message.value())
                    for prediction in found if isinstance(found, list) else (found,):
                        y_true = waiting_true.pop(prediction.id, None)
                        if y_true is None:
                            waiting_pred[prediction.id] = prediction.y_pred
                        else:
                            lines.append(given.line(prediction.id, y_true, prediction.y_pred))
            log.write("".join(lines))
            log.flush()
            consumer.commit(asynchronous=True)


if __name__ == "__main__":
    main()
