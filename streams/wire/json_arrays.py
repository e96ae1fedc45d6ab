"""Parts a body into its rows, so that a bad one does not spoil the others. The bytes are foreign."""

from __future__ import annotations

import re

import msgspec

WHITE = b" \t\r\n"
_raw = msgspec.json.Decoder(list[msgspec.Raw])
_STRING = rb'"(?:[^"\\]++|\\.?)*+"?'
_token = re.compile(rb"\{(?:[^][{}\"]++|" + _STRING + rb")*+\}|\[[^][{}\"]*+\]|" + _STRING + rb"|[][{},]", re.DOTALL)
"""What an array is parted by: a flat object, a flat array of numbers, a string (to the end of the body, if it has none
of its own), or a character that gives JSON its structure. No part of a body is tried more than twice."""


def rows_of(text: bytes) -> list[bytes] | None:
    """Return the rows in a body, elements of an array that holds objects or lines that are one each; None: it is one itself."""
    bare = text.strip(WHITE)
    if bare[:1] == b"[":
        if not bare[1:-1].strip(WHITE) and bare[-1:] == b"]":
            return []
        found = elements(bare) if b"{" in bare else None
        return found if found and any(one[:1] == b"{" for one in found) else None
    if b"\n" not in bare:
        return None
    lines = [line.strip(WHITE) for line in bare.split(b"\n") if line.strip(WHITE)]
    return lines if all(line[:1] == b"{" and line[-1:] == b"}" for line in lines) else None


def elements(array: bytes) -> list[bytes] | None:
    """Return the bytes of each element, whatever they hold; None if the array has no end, or more after it.

    Args:
        array: starts with `[`, but for white space.
    """
    try:
        return [bytes(element) for element in _raw.decode(array)]
    except Exception:  # an element is not even JSON; msgspec raises more than its own errors
        return _parted(array)


def _parted(array: bytes) -> list[bytes] | None:
    """Part an array by its structure alone, in one pass."""
    found: list[bytes] = []
    depth, start = 1, array.index(b"[") + 1
    for token in _token.finditer(array, start):
        sign = token.group()
        if depth == 1 and sign in (b",", b"]"):
            found.append(array[start : token.start()].strip(WHITE))
            start = token.end()
        depth += (sign in (b"[", b"{")) - (sign in (b"]", b"}"))
        if depth == 0:
            return found if sign == b"]" and not array[token.end() :].strip(WHITE) else None
    return None
