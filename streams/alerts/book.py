"""The book of all alerts, which lasts over restarts: how each stands, what happened, what is sent and not delivered yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from streams.alerts import words
from streams.alerts.readings import Reading
from streams.alerts.rules import SEVERITIES, Rule
from streams.alerts.states import Name, State, step

MOST_EVENTS = 500
TOLD_FOR_S = 300.0
"""So long after it is resolved, an Alertmanager is told so."""
Status = Literal["firing", "resolved"]


class Event(msgspec.Struct, frozen=True):
    """An alert that stands otherwise than before; `at` is UTC epoch seconds.

    `is_loud`: it fires, or did until then. `cause` is that of its rule, empty where that is not known.
    """

    at: float
    rule: str
    name: Name
    sentence: str
    is_loud: bool
    cause: str = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent when an alert fires or is resolved; times are UTC epoch seconds.

    `key` is the same whenever the same notice is sent, and of no other: who has seen it drops it. `also` are sentences on
    other alerts of the same cause that fire with it, and are not sent by themselves.
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
    cause: str = ""
    also: tuple[str, ...] = ()


class Undelivered(msgspec.Struct, frozen=True):
    """A notice that a receiver has not taken yet."""

    receiver: str
    notice: Notice


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All alerts by their rules' names. `latest` are the last notices, `events` the last events, in order.

    `standing` are the notices by cause that receivers were sent, and not sent the end of.
    """

    states: dict[str, State] = {}
    latest: dict[str, Notice] = {}
    events: list[Event] = []
    undelivered: list[Undelivered] = []
    standing: dict[str, list[Notice]] = {}

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
            receivers: each is sent one notice a cause, see `grouped`.
        """
        states: dict[str, State] = {}
        events, notices = [], []
        for rule in rules:
            before, reading = self.states.get(rule.name, State()), readings[rule.name]
            state = states[rule.name] = step(rule, before, reading, now)
            said = words.sentence(rule, state, reading)
            if state.name != before.name or state.fired_at != before.fired_at:
                is_loud = before.is_active or state.is_active
                events.append(Event(now, rule.name, state.name, said, is_loud, rule.kind.cause))
            if state.is_active and state.fired_at != before.fired_at:
                notices.append(_fired(rule, state, reading.value, said, source))
            elif before.is_active and not state.is_active:
                notices.append(_resolved(self.latest[rule.name], now, reading.value, said))
        for name in self.states.keys() - states.keys():
            if self.states[name].is_active:
                said = "The rule was removed from the file."
                events.append(Event(now, name, "ok", said, is_loud=True, cause=self.latest[name].cause))
                notices.append(_resolved(self.latest[name], now, None, said))
        latest = {name: notice for name, notice in self.latest.items() if name in states or is_told(notice, now)}
        latest |= {notice.rule: notice for notice in notices}
        standing, sent = grouped(self._standing(), notices, [each for each in latest.values() if not each.resolved_at])
        return Book(
            states=states,
            latest=latest,
            events=[*self.events, *events][-MOST_EVENTS:],
            undelivered=[*self.undelivered, *(Undelivered(to, notice) for notice in sent for to in receivers)],
            standing=standing,
        )

    def _standing(self) -> dict[str, list[Notice]]:
        """Return what receivers were sent; of an older book, that is what fires."""
        found = {cause: list(told) for cause, told in self.standing.items()}
        for name, notice in self.latest.items():
            if name in self.states and self.states[name].is_active and not self.standing.get(notice.cause):
                found.setdefault(notice.cause, []).append(notice)
        return found

    def without(self, settled: Undelivered) -> Book:
        """Return the book once a notice is delivered, or given up."""
        return msgspec.structs.replace(self, undelivered=[each for each in self.undelivered if each != settled])

    def told(self, now: float) -> list[Notice]:
        """Return what an Alertmanager is told again each minute: what fires, and what was resolved a short time ago."""
        return [notice for notice in self.latest.values() if is_told(notice, now)]


def grouped(
    standing: Mapping[str, list[Notice]], notices: Sequence[Notice], firing: Sequence[Notice]
) -> tuple[dict[str, list[Notice]], list[Notice]]:
    """Return what receivers have been sent once these notices are dealt with, and what they are sent now.

    Nobody is woken twice for one cause: of what fires at once, the most severe is sent, and says what fires with it. What
    fires later is sent only if it is more severe than all that was sent. The end is sent once nothing of the cause fires.

    Args:
        standing: what was sent, by cause; `notices`: of this look; `firing`: all that fires after it.
    """
    after, sent = {cause: list(told) for cause, told in standing.items()}, []
    for cause in dict.fromkeys([*standing, *(notice.cause for notice in notices)]):
        told = after.setdefault(cause, [])
        mine = [notice for notice in notices if notice.cause == cause]
        fired = sorted((each for each in mine if each.status == "firing"), key=_rank, reverse=True)
        if fired and _rank(fired[0]) > max(map(_rank, told), default=-1):
            also = tuple(f"{each.rule}: {each.sentence}" for each in fired[1:])
            told.append(msgspec.structs.replace(fired[0], also=also))
            sent.append(told[-1])
        if not any(each.cause == cause for each in firing):
            ends = {each.rule: each for each in mine if each.status == "resolved"}
            sent += [_ended(each, ends.get(each.rule) or mine[-1]) for each in after.pop(cause) if mine]
    return after, sent


def _rank(notice: Notice) -> int:
    return SEVERITIES.index(notice.severity) if notice.severity in SEVERITIES else -1


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
        cause=rule.kind.cause,
    )


def _resolved(fired: Notice, now: float, value: float | None, said: str) -> Notice:
    """Return the notice that ends another one; it says of the rule what that one said."""
    key = _key(fired.source, fired.rule, fired.fired_at, "resolved")
    return msgspec.structs.replace(fired, key=key, status="resolved", sentence=said, value=value, resolved_at=now)


def _ended(sent: Notice, last: Notice) -> Notice:
    """Return the end of a notice that was sent; if its own rule was resolved before, with what the last one of them says."""
    is_own = sent.rule == last.rule
    said = last.sentence if is_own else f"{last.rule}, the last of the same cause: {last.sentence}"
    value = last.value if is_own else None
    return _resolved(sent, last.resolved_at or sent.fired_at, value, said)


def _key(source: str, rule: str, fired_at: float, status: Status) -> str:
    return f"{source}/{rule}/{fired_at:.3f}/{status}"
