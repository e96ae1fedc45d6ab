"""The page of features, and the same as JSON."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from streams.process.unavailable import Unavailable
from web import answers
from web.features import said, state
from web.keys import SETTINGS
from web.pages import frame
from web.state import gather


async def features_json(request: web.Request) -> web.Response:
    """Answer with where in the features the error is, as JSON."""
    model = state.read(request.query, request.app[SETTINGS].model_names)
    try:
        return answers.json(await state.gathered(request.app, model))
    except Unavailable as exc:
        raise web.HTTPServiceUnavailable(text=str(exc)) from None


async def features_page(request: web.Request) -> web.Response:
    """Show where in the features the error is."""
    if not answers.wants_html(request):
        return await features_json(request)
    names = request.app[SETTINGS].model_names
    model = state.read(request.query, names)
    found, problem = None, ""
    try:
        found = await state.gathered(request.app, model)
    except Unavailable as exc:
        problem = str(exc)
    return answers.page(
        request,
        "features.html",
        **frame(request, "segments", await gather.status(request.app)),
        found=found,
        problem=problem,
        first=said.first(found) if found else ("", ""),
        of_which=said.of_which(found) if found else "",
        lines=said.lines(found) if found else [],
        models={name: "/features?" + urlencode({"model": name}) for name in names} if len(names) > 1 else {},
        model=model,
    )
