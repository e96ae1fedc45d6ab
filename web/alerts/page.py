"""The page of alerts, the same as JSON, and what the rules about rows and brokers are held against."""

from __future__ import annotations

import time

from aiohttp import web

from agents.insight.query import Asked
from streams.alerts.readings import Health
from streams.scores.figures import length_s
from web import answers
from web.alerts import data
from web.alerts.data import Alerts
from web.alerts.history import GLYPHS, history
from web.alerts.timeline import timeline
from web.keys import CACHE, PEERS, SETTINGS, WORKER
from web.pages import frame, nothing_asked
from web.pairs.query import BadQuery, refuse_unknown
from web.state import gather, scores
from web.state.scores import NOBODY
from web.state.status import Status

KEPT_S = 1.0
SPANS = ("6h", "24h", "7d")
"""What is offered of the past."""
N_SHOWN = 50
MAX_LAG = 500
"""Kafka records that may wait: each can hold a packet of rows, and a few are always under way."""


async def alerts_json(request: web.Request) -> web.Response:
    """Answer with all alerts, as JSON."""
    nothing_asked(request)
    return answers.json(await gathered(request.app))


async def alerts(request: web.Request) -> web.Response:
    """Show all alerts, and what happened in a span up to now."""
    if not answers.wants_html(request):
        return await alerts_json(request)
    last = _last(request)
    found, status = await gathered(request.app), await gather.status(request.app)
    told = await scores.gathered(request.app, Asked(last))
    end = time.time()
    start = end - (length_s(last) or 0.0)
    return answers.page(
        request,
        "alerts.html",
        **frame(request, "alerts", status),
        found=found,
        drawn=timeline(found.alerts, found.events, told.figures, start, end),
        past=history(found.events, told.figures, N_SHOWN),
        glyphs=GLYPHS,
        last=last,
        links={span: f"/alerts?last={span}" for span in SPANS},
    )


def _last(request: web.Request) -> str:
    """Return how much of the past the address asks for.

    Raises:
        BadQuery: it is no such span, or there is no such name.
    """
    refuse_unknown(request.query, ("last",))
    if (last := request.query.get("last", SPANS[1])) not in SPANS:
        raise BadQuery(f"last is one of {', '.join(SPANS)}.")
    return last


async def gathered(app: web.Application) -> Alerts:
    """Return the alerts, from the worker that looks at the rules; asked once a second at the most."""
    return await app[CACHE].get("alerts", KEPT_S, lambda: _gathered(app))  # type: ignore[no-any-return]


async def _gathered(app: web.Application) -> Alerts:
    mine = own(app)
    if app[WORKER].writes_the_log():
        return mine
    for answer in await app[PEERS].ask("/peer/alerts", Alerts):
        if answer.data is not None and answer.data.is_looked_at:
            return answer.data
    return mine


def own(app: web.Application) -> Alerts:
    """Return what this worker knows."""
    file, alerting = str(app[SETTINGS].alerts or ""), app[WORKER].alerting
    if not app[WORKER].writes_the_log() or alerting is None:
        return data.nothing(file, NOBODY)
    return data.of(alerting, file)


async def health(app: web.Application) -> Health:
    """Return how all workers and the bridge are; None for what is not known of all of them."""
    return health_of(await gather.status(app))


def health_of(status: Status) -> Health:
    """Return what rules about rows and brokers are held against; pure."""
    is_known = bool(status.partitions) and all(part.difference is not None for part in status.partitions)
    off = status.difference if status.difference or (is_known and not status.silent) else None
    why = "not every worker, partition or broker is known now"
    return Health(status.quarantined, off, _unread(status), why, _behind(status))


def _behind(status: Status) -> str:
    """Return why not all rows that came are joined; an empty string if they are, but for those of a moment."""
    if status.silent:
        return f"{next(iter(status.silent))} {status.silent[next(iter(status.silent))]}"
    waiting = [part.partition for part in status.partitions if part.state != "ready" or part.lag is None]
    if waiting or not status.partitions:
        return f"partitions {waiting} are not read now" if waiting else "no partition is read yet"
    lag = sum(part.lag or 0 for part in status.partitions)
    return f"{lag:,} records wait to be joined" if lag > MAX_LAG else ""


def _unread(status: Status) -> int | None:
    """Return how many queues nobody reads."""
    if status.bridge is None:
        return None
    consumers = [queue.consumers for queue in status.bridge.queues]
    if status.bridge.answers:
        return len(consumers) - sum(bool(n) for n in consumers)  # unknown is what its link to RabbitMQ lost
    return None if not consumers or None in consumers else consumers.count(0)
