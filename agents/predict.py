"""From a packet of features rows to its predictions. Pure: no Kafka, no Faust, no clock.

Every row ends as one prediction or as one named refusal, whatever it does to the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.wire.rows import FeaturesRow, PredRow, Reason, Unreadable, encode_packet

if TYPE_CHECKING:
    from models.model import Model


def predict(rows: list[FeaturesRow], model: Model) -> tuple[list[PredRow], list[Unreadable]]:
    """Predict all rows of a packet in one call; return the predictions, in order, and the rows refused.

    A prediction carries the ts of its features row, and name and version of its model. Never raises.
    """
    predicted: list[PredRow] = []
    refused: list[Unreadable] = []
    for row, answer in zip(rows, model.predict([row.features for row in rows]), strict=True):
        if isinstance(answer, float):
            predicted.append(PredRow(row.id, row.ts, answer, model.name, model.version))
        else:
            reason: Reason = "bad_prediction" if answer.was_asked else "bad_features"
            refused.append(Unreadable(encode_packet(row), reason, answer.sentence))
    return predicted, refused
