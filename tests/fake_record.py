"""A Kafka record for tests without Kafka, with the methods of librdkafka's client."""

from __future__ import annotations

from typing import NamedTuple


class FakeRecord:
    """A record at an offset of one partition."""

    class _Fields(NamedTuple):
        offset: int
        value: bytes | None
        key: bytes | None
        headers: list[tuple[str, bytes]] | None
        at_ms: int

    def __init__(
        self,
        offset: int,
        value: bytes | None,
        key: bytes | None = None,
        headers: list[tuple[str, bytes]] | None = None,
        at_ms: int = 0,
    ) -> None:
        self._fields = self._Fields(offset, value, key, headers, at_ms)

    def __len__(self) -> int:
        return len(self._fields.value or b"")

    def __repr__(self) -> str:
        return f"<{self._fields.offset}>"

    def offset(self) -> int:
        return self._fields.offset

    def value(self) -> bytes | None:
        return self._fields.value

    def key(self) -> bytes | None:
        return self._fields.key

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self._fields.headers

    def timestamp(self) -> tuple[int, int]:
        return 1, self._fields.at_ms
