"""The page that compares two models, and the same as JSON."""

from __future__ import annotations

from aiohttp import web

from agents.insight.query import Asked as Figures
from streams.scores.compared_segments import MIN_SLICES
from streams.scores.comparison import Comparison
from streams.scores.figures import SPANS
from web import answers
from web.compare.drawing import drawn
from web.dashboard.choice import Choice
from web.keys import SETTINGS
from web.pages import frame
from web.state import comparison, gather
from web.state.comparison import Asked


async def compare_json(request: web.Request) -> web.Response:
    """Answer with the comparison of two models, as JSON."""
    told = await comparison.gathered(request.app, comparison.asked_of(request))
    if told.comparison is None:
        raise web.HTTPServiceUnavailable(text=told.problem)
    return answers.json(told.comparison)


async def compare(request: web.Request) -> web.Response:
    """Show the comparison of two models."""
    if not answers.wants_html(request):
        return await compare_json(request)
    asked = comparison.asked_of(request)
    told, status = await comparison.gathered(request.app, asked), await gather.status(request.app)
    found = told.comparison
    return answers.page(
        request,
        "compare.html",
        **frame(request, "compare", status),
        asked=asked,
        found=found,
        problem=told.problem,
        links=links(asked, request.app[SETTINGS].model_names or tuple(found.models if found else ()), found),
        charts=drawn(found) if found else [],
        segment_url=lambda name: "/" + Choice(Figures(segment=name, last=asked.last, model=asked.second)).url(),
        min_slices=MIN_SLICES,
    )


def links(asked: Asked, models: tuple[str, ...], found: Comparison | None) -> dict[str, dict[str, str]]:
    """Return the links to all other choices."""
    keys = found.by_segment.keys if found and found.by_segment else []
    return {
        "first": {name: comparison.query_string(asked, first=name) for name in models if name != asked.second},
        "second": {name: comparison.query_string(asked, second=name) for name in models if name != asked.first},
        "by": {key: comparison.query_string(asked, key=key) for key in keys},
        "last": {last: comparison.query_string(asked, last=last) for last in SPANS},
    }
