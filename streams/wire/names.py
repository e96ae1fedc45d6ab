"""Which field of a foreign row holds what: names of one's own in order, the program's names, then common ones.

A common name is read only if nothing else in the row could be meant. Names are compared without regard to case, `_`
and `-`, so `requestId` is `request_id`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from streams.fields import Field, Fields

OWN: dict[Field, tuple[str, ...]] = {
    "id": ("id",),
    "ts": ("ts",),
    "features": ("features", "body"),
    "y_true": ("y_true", "body"),
    "y_pred": ("y_pred", "body"),
    "model": ("model",),
    "version": ("version",),
}
"""The program's own names: they mean what they say, whatever else a row holds."""
_VALUE = frozenset(("y", "value", "val", "data"))
COMMON: dict[Field, frozenset[str]] = {
    "id": frozenset(("id", "requestid", "messageid", "predictionid", "inferenceid", "eventid", "correlationid")),
    "ts": frozenset(("timestamp", "time")),
    "features": frozenset(("features", "x", "data", "inputs", "input", "values")),
    "y_true": _VALUE | {"ytrue", "target", "label", "actual", "truth", "groundtruth"},
    "y_pred": _VALUE | {"ypred", "yhat", "prediction", "predictions", "predicted", "pred"},
    "model": frozenset(),
    "version": frozenset(("modelversion",)),
}
"""Names that others use, as `plain` writes them; those of the time as they are, since the decoder knows them by type."""
PROPERTY = "@"
"""Begins the name of what comes beside a body: `@message_id`, `@correlation_id`, `@key`."""


class Found(NamedTuple):
    """A field of a row, as it is spelled there, and what it holds."""

    name: str
    value: Any


def find(row: Mapping[str, Any], field: Field, fields: Fields) -> list[Found]:
    """Return what could be meant by a field: nothing, one, or more if only common names are there."""
    chosen: Sequence[str] = getattr(fields, field)
    for name in chosen:
        found = at(row, name)
        if found is not None:
            return [found]
    for name in OWN[field]:
        if name in row:
            return [Found(name, row[name])]
    if chosen:
        return []
    common, spelled = COMMON[field], str if field == "ts" else plain
    return [Found(name, value) for name, value in row.items() if spelled(name) in common]


def at(row: Mapping[str, Any], path: str) -> Found | None:
    """Return what lies at a path such as `data.value` or `outputs.0.data`; a field of that whole name comes first."""
    if path in row:
        return Found(path, row[path])
    if "." not in path:
        return None
    value: Any = row
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return Found(path, value)


def plain(name: str) -> str:
    """Return a name as it is compared."""
    return name.lower().lstrip("@").replace("_", "").replace("-", "")
