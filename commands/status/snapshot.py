"""How everything stands at one moment: gathered from brokers, disk and processes, each part alone if need be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from agents.insight import verdicts
from agents.insight.answers import Answers
from agents.insight.database import NAME, InsightError
from agents.insight.query import Asked, Query
from agents.insight.references import References
from agents.metric_log import state
from agents.metric_log.state import LogState
from commands.probes import Unavailable, kafka_group, kafka_topics, processes
from commands.probes.kafka_ranges import ranges
from commands.quarantine import selection
from streams.amqp import queue_depths
from streams.amqp.blocking import Queue
from streams.kafka import probe
from streams.kafka.topics import topics
from streams.scores.figures import Figures
from streams.scores.verdict import Verdict
from streams.settings import Settings, SettingsError
from streams.wire.refusals import Refusals
from web.state.status import Status

T = TypeVar("T")
ALL = "all"
Quarantined = tuple[int | None, Sequence[Refusals]]
"""How many records nobody has dealt with, and what the newest of them hold."""


class Log(NamedTuple):
    """How many rows the CSV files have, and when the last was written (UTC epoch seconds)."""

    n_matched: int
    n_unmatched: int
    written_at: float


class Worker(NamedTuple):
    """A worker of Kafka's group by its address: its models and partitions, or the problem why these are not known."""

    url: str
    models: list[str]
    partitions: list[int]
    problem: str = ""


class Snapshot(NamedTuple):
    """All that `status` shows. What could not be asked is empty, and `problems` says why: rabbitmq, kafka, logs, figures."""

    at: float
    queues: list[Queue]
    topics: list[kafka_topics.Topic]
    join: kafka_topics.Join | None
    quarantined: int | None
    log: Log | None
    worker: processes.Ready
    bridge: processes.Ready
    problems: dict[str, str]
    refusals: Sequence[Refusals] = ()
    figures: Figures | None = None
    verdict: Verdict | None = None
    workers: Sequence[Worker] = ()


async def look(settings: Settings, since: str = ALL) -> Snapshot:
    """Ask everybody at once. Never raises for what cannot be reached.

    Args:
        since: the span of the figures, as `length_s` reads it.
    """
    problems: dict[str, str] = {}
    queues, (seen, join, (quarantined, refusals)), logged, worker, bridge, figures = await asyncio.gather(
        _part(problems, "rabbitmq", asyncio.to_thread(queue_depths.queues, settings, settings.queue_names), []),
        _part(problems, "kafka", _kafka(settings), ([], None, (None, ()))),
        _part(problems, "logs", asyncio.to_thread(log, settings.logs_dir), None),
        asyncio.to_thread(processes.worker, settings),
        asyncio.to_thread(processes.bridge, settings),
        _part(problems, "figures", asyncio.to_thread(_figures, settings.logs_dir, since), None),
    )
    said = await asyncio.to_thread(_verdict, settings)
    workers = [] if "kafka" in problems else await _workers(settings, worker)
    return Snapshot(
        time.time(), queues, seen, join, quarantined, logged, worker, bridge, problems, refusals, figures, said, workers
    )


async def _workers(settings: Settings, here: processes.Ready) -> list[Worker]:
    """Return the workers: as the one on this machine tells, or else as far as Kafka's group knows."""
    told = await asyncio.to_thread(processes.status, settings, here) if here.ready is not None else None
    if told is not None:
        return workers_of(told)
    try:
        return [
            Worker(url, [], [], "its models and partitions are not known: no worker on this machine answers")
            for url in await kafka_group.workers(settings)
        ]
    except Unavailable:
        return []


def workers_of(told: Status) -> list[Worker]:
    """Return the workers that one of them names."""
    return [
        Worker(
            url,
            told.models_of.get(url, []),
            [part.partition for part in told.partitions if part.worker == url],
            told.silent.get(url, ""),
        )
        for url in told.workers
    ]


def _verdict(settings: Settings) -> Verdict | None:
    """Return the verdict on the last hour, None if there is no insight.db; it needs no worker."""
    if not (settings.logs_dir / NAME).exists():
        return None
    answers = Answers(settings.logs_dir, settings.join_window_s)
    found = verdicts.look(answers, References(settings.logs_dir))
    answers.close()
    return found


def _figures(logs_dir: Path, since: str) -> Figures | None:
    """Return the figures of insight.db, None if there is no such file; it needs no worker."""
    path = logs_dir / NAME
    if not path.exists():
        return None
    query = Query.open(path)
    try:
        return query.figures(Asked(since), time.time())
    finally:
        query.close()


def log(logs_dir: Path) -> Log | None:
    """Return what the metric log's state file says, None if there is no such file.

    Raises:
        OSError: it cannot be read.
        ValueError: it cannot be understood.
    """
    raw = state.read(logs_dir)
    if raw is None:
        return None
    read = state.decode(raw)
    if not isinstance(read, LogState):
        raise ValueError(f"{read or logs_dir / state.STATE_NAME}{'' if read else ' cannot be understood'}.")
    written_at = (logs_dir / state.STATE_NAME).stat().st_mtime
    return Log(read.n_matched, read.n_unmatched_true + read.n_unmatched_pred, written_at)


async def _kafka(settings: Settings) -> tuple[list[kafka_topics.Topic], kafka_topics.Join | None, Quarantined]:
    await probe.probe(settings)
    seen = await kafka_topics.topics_now(settings)
    there = {topic.name: topic for topic in seen}
    names = topics(settings)
    log, quarantine = there[names.pairs_log.name], there[names.quarantine.name]
    join = await kafka_topics.join_now(settings, log.partitions) if log.partitions else None
    return seen, join, await _quarantined(settings, quarantine.records)


async def _quarantined(settings: Settings, n_kept: int | None) -> Quarantined:
    """Return how many of the records in quarantine nobody has dealt with; all, for a user who may not read that."""
    if not n_kept:
        return n_kept, ()
    try:
        async with ranges(settings) as reading:
            return await selection.n_open(reading, settings), await selection.refusals(reading, settings)
    except Unavailable:
        return n_kept, ()


async def _part(problems: dict[str, str], name: str, asked: Awaitable[T], otherwise: T) -> T:
    try:
        return await asked
    except (Unavailable, SettingsError, InsightError, OSError, ValueError) as exc:
        problems[name] = str(exc)
        return otherwise
