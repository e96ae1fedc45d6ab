"""What `content_encoding` says of a body: gzip and deflate are taken away, never beyond a bound. The bytes are foreign."""

from __future__ import annotations

import zlib

from streams.wire.rows import Unreadable

GZIP_OR_ZLIB, RAW = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS
HEADLESS = ("deflate", "zlib")
"""RFC 9110 means zlib's format by `deflate`; what is meant by it in practice may lack zlib's header."""
COMPRESSED = ("gzip", "x-gzip", *HEADLESS)
MAX_MEMBERS = 100
"""gzip may consist of several, one behind the other; many small ones would cost time without end."""
PLAIN = ("", "identity", "binary", "utf-8", "utf8", "ascii", "us-ascii")
"""What says nothing of a compression: some libraries put the charset here."""


class _NotInflated(Exception):
    """A body is not compressed so, or ends too early; the message says how."""


class _TooLarge(Exception):
    """A body would be larger than it may be."""


def plain(body: bytes, encoding: str, max_bytes: int) -> bytes | Unreadable:
    """Return a body without its compression, or why that cannot be taken away.

    Args:
        encoding: one of `COMPRESSED`.
        max_bytes: how large the result may be.
    """
    problem = ""
    for window in (GZIP_OR_ZLIB, RAW) if encoding in HEADLESS else (GZIP_OR_ZLIB,):
        try:
            return _inflated(body, window, max_bytes)
        except _TooLarge:
            detail = f"larger than HINDSIGHT_MAX_BODY_BYTES={max_bytes} without its compression ({encoding})"
            return Unreadable(body, "oversize", detail)
        except _NotInflated as exc:
            problem = problem or str(exc)
    return Unreadable(body, "not_json", f"content_encoding says {encoding}, which it is not: {problem}")


def named(refused: Unreadable, encoding: str) -> Unreadable:
    """Return the refusal of a body, with its content_encoding if that may be why."""
    if encoding in (*PLAIN, *COMPRESSED):
        return refused
    said = f"{refused.detail} (its content_encoding {encoding[:40]!r} is not one that is read: gzip and deflate are)"
    return refused._replace(detail=said)


def _inflated(body: bytes, window: int, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    n_bytes = 0
    for _ in range(MAX_MEMBERS):
        if not body:
            return b"".join(parts)
        member = zlib.decompressobj(window)
        try:
            parts.append(member.decompress(body, max_bytes - n_bytes + 1))
        except zlib.error as exc:
            raise _NotInflated(str(exc)) from None
        n_bytes += len(parts[-1])
        if n_bytes > max_bytes:
            raise _TooLarge
        if not member.eof:
            raise _NotInflated("it ends too early")
        body = member.unused_data
    raise _NotInflated(f"it has more than {MAX_MEMBERS} members")
