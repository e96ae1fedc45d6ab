"""Versions of what is stored: a reader knows what it reads, and names what a newer program wrote. Pure.

Binary content has `MARK` and a byte before it, JSON a field `version`. What has neither is of version 1.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

MARK: Final = b"\xc1hs"
"""0xC1 begins no msgpack value and no UTF-8 text: nobody writes this by chance."""
_N_BYTES = len(MARK) + 1


class Newer(NamedTuple):
    """Why something is not read: it is of a version that this program does not know. As text, a sentence without its stop."""

    what: str
    version: int
    known: int

    def __str__(self) -> str:
        """Say what it is, and what to do."""
        return (
            f"{self.what} is of version {self.version}, and this program knows versions up to {self.known}: a newer "
            "Hindsight wrote it. Start that version, or a newer one; nothing is lost"
        )


class _Versioned(msgspec.Struct):
    version: int = 1


_decode = msgspec.json.Decoder(_Versioned).decode


def of_json(content: bytes) -> int:
    """Return the version of a JSON object. Anybody may have written it: what msgspec raises where it is none goes through."""
    return _decode(content).version


def marked(version: int, content: bytes) -> bytes:
    """Return binary content with its version before it."""
    return MARK + bytes((version,)) + content


def parted(stored: bytes) -> tuple[int, bytes]:
    """Return the version of what `marked` made, and its content."""
    if stored[: len(MARK)] != MARK or len(stored) < _N_BYTES:
        return 1, stored
    return stored[len(MARK)], stored[_N_BYTES:]
