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
from commands.status.snapshot import ALL, Snapshot, look
from streams.scores.figures import length_s
from streams.settings import Settings

WATCH_S = 2.0
CLEAR = "\x1b[H\x1b[2J"


def run(settings: Settings, *, as_json: bool = False, watch: bool = False, since: str = ALL) -> int:
    """Print the state of everything, repeatedly with `watch`; return 1 if a broker cannot be reached.

    Args:
        since: the span of the figures, as `length_s` reads it.
    """
    if length_s(since) is None:
        print(f"--since is a length of time such as 90s, 5m, 3h or 7d, or all: {since!a} is none.", file=sys.stderr)
        return 2
    for name in ("aiokafka", "pika"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # the screen says what they would say
    before: Snapshot | None = None
    with suppress(KeyboardInterrupt):
        while True:
            snapshot = asyncio.run(look(settings, since))
            text = (
                to_json(snapshot, settings)
                if as_json
                else render(snapshot, settings, before=before, colours=on_terminal())
            )
            print(f"{CLEAR}{text}" if watch and sys.stdout.isatty() else text, flush=True)
            if not watch:
                return 1 if {"rabbitmq", "kafka"} & snapshot.problems.keys() else 0
            before = snapshot
            time.sleep(WATCH_S)
    return 0


def to_json(snapshot: Snapshot, settings: Settings) -> str:
    """Return the snapshot as `status --json` prints it."""
    join = snapshot.join
    counts = {} if join is None else msgspec.structs.asdict(join.counts) | {"hurried": join.counts.evicted}  # formerly
    return json.dumps(
        {
            "at": snapshot.at,
            "queues": [queue._asdict() for queue in snapshot.queues],
            "topics": [topic._asdict() for topic in snapshot.topics],
            "join": join
            and {
                "counts": counts,
                "difference": join.counts.difference(),
                "match_rate": join.counts.match_rate(),
                "decided_at": join.decided_at,
                "models": {name: msgspec.structs.asdict(of_it) for name, of_it in join.by_model.items()},
            },
            "windows": {
                name: getattr(settings, name)
                for name in ("join_window_s", "max_out_of_orderness_s", "dedupe_horizon_s")
            },
            "quarantined": snapshot.quarantined,
            "log": snapshot.log and snapshot.log._asdict(),
            "figures": msgspec.to_builtins(snapshot.figures),
            "verdict": msgspec.to_builtins(snapshot.verdict),
            "worker": snapshot.worker._asdict(),
            "workers": [worker._asdict() for worker in snapshot.workers],
            "bridge": snapshot.bridge._asdict(),
            "problems": snapshot.problems,
            "refusals": [one._asdict() for one in snapshot.refusals],
        }
    )
