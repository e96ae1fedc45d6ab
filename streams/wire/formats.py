"""JSON out of foreign bytes; where it is none, what it is instead, in words for people. Nothing here is unpacked."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from streams.wire.values import Unfit, printable, shown

_any = msgspec.json.Decoder().decode
BOM = b"\xef\xbb\xbf"
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip: say so in content_encoding"),
    (b"\x28\xb5\x2f\xfd", "zstd: send the JSON itself, or gzip with content_encoding"),
    (b"Obj\x01", "an Avro file: send JSON"),
    (b"PAR1", "a Parquet file: send JSON"),
    (b"ARROW1", "an Arrow file: send JSON"),
    (b"\x93NUMPY", "a NumPy file: send JSON, as of array.tolist()"),
    (b"\xff\xfe", "UTF-16 or UTF-32: encode the text as UTF-8"),
    (b"\xfe\xff", "UTF-16 or UTF-32: encode the text as UTF-8"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05].*\.|\([dl]p\d*\n.*\.|c[\w.]+\n[\w.]+\n.*\.", re.DOTALL)
_REGISTRY = re.compile(rb"\x00\x00[\x00-\xff]{3}.", re.DOTALL)
_CSV = re.compile(r"[^\s{}\[\]<>,;\t][^{}\[\]<>\n,;\t]*([,;\t][^{}\[\]<>\n,;\t]*)+(\r?\n.*)?", re.DOTALL)
_COMMA = re.compile(r"[+-]?\d+,\d+")


class NotJson(Unfit):
    """What was read is no JSON; the text says what it is instead."""


def json_value(raw: bytes) -> Any:
    """Return what JSON says, with NaN and infinities, which Python writes, as floats.

    Raises:
        NotJson: it is none.
    """
    try:
        return _any(raw)
    except Exception:  # noqa: S110  foreign bytes: msgspec raises more than its own errors
        pass
    try:  # Python's own reader takes NaN, and tells where it stops
        return json.loads(raw.decode("utf-8"))
    except json.JSONDecodeError as exc:
        raise NotJson(_instead(raw, exc)) from None
    except UnicodeDecodeError as exc:
        raise NotJson(
            _binary(raw) or f"not UTF-8: byte 0x{raw[exc.start]:02x} at {exc.start}; send JSON as UTF-8"
        ) from None
    except RecursionError:
        raise NotJson("nested too deeply: a row is one object with an id and a value") from None
    except ValueError:
        raise NotJson("a number of too many digits: it cannot be read; send it with 17 digits at most") from None


def _instead(raw: bytes, exc: json.JSONDecodeError) -> str:
    """Return what text is that is no JSON."""
    text = exc.doc.strip()
    if not text:
        return "an empty body: send JSON"
    if said := _binary(raw):
        return said
    if text.startswith(("{'", "[{'", "{id", "[{id")):
        return f"Python or JavaScript text, not JSON: {printable(text)}; write it with json.dumps"
    if text.startswith("<"):
        return f"XML or HTML: {printable(text)}; send JSON"
    if _COMMA.fullmatch(text):
        return f"the body has a comma: {printable(text)}; use a point for decimals"
    if _CSV.fullmatch(text):
        return f"CSV: {printable(text)}; send JSON, an object with an id and a value for each line"
    if exc.pos >= len(exc.doc.rstrip()) or exc.msg.startswith("Unterminated string"):
        return f"JSON that is cut off: it ends in the middle, after {shown(text[-20:])}; send all of it"
    if exc.msg == "Extra data":
        return f"more after the end of the JSON: {shown(exc.doc[exc.pos :])}; send a list, or one object a line"
    return f"not JSON: {shown(exc.doc[exc.pos :])} cannot be read, from character {exc.pos + 1} on; send JSON"


def _binary(raw: bytes) -> str:
    """Return what bytes are that are no text, as far as their beginning tells; empty if it does not."""
    for magic, said in _MAGIC:
        if raw.startswith(magic):
            return said
    if raw[:4].count(0) in (2, 3) and raw[:4].strip(b"\0")[:1] in (b"{", b"["):
        return "UTF-16 or UTF-32: encode the text as UTF-8"
    if _PICKLE.fullmatch(raw):
        return "a pickle: send JSON"
    if _REGISTRY.match(raw):
        return "Avro or Protobuf of a schema registry: send JSON"
    if raw[:1] >= b"\x80" and _is_msgpack(raw):
        return "MessagePack: send JSON"
    if b"\0" in raw:
        return "binary data: send JSON"
    return ""


def _is_msgpack(raw: bytes) -> bool:
    try:
        msgspec.msgpack.decode(raw, type=dict | list)
    except Exception:  # foreign bytes, as above
        return False
    return True
