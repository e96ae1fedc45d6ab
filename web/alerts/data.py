"""What the page of alerts shows and /api/alerts answers: made by the worker that looks at the rules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from agents.alerting import receivers
from agents.alerting.alerting import Alerting
from agents.alerting.couriers import Courier
from streams.alerts import words
from streams.alerts.book import Book
from streams.alerts.readings import Reading
from streams.alerts.rules import Alertmanager, Rule
from streams.alerts.states import Name, State
from streams.wire.checked import Finite, Time

ORDER: Sequence[Name] = ("firing", "held", "cannot tell", "pending", "ok")
"""What needs somebody comes first; what cannot be told is nearer to an alarm than to all being well."""


class Alert(msgspec.Struct, frozen=True):
    """One rule: how it stands, in words and numbers. `is_active`: it fired and is not resolved, whatever is known now."""

    rule: str
    state: Name
    is_active: bool
    since: Time | None
    sentence: str
    looks_at: str
    value: Finite | None
    low: Finite | None
    high: Finite | None
    shown: str
    fires: str
    resolves: str
    severity: str
    summary: str
    runbook: str
    model: str
    fired_at: Time | None
    resolved_at: Time | None


class Happened(msgspec.Struct, frozen=True):
    """An alert that stood otherwise from then on."""

    at: Time
    rule: str
    state: Name
    sentence: str


class Receiver(msgspec.Struct, frozen=True):
    """Who is told, and what became of the last attempt; empty before the first."""

    kind: str
    name: str
    last: str
    n_waiting: int


class Alerts(msgspec.Struct, frozen=True):
    """All alerts, those that need somebody first; what happened, the newest first; and who is told.

    `is_looked_at`: this worker looks at the rules, and has done so; else `problem` says why nothing is known.
    """

    is_looked_at: bool
    problem: str
    file: str
    alerts: list[Alert]
    events: list[Happened]
    receivers: list[Receiver]

    @property
    def firing(self) -> list[Alert]:
        """What has fired and is not resolved."""
        return [alert for alert in self.alerts if alert.is_active]


def nothing(file: str, problem: str) -> Alerts:
    """Return that nothing is known, and why."""
    return Alerts(False, problem, file, [], [], [])


def of(alerting: Alerting, file: str) -> Alerts:
    """Return what a worker knows that looks at the rules."""
    book = alerting.book
    if book is None:
        return nothing(file, alerting.problem or "The rules have not been looked at yet.")
    rules = alerting.alerts.rules
    shown = [_alert(rule, book.states.get(rule.name, State()), alerting.readings.get(rule.name)) for rule in rules]
    shown.sort(key=lambda alert: (not alert.is_active, ORDER.index(alert.state)))
    events = [Happened(event.at, event.rule, event.name, event.sentence) for event in reversed(book.events)]
    return Alerts(True, alerting.problem, file, shown, events, list(_receivers(alerting.couriers, book)))


def _alert(rule: Rule, state: State, reading: Reading | None) -> Alert:
    reading = reading or Reading.cannot_tell("it was not looked at yet")
    return Alert(
        rule=rule.name,
        state=state.name,
        is_active=state.is_active,
        since=state.since,
        sentence=words.sentence(rule, state, reading),
        looks_at=words.what(rule),
        value=reading.value,
        low=reading.low,
        high=reading.high,
        shown=words.value(rule, reading),
        fires=words.when(rule),
        resolves=words.clears(rule),
        severity=rule.severity,
        summary=rule.summary,
        runbook=rule.runbook,
        model=rule.model,
        fired_at=state.fired_at,
        resolved_at=state.resolved_at,
    )


def _receivers(couriers: Iterable[Courier], book: Book) -> Iterable[Receiver]:
    for courier in couriers:
        kind = "Alertmanager" if isinstance(courier.receiver, Alertmanager) else "webhook"
        waiting = sum(each.receiver == receivers.key(courier.receiver) for each in book.undelivered)
        yield Receiver(kind, receivers.named(courier.receiver), courier.said, waiting)
