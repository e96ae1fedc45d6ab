"""`faust -A streams quarantine list|show|requeue|drop`: what is printed, asked and done."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence, Set
from datetime import UTC, datetime
from typing import Any

from commands.confirm import confirmed
from commands.probes import Unavailable
from commands.probes.kafka_ranges import ranges
from commands.quarantine import actions
from commands.quarantine.selection import Filter, Row, kind_named, rows, shown
from commands.status.render import BAD
from commands.times import parse_time
from streams.kafka import probe
from streams.kafka.topics import TopicError
from streams.settings import Settings, SettingsError

DETAIL_CHARS, MOST_NUMBERS = 60, 8


def run(settings: Settings, action: str, **options: Any) -> int:
    """Do one of list, show, requeue and drop; return 0 if all that was asked for was done, else 1."""
    for name in ("aiokafka", "pika"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # our sentences say what they would say
    given = _Options(settings, **options)
    try:
        return asyncio.run({"list": _list, "show": _show, "requeue": _requeue, "drop": _drop}[action](given))
    except (Unavailable, SettingsError, TopicError, ValueError) as exc:
        print(f"{BAD} {exc}", file=sys.stderr)
        return 1


class _Options:
    def __init__(
        self,
        settings: Settings,
        *,
        numbers: Sequence[int],
        reason: str,
        queue: str,
        start: str,
        end: str,
        resolved: bool,
        dry_run: bool,
        yes: bool,
        raw: bool,
        as_json: bool,
    ):
        self.settings, self.numbers = settings, tuple(numbers)
        self.reason, self.queue, self.start, self.end, self.resolved = reason, queue, start, end, resolved
        self.dry_run, self.yes, self.raw, self.as_json = dry_run, yes, raw, as_json

    def filter(self) -> Filter:
        """Return which rows are meant. Raises ValueError if a time cannot be read."""
        start = parse_time(self.start) if self.start else None
        end = parse_time(self.end) if self.end else None
        return Filter(self.numbers, self.reason, kind_named(self.queue, self.settings), start, end, self.resolved)


async def _list(given: _Options) -> int:
    n = Counter[str]()
    async for row in _each(given, given.filter()):
        if not n and not given.as_json:
            print(f"{'number':>8}  {'refused at, UTC':<19}  {'source':<22} {'reason':<14} {'bytes':>9}  detail")
        n[row.kept.reason] += 1
        print(json.dumps(shown(row)) if given.as_json else _line(row))
    if not given.as_json:
        of_each = ", ".join(f"{count:,} {reason}" for reason, count in n.most_common())
        print(f"\n{n.total():,} in quarantine: {of_each}." if n else "Nothing in quarantine that matches.")
    return 0


def _line(row: Row) -> str:
    kept = row.kept
    detail = f"[{row.resolution.what}] {kept.detail}" if row.resolution else kept.detail
    return (
        f"{kept.offset:>8}  {_when(kept.at)}  {kept.source[:22]:<22} {kept.reason[:14]:<14} {len(kept.raw):>9,}  "
        f"{_plain(detail)[:DETAIL_CHARS]}"
    )


async def _show(given: _Options) -> int:
    if not given.numbers:
        raise ValueError("show takes the numbers of rows: `quarantine list` names them.")
    found: set[int] = set()
    async for row in _each(given, given.filter()._replace(resolved=True)):
        found.add(row.kept.offset)
        if given.raw:
            sys.stdout.buffer.write(row.kept.raw)
            sys.stdout.buffer.flush()
        elif given.as_json:
            text = row.kept.raw.decode("utf-8", "backslashreplace")
            print(json.dumps(shown(row) | {"properties": row.kept.properties.decode("utf-8", "replace"), "text": text}))
        else:
            print("\n".join(_page(row)))
    return _all_found(given, found)


def _page(row: Row) -> list[str]:
    kept = row.kept
    lines = [
        f"number      {kept.offset}" + ("" if kept.whole else ", and some of its parts are not in Kafka any more"),
        f"refused at  {_when(kept.at)} UTC",
        f"source      {kept.source}",
        f"reason      {kept.reason}: {_plain(kept.detail)}",
        f"properties  {_plain(kept.properties.decode('utf-8', 'replace'))}",
    ]
    if row.resolution:
        lines.append(f"done        {row.resolution.what} at {_when(row.resolution.at)} UTC")
    return [*lines, f"body        {len(kept.raw):,} bytes", _plain(kept.raw.decode("utf-8", "backslashreplace")), ""]


async def _requeue(given: _Options) -> int:
    ready: set[int] = set()
    n_found = n_rows = 0
    seen: set[int] = set()
    staying: dict[str, list[int]] = {}
    trial = actions.Trial(given.settings)
    async for row in _each(given, given.filter()):
        n_found += 1
        seen.add(row.kept.offset)
        planned = actions.plan(row, given.settings, trial)
        if planned.refusal:
            staying.setdefault(planned.refusal, []).append(row.kept.offset)
        else:
            ready.add(row.kept.offset)
            n_rows += planned.n_rows
    for refusal, numbers in staying.items():
        print(_stays(refusal, numbers))
    if trial.problem:
        print(f"· whether the model takes rows of features is not known: {trial.problem}")
    where = "queues" if given.settings.queues else "topics"
    print(f"{len(ready):,} of {n_found:,} can be read now and will go back to their {where}, with {n_rows:,} rows.")
    code = _all_found(given, seen) or int(bool(given.numbers) and len(ready) < n_found)
    if not ready or given.dry_run:
        return code
    if not confirmed(f"Requeue {len(ready):,}?", yes=given.yes):
        return 1
    async with actions.Marks(given.settings) as marks:
        with actions.publishing(given.settings) as publish:
            async for row in _each(given, Filter(ready)):
                if publish is None:
                    await marks.produce(row)
                else:
                    publish(row)
                await marks.mark(row, "requeued")
    print(f"Requeued {len(ready):,}.")
    return code


def _stays(refusal: str, numbers: Sequence[int]) -> str:
    """Return the line of rows that stay for one reason."""
    if len(numbers) == 1:
        return f"  {numbers[0]} stays: {_plain(refusal)}"
    some = ", ".join(map(str, numbers[:MOST_NUMBERS]))
    more = ", ..." if len(numbers) > MOST_NUMBERS else ""
    return f"  {len(numbers):,} stay ({some}{more}): {_plain(refusal)}"


async def _drop(given: _Options) -> int:
    meant: set[int] = set()
    n_bytes = 0
    async for row in _each(given, given.filter()):
        meant.add(row.kept.offset)
        n_bytes += len(row.kept.raw)
    print(f"{len(meant):,} rows of {n_bytes:,} bytes are taken from the list; Kafka removes the bytes in its own time.")
    code = _all_found(given, meant)
    if not meant or given.dry_run:
        return code
    if not confirmed(f"Drop {len(meant):,}?", yes=given.yes):
        return 1
    async with actions.Marks(given.settings) as marks:
        async for row in _each(given, Filter(meant)):
            await marks.mark(row, "dropped")
    print(f"Dropped {len(meant):,}.")
    return code


async def _each(given: _Options, wanted: Filter) -> AsyncIterator[Row]:
    await probe.probe(given.settings)
    async with ranges(given.settings) as kafka:
        async for row in rows(kafka, given.settings, wanted):
            yield row


def _all_found(given: _Options, found: Set[int]) -> int:
    missing = sorted(set(given.numbers) - found)
    if missing:
        print(f"{BAD} not in quarantine, or dealt with already: {', '.join(map(str, missing))}", file=sys.stderr)
    return 1 if missing else 0


def _when(ts: float) -> str:
    try:
        return f"{datetime.fromtimestamp(ts, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return repr(ts)


def _plain(text: str) -> str:
    """Return foreign text that cannot move a terminal's cursor."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)
