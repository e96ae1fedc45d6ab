"""The newest records of the topic `quarantine`, read from Kafka when somebody looks; their bytes are only ever text.

What was read stays here, so that looking again reads only what is new, and a search reads nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from streams.fields import Fields
from streams.kafka.reader import Reader
from streams.kafka.records import TP, StoredRecord
from streams.kafka.topics import topics
from streams.process.unavailable import Unavailable
from streams.settings import Settings
from streams.wire import names
from streams.wire.kept import n_rows, time_of
from streams.wire.refusals import Refusals, kind_of, summed_up
from streams.wire.refusals import Refused as Summand
from streams.wire.resolutions import Resolution
from web.quarantine.groups import grouped, key_of, place_of, properties_of, publisher_of
from web.quarantine.records import Found, Group, Refused

TIMEOUT_S = 3.0
FRESH_S = 1.0
SHOWN_BYTES = 2000
SEARCHED_BYTES = 16_000
MOST_RECORDS = 1000
FETCH_BYTES = 1 << 20


class QuarantineUnavailable(Exception):
    """Kafka did not answer in time."""


class _Kept(NamedTuple):
    """One record: as the pages show it, the beginning of its bytes, which a search looks at, and what may be its id beside it."""

    shown: Refused
    raw: bytes
    beside: tuple[str, ...]


class Quarantine:
    """The newest `MOST_RECORDS` records."""

    def __init__(self, settings: Settings, problems: Mapping[str, str]):
        self._problems, self._settings = problems, settings
        self._tp = TP(topics(settings).quarantine.name, 0)
        self._reader = Reader(settings, fetch_bytes=FETCH_BYTES)
        self._reading = asyncio.Lock()
        self._kept: deque[_Kept] = deque(maxlen=MOST_RECORDS)
        self._next = 0
        self._fresh_until = 0.0

    async def search(
        self, text: str, n: int, done: Mapping[int, Resolution], *, group: str = "", with_resolved: bool = False
    ) -> Found:
        """Return up to `n` records whose beginning holds `text`; all do if it is empty.

        Args:
            done: which rows were dealt with; they are left out, unless `with_resolved`.
            group: the key of the group that is asked for; empty: all.

        Raises:
            QuarantineUnavailable: Kafka does not answer in time.
        """
        await self._refresh()
        holding = [_with(record.shown, done) for record in reversed(self._kept) if _holds(record.raw, text)]
        found = [shown for shown in holding if with_resolved or shown.resolved is None]
        asked = [shown for shown in found if not group or key_of(shown) == group]
        return Found(asked[:n], len(asked), len(self._kept), len(holding) - len(found), grouped(found))

    async def of_models(self, done: Mapping[int, Resolution]) -> dict[str, list[Group]]:
        """Return by model the groups of rows that it refused, and that nobody has dealt with.

        Raises:
            QuarantineUnavailable: Kafka does not answer in time.
        """
        found: dict[str, list[Group]] = {}
        for group in (await self.search("", 0, done)).groups:
            if group.model:
                found.setdefault(group.model, []).append(group)
        return found

    def at(self, offset: int) -> Refused | None:
        """Return the record at an offset, as it was last read."""
        return next((record.shown for record in self._kept if record.shown.offset == offset), None)

    async def of_id(self, row_id: str) -> Refused | None:
        """Return the newest record that is a row of this id.

        Raises:
            QuarantineUnavailable: Kafka does not answer in time.
        """
        await self._refresh()
        return next((record.shown for record in reversed(self._kept) if self._is_of(record, row_id)), None)

    def _is_of(self, record: _Kept, row_id: str) -> bool:
        return row_id in record.beside or is_of(record.raw, row_id, self._settings.fields)

    async def refusals(self, done: Mapping[int, Resolution]) -> list[Refusals]:
        """Return what nobody has dealt with, summed up by kind.

        Raises:
            QuarantineUnavailable: Kafka does not answer in time.
        """
        await self._refresh()
        shown = (_with(record.shown, done) for record in self._kept if record.shown.part.startswith("1/"))
        return summed_up(
            (_summand(one, self._settings.namespace) for one in shown if one.resolved is None),
            is_least=len(self._kept) == MOST_RECORDS,
        )

    async def stop(self) -> None:
        """Leave Kafka."""
        await self._reader.stop()

    async def _refresh(self) -> None:
        async with self._reading:
            if time.monotonic() < self._fresh_until:
                return
            if self._problems["kafka"]:
                raise QuarantineUnavailable(self._problems["kafka"])
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await self._read()
            except Unavailable as exc:
                raise QuarantineUnavailable(str(exc)) from exc
            except TimeoutError as exc:
                raise QuarantineUnavailable("Kafka did not show the topic quarantine in time.") from exc
            self._fresh_until = time.monotonic() + FRESH_S

    async def _read(self) -> None:
        """Read what came since the last time, or the newest of it."""
        first, end = (await self._reader.bounds([self._tp]))[self._tp]
        if end < self._next:  # the topic was recreated
            self._kept.clear()
            self._next = 0
        self._next = max(self._next, first, end - MOST_RECORDS)
        async for records in self._reader.read(self._tp, self._next, end):
            for record in records:
                self._kept.append(_kept(record, self._settings))
                self._next = record.offset + 1
        self._next = max(self._next, end)


def _kept(record: StoredRecord, settings: Settings) -> _Kept:
    headers = {name: (value or b"").decode("utf-8", "backslashreplace") for name, value in record.headers}
    raw = bytes(record.value or b"")
    came_with = properties_of(headers.get("properties", ""))
    shown = Refused(
        offset=record.offset,
        at=time_of(headers.get("at", "")) or record.timestamp / 1000,
        reason=headers.get("reason", ""),
        detail=headers.get("detail", ""),
        source=headers.get("source", ""),
        part=headers.get("part", "1/1"),
        properties=headers.get("properties", "")[:SHOWN_BYTES],
        n_rows=n_rows(headers.get("rows", "")),
        n_bytes=len(raw),
        text=raw[:SHOWN_BYTES].decode("utf-8", "backslashreplace"),
        is_cut=len(raw) > SHOWN_BYTES,
        place=place_of(headers.get("source", ""), settings),
        publisher=publisher_of(came_with),
        model=headers.get("model", ""),
    )
    beside = (came_with.get(name) for name in ("message_id", "correlation_id", "key"))
    return _Kept(shown, raw[:SEARCHED_BYTES], tuple(text for text in beside if isinstance(text, str)))


def _with(shown: Refused, done: Mapping[int, Resolution]) -> Refused:
    """Add what was done with a record; what was done with another one at the same offset is not of it.

    A row in several parts is marked at the offset of its first; all have the same `at`.
    """
    offset, at = shown.offset, shown.at
    found = done.get(offset)
    if not shown.part.startswith("1/"):
        found = next(
            (each for n, each in done.items() if n < offset and each.n_records > 1 and each.row_at == at), None
        )
    if found is None or found.row_at != at:
        return shown
    return replace(shown, resolved=found.what, resolved_at=found.at)


def _summand(shown: Refused, namespace: str) -> Summand:
    kind = kind_of(shown.source, namespace) or shown.source or "an unknown source"
    return Summand(kind, shown.n_rows, shown.at, shown.detail or shown.reason or "no reason is given")


def _spellings(text: str) -> tuple[bytes, bytes]:
    """Return a text as UTF-8 and as JSON spells it with escapes."""
    return text.encode("utf-8", "surrogatepass"), json.dumps(text)[1:-1].encode()


def _holds(raw: bytes, text: str) -> bool:
    return any(spelled in raw for spelled in _spellings(text))


def is_of(raw: bytes, row_id: str, fields: Fields) -> bool:
    """Tell whether a record is a row of this id, or holds one: by the field of its id if it is JSON, else by the id in quotes.

    Args:
        fields: names of one's own for the fields of a row.
    """
    if not row_id or not _holds(raw, row_id):
        return False
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return any(b'"' + spelled + b'"' in raw for spelled in _spellings(row_id))
    rows = found if isinstance(found, list) else [found]
    ids = (found.value for row in rows if isinstance(row, dict) for found in names.find(row, "id", fields))
    return any(row_id == (each if isinstance(each, str) else repr(each)) for each in ids)
