"""The card of a model: what its file holds and how good it was, as JSON beside it (`model.card.json`).

A model needs none: what its file knows is read from it. `python -m models.card FILE` writes that down, to be completed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec

from models.errors import ModelError, said
from models.told import Features, Told

MAX_NAME_CHARS = 64


class Scores(msgspec.Struct, frozen=True):
    """Errors in the unit of the target; `bias` is the mean of y_pred - y_true."""

    mae: float
    rmse: float
    r2: float
    bias: float


class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a loader checks, what travels with predictions (`model`, `version`), and what a reader wants to know.

    `features` are the names in the order that the model takes them; `example` is a row that it takes, if it takes no
    zeros. `trained_at` is UTC in ISO 8601. `chosen_among` holds the mean scores of cross-validation of every candidate,
    `held_out` those of this very model on the `n_rows_held_out` rows that it never saw.
    """

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARS)]
    sha256: str
    features: list[str]
    version: Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARS)] = ""
    example: Features | None = None
    target: str = ""
    unit: str = ""
    trained_at: str = ""
    n_rows_trained: int = 0
    n_rows_held_out: int = 0
    held_out: Scores | None = None
    chosen_among: dict[str, Scores] = {}
    libraries: dict[str, str] = {}

    @property
    def told(self) -> Told:
        """What the card says of its model."""
        return Told(self.model, self.version, tuple(self.features), self.example, self.libraries, self.unit)

    def __post_init__(self) -> None:
        """Refuse names that would not come through a log or a terminal as they are.

        Raises:
            ValueError: a name holds control characters; msgspec makes a ValidationError of it.
        """
        for name in (self.model, self.version, *self.features):
            if not name.isprintable():
                raise ValueError(f"{name!r} holds characters that cannot be printed")


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


def read_card(model: Path, digest: str) -> Card | None:
    """Return the card beside a model file of the sha256 `digest`; None if there is none.

    Raises:
        ModelError: it cannot be read, or is that of another file.
    """
    beside = card_path(model)
    try:
        card = decode(beside.read_bytes())
    except FileNotFoundError:
        return None
    except Exception as exc:  # foreign bytes: msgspec raises more than its own errors (RecursionError, UnicodeError)
        raise ModelError(
            f"The card {beside} cannot be read: {said(exc)}. Correct it, or rewrite it: `python -m models.card {model}`."
        ) from None
    if card.sha256 != digest:
        raise ModelError(
            f"The model {model} has the sha256 {digest}, but its card says {card.sha256}: one of the two was "
            f"replaced, so the model is not opened. Restore the pair, or remove the card {beside}."
        )
    return card


if __name__ == "__main__":
    from models.card_command import main

    sys.exit(main())
