"""Ids that are not the same but are hardly meant to be two: `43` and `43.0`, other case, blanks or quotes around."""

from __future__ import annotations

QUOTES = "\"'`"
MOST_DIGITS = 15
"""Of a float: a longer number could be another id in its last digits."""


def canonical(row_id: str) -> str:
    """Return a text that is the same for ids that are near each other."""
    text = row_id.strip().strip(QUOTES).strip().casefold()
    return _number(text) or text


def near_ids(row_id: str) -> list[str]:
    """Return ids near this one that are likely to be in use, the likeliest first; never the id itself."""
    bare = row_id.strip().strip(QUOTES).strip()
    number = _number(bare)
    spelled = [bare, bare.lower(), bare.upper(), bare.capitalize()]
    if number:
        spelled = [bare, number, f"{number}.0"]
    found = [*spelled, *(f'"{one}"' for one in spelled[:2]), f" {bare}", f"{bare} ", f"{bare}\n"]
    return [one for one in dict.fromkeys(found) if one and one != row_id]


def _number(text: str) -> str:
    """Return a whole number without sign or zeros that mean nothing; empty if the text is none."""
    digits, point, rest = text.partition(".")
    if not (digits.isascii() and digits.isdigit()) or (point and rest.strip("0")) or len(digits) > MOST_DIGITS:
        return ""
    return str(int(digits))
