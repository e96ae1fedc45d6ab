"""One id: its row, wherever it is owned, and why it is not joined; an id that nobody can tell of now is not `unknown`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import NamedTuple

from aiohttp import web

from streams.wire.near_ids import near_ids
from streams.wire.partition import partition_of
from web.keys import QUARANTINE, SETTINGS
from web.one_id.why import Why, never_seen, not_known_now, why
from web.pairs.pair_view import PairView
from web.quarantine.newest import QuarantineUnavailable
from web.quarantine.records import Refused
from web.state import gather

READABLE = ("ready", "waiting for Kafka")


class Answer(NamedTuple):
    """What is known of an id: its row, who did not answer, one sentence, the HTTP status of all that, a refused row of it."""

    pair: PairView | None
    silent: dict[str, str]
    why: Why
    code: int
    refused: Refused | None = None


async def answer(app: web.Application, row_id: str) -> Answer:
    """Return what is known of an id."""
    rules, refused = gather.rules(app), None
    found, silent = await find(app, row_id)
    with contextlib.suppress(QuarantineUnavailable):
        refused = await app[QUARANTINE].of_id(row_id)
    near = None if found is not None and found.state == "matched" else await _near(app, row_id)
    if found is not None:
        return Answer(found, silent, why(found, rules, time.time(), refused, near), 200, refused)
    if gather.can_be_held(row_id):
        partition = partition_of(row_id, app[SETTINGS].partitions)
        states = {part.partition: part.state for part in (await gather.status(app)).partitions}
        if (state := states.get(partition)) not in READABLE:
            return Answer(None, silent, not_known_now(partition, state or "not served by any worker"), 503)
    return Answer(None, silent, never_seen(rules.horizon_s, refused, near), 404, refused)


async def _near(app: web.Application, row_id: str) -> PairView | None:
    """Return the row of an id that is spelled a little otherwise, if any worker holds one."""
    found = await asyncio.gather(*(find(app, near) for near in near_ids(row_id)))
    return next((pair for pair, _ in found if pair is not None), None)


async def find(app: web.Application, row_id: str) -> tuple[PairView | None, dict[str, str]]:
    """Return the row of an id, if any worker holds it, and who did not answer."""
    found = gather.own_row(app, row_id)
    return (found, {}) if found is not None else await gather.row_of_others(app, row_id)
