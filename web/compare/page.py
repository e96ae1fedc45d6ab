"""The page that compares two models, and the same as JSON."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from agents.insight.query import Asked as Figures
from streams.scores.compared_segments import MIN_SLICES
from streams.scores.comparison import Comparison
from streams.scores.figures import SPANS
from web import answers
from web.compare.drawing import drawn
from web.dashboard.choice import Choice
from web.keys import ENDS, QUARANTINE, SETTINGS
from web.pages import frame
from web.quarantine.newest import QuarantineUnavailable
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
        ids_url=ids_url,
        refused=await _refused(request.app, asked),
    )


def ids_url(state: str, model: str) -> str:
    """Return the address of the ids of a model that are in some state, as far as the table still has them."""
    return "/table/pairs/?" + urlencode({"state": state, "model": model})


class RefusedBy(NamedTuple):
    """Rows that a model refused, of those in quarantine that nobody has dealt with; `url` shows the largest group of them."""

    model: str
    n_rows: int
    url: str


async def _refused(app: web.Application, asked: Asked) -> list[RefusedBy]:
    """Return what each of the two models refused; nothing where Kafka does not answer."""
    try:
        found = await app[QUARANTINE].of_models(app[ENDS].resolved.found)
    except QuarantineUnavailable:
        return []
    return [
        RefusedBy(name, sum(group.n_rows for group in found[name]), f"/quarantine?group={found[name][0].key}")
        for name in (asked.first, asked.second)
        if name in found
    ]


def links(asked: Asked, models: tuple[str, ...], found: Comparison | None) -> dict[str, dict[str, str]]:
    """Return the links to all other choices."""
    keys = found.by_segment.keys if found and found.by_segment else []
    return {
        "first": {name: comparison.query_string(asked, first=name) for name in models if name != asked.second},
        "second": {name: comparison.query_string(asked, second=name) for name in models if name != asked.first},
        "by": {key: comparison.query_string(asked, key=key) for key in keys},
        "last": {last: comparison.query_string(asked, last=last) for last in SPANS},
    }
