"""The figures that all pages, the API and /metrics show: from the worker that writes insight.db, whichever that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar, get_args
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from prometheus_client.registry import Collector

from agents.insight.database import InsightError
from agents.insight.query import Asked
from streams.scores.figures import SPANS, Axis, Figures, length_s
from web.keys import CACHE, FIGURES, GROWN, PEERS, WORKER
from web.pairs.query import BadQuery, refuse_long, refuse_unknown, time_of
from web.state.score_metrics import GAUGES_OVER, MAX_MODELS, ScoreCollector, gauged

NAMES = ("last", "from", "to", "axis", "model", "segment")
KEPT_S = 1.0
NOBODY = "No worker that writes insight.db answers: does one run the agent plot?"


class Told(msgspec.Struct, frozen=True):
    """The figures, or None and a sentence that says why there are none.

    `is_writer`: it is the worker that writes insight.db that says so; workers tell each other.
    """

    figures: Figures | None
    problem: str = ""
    is_writer: bool = True


class _Said(Protocol):
    @property
    def is_writer(self) -> bool: ...


T = TypeVar("T", bound=_Said)


def read(given: Mapping[str, str]) -> Asked:
    """Return what a query string asks for.

    Raises:
        BadQuery: there is no such name, span, time or axis.
    """
    refuse_unknown(given, NAMES)
    refuse_long(given, NAMES)
    start, end = time_of(given.get("from", "")), time_of(given.get("to", ""))
    last, axis = given.get("last", ""), given.get("axis", "predicted")
    if last and (start is not None or end is not None):
        raise BadQuery("last and from or to exclude each other.")
    if (last and length_s(last) is None) or axis not in get_args(Axis):
        raise BadQuery(f"last is a span such as {', '.join(SPANS)}; axis is one of {', '.join(get_args(Axis))}.")
    if start is not None and end is not None and start >= end:
        raise BadQuery("from must lie before to.")
    if given.get("segment") and axis == "decided":
        raise BadQuery("Segments are counted by when they were predicted: leave axis out.")
    chosen: Axis = "decided" if axis == "decided" else "predicted"
    return Asked(last or "1h", start, end, chosen, given.get("model", ""), given.get("segment", ""))


def query_string(asked: Asked) -> str:
    """Return the query string that asks the same."""
    ends = {"from": asked.start, "to": asked.end}
    is_named = asked.start is None and asked.end is None
    given = {"last": asked.last} if is_named else {name: f"{end!r}" for name, end in ends.items() if end is not None}
    given |= {name: value for name, value in asked._asdict().items() if name in ("axis", "model", "segment") and value}
    return "?" + urlencode(given)


async def gathered(app: web.Application, asked: Asked) -> Told:
    """Return the figures; made once a second at the most, however many ask."""
    return await app[CACHE].get(f"figures {asked}", KEPT_S, lambda: _gathered(app, asked))  # type: ignore[no-any-return]


async def _gathered(app: web.Application, asked: Asked) -> Told:
    return await of_writer(app, await own(app, asked), f"/peer/scores{query_string(asked)}", _nobody)


def _nobody(problem: str) -> Told:
    return Told(None, problem, is_writer=False)


async def of_writer(app: web.Application, mine: T, path: str, nobody: Callable[[str], T]) -> T:
    """Return what the worker that writes insight.db says: this one, or another that is asked.

    Args:
        mine: what this worker says.
        path: what others are asked for.
        nobody: makes an answer of the sentence that no writer answers.
    """
    if mine.is_writer:
        return mine
    answers = await app[PEERS].ask(path, type(mine))
    told = next((answer.data for answer in answers if answer.data is not None and answer.data.is_writer), None)
    silent = [f"{answer.url} {answer.problem}." for answer in answers if answer.data is None]
    return told or nobody(" ".join([NOBODY, *silent]))


async def collected(app: web.Application) -> Collector:
    """Return the metrics of the figures: none where another worker writes insight.db, or while it cannot be read."""
    return await app[CACHE].get("score metrics", KEPT_S, lambda: _collected(app))  # type: ignore[no-any-return]


async def _collected(app: web.Application) -> Collector:
    if not app[WORKER].writes_the_log():
        return ScoreCollector([], {}, app[GROWN])
    try:
        totals = await app[FIGURES].totals(MAX_MODELS)
        models = gauged([total.model for total in totals])
        figures = {model: await app[FIGURES].figures(Asked(GAUGES_OVER, model=model)) for model in models}
    except InsightError:
        return ScoreCollector([], {}, app[GROWN])
    return ScoreCollector(totals, figures, app[GROWN])


async def own(app: web.Application, asked: Asked) -> Told:
    """Return the figures that this worker keeps."""
    if not app[WORKER].writes_the_log():
        return _nobody(NOBODY)
    try:
        return Told(await app[FIGURES].figures(asked))
    except InsightError as exc:
        return Told(None, str(exc))
