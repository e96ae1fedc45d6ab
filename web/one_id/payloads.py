"""The rows of one id as they lie in Kafka, read when somebody looks at the id; their bytes are only ever text."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from streams.fields import Fields
from streams.kafka.errors import OffsetsRemoved
from streams.kafka.reader import Reader
from streams.kafka.records import TP
from streams.kafka.topics import topics
from streams.process.unavailable import Unavailable
from streams.settings import Settings
from streams.wire.json_arrays import WHITE, elements
from web.one_id import sides
from web.pairs.pair_view import PairView
from web.quarantine.newest import is_of

TIMEOUT_S = 2.0
SHOWN_CHARS = 4000
FETCH_BYTES = 1 << 20


class Payload(msgspec.Struct, frozen=True):
    """What one Kafka record holds of an id: a row's JSON, more than one a line each; or a sentence why nothing is shown."""

    what: str
    topic: str
    partition: int
    offset: int
    text: str
    problem: str


class Payloads:
    """Reads single records of `y_true` and `y_pred`, one after the other."""

    def __init__(self, settings: Settings, problems: Mapping[str, str]):
        self._settings, self._problems = settings, problems
        self._reader = Reader(settings, fetch_bytes=FETCH_BYTES)
        self._reading = asyncio.Lock()

    async def of(self, pair: PairView) -> list[Payload]:
        """Return the records that an id came from: its prediction, its truth, and one that changed nothing."""
        asked, problem = _asked(pair, self._settings), "Kafka did not return it in time. Reload the page."
        if self._problems["kafka"]:
            return [replace(payload, problem=self._problems["kafka"]) for payload in asked]
        try:
            async with asyncio.timeout(TIMEOUT_S), self._reading:
                return [await self._read(payload, pair.id) for payload in asked]
        except Unavailable as exc:
            problem = str(exc)
        except TimeoutError:
            pass
        return [replace(payload, problem=problem) for payload in asked]

    async def stop(self) -> None:
        """Leave Kafka."""
        await self._reader.stop()

    async def _read(self, payload: Payload, row_id: str) -> Payload:
        try:
            key, value = await self._record(TP(payload.topic, payload.partition), payload.offset)
        except OffsetsRemoved:
            return replace(payload, problem="Kafka has removed it: its retention has ended.")
        found = pieces(value, row_id, self._settings.fields, key)
        problem = (
            ""
            if found
            else "The record at this offset holds no row of this id: the topic was recreated, or got more partitions since."
        )
        return replace(payload, text="\n".join(found)[:SHOWN_CHARS], problem=problem)

    async def _record(self, tp: TP, offset: int) -> tuple[bytes, bytes]:
        """Return the key and the value at an offset, empty where there is none."""
        key = value = b""
        async for records in self._reader.read(tp, offset, offset + 1):
            for record in records:
                key, value = record.key or b"", record.value or b""
        return key, value


def _asked(pair: PairView, settings: Settings) -> list[Payload]:
    names = topics(settings)
    topic = {"y_true": names.y_true.name, "y_pred": names.y_pred.name}
    found: dict[tuple[str, int], str] = {}
    for row in sides.rows(pair):
        if row.came is not None:
            found.setdefault((row.kind, row.came.offset), f"{row.kind} again" if row.is_again else row.kind)
    return [Payload(what, topic[kind], pair.partition, offset, "", "") for (kind, offset), what in found.items()]


def pieces(value: bytes, row_id: str, fields: Fields, key: bytes = b"") -> list[str]:
    """Return the JSON of each row of an id in a Kafka record: a packet, or a single row, whose id may be the key."""
    is_packet = value.lstrip(WHITE)[:1] == b"["
    rows = (elements(value) or []) if is_packet else [value]
    found = [row for row in rows if is_of(row, row_id, fields)]
    if not found and value and not is_packet and key == row_id.encode("utf-8", "surrogatepass"):
        found = [value]
    return [row.decode("utf-8", "backslashreplace") for row in found]
