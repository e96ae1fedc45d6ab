"""Why is this id not joined? One sentence, from one id's state and the rules. Pure: no table, no clock."""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.join.deadlines import Rules, is_within
from web.text import clock, long_span, value

OTHER = {"y_true": "y_pred", "y_pred": "y_true"}


class Why(NamedTuple):
    """The answer: a short one, and what stands behind it."""

    short: str
    more: str


def why(shown: dict[str, Any], rules: Rules, now: float, refused: dict[str, Any] | None = None) -> Why:
    """Return the answer for one row of `rows.row`; `refused` is a quarantined row of the same id."""
    kind = shown["state"].partition("_")[0]
    answer = {"matched": _matched, "waiting": _waiting, "unmatched": _unmatched}[kind](shown, rules, now)
    more = answer.more + _repeats(shown)
    if refused is not None:
        more += f" A further row of it was quarantined at {clock(refused['at'])} UTC because {_because(refused)}."
    return Why(answer.short, more)


def never_seen(horizon_s: float, refused: dict[str, Any] | None = None) -> Why:
    """Return the answer for an id that no worker holds; `refused` is a quarantined row of it."""
    if refused is not None:
        return Why(
            f"Not joined: quarantined because {_because(refused)}.",
            f"The row came from {refused['source']} and was refused at {clock(refused['at'])} UTC; no other row of this "
            f"id is known. Its bytes are kept in quarantine, at offset {refused['offset']:,}.",
        )
    return Why(
        "Not joined: no row with this id is known.",
        f"It never came, or its verdict is more than {long_span(horizon_s)} old and forgotten here; the metric log in "
        "logs/ still has it. A row that could not be read is in quarantine.",
    )


def not_known_now(partition: int, state: str) -> Why:
    """Return the answer for an id whose partition nobody can look into at the moment."""
    return Why(
        f"Not known now: partition {partition}, to which this id belongs, is {state}.",
        "Nothing is lost: its rows wait in Kafka. Ask again in a few seconds.",
    )


def _because(refused: dict[str, Any]) -> str:
    return f"it could not be read: {refused['detail'] or refused['reason']}".rstrip(".")


def _matched(shown: dict[str, Any], rules: Rules, now: float) -> Why:
    apart = shown["ts_true"] - shown["ts_pred"]
    order = "after" if apart >= 0 else "before"
    return Why(
        f"Joined: error {value(shown['error'])}.",
        f"Prediction {value(shown['y_pred'])} and truth {value(shown['y_true'])} met at {clock(shown['decided_at'])} UTC. "
        f"The truth happened {long_span(abs(apart))} {order} the prediction.",
    )


def _waiting(shown: dict[str, Any], rules: Rules, now: float) -> Why:
    here = "y_true" if shown["state"] == "waiting_for_pred" else "y_pred"
    left = long_span(shown["left_s"])
    until = clock(now + shown["left_s"])
    return Why(
        f"Not joined yet: only {here} came, {long_span(shown['age_s'])} ago; it expires in {left}.",
        f"It joins with a {OTHER[here]} whose ts is within {long_span(rules.window_s)} of its own, "
        f"{clock(_of(shown, here, 'ts'), digits=3)}. It waits until {until} UTC at the latest, and less if both inputs "
        f"pass that time sooner.",
    )


def _unmatched(shown: dict[str, Any], rules: Rules, now: float) -> Why:
    here = "y_true" if shown["state"] == "unmatched_true" else "y_pred"
    there = OTHER[here]
    at = clock(shown["decided_at"])
    beside = shown["other"]
    if beside is not None and beside["side"] == there:
        return _too_late(shown, rules, here, beside)
    if shown["late"]:
        return Why(
            f"Not joined: a row came after the verdict, which was unmatched at {at} UTC.",
            f"Its {here} was alone for too long; what came late is counted and in no score.",
        )
    waited = shown["decided_at"] - _of(shown, here, "at")
    return Why(
        f"Not joined: only {here} came, and it expired at {at} UTC.",
        f"It arrived at {clock(_of(shown, here, 'at'))} and waited {long_span(waited)}; no {there} came whose ts is "
        f"within {long_span(rules.window_s)} of its own.",
    )


def _too_late(shown: dict[str, Any], rules: Rules, here: str, beside: dict[str, Any]) -> Why:
    """Return the answer for an id whose other side came, but not in time."""
    at, there = clock(shown["decided_at"]), beside["side"]
    after = beside["at"] - shown["decided_at"]
    ts, other_ts = beside["ts"], _of(shown, here, "ts")
    apart = abs(ts - other_ts)
    came = f"{there} = {value(beside['y'])} came at {clock(beside['at'])}"
    if not is_within(ts, other_ts, rules):
        short = f"Not joined: its {there} lies {long_span(apart)} away, and the window is {long_span(rules.window_s)}."
        why_not = f"A window of {long_span(apart)} would have joined it."
    else:
        short = f"Not joined: its {there} came {long_span(max(after, 0.0))} too late."
        why_not = "Their ts lie within the window: a larger HINDSIGHT_MAX_OUT_OF_ORDERNESS_S would have joined it."
    return Why(
        short,
        f"The {here} was counted as unmatched at {at} UTC. Its {came} and is counted as late, outside the scores. {why_not}",
    )


def _of(shown: dict[str, Any], side: str, what: str) -> Any:
    return shown[f"{what}_{side[2:]}"]


def _repeats(shown: dict[str, Any]) -> str:
    seen = []
    if shown["duplicate"]:
        seen.append("with the same value (dropped)")
    if shown["conflict"]:
        seen.append("with another value (the first stays)")
    if shown["late"] and shown["state"].startswith("waiting"):
        seen.append("with a ts outside the window (counted as late)")
    if not seen:
        return ""
    times = "once" if shown["n_repeats"] == 1 else f"{shown['n_repeats']:,} times"
    sentence = f" The id came again {times}, {' and '.join(seen)}."
    beside = shown["other"]
    if beside is not None and shown[beside["side"]] is not None:
        first = shown[beside["side"]]
        sentence += f" Two values of {beside['side']} disagree: {value(first)} at offset {_of(shown, beside['side'], 'offset'):,}"
        sentence += f" and {value(beside['y'])} at offset {beside['offset']:,}; only the first is scored."
    return sentence
