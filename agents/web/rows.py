"""One id as the pages, JSON and CSV show it."""

from __future__ import annotations

from typing import Any

from agents.web.query import error_of, last_event
from agents.web.scan import Found
from streams.join import Rules
from streams.pair import Pair

CSV_COLUMNS = (
    "id", "state", "y_true", "y_pred", "error", "age_s", "left_s", "partition", "worker", "ts_true", "ts_pred",
    "at_true", "at_pred", "decided_at", "offset_true", "offset_pred", "redelivered_true", "redelivered_pred",
    "duplicate", "conflict", "late", "n_repeats",
)  # fmt: skip


def row(found: Found, rules: Rules, now: float, worker: str) -> dict[str, Any]:
    """Return an id as plain values. Ages in seconds, times in UTC epoch seconds; what never came is None."""
    pair = found.pair
    return {
        **pair._asdict(),
        "error": error_of(pair),
        "age_s": round(now - last_event(pair), 3),
        "left_s": left_s(pair, rules, now),
        "partition": found.partition,
        "worker": worker,
        "place": list(found.place),
    }


def left_s(pair: Pair, rules: Rules, now: float) -> float | None:
    """Return how long a waiting id waits at the longest, in seconds by the wall clock; None if it does not wait.

    Event time may end it sooner: once both inputs have passed its ts by the window and the lateness.
    """
    if not pair.state.startswith("waiting"):
        return None
    return round(max(0.0, last_event(pair) + rules.window_s + rules.lateness_s - now), 3)


def state_words(shown: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the states of a row as (icon, words), the one that matters most first."""
    kind = shown["state"].partition("_")[0]
    words = {
        "waiting_for_pred": "waiting for y_pred",
        "waiting_for_true": "waiting for y_true",
        "unmatched_true": "unmatched, only y_true",
        "unmatched_pred": "unmatched, only y_pred",
    }.get(shown["state"], kind)
    return [(kind, words), *((flag, flag) for flag in ("late", "conflict", "duplicate") if shown[flag])]
