"""Rows that could not be read, by what is wrong with them, where they came from, and who sent them. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from streams.settings import Settings
from streams.wire.refusals import headline, kind_of
from web.quarantine.records import Group, Refused

N_BARS, MOST_OFFSETS = 12, 8
MOST_CHARS = 60
WHO = ("app_id", "user_id")
"""The AMQP properties in which a publisher may say who it is."""
KEY = re.compile(r"([0-9a-f]{10})?")
"""What a key looks like; empty: any group."""
_differs = re.compile(r"'[^']*'|\d[\d,.]*")
"""What differs from row to row in one cause: numbers, and ids in quotes."""


def place_of(source: str, settings: Settings) -> str:
    """Return where a body came from, by the name that the queue or topic has: `queue Labels`, `topic team.pred`."""
    where, kind = source.partition(" ")[0], kind_of(source, settings.namespace)
    if kind is None or where not in ("queue", "topic"):
        return source[:MOST_CHARS] or "unknown"
    return f"{where} {settings.queue_of(kind) if where == 'queue' else settings.topic_of(kind)}"


def properties_of(header: str) -> dict[str, Any]:
    """Return what came with a body, as it is kept; nothing where that cannot be read."""
    try:
        found = msgspec.json.decode(header)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # foreign bytes
        return {}
    return found if isinstance(found, dict) else {}


def publisher_of(properties: Mapping[str, Any]) -> str:
    """Return who sent a body, as far as its AMQP properties tell; empty if they do not."""
    named = (properties.get(name) for name in WHO)
    return next((name[:MOST_CHARS] for name in named if isinstance(name, str) and name), "")


def key_of(row: Refused) -> str:
    """Return what rows of one group have in common, as short as an address needs it."""
    cause = _differs.sub("…", headline(row.detail))
    said = "\0".join((row.reason, cause, row.place, row.publisher, row.model))
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()


def grouped(rows: Sequence[Refused]) -> list[Group]:
    """Return the groups of some records, the newest of which come first; the group with the most rows first."""
    of_key: dict[str, list[Refused]] = {}
    for row in rows:
        of_key.setdefault(key_of(row), []).append(row)
    since, until = span_of(rows)
    found = [_group(key, some, since, until) for key, some in of_key.items()]
    return sorted(found, key=lambda group: (-group.n_rows, -group.last))


def span_of(rows: Iterable[Refused]) -> tuple[float, float]:
    """Return when the first and the last of some records were refused; 0 for none."""
    times = [row.at for row in rows]
    return (min(times), max(times)) if times else (0.0, 0.0)


def _group(key: str, some: Sequence[Refused], since: float, until: float) -> Group:
    newest, bars = some[0], [0] * N_BARS
    for row in some:
        bars[_bar(row.at, since, until)] += _n_rows(row)
    first, last = span_of(some)
    return Group(
        key,
        headline(newest.detail) or newest.reason or "no reason is given",
        newest.reason,
        newest.place,
        newest.publisher,
        sum(bars),
        len(some),
        first,
        last,
        newest.offset,
        [row.offset for row in some[:MOST_OFFSETS]],
        bars,
        newest.model,
    )


def _n_rows(row: Refused) -> int:
    """Return how many rows a record counts for: of a body in several parts the first counts for all."""
    return row.n_rows if row.part.startswith("1/") else 0


def _bar(at: float, since: float, until: float) -> int:
    return min(N_BARS - 1, int((at - since) / (until - since) * N_BARS)) if until > since else N_BARS - 1
