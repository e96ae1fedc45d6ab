"""The dashboard's numbers: scores and charts of one window, from the worker that writes the metric log."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

import numpy as np
from aiohttp import web

from agents.worker import Worker
from streams.faust_app import names
from streams.scores import bins as picture_bins
from streams.scores.summary import ErrorSummary
from streams.scores.windows import Slice, Windows
from web.dashboard import charts
from web.dashboard.data import Bins, Covered, Dashboard, Delay, Ended, Line, Scores, Span, Worst
from web.dashboard.svg import round_up
from web.keys import BRIDGE, CACHE, ENDS, PEERS, WORKER
from web.pairs.query import BadQuery, refuse_unknown
from web.state.status import Status

SPANS: dict[str, float] = {"1m": 60.0, "5m": 300.0, "1h": 3600.0, "all": 0.0}
SPAN_WORDS: dict[str, str] = {"1m": "last 1 min", "5m": "last 5 min", "1h": "last hour", "all": "all pairs"}
ERRORS, SCALES = ("absolute", "signed"), ("linear", "log")
N_AGES = 48
N_SIGNED = 14
"""About so many bins on each side of zero."""

_known: dict[float, dict[float, Line]] = {}
"""The lines shown last, by window and start: most slices do not change any more."""


class Choice(NamedTuple):
    """What the dashboard shows: the window, the histogram's errors and vertical scale, and whether it stands still."""

    last: str = "5m"
    error: str = "absolute"
    y: str = "linear"
    paused: str = ""

    def url(self, **changes: str) -> str:
        """Return the query string of this choice with changes."""
        return "?" + urlencode({k: v for k, v in (self._asdict() | changes).items() if v})


class Stage(NamedTuple):
    """One stage of the way: what it does, rates as (number a second, of what), and its lag as (number, of what)."""

    name: str
    what: str
    rates: list[tuple[float | None, str]]
    lag: tuple[int | None, str] | None


def read(given: Mapping[str, str]) -> Choice:
    """Return what a query string chooses.

    Raises:
        BadQuery: there is no such name, window, error or scale.
    """
    refuse_unknown(given, Choice._fields)
    asked = {name: given.get(name, default) for name, default in Choice._field_defaults.items()}
    choice = Choice(**asked | {"paused": "1" if given.get("paused") else ""})
    if choice.last not in SPANS or choice.error not in ERRORS or choice.y not in SCALES:
        raise BadQuery(f"last is one of {', '.join(SPANS)}, error is absolute or signed, y is linear or log.")
    return choice


def links(choice: Choice) -> dict[str, dict[str, str]]:
    """Return the links to the other windows and scales."""
    return {
        "last": {k: choice.url(last=k) for k in SPANS},
        "error": {k: choice.url(error=k) for k in ERRORS},
        "y": {k: choice.url(y=k) for k in SCALES},
    }


async def gathered(app: web.Application, choice: Choice) -> Dashboard:
    """Return the numbers of the worker that writes the metric log, whichever that is."""
    choice = choice._replace(paused="")
    return await app[CACHE].get(f"dashboard {choice}", 1.0, lambda: _gathered(app, choice))  # type: ignore[no-any-return]


async def _gathered(app: web.Application, choice: Choice) -> Dashboard:
    own_data = own(choice, app[WORKER])
    if own_data.is_writer:
        return own_data
    answers = await app[PEERS].ask(f"/peer/dashboard{choice.url()}", Dashboard)
    return next((answer.data for answer in answers if answer.data is not None and answer.data.is_writer), own_data)


def own(choice: Choice, worker: Worker) -> Dashboard:
    """Return what this worker knows of one window: scores, charts' numbers, and the window before."""
    now, span = time.time(), SPANS[choice.last]
    log, windows = worker.plotting.log, worker.windows
    if span:
        now_part, before = windows.over(now - span, now), windows.over(now - 2 * span, now - span)
    else:
        now_part, before = windows.total, Slice()
    picture = worker.plotting.picture if log else None
    summary = now_part.summary
    if log and not span:  # as the picture shows it, so that both say the same
        summary = picture.summary if picture else log.summary
    return Dashboard(
        is_writer=log is not None,
        last=cast("Span", choice.last),
        at=now,
        drawn_at=picture.drawn_at if picture else None,
        drawn=scores(picture.summary) if picture else None,
        scores=scores(summary),
        previous=scores(before.summary),
        histogram=_histogram(summary, before.summary),
        signed=_signed(summary, before.summary),
        series=_series(windows, now, span),
        points=now_part.points[-6000:].tolist(),
        worst=[Worst(*found) for found in now_part.worst],
        delay=_delay(now_part),
        delay_before=_delay(before),
        coverage=_coverage(now_part, worker.settings.join_window_s),
        ended=_ended(now_part),
        ended_before=_ended(before),
        n_truth_first=now_part.n_truth_first,
    )


def scores(summary: ErrorSummary) -> Scores:
    """Return the scores of a summary."""
    absolute = summary.absolute
    quantiles = {f"p{q * 100:g}": absolute.quantile(q) if summary.n else None for q in (0.5, 0.9, 0.99)}
    return {
        "mae": summary.mae,
        "rmse": summary.rmse,
        "bias": summary.bias,
        "r2": summary.r2,
        **quantiles,
        "n": summary.n,
        "n_left_out": summary.n_left_out,
    }


def _ended(part: Slice) -> Ended:
    """Return how many ids got which verdict."""
    n_matched = part.summary.n + part.summary.n_left_out
    n_true, n_pred = part.n_unmatched_true, part.n_unmatched_pred
    return Ended(n_matched, n_true, n_pred, n_matched + n_true + n_pred)


def _histogram(summary: ErrorSummary, before: ErrorSummary) -> Bins | None:
    if not summary.n:
        return None
    bins = picture_bins.bins(summary.absolute)
    edges = [float(edge) for edge in bins.edges]
    previous = [float(n) for n in before.absolute.rebin(edges)] if before.n else []
    return Bins(edges, list(bins.counts), previous, before.n, bins.n_below, bins.n_beyond, bool(bins.is_log))


def _signed(summary: ErrorSummary, before: ErrorSummary) -> Bins | None:
    """Return the same of errors with their sign, in bins of one width about zero; those far beyond p99 are only counted."""
    if not summary.n:
        return None
    end = 1.25 * summary.absolute.quantile(0.99) or 1.0
    width = round_up(end / N_SIGNED)
    n = math.ceil(end / width)
    edges = np.linspace(0.0, n * width, n + 1)

    def counts(part: ErrorSummary) -> list[int]:
        return [*part.under.rebin(edges)[::-1].tolist(), *part.over.rebin(edges).tolist()]

    found = counts(summary)
    previous = [float(n) for n in counts(before)] if before.n else []
    both = [*(-edges[:0:-1]).tolist(), *edges.tolist()]
    return Bins(both, found, previous, before.n, 0, summary.n - sum(found), is_log=False)


def _series(windows: Windows, now: float, span: float) -> list[Line]:
    """Return a line for each slice of the window; all shows the last two hours."""
    before, found = _known.get(span, {}), []
    for start, part in windows.series(now - (span or 7200.0), now):
        if not part.summary.n:
            continue
        line = before.get(start)
        if line is None or line[-1] != part.summary.n:
            absolute = part.summary.absolute
            p50, p90, p99 = (absolute.quantile(q) for q in (0.5, 0.9, 0.99))
            line = (start, p50, p90, p99, part.summary.n)
        found.append(line)
    _known[span] = {line[0]: line for line in found}
    return found


def _delay(part: Slice) -> Delay | None:
    if not part.after.n:
        return None
    p10, p50, p90, p99 = (part.after.quantile(q) for q in (0.1, 0.5, 0.9, 0.99))
    return Delay(p10, p50, p90, p99, part.after.largest)


def _coverage(part: Slice, window_s: float) -> list[Covered]:
    """Return (age in seconds, share of predictions that had their truth by then), of those whose end is known."""
    if not part.n_predictions:
        return []
    top = min(window_s, max(1.0, 1.1 * part.after.largest)) if part.after.n else window_s
    ages = np.linspace(0.0, top, N_AGES)
    upto = np.cumsum(part.after.rebin(np.append(ages, top * 1.001))) if part.after.n else np.zeros(N_AGES)
    known = np.append(0, upto[:-1]) + part.n_truth_first
    return [(float(age), float(n) / part.n_predictions) for age, n in zip(ages, known, strict=True)]


def drawn(data: Dashboard, choice: Choice) -> dict[str, Any]:
    """Return the charts as SVG, and the cells of the one that no other numbers are the table of."""
    cells = charts.cells(data.points)
    is_signed = choice.error == "signed"
    bins = data.signed if is_signed else data.histogram
    return {
        "bins": bins,
        "histogram": charts.histogram(bins, data.scores, log=choice.y == "log", signed=is_signed),
        "series": charts.series(data.series),
        "heat": charts.heat(cells, len(data.points)) if cells else None,
        "cells": sorted(cells, key=lambda cell: -cell.n),
        "coverage": charts.coverage(data.coverage),
        "span": SPAN_WORDS[choice.last],
    }


def stages(app: web.Application, status: Status) -> list[Stage]:
    """Return what each stage does a second, and how far it is behind."""
    ends = app[ENDS]
    join_lag = [lag for topic in (names.y_true, names.y_pred) if (lag := ends.lag(topic)) is not None]
    return [
        _first(app),
        Stage(
            "Model", "predicts features", [(status.predicted_per_s, "rows/s")], (ends.lag(names.features), "records")
        ),
        Stage(
            "Metric",
            "joins by id",
            [(status.rows_per_s, "rows/s"), (status.matched_per_s, "pairs/s")],
            (sum(join_lag) if join_lag else None, "records"),
        ),
        Stage("Plot", "writes the metric log", [(status.logged_per_s, "pairs/s")], (ends.lag(names.metric), "records")),
    ]


def _first(app: web.Application) -> Stage:
    """Return what comes first: the bridge, or Kafka where no bridge answers, as with other producers."""
    bridge, ends = app[BRIDGE], app[ENDS]
    if bridge.answers:
        return Stage("Bridge", "moves the queues", [(bridge.rate(), "rows/s")], (bridge.n_behind(), "messages"))
    came = [rate for topic in (names.features, names.y_true) if (rate := ends.rate(topic)) is not None]
    return Stage("Kafka", "takes features and y_true", [(sum(came) if came else None, "records/s")], None)
