"""The sinks of the metric log. A further one is a file beside this one, and a line here."""

from __future__ import annotations

from agents.metric_log.csv_rows import METRIC, UNMATCHED
from agents.metric_log.sink import Sink

SINKS: tuple[Sink, ...] = (METRIC, UNMATCHED)
