"""The command `status`: one screen of how everything stands, without a running worker."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from contextlib import suppress

from commands.status.render import on_terminal, screen
from commands.status.snapshot import Standing, look
from streams.settings import Settings

WATCH_S = 2.0
CLEAR = "\x1b[H\x1b[2J"


def run(settings: Settings, *, as_json: bool = False, watch: bool = False) -> int:
    """Print how everything stands, again and again with `watch`; return 1 if a broker cannot be reached."""
    for name in ("aiokafka", "pika"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # the screen says what they would say
    before: Standing | None = None
    with suppress(KeyboardInterrupt):
        while True:
            standing = asyncio.run(look(settings))
            text = _json(standing) if as_json else screen(standing, settings, before=before, colours=on_terminal())
            print(f"{CLEAR}{text}" if watch and sys.stdout.isatty() else text, flush=True)
            if not watch:
                return 1 if {"rabbitmq", "kafka"} & standing.problems.keys() else 0
            before = standing
            time.sleep(WATCH_S)
    return 0


def _json(standing: Standing) -> str:
    join = standing.join
    counts = {} if join is None else {name: getattr(join.counts, name) for name in join.counts.__struct_fields__}
    return json.dumps(
        {
            "at": standing.at,
            "queues": [queue._asdict() for queue in standing.queues],
            "topics": [topic._asdict() for topic in standing.topics],
            "join": join and {"counts": counts, "difference": join.counts.difference(), "decided_at": join.decided_at},
            "quarantined": standing.quarantined,
            "errors": standing.errors and standing.errors._asdict(),
            "worker": standing.worker._asdict(),
            "bridge": standing.bridge._asdict(),
            "problems": standing.problems,
        }
    )
