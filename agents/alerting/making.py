"""The alerting of a worker, made from the file that the setting `alerts` names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from agents.alerting.alerting import Alerting
from agents.alerting.keeping import InInsight
from agents.alerting.looking import Ask, Looking
from agents.insight.answers import Answers
from agents.insight.database import NAME
from agents.insight.notes import Notes
from agents.insight.references import HeldOut, References
from streams.alerts.parse import Unusable, faults_of_segments, faults_of_window, parse
from streams.alerts.rules import Alerts
from streams.process.own_thread import OwnThread
from streams.settings import Settings


def load(path: Path, window_s: float, segments: Sequence[str] = ()) -> Alerts:
    """Return what a file of rules says.

    Args:
        window_s: the join window, which some rules must look further back than; `segments`: the keys that segments are by.

    Raises:
        Unusable: it cannot be read, or not used; the message has a sentence a line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise Unusable(f"{path} cannot be read: {getattr(exc, 'strerror', None) or exc}.") from None
    alerts = parse(text, str(path))
    if faults := faults_of_window(alerts, window_s) + faults_of_segments(alerts, segments):
        raise Unusable("\n".join(f"{path}: {fault}" for fault in faults))
    return alerts


def rules_of(settings: Settings) -> Alerts:
    """Return what the file says that the setting `alerts` names; there are no rules without one.

    Raises:
        Unusable: as `load`.
    """
    return Alerts() if settings.alerts is None else load(settings.alerts, settings.join_window_s, settings.segments)


def made(
    alerts: Alerts,
    settings: Settings,
    answers: Answers,
    is_mine: Callable[[], bool],
    problem: Callable[[], str],
    health: Ask,
    cards: Sequence[HeldOut],
) -> Alerting:
    """Return the alerting of a worker; without rules, a reference is made all the same.

    Args:
        answers: of the figures of this worker.
        is_mine: tells whether this worker writes insight.db; `problem` says why it does not write it now.
        health: returns how all workers and the bridge are.
        cards: what those of the settings' models say of them.
    """
    notes = Notes(settings.logs_dir / NAME)
    looking = Looking(answers, References(settings.logs_dir), notes, problem, health, cards)
    keeper = InInsight(notes, OwnThread("alerts"))
    return Alerting(alerts, keeper, looking, source=settings.app_id, is_mine=is_mine)
