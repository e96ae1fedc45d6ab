"""The command `alerts check`: what a file of rules says, or what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from agents.alerting import receivers
from agents.alerting.making import load
from agents.alerting.receivers import Unsendable
from streams.alerts import words
from streams.alerts.parse import Unusable
from streams.alerts.rules import Alerts, Webhook
from streams.settings import Settings


def run(settings: Settings, *, file: str = "") -> int:
    """Print what the file says, a rule a line; return 1 if it cannot be used, with what is wrong on stderr."""
    path = Path(file) if file else settings.alerts
    if path is None:
        print("No file is named: give one, or set HINDSIGHT_ALERTS.", file=sys.stderr)
        return 1
    try:
        alerts = load(path, settings.join_window_s, settings.segments)
    except Unusable as exc:
        print(exc, file=sys.stderr)
        return 1
    for line in _lines(alerts):
        print(line)
    problems = list(_unsendable(alerts))
    for problem in problems:
        print(f"{path}: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _lines(alerts: Alerts) -> Iterator[str]:
    for rule in alerts.rules:
        said = f"{rule.name} ({rule.severity}): {words.what(rule)}: fires {words.when(rule)}, resolves {words.clears(rule)}"
        yield said + (f"; needs {rule.min_pairs:,} labels." if rule.kind.is_of_labels else ".")
    if not alerts.rules:
        yield "There are no rules."
    for kind, those in (("webhook", alerts.webhooks), ("Alertmanager", alerts.alertmanagers)):
        for receiver in those:
            yield f"{kind}: {receivers.named(receiver)}."
    if not (alerts.webhooks or alerts.alertmanagers):
        yield "Nobody is told but the log."


def _unsendable(alerts: Alerts) -> Iterator[str]:
    """Yield what is wrong with addresses and tokens; nothing is sent."""
    those: tuple[Webhook, ...] = (*alerts.webhooks, *alerts.alertmanagers)
    for receiver in those:
        try:
            receivers.target(receiver)
        except Unsendable as exc:
            yield str(exc)
