"""The page of the rows that could not be read, and the same as JSON."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from web import answers
from web.keys import ENDS, QUARANTINE
from web.pages import frame
from web.pairs.query import BadQuery, read, refuse_unknown
from web.quarantine.newest import QuarantineUnavailable
from web.quarantine.records import Found
from web.state import gather

QUARANTINE_ROWS = 50


async def quarantine_json(request: web.Request) -> web.Response:
    """Answer with the newest rows that could not be read."""
    try:
        found = await _quarantined(request)
    except QuarantineUnavailable as exc:
        raise web.HTTPServiceUnavailable(text=str(exc)) from None
    return answers.json(found)


async def quarantine(request: web.Request) -> web.Response:
    """Show the newest rows that could not be read."""
    if not answers.wants_html(request):
        return await quarantine_json(request)
    problem, found = "", Found([], 0, 0, 0)
    try:
        found = await _quarantined(request)
    except QuarantineUnavailable as exc:
        problem = str(exc)
    status = await gather.status(request.app)
    return answers.page(
        request,
        "quarantine.html",
        **frame(request, "quarantine", status),
        found=found,
        problem=problem,
        q=request.query.get("q", ""),
        resolved=_with_resolved(request),
        url=_quarantine_url(request),
        other_url=_quarantine_url(request, other=True),
    )


async def _quarantined(request: web.Request) -> Found:
    try:
        refuse_unknown(request.query, ("q", "resolved"))
        asked = read({"q": request.query.get("q", "")})
    except BadQuery as exc:
        raise web.HTTPBadRequest(text=str(exc)) from None
    done = request.app[ENDS].resolved.found
    return await request.app[QUARANTINE].search(asked.q, QUARANTINE_ROWS, done, with_resolved=_with_resolved(request))


def _with_resolved(request: web.Request) -> bool:
    asked = request.query.get("resolved", "")
    if asked not in ("", "1"):
        raise web.HTTPBadRequest(text="resolved is 1, or left out.")
    return asked == "1"


def _quarantine_url(request: web.Request, *, other: bool = False) -> str:
    """Return the query string of the same search; `other`: with the rows that were dealt with if they are left out now."""
    asked = {"q": request.query.get("q", ""), "resolved": "1" if _with_resolved(request) != other else ""}
    return "?" + urlencode({name: value for name, value in asked.items() if value})
