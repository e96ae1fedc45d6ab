"""The command `status`: the state of everything on one screen, without a running worker."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from contextlib import suppress

import msgspec

from commands.status.render import on_terminal, render
from commands.status.snapshot import Snapshot, look
from streams.settings import Settings

WATCH_S = 2.0
CLEAR = "\x1b[H\x1b[2J"


def run(settings: Settings, *, as_json: bool = False, watch: bool = False) -> int:
    """Print the state of everything, repeatedly with `watch`; return 1 if a broker cannot be reached."""
    for name in ("aiokafka", "pika"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # the screen says what they would say
    before: Snapshot | None = None
    with suppress(KeyboardInterrupt):
        while True:
            snapshot = asyncio.run(look(settings))
            text = to_json(snapshot) if as_json else render(snapshot, settings, before=before, colours=on_terminal())
            print(f"{CLEAR}{text}" if watch and sys.stdout.isatty() else text, flush=True)
            if not watch:
                return 1 if {"rabbitmq", "kafka"} & snapshot.problems.keys() else 0
            before = snapshot
            time.sleep(WATCH_S)
    return 0


def to_json(snapshot: Snapshot) -> str:
    """Return the snapshot as `status --json` prints it."""
    join = snapshot.join
    counts = {} if join is None else msgspec.structs.asdict(join.counts) | {"hurried": join.counts.evicted}  # formerly
    return json.dumps(
        {
            "at": snapshot.at,
            "queues": [queue._asdict() for queue in snapshot.queues],
            "topics": [topic._asdict() for topic in snapshot.topics],
            "join": join and {"counts": counts, "difference": join.counts.difference(), "decided_at": join.decided_at},
            "quarantined": snapshot.quarantined,
            "errors": snapshot.errors and snapshot.errors._asdict(),
            "worker": snapshot.worker._asdict(),
            "bridge": snapshot.bridge._asdict(),
            "problems": snapshot.problems,
            "refusals": [one._asdict() for one in snapshot.refusals],
        }
    )
