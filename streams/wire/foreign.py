"""One row out of one foreign JSON value: where its id, time, value and model are, or a sentence why it has none."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from streams.fields import Field, Fields, setting
from streams.kinds import Kind
from streams.wire import names, tags, times, values
from streams.wire.names import COMMON, OWN, PROPERTY, Found
from streams.wire.tags import NO_TAGS
from streams.wire.values import MAX_LABEL_CHARS, Cell, Unfit

OTHERWISE: dict[Kind, str] = {
    "features": "send null where a feature is missing",
    "y_true": "send nothing until the truth is known",
    "y_pred": "send nothing where there is no prediction",
}
"""What to do instead of sending a row without a value."""
Beside = Mapping[str, str]
"""What came beside a body and may be its id: AMQP's `message_id` and `correlation_id`, or Kafka's `key`."""


class Parts(NamedTuple):
    """What a foreign row says; `ts` None: something else says when it happened. `notes`: what was read otherwise than sent."""

    id: str
    ts: float | None
    value: float | list[Cell] | dict[str, Cell]
    model: str | None
    version: str | None
    notes: tuple[str, ...]
    tags: msgspec.Raw = NO_TAGS


def parts(kind: Kind, found: Any, fields: Fields, beside: Beside | None) -> Parts:
    """Return what one JSON value says.

    Args:
        beside: what came beside the body; None for one of several rows in it, since that is of all of them.

    Raises:
        Unfit: it is no row of this kind.
    """
    row = found if isinstance(found, dict) else {}
    if isinstance(found, dict):
        row_id, value = _id(row, fields, beside or {}), _value(kind, _value_field(kind, row, fields))
    elif beside is None:
        raise Unfit(f"no object among rows: {values.shown(found)}; each row is one, with an id and a value")
    else:
        value, row_id = _value(kind, Found("", found)), _id_beside(beside, fields)
    ts, *of_time = _time(row, fields)
    model, *of_model = _label("model", row, fields)
    version, *of_version = _label("version", row, fields)
    return Parts(
        row_id,
        ts,
        value,
        model,
        version,
        (*of_time, *of_model, *of_version),
        tags.written(row["tags"]) if "tags" in row else NO_TAGS,
    )


def _id(row: Mapping[str, Any], fields: Fields, beside: Beside) -> str:
    for name in fields.id:
        if name[:1] == PROPERTY and name[1:] in beside:
            return values.row_id(beside[name[1:]], name)
        if chosen := names.at(row, name):
            return values.row_id(chosen.value, f"`{name}`")
    found = names.find(row, "id", fields)
    if not found and beside:
        return _id_beside(beside, fields)
    if not found:
        raise Unfit(partial(_no_id, row))
    return values.row_id(_only(found, "id", "the id").value, f"`{found[0].name}`")


def _id_beside(beside: Beside, fields: Fields) -> str:
    chosen = [name[1:] for name in fields.id if name[1:] in beside and name[:1] == PROPERTY]
    ids = {beside[name] for name in chosen[:1] or beside}
    if len(ids) > 1:
        one, other = beside
        said = f"{setting('id')}={PROPERTY}{one} or ={PROPERTY}{other}"
        raise Unfit(f"{one} and {other} could both be the id: they differ; set {said}")
    if not ids:
        raise Unfit("no id: the body is a value alone, and neither message_id, correlation_id nor a key came with it")
    return values.row_id(ids.pop(), chosen[0] if chosen else next(iter(beside)))


def _no_id(row: Mapping[str, Any]) -> str:
    like = [path for path, value in _fields(row) if _is_like_id(path) and isinstance(value, str | int | float)]
    cure = f"set {setting('id')}={like[0]}" if len(like) == 1 else f"send `id`, or set {setting('id')}"
    return f"no field `id`; it has {values.named([*row])}: {cure}; message_id, correlation_id or a key would do, too"


def _value_field(kind: Kind, row: Mapping[str, Any], fields: Fields) -> Found:
    found = names.find(row, kind, fields)
    possible = [one for one in found if _is_like_value(kind, one.value)]
    is_meant = bool(found) and found[0].name in (*getattr(fields, kind), *OWN[kind])
    if not possible and not is_meant and all(isinstance(one.value, dict) for one in found):
        raise Unfit(partial(_no_value, kind, row))
    return _only(possible or found[:1], kind, kind)


def _only(found: Sequence[Found], field: Field, what: str) -> Found:
    if len(found) > 1:
        both = " and ".join(f"`{one.name}`" for one in found[:3])
        raise Unfit(f"{both} could each be {what}: set {setting(field)}={found[0].name}, or to another of them")
    return found[0]


def _is_like_value(kind: Kind, value: Any) -> bool:
    return isinstance(value, list | dict) if kind == "features" else values.is_like_number(value)


def _value(kind: Kind, found: Found) -> float | list[Cell] | dict[str, Cell]:
    name = f"`{found.name}`" if found.name else "the body"
    if kind == "features":
        return values.features(found.value, name)
    return values.number(found.value, name, OTHERWISE[kind])


def _no_value(kind: Kind, row: Mapping[str, Any]) -> str:
    has = f"no field `{kind}`; it has {values.named([*row])}"
    near = {names.plain(name): name for name in row}
    for name in difflib.get_close_matches(names.plain(kind), near, 1, cutoff=0.8):
        return f"{has}: is `{near[name]}` meant as `{kind}`?"
    like = _like_value(kind, row)
    if len(like) == 1:
        return f"{has}: set {setting(kind)}={like[0]} if that is the value"
    if like:
        return f"{has}: set {setting(kind)} to the one that is meant, such as {like[0]}"
    return f"{has}: send a value under `{kind}`"


def _like_value(kind: Kind, row: Mapping[str, Any]) -> list[str]:
    """Return the fields that hold what could be the value: those of a common name, else all."""
    like = [
        path
        for path, value in _fields(row)
        if value is not None and not _is_taken(path) and _is_like_value(kind, value)
    ]
    return [path for path in like if names.plain(_last(path)) in COMMON[kind]] or like


def _fields(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a row, and those of objects in it."""
    for name, value in row.items():
        yield name, value
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", held) for inner, held in value.items())


def _is_taken(path: str) -> bool:
    """Tell whether a field is rather an id, a time or a model than a value."""
    name = _last(path)
    return _is_like_id(path) or names.plain(name) in COMMON["ts"] or name in (*OWN["ts"], *OWN["model"])


def _is_like_id(path: str) -> bool:
    return names.plain(_last(path)).endswith("id")


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _time(row: Mapping[str, Any], fields: Fields) -> tuple[float | None, *tuple[str, ...]]:
    """Return when a row happened; a field that only might be its time costs no row."""
    found = [one for one in names.find(row, "ts", fields) if one.value is not None]
    if not found:
        return (None,)
    is_meant = found[0].name in (*fields.ts, *OWN["ts"])
    if len(found) > 1:
        both = " and ".join(f"`{one.name}`" for one in found)
        return None, f"{both} could each be the time, so neither is read: set {setting('ts')}"
    name, value = found[0]
    time = times.of(value)
    if is_meant and time is None:
        raise Unfit(f"`{name}` is no time: {values.shown(value)}; send seconds since 1970 in UTC, or ISO 8601")
    if time is None or not (is_meant or times.is_plain(time)):
        return None, f"`{name}` is not read: it holds no time of this century"
    return (time.ts, time.note) if time.note else (time.ts,)


def _label(field: Field, row: Mapping[str, Any], fields: Fields) -> tuple[str | None, *tuple[str, ...]]:
    """Return the text of an optional field; what cannot be one costs the field, never the row."""
    for _, value in names.find(row, field, fields)[:1]:
        if value is None:
            break
        text = value if isinstance(value, str) else repr(value)
        is_label = isinstance(value, str | int | float) and not isinstance(value, bool)
        if is_label and len(text) <= MAX_LABEL_CHARS and not any("\ud800" <= sign <= "\udfff" for sign in text):
            return (text,)
        return None, f"`{field}` is left out: it is no text of at most {MAX_LABEL_CHARS} characters"
    return (None,)
