"""The rows of one id side by side: its prediction, its truth, and the last one that changed nothing. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

TITLES = {"y_pred": "prediction", "y_true": "truth"}


class Side(NamedTuple):
    """One row of an id; what is not known of it, or never came, is None. Times are UTC epoch seconds."""

    title: str
    kind: str
    y: float | None
    offset: int | None
    ts: float | None
    at: float | None
    redelivered: bool | None


def sides(shown: dict[str, Any]) -> list[Side]:
    """Return the columns of one row of `rows.row`."""
    found = [_own(shown, kind) for kind in TITLES]
    beside = shown["other"]
    if beside is None:
        return found
    kind, came = beside["side"], shown[beside["side"]] is not None
    what = "another value" if came and shown["conflict"] else "too late"
    other = Side(f"{TITLES[kind]}, {what}", kind, beside["y"], beside["offset"], beside["ts"], beside["at"], None)
    return [*found, other] if came else [other if side.kind == kind else side for side in found]


def _own(shown: dict[str, Any], kind: str) -> Side:
    offset, ts, at, again = (shown[f"{name}_{kind[2:]}"] for name in ("offset", "ts", "at", "redelivered"))
    return Side(TITLES[kind], kind, shown[kind], offset, ts, at, None if offset is None else again)


def had_it_joined(columns: list[Side]) -> float | None:
    """Return the error, y_pred − y_true, of a prediction and a truth that both came, joined or not."""
    y = {side.kind: side.y for side in reversed(columns)}
    pred, true = y["y_pred"], y["y_true"]
    return None if pred is None or true is None else pred - true


def delay(columns: list[Side]) -> float | None:
    """Return by how many seconds the truth happened after the prediction."""
    ts = {side.kind: side.ts for side in reversed(columns)}
    pred, true = ts["y_pred"], ts["y_true"]
    return None if pred is None or true is None else true - pred
