"""The command `repartition`: refuse what would not be safe, then grow, or go on with a growth that was broken off."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Mapping

from commands.confirm import confirmed
from commands.probes import Unavailable, kafka_group, processes
from commands.probes.kafka_topics import last_decisions
from commands.repartition import growing
from commands.status.render import BAD, GOOD
from streams.kafka import probe
from streams.kafka.admin import Admin
from streams.kafka.topics import TopicError, require_log_kept, topics
from streams.settings import Settings, SettingsError
from streams.table.moving import Overtaken
from streams.table.restore import CannotRestore
from streams.table.store import StoreFailed

MOST = 1000
LOOKS, LOOK_EVERY_S = 15, 1.0
"""A worker that ended is in its group until its session has timed out, 10 s later: it might be back at once."""
AGAIN = "Run the same command again: it goes on from where it was."


class Refused(Exception):
    """Nothing was done; the message says why, and what to do."""


def run(settings: Settings, *, partitions: str, yes: bool = False) -> int:
    """Grow the topics to so many partitions; return 0 if they have them, with each id where it belongs, else 1.

    Args:
        yes: do not ask.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL + 1)  # what it would say is in our sentences
    logging.getLogger("hindsight.restore").setLevel(logging.WARNING)  # the progress says it
    try:
        return _grow(settings, _number(partitions), yes=yes)
    except (Refused, Unavailable, SettingsError, TopicError) as exc:
        print(f"{BAD} {exc}", file=sys.stderr)
    except (CannotRestore, StoreFailed) as exc:
        print(f"{BAD} The growth cannot go on: {exc}. Then run the same command again.", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{BAD} Broken off. {AGAIN}", file=sys.stderr)
    except Overtaken as exc:
        print(f"{BAD} {exc} Stop it. {AGAIN}", file=sys.stderr)
    return 1


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise Refused(f"{text!r} is no number of partitions: give a whole number from 2 to {MOST:,}, such as 16.")
    return int(text)


def _grow(settings: Settings, n: int, *, yes: bool) -> int:
    wanted = settings.model_copy(update={"partitions": n})
    n_before = asyncio.run(_partitions_before(wanted))
    if n_before == n:
        print(f"{GOOD} The topics have {n} partitions: nothing to do. Set HINDSIGHT_PARTITIONS={n} everywhere.")
        return 0
    asyncio.run(_check(wanted))
    question = f"Kafka cannot take partitions away again. Grow the topics from {n_before} to {n} partitions?"
    if not confirmed(question, yes=yes):
        return 1
    started = time.monotonic()
    try:
        n_moved = asyncio.run(growing.grow(wanted, n_before))
    except Unavailable as exc:
        raise Unavailable(f"{exc} {AGAIN} Until then, neither workers nor bridges start.") from None
    took_s = time.monotonic() - started
    print(
        f"{GOOD} The topics have {n} partitions; {n_moved:,} states of ids were moved, in {took_s:.1f} s. Set "
        f"HINDSIGHT_PARTITIONS={n} for all workers, bridges and commands, and start them again."
    )
    return 0


async def _partitions_before(wanted: Settings) -> int:
    """Return by how many partitions the ids are placed: as many as are wanted if nothing is left to do.

    Raises:
        Refused: there are no topics yet, or they have more.
        Unavailable: Kafka does not answer.
    """
    await probe.probe(wanted)
    found, n = await growing.numbers(wanted), wanted.partitions
    names = topics(wanted)
    order = growing.in_order(names)
    if missing := [name for name in order if name not in found]:
        raise Refused(
            f"Kafka has no topic {missing[0]!r}, so nothing has to grow: set HINDSIGHT_PARTITIONS={n}, and start a worker."
        )
    if (most := max(found[name] for name in order)) > n:
        raise Refused(
            f"The topics have up to {most} partitions, and Kafka cannot take partitions away: give a number above that."
        )
    if found.get(names.metric.name, 1) != 1:
        raise Refused(f"The topic {names.metric.name!r} has {found[names.metric.name]} partitions, and must have 1.")
    return min(found[name] for name in order) if _differ(found, order, n) else await _placed_by(wanted)


def _differ(found: Mapping[str, int], order: tuple[str, ...], n: int) -> bool:
    return any(found[name] != n for name in order)


async def _placed_by(wanted: Settings) -> int:
    """Return the smallest number of partitions that the logs say ids are placed by; where none says one, that of the topics."""
    last = await last_decisions(wanted, wanted.partitions)
    return min([one.checkpoint.partitions for one in last if one.checkpoint.partitions], default=wanted.partitions)


async def _members(wanted: Settings) -> list[str]:
    """Return the workers in the group; those that were stopped a moment ago are waited for, as they leave it later."""
    members = await kafka_group.workers(wanted)
    for _ in range(LOOKS):
        if not members:
            break
        await asyncio.sleep(LOOK_EVERY_S)
        members = await kafka_group.workers(wanted)
    return members


async def _check(wanted: Settings) -> None:
    """Refuse where somebody of ours runs, or where Kafka would not let us.

    Raises:
        Refused, TopicError, Unavailable: with what to do.
    """
    for one, what in ((processes.bridge(wanted), "bridge"), (processes.worker(wanted), "worker")):
        if one.ready is not None:
            raise Refused(f"A {what} answers at {one.url}: stop all bridges and workers first.")
    if members := await _members(wanted):
        where = ", ".join(sorted({one for one in members if one})) or "Kafka does not say where"
        raise Refused(
            f"{len(members)} worker{'s are' if len(members) > 1 else ' is'} in the group {wanted.app_id!r} ({where}): stop all "
            "workers first."
        )
    await require_log_kept(wanted)
    found = await growing.numbers(wanted)
    async with Admin(wanted) as admin:
        short = [name for name in growing.in_order(topics(wanted)) if found[name] < wanted.partitions]
        await admin.grow(short, wanted.partitions, only_try=True)
