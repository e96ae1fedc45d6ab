"""What is posted to receivers: JSON of our own for a webhook, alerts of its API v2 for an Alertmanager."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from streams.alerts.book import Notice

VERSION = 1


def webhook(notice: Notice) -> bytes:
    """Return the body of a webhook."""
    body = msgspec.structs.asdict(notice)
    body |= {"version": VERSION, "fired_at": iso(notice.fired_at), "resolved_at": iso(notice.resolved_at)}
    return msgspec.json.encode(body)


def alertmanager(notices: Sequence[Notice]) -> bytes:
    """Return the body of `POST /api/v2/alerts`: an alert that fires has no end, one that is resolved has."""
    return msgspec.json.encode([_alert(notice) for notice in notices])


def _alert(notice: Notice) -> dict[str, Any]:
    labels = {"alertname": notice.rule, "severity": notice.severity, "metric": notice.metric, "source": notice.source}
    annotations = {"summary": notice.summary, "description": notice.sentence}
    if notice.cause:
        labels["cause"] = notice.cause
    if notice.model:
        labels["model"] = notice.model
    if notice.runbook:
        annotations["runbook_url"] = notice.runbook
    alert: dict[str, Any] = {"labels": labels, "annotations": annotations, "startsAt": iso(notice.fired_at)}
    if notice.resolved_at is not None:
        alert["endsAt"] = iso(notice.resolved_at)
    return alert


def iso(at: float | None) -> str | None:
    """Return a time as RFC 3339 in UTC."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
