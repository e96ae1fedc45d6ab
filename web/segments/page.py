"""The page of segments, and the same as JSON."""

from __future__ import annotations

from aiohttp import web

from web import answers
from web.pages import frame
from web.segments.said import said
from web.state import gather, segments


async def segments_json(request: web.Request) -> web.Response:
    """Answer with the segments of one key, as JSON."""
    told = await segments.gathered(request.app, segments.read(request.query))
    if told.breakdown is None:
        raise web.HTTPServiceUnavailable(text=told.problem)
    return answers.json(told.breakdown)


async def segments_page(request: web.Request) -> web.Response:
    """Show the segments of one key."""
    if not answers.wants_html(request):
        return await segments_json(request)
    asked = segments.read(request.query)
    told, status = await segments.gathered(request.app, asked), await gather.status(request.app)
    return answers.page(
        request,
        "segments.html",
        **frame(request, "segments", status),
        asked=asked,
        found=told.breakdown,
        problem=told.problem,
        said=said(told.breakdown, asked) if told.breakdown else None,
        links=segments.links(asked, told.breakdown) if told.breakdown else None,
    )
