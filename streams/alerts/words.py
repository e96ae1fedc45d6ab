"""What alerts say to people."""

from __future__ import annotations

from datetime import UTC, datetime

from streams.alerts.readings import Reading
from streams.alerts.rules import Rule, seconds
from streams.alerts.states import State
from streams.scores.numbers import number


def what(rule: Rule) -> str:
    """Return what a rule looks at: `MAE, expected of all predictions of the last 1h`."""
    said = rule.kind.title
    if rule.kind.bases:
        said += ", expected of all" if rule.read_on == "expected" else ", so far"
    if rule.kind.has_span:
        said += f", over {rule.over}"
    said += f", by {rule.by}" if rule.by else ""
    return f"{said}, model {rule.model}" if rule.model else said


def when(rule: Rule) -> str:
    """Return when a rule fires: `above 44 for 10m`."""
    side = "below" if rule.below is not None else "above"
    return f"{side} {amount(rule, rule.limit)}" + (f" for {rule.for_}" if seconds(rule.for_) else "")


def value(rule: Rule, reading: Reading) -> str:
    """Return what was read: `44.80 (43.9 to 45.7)`."""
    if reading.value is None:
        return reading.why
    said = amount(rule, reading.value)
    if reading.low is not None and reading.high is not None:
        said += f" ({amount(rule, reading.low)} to {amount(rule, reading.high)})"
    return f"{said}, most of it of {reading.mostly}" if reading.mostly else said


def amount(rule: Rule, size: float) -> str:
    """Return an amount of what a rule looks at, with its unit."""
    unit = rule.kind.unit
    if unit == "s":
        return f"{size:.0f} s" if abs(size) < 120 else f"{size / 60:.0f} min"
    if unit == "share":
        return f"{size:.1%}"
    if not rule.kind.is_of_labels:
        return f"{size:,.0f}"
    if unit == "evidence":
        return f"{size:,.0f}" if size >= 10 else f"{size:.2g}"
    return f"{number(size)} ×" if unit == "×" else number(size)


def sentence(rule: Rule, state: State, reading: Reading) -> str:
    """Return how an alert stands: what was read, what it is held against, and what follows."""
    said = f"{what(rule)}: {value(rule, reading)}"
    if state.name == "cannot tell":
        return f"{said}. It stays {'firing' if state.is_active else 'as it is'} until something can be told."
    if state.name == "firing":
        return f"{said}, {when(rule)}."
    if state.name == "pending" and state.beyond_since is not None:
        fires_at = f"{datetime.fromtimestamp(state.beyond_since + seconds(rule.for_), UTC):%H:%M:%S}"
        return f"{said}, {when(rule).split(' for ')[0]}. It fires at {fires_at} UTC if it stays so."
    if state.name == "held":
        return f"{said}. It fired, and is not clear yet: it resolves {clears(rule)}."
    if reading.value is not None and rule.is_beyond(reading.value):
        return f"{said}: past the limit of {amount(rule, rule.limit)}, but not beyond chance."
    return f"{said}."


def standing(name: str, state: State, fired: str) -> str:
    """Return how an alert stands that has fired and is not resolved; `fired` is its sentence of when it fired."""
    at = f"{datetime.fromtimestamp(state.fired_at or 0.0, UTC):%Y-%m-%d %H:%M} UTC"
    if state.name == "firing":
        return f"{name} has been firing since {at}. Then: {fired}"
    now = "it is past its limit no longer, and not clear yet" if state.name == "held" else "nothing can be told now"
    return f"{name} fired at {at}, and is not resolved: {now}. Then: {fired}"


def clears(rule: Rule) -> str:
    """Return when an alert resolves: `at 42 or less for 10m`."""
    bound = rule.limit if rule.clear is None else rule.clear
    side = "more" if rule.below is not None else "less"
    return f"at {amount(rule, bound)} or {side}" + (f" for {rule.keep}" if seconds(rule.keep) else "")
