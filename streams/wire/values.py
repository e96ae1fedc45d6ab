"""Ids, numbers and features as they come in foreign JSON, and a sentence for each that cannot be one."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

MAX_ID_CHARS = MAX_LABEL_CHARS = 128
MAX_VALUE = 8.9e307
"""A value beyond could lie so far from another one that their difference is no number."""
MAX_DIFFERENCE = sys.float_info.max
SHOWN_CHARS, MOST_NAMED = 40, 8
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+(,\d+)+(\.\d+)?")
_NOT_A_NUMBER = frozenset(("nan", "inf", "+inf", "-inf", "infinity", "-infinity"))
Cell = float | str | bool | None


class Unfit(Exception):
    """What was read cannot be used; the text says why: what is wrong, a colon, then what it was and what to do.

    A text that takes some time to find is given as a function: of many bad rows in one body most are only counted.
    """

    def __init__(self, said: str | Callable[[], str]) -> None:
        super().__init__(said)
        self._said = said

    def __str__(self) -> str:
        return self._said if isinstance(self._said, str) else self._said()


def shown(value: Any) -> str:
    """Return a value as a short line for people."""
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    if isinstance(value, dict):
        return "an object"
    return f'"{printable(value)}"' if isinstance(value, str) else printable(repr(value))


def printable(text: str) -> str:
    """Return the beginning of foreign text, without what could move a cursor."""
    clean = "".join(sign if sign.isprintable() else "�" for sign in text[:SHOWN_CHARS])
    return f"{clean}…" if len(text) > SHOWN_CHARS else clean


def named(names: Sequence[str]) -> str:
    """Return the names of fields as a list for people."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (", ".join(f"`{printable(name)}`" for name in names[:MOST_NAMED]) or "no field") + more


def row_id(value: Any, name: str) -> str:
    """Return the id that a field holds: text as it is, a number as Python writes it.

    Raises:
        Unfit: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unfit(f"{name} is no id: {shown(value)}; an id is text or a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise Unfit(f"{name} is no id: {shown(value)}")
    if isinstance(value, int) and abs(value) >= 10**MAX_ID_CHARS:
        raise Unfit(f"the id is longer than {MAX_ID_CHARS} characters: it is a number of more digits")
    text = value if isinstance(value, str) else repr(value)
    if not text:
        raise Unfit(f"the id is empty: {name} holds no character")
    if len(text) > MAX_ID_CHARS:
        raise Unfit(f"the id is longer than {MAX_ID_CHARS} characters: it has {len(text):,}")
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise Unfit("the id holds half a character: a lone surrogate cannot be written as UTF-8")
    return text


def number(value: Any, name: str, otherwise: str) -> float:
    """Return the number that a field holds, also as text or alone in a list.

    Args:
        otherwise: what to do where there is no value yet.

    Raises:
        Unfit: it holds none.
    """
    value = alone(value)
    if value is None:
        raise Unfit(f"{name} is null: {otherwise}")
    if isinstance(value, bool):
        raise Unfit(f"{name} is true or false: a number is needed, 1 or 0 if that is meant")
    if isinstance(value, list):
        raise Unfit(f"{name} holds a list of {len(value):,}: one value is needed")
    if isinstance(value, dict):
        raise Unfit(f"{name} is an object, not a number: it has {named([*value])}")
    if isinstance(value, str):
        value = _from_text(value.strip(), name)
    if value != value:
        raise Unfit(f"{name} is NaN: NaN is not a value; {otherwise}")
    if not -MAX_VALUE <= value <= MAX_VALUE:
        raise Unfit(f"{name} is too large: {shown(value)}; values lie within ±{MAX_VALUE:g}")
    return float(value)


def difference(y: float, other: float) -> float:
    """Return `y - other`, a finite number always: former versions took values that lie further apart than any number is large."""
    return max(-MAX_DIFFERENCE, min(MAX_DIFFERENCE, y - other))


def alone(value: Any) -> Any:
    """Return what is alone in a list, as models answer for one row: `[221.77]`, `[[221.77]]`."""
    for _ in range(2):
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
    return value


def is_like_number(value: Any) -> bool:
    """Tell whether a field could be meant as a value: a number, one as text, or one that is missing."""
    value = alone(value)
    if isinstance(value, str):
        text = value.strip()
        return bool(_NUMBER.fullmatch(text) or _COMMA.fullmatch(text)) or text.lower() in _NOT_A_NUMBER
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def features(value: Any, name: str) -> list[Cell] | dict[str, Cell]:
    """Return a row of features, a list in the model's order or an object by name.

    Raises:
        Unfit: it is none.
    """
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]  # a matrix of one row
    if not isinstance(value, list | dict) or not value:
        raise Unfit(f"{name} holds no features: {shown(value)}; send a list of them, or an object by name")
    if isinstance(value, dict):
        return {key: _cell(cell, f"feature {shown(key)}") for key, cell in value.items()}
    return [_cell(cell, f"feature {i}") for i, cell in enumerate(value, 1)]


def _cell(value: Any, name: str) -> Cell:
    if isinstance(value, list | dict):
        raise Unfit(f"{name} is a list or an object: a feature is a number, text, true, false or null")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value
    if value != value:
        raise Unfit(f"{name} is NaN: send null where a feature is missing")
    if not -MAX_VALUE <= value <= MAX_VALUE:
        raise Unfit(f"{name} is too large: {shown(value)}")
    return float(value)


def _from_text(text: str, name: str) -> float:
    if _NUMBER.fullmatch(text):
        return float(text)
    if _COMMA.fullmatch(text):
        raise Unfit(f"{name} has a comma: {shown(text)}; use a point for decimals, and nothing between thousands")
    if text.lower() in _NOT_A_NUMBER:
        return float(text)
    raise Unfit(f"{name} is text, not a number: {shown(text)}")
