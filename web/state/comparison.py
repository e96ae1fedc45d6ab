"""The comparison that the page and the API show: from the worker that writes insight.db, whichever that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from agents.insight.database import InsightError
from agents.insight.query import AskedPair
from streams.scores.comparison import Comparison
from streams.scores.figures import length_s
from web.keys import CACHE, FIGURES, SETTINGS, WORKER
from web.pairs.query import BadQuery, refuse_long, refuse_unknown
from web.state.scores import KEPT_S, NOBODY, of_writer

NAMES = ("first", "second", "last", "key")


class Asked(NamedTuple):
    """Which models are to be compared, over the predictions of which span up to now, and by the segments of which key."""

    first: str
    second: str
    last: str = "all"
    key: str = ""


class Told(msgspec.Struct, frozen=True):
    """The comparison, or None and a sentence that says why there is none; as `scores.Told`."""

    comparison: Comparison | None
    problem: str = ""
    is_writer: bool = True


def read(given: Mapping[str, str], models: tuple[str, ...], keys: tuple[str, ...] = ()) -> Asked:
    """Return what a query string asks for.

    Args:
        models: those that are joined; the first two are compared if none are named.
        keys: those of tags that are counted; the segments are by the first one if none is named.

    Raises:
        BadQuery: there is no such name or span.
    """
    refuse_unknown(given, NAMES)
    refuse_long(given, NAMES)
    last = given.get("last") or "all"
    if length_s(last) is None:
        raise BadQuery("last is a span such as 1h, 24h, 7d or all.")
    first = given.get("first") or (models[0] if models else "")
    others = [name for name in models if name != first]
    second = given.get("second") or (others[0] if others else "")
    return Asked(first, second, last, given.get("key") or (keys[0] if keys else ""))


def query_string(asked: Asked, **changes: str) -> str:
    """Return the query string that asks the same, with changes."""
    given = asked._asdict() | changes
    return "?" + urlencode({name: value for name, value in given.items() if value and (name, value) != ("last", "all")})


async def gathered(app: web.Application, asked: Asked) -> Told:
    """Return the comparison; made once a second at the most, and again and again in a tenth of the time."""
    return await app[CACHE].get(f"comparison {asked}", KEPT_S, lambda: _gathered(app, asked), rest=9)  # type: ignore[no-any-return]


async def _gathered(app: web.Application, asked: Asked) -> Told:
    return await of_writer(app, await own(app, asked), f"/peer/compare{query_string(asked)}", _nobody)


def _nobody(problem: str) -> Told:
    return Told(None, problem, is_writer=False)


async def own(app: web.Application, asked: Asked) -> Told:
    """Return the comparison that this worker keeps."""
    if not app[WORKER].writes_the_log():
        return _nobody(NOBODY)
    try:
        last_s = length_s(asked.last) or 0.0
        return Told(await app[FIGURES].comparison(AskedPair(asked.first, asked.second, last_s, asked.key)))
    except InsightError as exc:
        return Told(None, str(exc))


def asked_of(request: web.Request) -> Asked:
    """Return what the address asks for.

    Raises:
        BadQuery: as `read`.
    """
    settings = request.app[SETTINGS]
    return read(request.query, settings.model_names, settings.segments)
