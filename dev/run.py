"""`make run`: brokers, bridge, worker and data driver on this machine, and one line that tells how it goes."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev import DevError, brokers, processes
from dev.processes import Child
from dev.stopping import Stop
from streams.settings import Settings

FAUST = [str(Path(sys.executable).with_name("faust")), "-A", "streams"]
PARTS = {
    "bridge": [*FAUST, "bridge"],
    "worker": [*FAUST, "worker", "-l", "info"],
    "features": [*FAUST, "features", "--rate", "5"],
}
STOP_ORDER = ("features", "bridge", "worker")
STOP_TIMEOUT_S = {"features": 2.0, "bridge": 3.0, "worker": 5.0}
PLAIN_LINE_EVERY_S = 10.0

Say = Callable[[str], None]


def run(settings: Settings, stop: Stop, say: Say) -> None:
    """Run everything until somebody asks to stop.

    Raises:
        DevError: a part cannot start, or has died.
    """
    wanted = _embedded(settings)
    if not wanted:
        say("Using the RabbitMQ and the Kafka that the settings name.")
    else:
        say(f"Starting {' and '.join(wanted)}, for you alone, in {settings.dev_dir} ...")
    with brokers.started(wanted, settings, stop, say) as running, _parts(settings, stop, say) as children:
        if not stop.requested:
            _tell_where(settings, say)
        line = StatusLine(settings.web_port)
        while not stop.requested:
            brokers.require_alive(running)
            _require_alive(children)
            line.show()
            stop.wait(1.0)
        line.end()


def _embedded(settings: Settings) -> tuple[brokers.BrokerName, ...]:
    """Return which brokers the settings do not name."""
    given = {"rabbitmq": settings.amqp_url.get_secret_value(), "kafka": settings.kafka}
    return tuple(name for name in brokers.BOTH if not given[name])


@contextmanager
def _parts(settings: Settings, stop: Stop, say: Say) -> Iterator[list[Child]]:
    home = settings.dev_dir.absolute()
    children: dict[str, Child] = {}
    for name in PARTS:
        processes.end_stale(name, home=home, timeout_s=STOP_TIMEOUT_S[name], say=say)
    try:
        for name, argv in PARTS.items():
            if not stop.requested:
                say(f"Starting the {_title(name)}; its log is {_shown(home / 'log' / f'{name}.log')}")
                children[name] = processes.start(name, argv, home=home, environ=_environ())
        yield list(children.values())
    finally:
        for name in STOP_ORDER:
            if name in children:
                say(f"Stopping the {_title(name)}.")
                children[name].stop(STOP_TIMEOUT_S[name])


def _title(name: str) -> str:
    return "data driver" if name == "features" else name


def _environ() -> Mapping[str, str]:
    return os.environ | {"PYTHONUNBUFFERED": "1"}


def _require_alive(children: list[Child]) -> None:
    for child in children:
        if child.has_ended():
            raise DevError(child.death())


def _tell_where(settings: Settings, say: Say) -> None:
    say(f"The page:    http://{settings.web_bind}:{settings.web_port}/")
    say(f"The log:     {_shown(settings.logs_dir.absolute() / 'metric_log.csv')}")
    say(f"The picture: {_shown(settings.logs_dir.absolute() / 'error_distribution.png')}")
    say("Ctrl-C ends all of it.")


def _shown(path: Path) -> str:
    """Return a path as short as it can be said from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


class StatusLine:
    """One line, rewritten in place on a terminal; elsewhere a line now and then."""

    def __init__(self, web_port: int) -> None:
        self._url = f"http://127.0.0.1:{web_port}/api/status"
        self._on_terminal = sys.stdout.isatty()
        self._said_at = 0.0

    def show(self) -> None:
        """Ask the worker how it stands, and show it."""
        text = self._text()
        if self._on_terminal:
            sys.stdout.write(f"\r\x1b[K{text}")
            sys.stdout.flush()
        elif time.monotonic() - self._said_at >= PLAIN_LINE_EVERY_S:
            self._said_at = time.monotonic()
            print(text, flush=True)

    def end(self) -> None:
        """Leave the line behind."""
        if self._on_terminal:
            print(flush=True)

    def _text(self) -> str:
        try:
            with urllib.request.urlopen(self._url, timeout=2) as answer:  # noqa: S310  our own loopback address
                found: dict[str, Any] = json.loads(answer.read())
        except (urllib.error.URLError, OSError, ValueError):
            return "waiting for the worker ..."
        mae = found.get("mae")
        return (
            f"{found.get('rows_per_s') or 0:,.1f} rows/s · matched {found.get('matched') or 0:,} · "
            f"waiting {found.get('waiting') or 0:,} · unmatched {found.get('unmatched') or 0:,} · "
            f"quarantined {found.get('quarantined') or 0:,} · MAE {'–' if mae is None else f'{mae:.2f}'}"
        )
