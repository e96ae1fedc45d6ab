"""Why is this id not joined? One sentence, from one id's state and the rules. Pure: no table, no clock."""

from __future__ import annotations

from typing import Any, NamedTuple

from agents.web.text import clock, long_span, value
from streams.join import Rules

OTHER = {"y_true": "y_pred", "y_pred": "y_true"}


class Why(NamedTuple):
    """The answer: a short one, and what stands behind it."""

    short: str
    more: str


def why(shown: dict[str, Any], rules: Rules, now: float) -> Why:
    """Return the answer for one row of `rows.row`."""
    kind = shown["state"].partition("_")[0]
    return {"matched": _matched, "waiting": _waiting, "unmatched": _unmatched}[kind](shown, rules, now)


def never_seen(horizon_s: float) -> Why:
    """Return the answer for an id that no worker holds."""
    return Why(
        "Not joined: no row with this id is known.",
        f"It never came, or its verdict is more than {long_span(horizon_s)} old and forgotten here; the metric log in "
        "logs/ still has it. A row that could not be read is in quarantine.",
    )


def _matched(shown: dict[str, Any], rules: Rules, now: float) -> Why:
    apart = shown["ts_true"] - shown["ts_pred"]
    order = "after" if apart >= 0 else "before"
    more = (
        f"Prediction {value(shown['y_pred'])} and truth {value(shown['y_true'])} met at {clock(shown['decided_at'])} UTC. "
        f"The truth happened {long_span(abs(apart))} {order} the prediction."
    )
    return Why(f"Joined: error {value(shown['error'])}.", more + _repeats(shown))


def _waiting(shown: dict[str, Any], rules: Rules, now: float) -> Why:
    here = "y_true" if shown["state"] == "waiting_for_pred" else "y_pred"
    left = long_span(shown["left_s"])
    until = clock(now + shown["left_s"])
    return Why(
        f"Not joined yet: only {here} came, {long_span(shown['age_s'])} ago; it expires in {left}.",
        f"It joins with a {OTHER[here]} whose ts is within {long_span(rules.window_s)} of its own, "
        f"{clock(_of(shown, here, 'ts'), digits=3)}. It waits until {until} UTC at the latest, and less if both inputs "
        f"pass that time sooner." + _repeats(shown),
    )


def _unmatched(shown: dict[str, Any], rules: Rules, now: float) -> Why:
    here = "y_true" if shown["state"] == "unmatched_true" else "y_pred"
    there = OTHER[here]
    at = clock(shown["decided_at"])
    if shown["late"]:
        short = f"Not joined: a row came after the verdict, which was unmatched at {at} UTC."
        more = f"Its {here} was alone for too long; what came late is counted and in no score."
        late = _of(shown, there, "ts")
        if late is not None and abs(late - _of(shown, here, "ts")) > rules.window_s:
            more += f" A window of {long_span(abs(late - _of(shown, here, 'ts')))} would have joined it."
        return Why(short, more + _repeats(shown))
    waited = shown["decided_at"] - _of(shown, here, "at")
    return Why(
        f"Not joined: only {here} came, and it expired at {at} UTC.",
        f"It arrived at {clock(_of(shown, here, 'at'))} and waited {long_span(waited)}; no {there} came whose ts is "
        f"within {long_span(rules.window_s)} of its own." + _repeats(shown),
    )


def _of(shown: dict[str, Any], side: str, what: str) -> Any:
    return shown[f"{what}_{side[2:]}"]


def _repeats(shown: dict[str, Any]) -> str:
    seen = []
    if shown["duplicate"]:
        seen.append("with the same value (dropped)")
    if shown["conflict"]:
        seen.append("with another value (the first stays)")
    if not seen:
        return ""
    times = "once" if shown["n_repeats"] == 1 else f"{shown['n_repeats']:,} times"
    return f" The id came again {times}, {' and '.join(seen)}."
