"""What is quarantined, read back from the records of the topic `quarantine`. Anybody may write to it: nothing here raises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from streams.wire.dead_letters import Header
from streams.wire.times import MAX_TS_S

MAX_PARTS = 100_000
MAX_BEGUN = 100
"""Of so many bodies the rest of their parts is waited for."""


class Kept(NamedTuple):
    """What is quarantined of one body, its parts put together. `offset` is the Kafka offset of the first, and its number.

    `at`: when it was refused, UTC epoch seconds. `properties`: JSON. `whole`: no part is missing. `n_records`: how many
    Kafka records hold it. `n_rows`: how many rows it is.
    """

    offset: int
    raw: bytes
    reason: str
    detail: str
    source: str
    at: float
    properties: bytes
    whole: bool = True
    n_records: int = 1
    n_rows: int = 1


class _Begun:
    """What has come of a body in parts."""

    def __init__(self, offset: int, n_parts: int) -> None:
        self.n_parts, self.n_records = n_parts, 0
        self.values: dict[int, bytes] = {}
        self._offset = offset
        self._first: Kept | None = None

    def add(self, kept: Kept, part: int) -> None:
        """Take one part, which may come again."""
        self.values[part] = kept.raw
        self.n_records += 1
        if part == 1 or self._first is None:
            self._first = kept

    def joined(self) -> Kept:
        """Return what has come."""
        assert self._first is not None
        return self._first._replace(
            offset=self._offset,
            raw=b"".join(self.values[part] for part in sorted(self.values)),
            whole=len(self.values) == self.n_parts,
            n_records=self.n_records,
        )


class Assembler:
    """Puts the parts of what is quarantined together, from Kafka records in their order. Nothing here raises."""

    def __init__(self) -> None:
        self._begun: dict[tuple[Any, ...], _Begun] = {}

    def add(self, offset: int, value: bytes, headers: Iterable[Header]) -> Iterator[Kept]:
        """Take one record; yield what it completes, and what is now known to stay incomplete."""
        named = {name: given or b"" for name, given in headers}
        kept = _row(offset, value, named)
        part, n_parts = _part(named.get("part", b""))
        if n_parts == 1:
            yield kept
            return
        letter = named.get("letter", b"")
        key = (letter or (kept.source, kept.at, kept.reason), n_parts)
        begun = self._begun.get(key)
        if begun is not None and not letter and part in begun.values:  # of an older version: another body begins
            yield self._begun.pop(key).joined()
            begun = None
        begun = self._begun.setdefault(key, begun or _Begun(offset, n_parts))
        begun.add(kept, part)
        if len(begun.values) == n_parts:
            yield self._begun.pop(key).joined()
        elif len(self._begun) > MAX_BEGUN:
            yield self._begun.pop(next(iter(self._begun))).joined()

    def rest(self) -> Iterator[Kept]:
        """Yield that of which parts never came."""
        for begun in self._begun.values():
            yield begun.joined()


def _part(text: bytes) -> tuple[int, int]:
    """Return which part of how many; the first of one where that cannot be read."""
    part, _, n_parts = text.partition(b"/")
    if not (part.isdigit() and n_parts.isdigit() and len(text) < 16):
        return 1, 1
    place, of = int(part), int(n_parts)
    return (place, of) if 1 <= place <= of <= MAX_PARTS else (1, 1)


def _row(offset: int, value: bytes, named: Mapping[str, bytes]) -> Kept:
    text = {name: given.decode("utf-8", "replace") for name, given in named.items()}
    return Kept(
        offset,
        value,
        text.get("reason", ""),
        text.get("detail", ""),
        text.get("source", ""),
        time_of(text.get("at", "")) or 0.0,
        named.get("properties", b"{}"),
        n_rows=n_rows(text.get("rows", "")),
    )


def n_rows(text: str) -> int:
    """Return how many rows a header says; one where it does not."""
    return max(1, int(text)) if text.isdecimal() and len(text) < 16 else 1


def time_of(text: str) -> float | None:
    """Return the time that a header says, UTC epoch seconds; None if it says none."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 <= found <= MAX_TS_S else None
