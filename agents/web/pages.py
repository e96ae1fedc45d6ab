"""The pages: what was asked for, gathered from the workers, put into a template or into JSON."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from agents.web import answers, dashboards, gather, quarantined
from agents.web import export as exports
from agents.web.keys import CACHE, SETTINGS, URL
from agents.web.query import PAGE_SIZES, SORTS, BadQuery, Query, read
from agents.web.rows import state_words
from agents.web.timeline import timeline
from agents.web.why import never_seen, why

CHIPS = ("all", "matched", "waiting", "unmatched", "late", "duplicate", "conflict")


def _frame(request: web.Request, here: str, status: dict[str, Any]) -> dict[str, Any]:
    """Return what every page shows around its own part."""
    settings = request.app[SETTINGS]
    return {"here": here, "status": status, "settings": settings, "worker": request.app[URL], "now": time.time()}


def _query(request: web.Request, most: int = PAGE_SIZES[-1]) -> Query:
    try:
        return read(request.query, most=most)
    except BadQuery as exc:
        raise web.HTTPBadRequest(text=str(exc)) from None


# The dashboard


async def _dashboard(request: web.Request) -> dict[str, Any]:
    try:
        choice = dashboards.read(request.query)
    except BadQuery as exc:
        raise web.HTTPBadRequest(text=str(exc)) from None
    if request.query.get("scope") == "local":
        return dashboards.own(choice, request.app[SETTINGS])
    return await dashboards.gathered(request.app, choice)


async def dashboard_json(request: web.Request) -> web.Response:
    """Answer with the scores and charts of one window, as numbers."""
    return answers.json(await _dashboard(request))


async def dashboard(request: web.Request) -> web.Response:
    """Show the dashboard."""
    data, status = await _dashboard(request), await gather.status(request.app)
    choice = dashboards.read(request.query)
    return answers.page(
        request, "dashboard.html", **_frame(request, "dashboard", status), data=data, choice=choice,
        drawn=dashboards.drawn(data, choice), links=dashboards.links(choice), lags=dashboards.lags(request.app),
    )  # fmt: skip


# The table


async def pairs_json(request: web.Request) -> web.Response:
    """Answer with a page of the table."""
    query = _query(request)
    if request.query.get("scope") == "local":
        return answers.json(await gather.own_page(request.app, query))
    listed = await gather.page(request.app, query)
    shown = [{k: v for k, v in row.items() if k != "place"} for row in listed.rows]
    following = None if listed.next is None else query.url(after=listed.next)
    return answers.json(
        {"rows": shown, "next": following, "n_looked_at": listed.n_looked_at, "is_whole": listed.is_whole,
         "counts": listed.counts, "silent": listed.silent}
    )  # fmt: skip


async def pairs(request: web.Request) -> web.StreamResponse:
    """Show a page of the table; to a program, as JSON."""
    if "id" in request.query:
        return await _row(request, request.query["id"])
    if not answers.wants_html(request):
        return await pairs_json(request)
    query = _query(request)
    key = f"pairs {query.url()}"
    listed = await request.app[CACHE].get(key, 1.0, lambda: gather.page(request.app, query))
    status = await gather.status(request.app)
    return answers.page(
        request, "pairs.html", **_frame(request, "pairs", status), query=query, listed=listed, chips=CHIPS,
        sorts=SORTS, sizes=PAGE_SIZES, states=state_words, counts=_counts(query, listed, status),
        rules=gather.rules(request.app),
    )  # fmt: skip


def _counts(query: Query, listed: gather.Listed, status: dict[str, Any]) -> dict[str, str]:
    """Return the number on each chip: running counts for the whole table, those of the rows looked at for a filter."""
    if not query.is_filtered:
        found = {"waiting": status["waiting"], "matched": status["matched"], "unmatched": status["unmatched"],
                 "late": status["late"], "duplicate": status["duplicates"], "conflict": status["conflicts"]}  # fmt: skip
        return {name: f"{n:,}" for name, n in found.items()}
    if query.state != "all" or query.after is not None:
        return {}
    least = "" if listed.is_whole and not listed.silent else "≥ "
    return {name: f"{least}{listed.counts.get(name, 0):,}" for name in CHIPS}


async def export(request: web.Request) -> web.StreamResponse:
    """Answer with all rows of the filtered set, as a file."""
    query = _query(request)._replace(n=1000)

    async def batches() -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        asked, n_rows = query, 0
        while True:
            listed = await gather.page(request.app, asked)
            n_rows += len(listed.rows)
            capped = ""
            if listed.silent:
                capped = f"incomplete: {', '.join(listed.silent)} did not answer"
            elif n_rows >= exports.MOST_ROWS and listed.next is not None:
                capped = f"capped at {n_rows} rows; filter to get the rest"
            yield listed.rows, capped
            if listed.next is None or capped:
                return
            asked = query._replace(after=listed.next)

    return await exports.stream(request, request.match_info["form"], batches())


# One id


async def row_json(request: web.Request) -> web.Response:
    """Answer with one id."""
    return await _row_json(request, request.match_info["id"])


async def _row_json(request: web.Request, row_id: str) -> web.Response:
    shown, silent = await _find(request, row_id)
    sentence = _sentence(request, shown)
    body = {"id": row_id, "row": shown, "why": " ".join(sentence), "silent": silent}
    return answers.json(body, 200 if shown else 404)


async def _find(request: web.Request, row_id: str) -> tuple[dict[str, Any] | None, list[str]]:
    shown = gather.own_row(request.app, row_id)
    if shown is not None or request.query.get("scope") == "local":
        return shown, []
    return await gather.row_of_others(request.app, row_id)


def _sentence(request: web.Request, shown: dict[str, Any] | None) -> Any:
    rules = gather.rules(request.app)
    return why(shown, rules, time.time()) if shown else never_seen(rules.horizon_s)


async def row(request: web.Request) -> web.Response:
    """Show one id; to a program, as JSON."""
    return await _row(request, request.match_info["id"])


async def _row(request: web.Request, row_id: str) -> web.Response:
    if not answers.wants_html(request):
        return await _row_json(request, row_id)
    shown, silent = await _find(request, row_id)
    status = await gather.status(request.app)
    rules = gather.rules(request.app)
    return answers.page(
        request, "row.html", 200 if shown else 404, **_frame(request, "pairs", status), row_id=row_id, shown=shown,
        silent=silent, why=_sentence(request, shown), states=state_words(shown) if shown else [], rules=rules,
        timeline=timeline(shown, rules, time.time()) if shown else None,
    )  # fmt: skip


# Quarantine


async def quarantine_json(request: web.Request) -> web.Response:
    """Answer with the newest rows that could not be read."""
    try:
        return answers.json({"rows": await _quarantined(request)})
    except quarantined.QuarantineUnavailable as exc:
        raise web.HTTPServiceUnavailable(text=str(exc)) from None


async def quarantine(request: web.Request) -> web.Response:
    """Show the newest rows that could not be read."""
    if not answers.wants_html(request):
        return await quarantine_json(request)
    problem, found = "", []
    try:
        found = await _quarantined(request)
    except quarantined.QuarantineUnavailable as exc:
        problem = str(exc)
    status = await gather.status(request.app)
    return answers.page(
        request, "quarantine.html", **_frame(request, "quarantine", status), found=found, problem=problem
    )


async def _quarantined(request: web.Request) -> list[dict[str, Any]]:
    settings = request.app[SETTINGS]
    return await request.app[CACHE].get("quarantine", 2.0, lambda: quarantined.newest(settings, 50))  # type: ignore[no-any-return]
