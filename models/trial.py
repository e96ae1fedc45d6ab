"""Does a model predict at all? It is tried on rows made up for it, before anybody relies on it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from models.errors import ModelError
from models.model import Model, Refused
from models.told import Features, Value

N_ROWS = 3
"""Several at once, so that several numbers for a row are not taken for one number for each of several rows."""
MAX_PROBED = 200
"""Of a model with more columns it is not found out which of them take a missing value: the model itself says so."""


def trial(model: Model, path: Path, example: Features | None) -> None:
    """Predict `example`, or rows made up of zeros, ones and known categories; then learn where null is taken.

    Raises:
        ModelError: none of them gets one finite number.
    """
    row = _first_that_is_predicted(
        model, path, [_made_up(model, 0), _made_up(model, 1)] if example is None else [example]
    )
    model.takes_null = _takes_null(model, row)


def _made_up(model: Model, number: float) -> list[Value]:
    """Return a row of one number, of the first category where there are some, and of null where a category has a code."""
    return [None if column.kind == "code" else next(iter(column.categories), float(number)) for column in model.columns]


def _first_that_is_predicted(model: Model, path: Path, rows: Iterable[Features]) -> Features:
    refused: list[Refused] = []
    for row in rows:
        refused = [answer for answer in model.predict([row] * N_ROWS) if isinstance(answer, Refused)]
        if not refused:
            return row
    raise ModelError(
        f"The model {path} cannot be used: it was tried on {N_ROWS} rows, and {refused[0].sentence}. It must answer one "
        f"number for a row. If it is only that these rows are unlike its own, give it one of those: "
        f"`python -m models.card {path} --example ROW`."
    )


def _takes_null(model: Model, row: Features) -> tuple[bool, ...]:
    n = len(model.columns)
    if isinstance(row, dict):
        row = [row[name] for name in model.names or ()]
    if _is_predicted(model, [None] * n):
        return (True,) * n
    if all(column.kind == "number" for column in model.columns):
        return (False,) * n
    if n > MAX_PROBED:
        return (True,) * n
    return tuple(_is_predicted(model, [*row[:i], None, *row[i + 1 :]]) for i in range(n))


def _is_predicted(model: Model, row: Features) -> bool:
    return not isinstance(model.predict([row])[0], Refused)
