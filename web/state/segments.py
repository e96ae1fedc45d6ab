"""The segments that the page and the API show: from the worker that writes insight.db, whichever that is."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from agents.insight.database import InsightError
from agents.insight.query import Asked, AskedSegments
from streams.scores.breakdown import Breakdown
from streams.scores.figures import SPANS
from web.keys import CACHE, FIGURES, WORKER
from web.pairs.query import BadQuery, refuse_long, refuse_unknown
from web.state import scores
from web.state.scores import KEPT_S, NOBODY

SPAN_NAMES = ("last", "from", "to", "model")
NAMES = (*SPAN_NAMES, "key", "before_from", "before_to")
NOTHING = "Nothing has been counted yet."


class Told(msgspec.Struct, frozen=True):
    """The segments, or None and a sentence that says why there are none; as `scores.Told`."""

    breakdown: Breakdown | None
    problem: str = ""
    is_writer: bool = True


def read(given: Mapping[str, str]) -> AskedSegments:
    """Return what a query string asks for.

    Raises:
        BadQuery: there is no such name, span or time.
    """
    refuse_unknown(given, NAMES)
    asked = scores.read({name: value for name, value in given.items() if name in SPAN_NAMES})
    refuse_long(given, ("key",))
    ends = {name: given.get(f"before_{name}", "") for name in ("from", "to")}
    if not any(ends.values()):
        return AskedSegments(asked, given.get("key", ""))
    before = scores.read(ends)
    if before.start is None or before.end is None:
        raise BadQuery("before_from and before_to belong together.")
    return AskedSegments(asked, given.get("key", ""), (before.start, before.end))


def query_string(asked: AskedSegments, **changes: str) -> str:
    """Return the query string that asks the same, with changes; what is empty, or as it always is, does not stand in it."""
    one = asked.asked
    given = {"key": asked.key, "model": one.model}
    if one.start is None and one.end is None:
        given["last"] = one.last if one.last != Asked().last else ""
    else:
        given |= {"from": _spelled(one.start), "to": _spelled(one.end)}
    if asked.before is not None:
        given |= {"before_from": _spelled(asked.before[0]), "before_to": _spelled(asked.before[1])}
    given |= changes
    if changes.get("last"):
        given |= {"from": "", "to": ""}
        given["last"] = "" if changes["last"] == Asked().last else changes["last"]
    return "?" + urlencode({name: value for name, value in given.items() if value})


def _spelled(at: float | None) -> str:
    return "" if at is None else f"{at!r}"


def links(asked: AskedSegments, found: Breakdown) -> dict[str, dict[str, str]]:
    """Return the links to all other choices; those of models are empty where there is only one."""
    models = {name: query_string(asked, model=name) for name in ("", *found.models)} if len(found.models) > 1 else {}
    return {
        "last": {last: query_string(asked, last=last) for last in SPANS},
        "by": {key: query_string(asked, key=key) for key in found.keys},
        "model": models,
    }


async def gathered(app: web.Application, asked: AskedSegments) -> Told:
    """Return the segments; made once a second at the most, and again and again in a tenth of the time."""
    return await app[CACHE].get(f"segments {asked}", KEPT_S, lambda: _gathered(app, asked), rest=9)  # type: ignore[no-any-return]


async def _gathered(app: web.Application, asked: AskedSegments) -> Told:
    return await scores.of_writer(app, await own(app, asked), f"/peer/segments{query_string(asked)}", _nobody)


def _nobody(problem: str) -> Told:
    return Told(None, problem, is_writer=False)


async def own(app: web.Application, asked: AskedSegments) -> Told:
    """Return the segments that this worker keeps."""
    if not app[WORKER].writes_the_log():
        return _nobody(NOBODY)
    try:
        found = await app[FIGURES].breakdown(asked)
    except InsightError as exc:
        return Told(None, str(exc))
    return Told(found, "" if found else NOTHING)
