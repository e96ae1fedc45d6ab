"""The page of the rows that could not be read, and the same as JSON."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from streams.wire.refusals import kind_of
from web import answers
from web.keys import ENDS, QUARANTINE, SETTINGS
from web.pages import frame
from web.pairs.query import read, refuse_unknown
from web.quarantine.forms import Form, form_of
from web.quarantine.groups import KEY
from web.quarantine.newest import QuarantineUnavailable
from web.quarantine.records import Found, Group, Refused
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
        chosen=_chosen(request, found),
        is_chosen="group" in request.query,
        q=request.query.get("q", ""),
        resolved=_with_resolved(request),
        url=_url(request),
        url_of_all=_url(request, group=""),
        urls={group.key: _url(request, group=group.key) for group in found.groups},
        other_url=_url(request, resolved="" if _with_resolved(request) else "1"),
    )


class Chosen(NamedTuple):
    """The group that is shown closely: its newest record, the form it must have (None: of no kind of ours), what to type."""

    group: Group
    newest: Refused
    form: Form | None
    which: str


def _chosen(request: web.Request, found: Found) -> Chosen | None:
    """Return the group that the address names, the largest if it names none; None if there is none."""
    asked, settings = request.query.get("group", ""), request.app[SETTINGS]
    group = next((group for group in found.groups if asked in ("", group.key)), None)
    newest = request.app[QUARANTINE].at(group.newest) if group else None
    if group is None or newest is None:
        return None
    kind = kind_of(newest.source, settings.namespace)
    some = " ".join(map(str, sorted(group.offsets)))
    which = f"--reason {group.reason} --queue {kind}" if kind and group.n_records > len(group.offsets) else some
    return Chosen(group, newest, form_of(kind, settings.fields) if kind else None, which)


async def _quarantined(request: web.Request) -> Found:
    refuse_unknown(request.query, ("q", "group", "resolved"))
    asked = read({"q": request.query.get("q", "")})
    done = request.app[ENDS].resolved.found
    group = request.query.get("group", "")
    if not KEY.fullmatch(group):
        raise web.HTTPBadRequest(text="group is the key of a group, as the page of quarantine links to it.")
    return await request.app[QUARANTINE].search(
        asked.q, QUARANTINE_ROWS, done, group=group, with_resolved=_with_resolved(request)
    )


def _with_resolved(request: web.Request) -> bool:
    asked = request.query.get("resolved", "")
    if asked not in ("", "1"):
        raise web.HTTPBadRequest(text="resolved is 1, or left out.")
    return asked == "1"


def _url(request: web.Request, **otherwise: str) -> str:
    """Return the query string of the same question, but for what is otherwise."""
    asked = {name: request.query.get(name, "") for name in ("q", "group", "resolved")} | otherwise
    return "?" + urlencode({name: value for name, value in asked.items() if value})
