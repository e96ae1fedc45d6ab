"""Why is this id not joined? One sentence, from one id's state and the rules. Pure: no table, no clock."""

from __future__ import annotations

from typing import NamedTuple

from streams.join.deadlines import Rules, is_within
from web.pairs.pair_view import Kind, Other, PairView, Side
from web.quarantine.records import Refused
from web.text import clock, long_span, value

LEAST_LATE_S = 0.1
"""What came later by less than this came at the same time, for people."""
OTHER: dict[Kind, Kind] = {"y_true": "y_pred", "y_pred": "y_true"}


class Why(NamedTuple):
    """The answer: a short one, and what stands behind it."""

    short: str
    more: str


def why(pair: PairView, rules: Rules, now: float, refused: Refused | None = None, near: PairView | None = None) -> Why:
    """Return the answer for one id; `refused` is a quarantined row of it, `near` an id spelled a little otherwise."""
    answer = {"matched": _matched, "waiting": _waiting, "unmatched": _unmatched}[pair.kind](pair, rules, now)
    more = answer.more + _repeats(pair)
    if refused is not None:
        more += f" A further row of it was quarantined at {clock(refused.at)} UTC because {_because(refused)}."
    return Why(answer.short, more + _near(near))


def never_seen(horizon_s: float, refused: Refused | None = None, near: PairView | None = None) -> Why:
    """Return the answer for an id that no worker holds; `refused`, `near`: as of `why`."""
    if refused is not None:
        return Why(
            f"Not joined: quarantined because {_because(refused)}.",
            f"The row came from {refused.source} and was refused at {clock(refused.at)} UTC; no other row of this "
            f"id is known. Its bytes are kept in quarantine, at offset {refused.offset:,}.",
        )
    return Why(
        "Not joined: no row with this id is known.",
        f"It never came, or its verdict is more than {long_span(horizon_s)} old and forgotten here; the metric log in "
        f"logs/ still has it. A row that could not be read is in quarantine.{_near(near)}",
    )


def _near(near: PairView | None) -> str:
    if near is None:
        return ""
    state = near.state.replace("_", " ")
    return (
        f" The id {near.id!r} is known, too, and is {state}: if both are one, have it sent as the same text everywhere."
    )


def not_known_now(partition: int, state: str) -> Why:
    """Return the answer for an id whose partition nobody can look into at the moment."""
    return Why(
        f"Not known now: partition {partition}, to which this id belongs, is {state}.",
        "Nothing is lost: its rows wait in Kafka. Ask again in a few seconds.",
    )


def _because(refused: Refused) -> str:
    return f"it could not be read: {refused.detail or refused.reason}".rstrip(".")


def _matched(pair: PairView, rules: Rules, now: float) -> Why:
    pred, true = _of(pair, "y_pred"), _of(pair, "y_true")
    apart = true.ts - pred.ts
    order = "after" if apart >= 0 else "before"
    return Why(
        f"Joined: error {value(pair.error)}.",
        f"Prediction {value(pred.y)} and truth {value(true.y)} met at {clock(pair.decided_at)} UTC. "
        f"The truth happened {long_span(abs(apart))} {order} the prediction.",
    )


def _waiting(pair: PairView, rules: Rules, now: float) -> Why:
    here = _here(pair)
    left_s = pair.left_s(rules, now) or 0.0
    return Why(
        f"Not joined yet: only {here} came, {long_span(now - pair.last_event)} ago; it expires in {long_span(left_s)}.",
        f"It joins with a {OTHER[here]} whose ts is within {long_span(rules.window_s)} of its own, "
        f"{clock(_of(pair, here).ts, digits=3)}. It waits until {clock(now + left_s)} UTC at the latest, and less if both "
        f"inputs pass that time sooner.",
    )


def _unmatched(pair: PairView, rules: Rules, now: float) -> Why:
    here = _here(pair)
    there, came, decided_at = OTHER[here], _of(pair, here), pair.decided_at or 0.0
    at, over = clock(decided_at), _window_was_over(came, rules)
    if pair.other is not None and pair.other.side == there:
        return _too_late(came, here, decided_at, pair.other, rules)
    if pair.late:
        return Why(
            f"Not joined: a row came after the verdict, which was unmatched at {at} UTC.",
            f"Its {here} was alone for too long; what came late is counted and in no score.",
        )
    if over:
        return Why(
            f"Not joined: only {here} came, with a ts {over} behind: its window was over.",
            f"It happened at {clock(came.ts)} and arrived at {clock(came.at)}. No {there} whose ts is within "
            f"{long_span(rules.window_s)} of its own came before both inputs had passed that time, so it was counted as "
            f"unmatched at {at} UTC. If its ts is right, a larger HINDSIGHT_MAX_OUT_OF_ORDERNESS_S lets it wait.",
        )
    return Why(
        f"Not joined: only {here} came, and it expired at {at} UTC.",
        f"It arrived at {clock(came.at)} and waited {long_span(decided_at - came.at)}; no {there} came whose ts is "
        f"within {long_span(rules.window_s)} of its own.",
    )


def _too_late(came: Side, here: Kind, decided_at: float, late: Other, rules: Rules) -> Why:
    """Return the answer for an id whose other side came, but not in time."""
    there = late.side
    apart = abs(late.ts - came.ts)
    if not is_within(late.ts, came.ts, rules):
        short = f"Not joined: its {there} lies {long_span(apart)} away, and the window is {long_span(rules.window_s)}."
        why_not = f"A window of {long_span(apart)} would have joined it."
    else:
        over = _window_was_over(came, rules)
        late_s = late.at - decided_at
        after = f"{long_span(late_s)} too late" if late_s >= LEAST_LATE_S else "just after its verdict"
        short = (
            f"Not joined: the ts of its {here} was {over} behind: its window was over when its {there} came."
            if over
            else f"Not joined: its {there} came {after}."
        )
        why_not = "Their ts lie within the window: a larger HINDSIGHT_MAX_OUT_OF_ORDERNESS_S would have joined it."
    return Why(
        short,
        f"The {here} was counted as unmatched at {clock(decided_at)} UTC. Its {there} = {value(late.y)} came at "
        f"{clock(late.at)} and is counted as late, outside the scores. {why_not}",
    )


def _window_was_over(came: Side, rules: Rules) -> str:
    """Return how far the ts of a row lies behind its arrival, if that is more than the window; else an empty string."""
    behind_s = came.at - came.ts
    return long_span(behind_s) if behind_s > rules.window_s else ""


def _here(pair: PairView) -> Kind:
    """Return the side of an id that came."""
    return "y_true" if pair.true is not None else "y_pred"


def _of(pair: PairView, kind: Kind) -> Side:
    side = pair.side(kind)
    assert side is not None
    return side


def _repeats(pair: PairView) -> str:
    seen = []
    if pair.duplicate:
        seen.append("with the same value (dropped)")
    if pair.conflict:
        seen.append("with another value (the first stays)")
    if pair.late and pair.waits:
        seen.append("with a ts outside the window (counted as late)")
    if not seen:
        return ""
    times = "once" if pair.n_repeats == 1 else f"{pair.n_repeats:,} times"
    sentence = f" The id came again {times}, {' and '.join(seen)}."
    beside = pair.other
    if beside is not None and (first := pair.side(beside.side)) is not None:
        sentence += f" Two values of {beside.side} disagree: {value(first.y)} at offset {first.offset:,}"
        sentence += f" and {value(beside.y)} at offset {beside.offset:,}; only the first is scored."
    return sentence
