"""The fields of a row, and the names that others may have given them."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Field = Literal["id", "ts", "features", "y_true", "y_pred", "model", "version"]
FIELDS: tuple[Field, ...] = get_args(Field)
MAX_KEYS, MAX_CHARS = 8, 64
"""Keys of tags that can count, see HINDSIGHT_SEGMENTS; and the characters of a key, and of a value."""


class Fields(NamedTuple):
    """Names of one's own for each field, in the order in which they are looked for; a dot leads into an object."""

    id: tuple[str, ...] = ()
    ts: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    y_true: tuple[str, ...] = ()
    y_pred: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    version: tuple[str, ...] = ()


NO_FIELDS = Fields()


def setting(field: Field) -> str:
    """Return the name of the setting that names a field."""
    return f"HINDSIGHT_FIELD_{field.upper()}"
