"""The book of all alerts, which lasts over restarts: how each stands, what happened, what is sent and not delivered yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from streams.alerts import words
from streams.alerts.readings import Reading
from streams.alerts.rules import Rule
from streams.alerts.states import Name, State, step

MOST_EVENTS = 500
TOLD_FOR_S = 300.0
"""So long after it is resolved, an Alertmanager is told so."""
Status = Literal["firing", "resolved"]


class Event(msgspec.Struct, frozen=True):
    """An alert that stands otherwise than before; `at` is UTC epoch seconds.

    `is_loud`: it fires, or did until then.
    """

    at: float
    rule: str
    name: Name
    sentence: str
    is_loud: bool


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent when an alert fires or is resolved; times are UTC epoch seconds.

    `key` is the same whenever the same notice is sent, and of no other: who has seen it drops it.
    """

    key: str
    status: Status
    rule: str
    metric: str
    model: str
    severity: str
    summary: str
    sentence: str
    runbook: str
    value: float | None
    limit: float
    fired_at: float
    resolved_at: float | None
    source: str


class Undelivered(msgspec.Struct, frozen=True):
    """A notice that a receiver has not taken yet."""

    receiver: str
    notice: Notice


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All alerts by their rules' names. `latest` are the last notices, `events` the last events, in order."""

    states: dict[str, State] = {}
    latest: dict[str, Notice] = {}
    events: list[Event] = []
    undelivered: list[Undelivered] = []

    def looked(
        self,
        rules: Sequence[Rule],
        readings: Mapping[str, Reading],
        now: float,
        *,
        source: str = "hindsight",
        receivers: Sequence[str] = (),
    ) -> Book:
        """Return the book after a look at all rules.

        Args:
            rules: of the file as it is now; `readings`: of each, by its name; `now`: UTC epoch seconds.
            source: who sends, so that keys of several deployments differ.
            receivers: each is sent every notice.
        """
        states: dict[str, State] = {}
        events, notices = [], []
        for rule in rules:
            before, reading = self.states.get(rule.name, State()), readings[rule.name]
            state = states[rule.name] = step(rule, before, reading, now)
            said = words.sentence(rule, state, reading)
            if state.name != before.name or state.fired_at != before.fired_at:
                events.append(Event(now, rule.name, state.name, said, before.is_active or state.is_active))
            if state.is_active and state.fired_at != before.fired_at:
                notices.append(_fired(rule, state, reading.value, said, source))
            elif before.is_active and not state.is_active:
                notices.append(_resolved(self.latest[rule.name], now, reading.value, said))
        for name in self.states.keys() - states.keys():
            if self.states[name].is_active:
                said = "The rule was removed from the file."
                events.append(Event(now, name, "ok", said, is_loud=True))
                notices.append(_resolved(self.latest[name], now, None, said))
        latest = {name: notice for name, notice in self.latest.items() if name in states or is_told(notice, now)}
        return Book(
            states=states,
            latest=latest | {notice.rule: notice for notice in notices},
            events=[*self.events, *events][-MOST_EVENTS:],
            undelivered=[*self.undelivered, *(Undelivered(to, notice) for notice in notices for to in receivers)],
        )

    def without(self, settled: Undelivered) -> Book:
        """Return the book once a notice is delivered, or given up."""
        return msgspec.structs.replace(self, undelivered=[each for each in self.undelivered if each != settled])

    def told(self, now: float) -> list[Notice]:
        """Return what an Alertmanager is told again each minute: what fires, and what was resolved a short time ago."""
        return [notice for notice in self.latest.values() if is_told(notice, now)]


def is_told(notice: Notice, now: float) -> bool:
    """Tell whether an Alertmanager is still to be told of an alert."""
    return notice.resolved_at is None or now - notice.resolved_at <= TOLD_FOR_S


def _fired(rule: Rule, state: State, value: float | None, said: str, source: str) -> Notice:
    fired_at = state.fired_at or 0.0
    return Notice(
        key=_key(source, rule.name, fired_at, "firing"),
        status="firing",
        rule=rule.name,
        metric=rule.metric,
        model=rule.model,
        severity=rule.severity,
        summary=rule.summary or rule.name,
        sentence=said,
        runbook=rule.runbook,
        value=value,
        limit=rule.limit,
        fired_at=fired_at,
        resolved_at=None,
        source=source,
    )


def _resolved(fired: Notice, now: float, value: float | None, said: str) -> Notice:
    """Return the notice that ends another one; it says of the rule what that one said."""
    key = _key(fired.source, fired.rule, fired.fired_at, "resolved")
    return msgspec.structs.replace(fired, key=key, status="resolved", sentence=said, value=value, resolved_at=now)


def _key(source: str, rule: str, fired_at: float, status: Status) -> str:
    return f"{source}/{rule}/{fired_at:.3f}/{status}"
