"""`python -m tests.faults.points POINT NTH SIGNAL worker|bridge`: our process, which meets a signal at a named point.

The product knows nothing of it: the function at that point is wrapped from outside. SIGKILL dies there, SIGSTOP waits
there until somebody says SIGCONT.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A place in the program: before or after a call of `function` of `owner` in `module`, or halfway through."""

    module: str
    owner: str
    function: str
    when: str
    is_async: bool = True


POINTS = {
    "between Kafka's ack and RabbitMQ's": Point("bridge.relay", "Relay", "_deliver", "after"),
    "before the decision is sent": Point("streams.table.decision_log", "DecisionLog", "append", "before"),
    "between log and table": Point("streams.table.decision_log", "DecisionLog", "append", "after"),
    "between table and outbox": Point("streams.table.owner", "Owner", "_send", "before"),
    "before the verdicts are sent": Point("streams.table.outbox", "Outbox", "_send_some", "before"),
    "between metric and its confirmation": Point("streams.table.owner", "Owner", "_confirm", "before", is_async=False),
    "before the rows are written": Point("agents.metric_log.log", "MetricLog", "append", "before", is_async=False),
    "between CSV and state file": Point("agents.metric_log.log", "MetricLog", "_keep", "before", is_async=False),
    "between state file and Kafka's commit": Point(
        "agents.metric_log.log", "MetricLog", "append", "after", is_async=False
    ),
    "in the middle of a row": Point("agents.metric_log.files", "", "write_all", "halfway", is_async=False),
}


def install(point: Point, nth: int, number: signal.Signals) -> None:
    """Wrap the function at a point, so that its nth call is met by a signal."""
    owner: Any = importlib.import_module(point.module)
    if point.owner:
        owner = getattr(owner, point.owner)
    function = getattr(owner, point.function)
    is_writing = watch_appends() if number == signal.SIGSTOP and point.is_async else lambda: False
    n_calls, is_done = 0, False

    def is_it() -> bool:
        nonlocal n_calls, is_done
        n_calls += 1
        if n_calls < nth or is_done or is_writing():
            return False
        is_done = True
        return True

    def strike() -> None:
        os.write(2, f"\nat the point: {point.when} {point.function}\n".encode())
        signal.pthread_kill(threading.get_ident(), number)  # to this thread: it goes not one step further

    setattr(owner, point.function, functools.wraps(function)(_wrapped(function, point, is_it, strike)))


def watch_appends() -> Callable[[], bool]:
    """Return what tells whether the metric log is written now: who sleeps in an append holds up all (docs/guarantees.md)."""
    plotting = importlib.import_module("agents.plotting").Plotting
    append = plotting._append
    n_under_way = 0

    async def watched(*args: Any, **kwargs: Any) -> Any:
        nonlocal n_under_way
        n_under_way += 1
        try:
            return await append(*args, **kwargs)
        finally:
            n_under_way -= 1

    plotting._append = watched
    return lambda: n_under_way > 0


def _wrapped(
    function: Callable[..., Any], point: Point, is_it: Callable[[], bool], strike: Callable[[], None]
) -> Callable[..., Any]:
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        now = is_it()
        if now and point.when == "before":
            strike()
        result = await function(*args, **kwargs)
        if now and point.when == "after":
            strike()
        return result

    def call(*args: Any, **kwargs: Any) -> Any:
        now = is_it()
        if now and point.when == "before":
            strike()
        if now and point.when == "halfway":
            fd, data = args
            os.write(fd, data[: max(1, len(data) - 7)])
            strike()
        result = function(*args, **kwargs)
        if now and point.when == "after":
            strike()
        return result

    return call_async if point.is_async else call


def main() -> None:
    """Install the point of the command line, and run the program."""
    name, nth, number, program = sys.argv[1:]
    install(POINTS[name], int(nth), signal.Signals[number])
    if program == "bridge":
        from bridge.process import main as bridge

        sys.exit(bridge())
    from faust.cli.faust import cli

    faust = str(Path(sys.executable).with_name("faust"))
    sys.argv = [faust, "-A", "streams", "worker", "-l", "info"]
    cli()


if __name__ == "__main__":
    main()
