"""What comes with an AMQP message, read from the undecoded bytes. The bytes are foreign: nothing here raises."""

from __future__ import annotations

import struct
from typing import Any

from pika.spec import BasicProperties

_SHORT, _TABLE, _OCTET = "short", "table", "octet"
_BEFORE_TIMESTAMP = (  # the order of AMQP 0-9-1, each with the bit that says it is there
    (1 << 15, _SHORT),  # content_type
    (1 << 14, _SHORT),  # content_encoding
    (1 << 13, _TABLE),  # headers
    (1 << 12, _OCTET),  # delivery_mode
    (1 << 11, _OCTET),  # priority
    (1 << 10, _SHORT),  # correlation_id
    (1 << 9, _SHORT),  # reply_to
    (1 << 8, _SHORT),  # expiration
    (1 << 7, _SHORT),  # message_id
)
_TIMESTAMP, _ENCODING = 1 << 6, 1 << 14
_IDS = {1 << 10: "correlation_id", 1 << 7: "message_id"}


def persistent(**given: Any) -> BasicProperties:
    """Return the properties of a message that RabbitMQ is to keep on disk; `given` are pika's names."""
    return BasicProperties(delivery_mode=2, **given)


def timestamp(raw: bytes) -> float | None:
    """Return the AMQP property `timestamp`, an epoch in whatever unit its sender took; None if it is absent or 0."""
    flags = int.from_bytes(raw[:2], "big")
    if not flags & _TIMESTAMP:
        return None
    at = 2
    try:
        for bit, form in _BEFORE_TIMESTAMP:
            if flags & bit:
                at += _size(raw, at, form)
        (epoch,) = struct.unpack_from(">Q", raw, at)
    except (IndexError, struct.error):
        return None
    return float(epoch) or None


def ids(raw: bytes) -> dict[str, str]:
    """Return `message_id` and `correlation_id`, those of them that are there and not empty."""
    flags = int.from_bytes(raw[:2], "big")
    found: dict[str, str] = {}
    at = 2
    try:
        for bit, form in _BEFORE_TIMESTAMP:
            if flags & bit:
                size = _size(raw, at, form)
                if bit in _IDS:
                    found[_IDS[bit]] = raw[at + 1 : at + size].decode()
                at += size
    except (IndexError, struct.error, UnicodeDecodeError):
        return {}
    return {name: text for name, text in found.items() if text}


def content_encoding(raw: bytes) -> str:
    """Return the AMQP property `content_encoding` in lower case; empty if it is absent or no text."""
    if not raw[:1] or not int.from_bytes(raw[:2], "big") & _ENCODING:
        return ""
    start, end = _place_of_encoding(raw)
    return raw[start + 1 : end].decode("ascii", "replace").strip().lower()


def without_encoding(raw: bytes) -> bytes:
    """Return properties without their `content_encoding`, for a body whose compression was taken away."""
    flags = int.from_bytes(raw[:2], "big")
    if not flags & _ENCODING:
        return raw
    start, end = _place_of_encoding(raw)
    return (flags & ~_ENCODING).to_bytes(2, "big") + raw[2:start] + raw[end:]


def _place_of_encoding(raw: bytes) -> tuple[int, int]:
    """Return where `content_encoding` begins, with its length byte, and ends. Only `content_type` stands before it."""
    has_type = int.from_bytes(raw[:2], "big") & 1 << 15
    start = 2 + (1 + raw[2] if has_type and len(raw) > 2 else 0)
    return start, start + 1 + (raw[start] if start < len(raw) else 0)


def shown(raw: bytes) -> dict[str, Any]:
    """Return the properties and headers by name, as far as pika can read them."""
    try:
        named = vars(BasicProperties().decode(raw))
        return {name: value for name, value in named.items() if value is not None}
    except Exception as exc:  # foreign bytes: headers that pika cannot decode are kept as they came
        return {"undecoded": raw, "problem": repr(exc)}


def _size(raw: bytes, at: int, form: str) -> int:
    if form == _OCTET:
        return 1
    if form == _SHORT:
        return 1 + raw[at]
    return 4 + int(struct.unpack_from(">L", raw, at)[0])
