"""The five states of an alert, as a pure function of what was seen at each look."""

from __future__ import annotations

from typing import Literal

import msgspec

from streams.alerts.readings import Reading
from streams.alerts.rules import Rule, seconds

Name = Literal["ok", "pending", "firing", "held", "cannot tell"]
LONGEST_GAP_S = 60.0
"""After a longer time without a look, such as a restart, nobody knows what was in between: spans begin anew."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How an alert stands. All times are UTC epoch seconds; None where it is not so.

    `since` is when `name` began; `fired_at` when it fired last, `resolved_at` when that was resolved. `beyond_since` and
    `clear_since` say since when every look has found it so.
    """

    name: Name = "ok"
    since: float | None = None
    fired_at: float | None = None
    resolved_at: float | None = None
    beyond_since: float | None = None
    clear_since: float | None = None
    looked_at: float = 0.0

    @property
    def is_active(self) -> bool:
        """Whether it has fired and is not resolved, whatever can be told now."""
        return self.fired_at is not None and self.resolved_at is None

    def resolved(self, now: float) -> State:
        """Return the state of an alert that somebody ended, by taking its rule away."""
        return msgspec.structs.replace(self, name="ok", since=now, resolved_at=now)


def step(rule: Rule, state: State, reading: Reading, now: float) -> State:
    """Return the state after a look; a reading without a value neither fires nor resolves.

    One with an interval is beyond the limit only if the whole interval is: no alert fires by chance alone.
    """
    value = reading.value
    is_beyond = value is not None and rule.is_beyond(reading.nearest(rule))
    is_clear = value is not None and not is_beyond and rule.is_clear(value)
    is_continued = 0 <= now - state.looked_at <= LONGEST_GAP_S
    beyond_since = _since(state.beyond_since, is_beyond, is_continued, now)
    clear_since = _since(state.clear_since, is_clear, is_continued, now)
    fired_at, resolved_at = state.fired_at, state.resolved_at
    if state.is_active:
        if clear_since is not None and now - clear_since >= seconds(rule.keep):
            resolved_at = now
    elif beyond_since is not None and now - beyond_since >= seconds(rule.for_):
        fired_at, resolved_at = now, None
    after = State(
        fired_at=fired_at, resolved_at=resolved_at, beyond_since=beyond_since, clear_since=clear_since, looked_at=now
    )
    name = _name(value is not None, is_beyond, is_active=after.is_active)
    since = state.since if name == state.name and state.since is not None else now
    return msgspec.structs.replace(after, name=name, since=since)


def _since(before: float | None, is_so: bool, is_continued: bool, now: float) -> float | None:
    if not is_so:
        return None
    return before if before is not None and is_continued else now


def _name(is_known: bool, is_beyond: bool, *, is_active: bool) -> Name:
    if not is_known:
        return "cannot tell"
    if is_active:
        return "firing" if is_beyond else "held"
    return "pending" if is_beyond else "ok"
