"""Runs faults: a world, a load, the fault, and then the oracle's word."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.brokers import Brokers
from tests.faults import ledger, reading
from tests.faults.checker import Report, check
from tests.faults.fault import Fault
from tests.faults.foreign import Foreign
from tests.faults.limits import late
from tests.faults.load import FOREIGN, Load
from tests.faults.scene import LogIds, Scene
from tests.faults.traffic import Traffic
from tests.faults.world import LOUD, World
from tests.waiting import wait_until

SETTLED_S = 180.0
LOOK_EVERY_S = 0.5
LOAD_END_S = 120.0
MOST_LINES = 30
"""How many lines at WARNING or above one fault may be worth."""
MOST_LINES_IN_ALL = 600
"""How many at all, with those of a worker's start."""


class Runner:
    """Runs one fault after the other; those that can, share a pipeline. `own_brokers` makes brokers for one fault."""

    def __init__(self, brokers: Brokers, own_brokers: Callable[[], Brokers]) -> None:
        self._brokers, self._own_brokers = brokers, own_brokers
        self._shared: World | None = None
        self._ledgers: list[Path] = []

    def run(self, fault: Fault, seed: int, scale: float = 1.0) -> dict[str, Any]:
        """Run one fault; return the report as plain values. A fault that fails says so in `problems`."""
        brokers = self._own_brokers() if fault.own_brokers else self._brokers
        try:
            return self._run(fault, brokers, seed, scale)
        finally:
            if fault.own_brokers:
                brokers.stop()

    def end(self) -> None:
        """End the shared pipeline."""
        if self._shared is not None:
            self._shared.end()
            self._shared = None

    def finish(self) -> dict[str, Any] | None:
        """Wait until every id of the shared pipeline has had its time; return the report on all of its ledgers."""
        if self._shared is None:
            return None
        intents = [intent for path in self._ledgers for intent in ledger.read(path)]
        report = settle(self._shared, intents, over=True, known=())
        return {"fault": "all of them", "ok": not report.problems} | report.as_json()

    def _run(self, fault: Fault, brokers: Brokers, seed: int, scale: float) -> dict[str, Any]:
        world = self._world(fault, brokers)
        begun = time.monotonic()
        prefix = f"{fault.name}-{seed}-{len(world.prefixes)}-"
        path = world.home / f"{prefix}ledger.jsonl"
        chance = random.Random(f"{fault.name} {seed}")
        traffic = Traffic(prefix, random.Random(f"traffic {seed}"), time.time, fault.mix)
        log = LogIds(world.pipeline.logs / "metric_log.csv")
        foreign = Foreign(world.brokers.kafka, world.namespace)
        share = 0.0 if fault.outlasts_window else FOREIGN
        load = Load(world.amqp_url, ledger.Ledger(path), traffic, chance, fault.ids_per_s, foreign, log.has, share)
        said_before = world.printed()
        scene = Scene(world, load, chance, scale)
        failure = ""
        load.start()
        try:
            scene.flow()
            fault.strike(scene)
            load.end(LOAD_END_S)
        except Exception as exc:  # whatever a fault meets is its result, and the next one runs
            failure = str(exc) if isinstance(exc, AssertionError) else repr(exc)
            load.give_up()
        report = settle(world, list(ledger.read(path)), over=not fault.shares, known=world.prefixes)
        said = world.printed_since(said_before)
        problems = ([failure] if failure else []) + report.problems + _loud(said)
        last_words = world.last_words() if problems else {}
        if fault.shares:
            world.prefixes.append(prefix)
            self._ledgers.append(path)
            world.is_broken = bool(problems)
        else:
            world.end()
        return {
            "fault": fault.name,
            "what": fault.what,
            "seed": seed,
            "scale": scale,
            "ok": not problems,
            "schedule": scene.schedule,
            "late": late(resumed_s=scene.resumed_s, resumes_s=fault.resumes_s, seen_s=scene.seen_s),
            "resumed_s": scene.resumed_s,
            "resumes_s": fault.resumes_s,
            "seen_s": scene.seen_s,
            "log_lines": len(loud(said)),
            "n_foreign": load.n_foreign,
            "took_s": round(time.monotonic() - begun, 1),
        } | (report.as_json() | {"problems": problems, "last_words": last_words})

    def _world(self, fault: Fault, brokers: Brokers) -> World:
        if fault.shares and self._shared is not None and not self._shared.is_broken:
            return self._shared
        world = World(brokers, **fault.settings)
        world.start()
        if fault.shares:
            self.end()
            self._shared = world
            self._ledgers.clear()
        return world


def settle(world: World, intents: list[ledger.Intent], *, over: bool, known: list[str] | tuple[str, ...]) -> Report:
    """Wait until the oracle has nothing to say, or until it has had its time; return its last word."""
    given_s = SETTLED_S + (world.waiting_s if over else 0)
    found: list[Report] = []
    looked_at = [0.0]

    def fine() -> bool:
        if found and time.monotonic() - looked_at[0] < LOOK_EVERY_S:
            return False
        looked_at[0] = time.monotonic()
        counts = world.ask("worker", "/api/status")
        logs = [*world.kept_logs, world.pipeline.logs]
        seen = reading.read(world.brokers.kafka, world.namespace, logs, counts)
        found[:] = [check(intents, seen, over=over, known=known, forgiven=world.forgiven)]
        return not found[0].problems

    try:
        wait_until(fine, given_s, "the oracle is content")
    except AssertionError:
        assert found, "the oracle could not look"
    return found[0]


def loud(said: str) -> list[str]:
    """Return the lines at WARNING or above."""
    return [line for line in said.splitlines() if LOUD.search(line)]


def _loud(said: str) -> list[str]:
    problems, lines = [], loud(said)
    if len(lines) > MOST_LINES:
        problems.append(
            f"{len(lines)} lines at WARNING or above were printed: " + "\n".join(line[:150] for line in lines)
        )
    if (n := said.count("\n")) > MOST_LINES_IN_ALL:
        problems.append(f"{n} lines were printed, these last: {said[-1000:]}")
    if "Traceback" in said:
        problems.append("a traceback was printed: " + said[said.index("Traceback") :][:3000])
    return problems
