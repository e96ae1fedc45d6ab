"""The form that a row must have to be read, with the names that the settings give its fields. Pure."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from streams.fields import Field, Fields
from streams.kinds import Kind
from streams.wire.names import OWN, PROPERTY

VALUES: dict[Kind, Any] = {"features": [0.038, 0.051, -0.002], "y_true": 148.0, "y_pred": 152.3}
NEEDS: dict[Kind, str] = {
    "features": "a list in the model's order, or an object by name: numbers, text and null, where the model takes them",
    "y_true": "a finite number; send nothing until the truth is known",
    "y_pred": "a finite number",
}


class Form(NamedTuple):
    """An example, and what each field must hold, by its name."""

    example: str
    needs: list[tuple[str, str]]


def form_of(kind: Kind, fields: Fields) -> Form:
    """Return the form of a kind of rows."""
    row: dict[str, Any] = {}
    names = {field: _name(field, fields) for field in ("id", "ts", kind)}
    for field, value in (("id", "order-17"), ("ts", 1764331200.0), (kind, VALUES[kind])):
        if not names[field].startswith(PROPERTY):
            _put(row, names[field].split("."), value)
    of_id = "text of 1 to 128 characters, or a number; or it comes in message_id, correlation_id or the Kafka key"
    of_ts = "seconds since 1970 in UTC, or ISO 8601; may be left out"
    return Form(json.dumps(row, indent=1), [(names["id"], of_id), (names[kind], NEEDS[kind]), (names["ts"], of_ts)])


def _name(field: Field, fields: Fields) -> str:
    """Return the name under which a field is looked for first."""
    chosen: tuple[str, ...] = getattr(fields, field)
    return (chosen or OWN[field])[0]


def _put(row: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a value where a path leads; a number in it is a place in a list, which holds nothing else here."""
    name, *rest = path
    if not rest:
        row[name] = value
    elif rest[0].isdecimal():
        row[name] = [_inner(rest[1:], value)]
    else:
        inner = row.setdefault(name, {})
        if isinstance(inner, dict):
            _put(inner, rest, value)


def _inner(path: list[str], value: Any) -> Any:
    if not path:
        return value
    inner: dict[str, Any] = {}
    _put(inner, path, value)
    return inner
