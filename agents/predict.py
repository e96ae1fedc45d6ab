"""From a packet of features rows to its predictions. Pure: no Kafka, no Faust, no clock.

Every row ends as one prediction or as one named refusal, whatever its numbers do to the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.wire.rows import FeaturesRow, PredRow, Reason, Unreadable, encode_packet

if TYPE_CHECKING:
    from models.artefact import Model


def predict(rows: list[FeaturesRow], model: Model) -> tuple[list[PredRow], list[Unreadable]]:
    """Predict all rows of a packet in one call; return the predictions, in order, and the rows refused.

    A prediction carries the ts of its features row. Never raises for what a row holds.
    """
    fitting = [row for row in rows if len(row.features) == model.n_features]
    refused = [
        _refuse(row, "bad_features", f"{len(row.features)} features, but {model.name} takes {model.n_features}")
        for row in rows
        if len(row.features) != model.n_features
    ]
    predicted, failed = _predict(fitting, model)
    return predicted, refused + failed


def _predict(rows: list[FeaturesRow], model: Model) -> tuple[list[PredRow], list[Unreadable]]:
    """Predict in one call. If that raises, halve: a few bad rows among n cost about 2 log2(n) calls each, not n."""
    if not rows:
        return [], []
    try:
        answers = model.predict([row.features for row in rows])  # type: ignore[misc]  # dicts are refused
    except Exception as exc:  # a model raises whatever it likes, for instance at a number too large for its float32
        if len(rows) == 1:
            return [], [_refuse(rows[0], "bad_prediction", f"{model.name} failed: {type(exc).__name__}: {exc}")]
        middle = len(rows) // 2
        (left, left_refused), (right, right_refused) = _predict(rows[:middle], model), _predict(rows[middle:], model)
        return left + right, left_refused + right_refused
    predicted = [
        PredRow(row.id, row.ts, y_pred, model.name)
        for row, y_pred in zip(rows, answers, strict=True)
        if y_pred is not None
    ]
    return predicted, [
        _refuse(row, "bad_prediction", f"{model.name} answered NaN or an infinity")
        for row, y_pred in zip(rows, answers, strict=True)
        if y_pred is None
    ]


def _refuse(row: FeaturesRow, reason: Reason, detail: str) -> Unreadable:
    return Unreadable(encode_packet(row), reason, detail)
