"""From rows of features to their predictions. Pure: no Kafka, no Faust, no clock.

Every row ends as one prediction or as one named refusal, whatever it does to the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.wire.rows import FeaturesRow, PredRow, Reason, Unreadable, encode_packet
from streams.wire.tags import bounded
from streams.wire.values import MAX_VALUE

if TYPE_CHECKING:
    from models.model import Model, Refused


def predict(rows: list[FeaturesRow], model: Model) -> list[PredRow | Unreadable]:
    """Predict all rows in one call; return what becomes of each, in order. Never raises.

    A prediction carries the ts and the tags of its features row, and name and version of its model.
    """
    answers = model.predict([row.features for row in rows])
    return [
        PredRow(row.id, row.ts, answer, model.name, model.version, tags=bounded(row.tags))
        if isinstance(answer, float) and -MAX_VALUE <= answer <= MAX_VALUE
        else _refused(row, answer, model)
        for row, answer in zip(rows, answers, strict=True)
    ]


def _refused(row: FeaturesRow, answer: float | Refused, model: Model) -> Unreadable:
    if isinstance(answer, float):
        sentence = f"{model.label} answered {answer!r}: values lie within ±{MAX_VALUE:g}"
        return Unreadable(encode_packet(row), "bad_prediction", sentence, model=model.name)
    reason: Reason = "bad_prediction" if answer.was_asked else "bad_features"
    return Unreadable(encode_packet(row), reason, answer.sentence, model=model.name)
