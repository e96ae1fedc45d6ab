"""The card of a model: what its file holds and how good it was, as JSON beside it (`model.card.json`)."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Scores(msgspec.Struct, frozen=True):
    """Errors in the unit of the target; `bias` is the mean of y_pred - y_true."""

    mae: float
    rmse: float
    r2: float
    bias: float


class Card(msgspec.Struct, frozen=True):
    """What a loader checks (`sha256`, `features`) and what a reader wants to know.

    `features` are the names in the order that the model takes them; `trained_at` is UTC in ISO 8601. `chosen_among`
    holds the mean scores of cross-validation of every candidate, `held_out` those of this very model on the
    `n_rows_held_out` rows that it never saw.
    """

    model: str
    sha256: str
    features: list[str]
    target: str
    unit: str
    trained_at: str
    n_rows_trained: int
    n_rows_held_out: int
    held_out: Scores
    chosen_among: dict[str, Scores]
    libraries: dict[str, str]


def card_path(model: Path) -> Path:
    """Return where the card of the model file `model` lies."""
    return model.with_suffix(".card.json")


def encode(card: Card) -> bytes:
    """Return the card as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"


def decode(raw: bytes) -> Card:
    """Read a card.

    Raises:
        msgspec.MsgspecError: it is not JSON, or a field is missing or of the wrong type.
    """
    return msgspec.json.decode(raw, type=Card)
