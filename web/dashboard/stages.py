"""What each stage of the way does a second, and how far it is behind."""

from __future__ import annotations

from typing import NamedTuple

from aiohttp import web

from streams.faust_app import names
from web.keys import BRIDGE, ENDS
from web.state.status import Status


class Stage(NamedTuple):
    """One stage of the way: what it does, rates as (number a second, of what), and its lag as (number, of what)."""

    name: str
    what: str
    rates: list[tuple[float | None, str]]
    lag: tuple[int | None, str] | None


def stages(app: web.Application, status: Status) -> list[Stage]:
    """Return the stages, in the order in which a row passes them."""
    ends = app[ENDS]
    join_lag = [lag for topic in (names.y_true, names.y_pred) if (lag := ends.lag(topic)) is not None]
    predicted, read, joined = (
        (status.predicted_per_s, "rows/s"),
        (status.rows_per_s, "rows/s"),
        (status.matched_per_s, "pairs/s"),
    )
    return [
        _first(app),
        Stage("Model", "predicts features", [predicted], (ends.lag(names.features), "records")),
        Stage("Metric", "joins by id", [read, joined], (sum(join_lag) if join_lag else None, "records")),
        Stage("Plot", "writes the metric log", [(status.logged_per_s, "pairs/s")], (ends.lag(names.metric), "records")),
    ]


def _first(app: web.Application) -> Stage:
    """Return what comes first: the bridge, or Kafka where no bridge answers, as with other producers."""
    bridge, ends = app[BRIDGE], app[ENDS]
    if bridge.answers:
        return Stage("Bridge", "moves the queues", [(bridge.rate(), "rows/s")], (bridge.n_behind(), "messages"))
    came = [rate for topic in (names.features, names.y_true) if (rate := ends.rate(topic)) is not None]
    return Stage("Kafka", "takes features and y_true", [(sum(came) if came else None, "records/s")], None)
