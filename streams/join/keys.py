"""The keys of the table `pairs`: which id a state is of, and which model's prediction it waits for or has. Pure.

`i` + id: the state of an id, of the model that the checkpoint names (`base`; none while no models are listed). `j` + id +
NUL + model: its state of another model; no name of a model holds a NUL. `o` and `k` instead: a row kept beside that state
(`state.Other`).
"""

from __future__ import annotations

from typing import Final

BASE, MODEL, OTHER, OTHER_OF_MODEL = b"i", b"j", b"o", b"k"
STATES: Final = (BASE, MODEL)
OTHERS: Final = (OTHER, OTHER_OF_MODEL)
OF_MODELS: Final = (MODEL, OTHER_OF_MODEL)
_END = b"\0"
_OTHER_OF = dict(zip(STATES, OTHERS, strict=True))


def key_of(row_id: str, model: str = "") -> bytes:
    """Return the table's key of an id: of the base without a `model`, else of that model."""
    return MODEL + row_id.encode() + suffix(model) if model else BASE + row_id.encode()


def suffix(model: str) -> bytes:
    """Return what the keys of a model end with."""
    return _END + model.encode()


def id_of(key: bytes) -> str:
    """Return the id of a table's key."""
    return (key[1:] if key[:1] == BASE else key[1 : key.rindex(_END)]).decode()


def model_of(key: bytes) -> str:
    """Return the model of a table's key; empty for the base."""
    return "" if key[:1] == BASE else key[key.rindex(_END) + 1 :].decode()


def other_key(key: bytes) -> bytes:
    """Return the table's key of a state's `Other`, from the key of the state itself."""
    return _OTHER_OF[key[:1]] + key[1:]
