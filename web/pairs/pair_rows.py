"""One id as the pages, JSON and CSV show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streams.join import deadlines
from streams.join.deadlines import Rules
from streams.join.decide import key_of
from streams.join.state import Other, Pair, other, other_key
from streams.table.inputs import KINDS
from streams.table.store import PairsStore
from web.pairs.query import error_of, last_event
from web.pairs.scan import Found

CSV_COLUMNS = (
    "id",
    "state",
    "y_true",
    "y_pred",
    "error",
    "age_s",
    "left_s",
    "partition",
    "worker",
    "ts_true",
    "ts_pred",
    "at_true",
    "at_pred",
    "decided_at",
    "deadline_at",
    "offset_true",
    "offset_pred",
    "redelivered_true",
    "redelivered_pred",
    "duplicate",
    "conflict",
    "late",
    "n_repeats",
)


def shown(
    stores: Mapping[int, PairsStore], found: Sequence[Found], rules: Rules, now: float, worker: str
) -> list[dict[str, Any]]:
    """Return ids as plain values; the rows kept beside those that conflicted or came late are read in one go."""
    others: dict[tuple[int, str], Other] = {}
    for p, store in stores.items():
        ids = [f.pair.id for f in found if f.partition == p and (f.pair.conflict or f.pair.late)]
        packed = store.states([other_key(key_of(row_id)) for row_id in ids])
        others |= {(p, row_id): other(raw) for row_id, raw in zip(ids, packed, strict=True) if raw is not None}
    return [row(f, others.get((f.partition, f.pair.id)), rules, now, worker) for f in found]


def row(found: Found, beside: Other | None, rules: Rules, now: float, worker: str) -> dict[str, Any]:
    """Return an id as plain values. Ages in seconds, times in UTC epoch seconds; what never came is None."""
    pair = found.pair
    return {
        **pair._asdict(),
        "error": error_of(pair),
        "age_s": round(now - last_event(pair), 3),
        "left_s": left_s(pair, rules, now),
        "deadline_at": deadline_at(pair, rules),
        "other": None if beside is None else beside._asdict() | {"side": KINDS[beside.side]},
        "partition": found.partition,
        "worker": worker,
        "place": list(found.place),
    }


def deadline_at(pair: Pair, rules: Rules) -> float:
    """Return until when an id waits at the longest by the wall clock, or waited: UTC epoch seconds.

    Event time may end it sooner: once both inputs have passed its ts by the window and the max out-of-orderness.
    """
    first = min(at for at in (pair.at_true, pair.at_pred) if at is not None)
    return first + deadlines.wait_s(rules)


def left_s(pair: Pair, rules: Rules, now: float) -> float | None:
    """Return how long a waiting id waits at the longest, in seconds; None if it does not wait."""
    if not pair.state.startswith("waiting"):
        return None
    return round(max(0.0, deadline_at(pair, rules) - now), 3)


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
