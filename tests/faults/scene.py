"""One run of one fault: the world it happens to, the load that goes on meanwhile, its chances and its schedule."""

from __future__ import annotations

import fcntl
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.e2e.pipeline import Process
from tests.faults import ledger
from tests.faults.load import Load
from tests.faults.world import LOUD, World
from tests.waiting import wait_until

FLOW_S = 60.0
SEEN_S = 30.0


class Scene:
    """What a fault is given. Times in the schedule are seconds since the load began."""

    def __init__(self, world: World, load: Load, chance: random.Random, scale: float) -> None:
        self.world, self.load, self.chance, self.scale = world, load, chance, scale
        self.pipeline, self.brokers = world.pipeline, world.brokers
        self.worker, self.bridge = self.pipeline.worker, self.pipeline.bridge
        self.schedule: list[tuple[float, str]] = []
        self.resumed_s: float | None = None
        self.seen_s: float | None = None
        self._begun = self._noted = time.monotonic()
        self._printed = world.printed()
        self._log = LogIds(self.pipeline.logs / "metric_log.csv")

    def note(self, what: str) -> None:
        """Write down what happens now; the time until rows flow again counts from the last note."""
        self._noted = time.monotonic()
        self._write_down(what)

    def _write_down(self, what: str) -> None:
        self.schedule.append((round(time.monotonic() - self._begun, 2), what))

    def published(self, n: int) -> None:
        """Wait until so many more ids are published, both sides confirmed."""
        target = len(self.load.complete) + n
        wait_until(lambda: len(self.load.complete) >= target, FLOW_S, f"{n} more ids are published")

    def flow(self, n: int = 100) -> None:
        """Wait until ids that were published after this call stand in the metric log."""
        self.published(n)
        wanted = self.load.complete[-1]
        wait_until(lambda: self._log.has(wanted), FLOW_S, f"{wanted} is in the metric log")

    def resume(self, n: int = 20) -> None:
        """Wait until rows flow from end to end again, and keep how long that took since the last note."""
        self.flow(n)
        took_s = round(time.monotonic() - self._noted, 1)
        self.resumed_s = max(self.resumed_s or 0.0, took_s)
        self._printed = self.world.printed()
        self.note(f"rows flow again after {took_s} s")

    def hold(self, duration_s: float) -> None:
        """Let a fault last for so long."""
        until = time.monotonic() + duration_s
        wait_until(lambda: time.monotonic() >= until, duration_s + 5, "time passes")

    def visible(self, program: str, name: str) -> None:
        """Wait until /readyz and /metrics of bridge or worker name what does not work, and its log has a line of it."""
        printed = self.world.home / f"{program}.out"
        from_here = self._printed.get(printed, 0)
        for where, is_shown in (
            ("/readyz", lambda: any(name in wrong for wrong in self.world.wrong(program))),
            ("/metrics", lambda: re.search(rf'="{name}[^"]*"}} 0\.0', self.world.metrics(program))),
            ("the log", lambda: LOUD.search(printed.read_bytes()[from_here:].decode(errors="replace"))),
        ):
            wait_until(is_shown, SEEN_S, f"{where} of the {program} shows {name!r}: {self.world.wrong(program)}")
        took_s = round(time.monotonic() - self._noted, 1)
        self.seen_s = max(self.seen_s or 0.0, took_s)
        self._write_down(f"seen on /readyz, on /metrics and in the log of the {program} after {took_s} s: {name}")

    def healthy(self) -> None:
        """Wait until bridge and worker both say that they are ready."""
        for program in ("bridge", "worker"):
            wait_until(
                lambda program=program: self.world.ask(program).get("ready"),  # type: ignore[misc]
                FLOW_S,
                f"the {program} is ready; it names {self.world.wrong(program)}",
            )

    def ended(self, process: Process) -> int:
        """Wait until a process has ended by itself; return its exit code."""
        code = wait_until(
            lambda: (process.process.poll(),) if process.process.poll() is not None else None,
            FLOW_S,
            f"the {process.name} ends",
        )
        return int(code[0])

    def stopped(self, process: Process) -> None:
        """Wait until the kernel says that a process is stopped."""
        status = Path(f"/proc/{process.process.pid}/stat")
        wait_until(lambda: status.read_text().rpartition(")")[2].split()[0] == "T", FLOW_S, f"{process.name} stops")

    @contextmanager
    def log_at_rest(self) -> Iterator[None]:
        """Hold the metric log's lock, so that nobody is in an append; who sleeps there holds up all (docs/guarantees.md)."""
        with (self.pipeline.logs / "metric_log.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def second_worker(self) -> Iterator[Process]:
        """Have a second worker that shares directories with the first, from its start to its end in order."""
        port = str(int(self.world.environ["HINDSIGHT_WEB_PORT"]) + 1)
        second = self.pipeline.new_worker(f"second-{len(self.schedule)}", HINDSIGHT_WEB_PORT=port)
        try:
            yield second
        finally:
            second.end()

    def settle_inputs(self) -> None:
        """Stop the load, and wait until all of its pairs stand in the metric log."""
        self.load.pause()
        self.until(lambda: all(map(self._log.has, self.load.complete)), "all pairs are in the metric log")

    def keep_logged(self) -> None:
        """Have the oracle count what stands in the logs now, whatever happens to the files."""
        self.world.keep_logs()

    def forget_kafka(self) -> None:
        """Ask for none of the ids that were published until now: what Kafka had of them is gone."""
        self.world.forgiven |= {row_id for intent in ledger.read(self.load.ledger.path) for row_id, _, _ in intent.rows}
        self.world.forgiven |= {bad for intent in ledger.read(self.load.ledger.path) for bad in intent.bad}

    def known_extra(self, prefix: str) -> None:
        """Have the oracle take ids that are in no ledger."""
        self.world.prefixes.append(prefix)

    def rss_mb(self, process: Process) -> float:
        """Return what a process holds in memory, in MB."""
        status = Path(f"/proc/{process.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for an effect of the fault."""
        wait_until(condition, FLOW_S, what)


class LogIds:
    """The ids in a metric log that grows, and may be cut back."""

    def __init__(self, path: Path) -> None:
        self._path, self._at, self._looked_at = path, 0, 0.0
        self._ids: set[str] = set()

    def has(self, row_id: str) -> bool:
        """Return whether a row of this id stands there. What was read is believed for a second."""
        if time.monotonic() - self._looked_at > 1.0:
            self._at, self._looked_at = 0, time.monotonic()
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
            whole = data.rfind(b"\n") + 1
            self._at += whole
            self._ids.update(line.split(b",", 1)[0].decode() for line in data[:whole].splitlines())
        return row_id in self._ids
