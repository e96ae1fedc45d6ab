"""`make run`: brokers, bridge, worker and data driver on this machine, and one line that tells how they stand."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev import DevError, brokers, home, live_line, ports, processes
from dev.brokers import Say
from dev.processes import Child
from dev.say import LiveLine
from dev.stopping import Stop
from streams.settings import Settings
from web import port as web_port

FAUST = (str(Path(sys.executable).with_name("faust")), "-A", "streams")
BRIDGE = ("bridge", (*FAUST, "bridge"))
WORKER = ("worker", (*FAUST, "worker", "-l", "info"))
DRIVER = ("features", (*FAUST, "features", "--rate", "5"))
STOP_TIMEOUT_S = 4.0
"""For bridge, worker and data driver together; with the brokers' own all ends within 10 s."""


def run(settings: Settings, stop: Stop, say: Say, *, with_features: bool = True) -> None:
    """Run all of Hindsight until somebody asks to stop.

    Args:
        with_features: whether the data driver sends rows; without queues there is none in any case.

    Raises:
        DevError: a part cannot start, or has died.
    """
    _require_model(settings)
    dev_dir = settings.dev_dir.absolute()
    embedded = _embedded(settings)
    with home.claimed(dev_dir):
        _end_stale(dev_dir, say)
        settings = with_free_web_port(settings, say)
        if embedded:
            say(f"Starting {' and '.join(brokers.TITLES[name] for name in embedded)} in {dev_dir} ...")
        with (
            brokers.started(embedded, settings, stop, say) as started,
            _parts(settings, stop, say, with_features) as children,
        ):
            line = LiveLine()
            try:
                while not stop.requested:
                    brokers.require_alive(started)
                    _require_alive(children)
                    line.show(live_line.line(settings))
                    stop.wait(1.0)
            finally:
                line.end()


def _require_model(settings: Settings) -> None:
    for file in settings.model_files if "model" in settings.agents else ():
        if not file.path.exists():
            raise DevError(f"The model {file.path} does not exist: `make setup` trains one, HINDSIGHT_MODEL names it.")


def with_free_web_port(settings: Settings, say: Say) -> Settings:
    """Return the settings with the port that the web view will get: its own, or the next free one.

    Raises:
        DevError: neither it nor the next 20 are free.
    """
    near = web_port.candidates(settings)
    free = next((port for port in near if ports.is_free(port) and port != settings.bridge_web_port), None)
    if free is None:
        raise DevError(f"Ports {near[0]} to {near[-1]} are all in use: set HINDSIGHT_WEB_PORT to a free one.")
    if free != settings.web_port:
        say(f"Port {settings.web_port} is in use by {ports.holder(settings.web_port)}: the web page takes {free}.")
    return settings.model_copy(update={"web_port": free})


def _embedded(settings: Settings) -> tuple[brokers.BrokerName, ...]:
    """Return the brokers that are needed and that the settings do not name."""
    named = {"rabbitmq": settings.amqp_url.get_secret_value() or not settings.queues, "kafka": settings.kafka}
    return tuple(name for name in brokers.BOTH if not named[name])


def _end_stale(dev_dir: Path, say: Say) -> None:
    for name, _ in (DRIVER, BRIDGE, WORKER):
        processes.end_stale(name, home=dev_dir, timeout_s=STOP_TIMEOUT_S, say=say)


@contextmanager
def _parts(settings: Settings, stop: Stop, say: Say, with_features: bool) -> Iterator[list[Child]]:
    """Hold our own processes running; at the end the data driver stops first, so that nothing is left half way."""
    dev_dir = settings.dev_dir.absolute()
    environ = os.environ | {"HINDSIGHT_WEB_PORT": str(settings.web_port)}
    children: list[Child] = []
    try:
        for name, argv in _needed(settings, with_features):
            if not stop.requested:
                children.append(processes.start(name, argv, home=dev_dir, environ=environ))
                say(f"Started {name}, which writes to {_shown(children[-1].log)}")
        if not stop.requested:
            _say_where(settings, say)
        yield children
    finally:
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for child in reversed(children):
            say(f"Stopping {child.name}.")
            child.stop(max(0.2, deadline - time.monotonic()))


def _needed(settings: Settings, with_features: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield WORKER
    if settings.queues and not settings.bridge_in_worker:
        yield BRIDGE
    if settings.queues and with_features:
        yield DRIVER


def _require_alive(children: list[Child]) -> None:
    for child in children:
        if child.has_ended():
            raise DevError(child.death())


def _say_where(settings: Settings, say: Say) -> None:
    say(f"Web page:    {live_line.page(settings)}")
    say(f"Metric log:  {_shown(settings.logs_dir / 'metric_log.csv')}")
    say(
        f"Picture:     {_shown(settings.logs_dir / 'error_distribution.png')} (drawn every {settings.plot_every_s:g} s)"
    )
    say("Ctrl-C stops everything; the next `make run` resumes where this one stopped.")


def _shown(path: Path) -> Path:
    """Return a path as short as it can be said from the working directory."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
