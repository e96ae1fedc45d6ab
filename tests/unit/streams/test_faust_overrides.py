"""Each override of Faust's internals: what it does, and that Faust still needs it."""

from __future__ import annotations

import asyncio
import inspect
import io
from types import SimpleNamespace
from typing import Any, ClassVar

import mode
import pytest
from aiokafka import TopicPartition
from aiokafka.util import commit_structure_validate
from faust.app.base import BootStrategy as FaustBootStrategy
from faust.assignor.partition_assignor import PartitionAssignor as FaustPartitionAssignor
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import Recovery as FaustRecovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.faust_overrides import (
    Batches,
    BootStrategy,
    Consumer,
    ConsumerThread,
    PartitionAssignor,
    Recovery,
    TableManager,
    Worker,
)
from streams.kafka.fetcher import TP as FetchedTP  # noqa: N811
from streams.kafka.fetcher import Batch

MINE = TP("y_true", 0)


def two_orders_of_one_set() -> tuple[list[str], list[str]]:
    """Return the same two members in two orders that make sets of them iterate differently."""
    for n in range(10_000):
        first, second = f"a{n}", f"b{n}"
        if list(_set(first, second)) != list(_set(second, first)):
            return [first, second], [second, first]
    raise AssertionError("no two names collide")


def _set(*members: str) -> set[str]:
    made = set()
    for member in members:
        made.add(member)
    return made


def test_topics_of_the_same_subscribers_stay_together_in_any_order() -> None:
    one, other = two_orders_of_one_set()
    subscriptions = {member: ["y_true", "y_pred"] for member in one}
    reordered = {member: ["y_true", "y_pred"] for member in other}

    for members in (subscriptions, reordered):
        assert list(PartitionAssignor._group_co_subscribed({"y_true", "y_pred"}, members)) == [{"y_true", "y_pred"}]
    assert "tuple(clients)" in inspect.getsource(FaustPartitionAssignor._group_co_subscribed), (
        "Faust no longer compares subscribers as a tuple of a set"
    )


class Standbys:
    """An app with one standby partition."""

    class tables:  # noqa: N801
        changelog_topics: ClassVar = {"pairs-changelog"}

    class assignor:  # noqa: N801
        assigned_standbys = staticmethod(lambda: {TP("pairs-changelog", 1)})


def test_faust_fetches_standbys_alone_and_does_not_wait_long_at_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[TopicPartition] = []
    state = SimpleNamespace(assign_from_subscribed=lambda assignment: paused.clear(), pause=paused.append)
    made = SimpleNamespace(_subscription=state)
    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_create_worker_consumer", lambda self, transport: made)
    thread = object.__new__(ConsumerThread)
    thread.app = Standbys

    thread._create_worker_consumer(None)
    tps = [TopicPartition("y_true", 0), TopicPartition("pairs-changelog", 0), TopicPartition("pairs-changelog", 1)]
    for _ in range(2):
        made._subscription.assign_from_subscribed(tps)

    assert paused == tps[:1], "with each assignment anew"
    thread._ensure_consumer = lambda: made
    thread.pause_active_changelogs(tps)
    assert paused == tps[:2]
    assert made._fetch_max_wait_ms < 1500


def test_offsets_of_partitions_that_have_gone_to_another_worker_are_not_committed() -> None:
    thread = object.__new__(ConsumerThread)
    thread.assignment = lambda: {TP("y_true", 1)}
    assert asyncio.run(thread._commit({MINE: 3})) is False
    with pytest.raises(ValueError, match=r"\{\}"):
        commit_structure_validate({})
    assert "if tp in self.assignment()" in inspect.getsource(driver.AIOKafkaConsumerThread._commit), (
        "Faust no longer leaves out the offsets of other partitions"
    )


def test_offsets_of_our_partitions_are_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    committed: list[Any] = []

    async def commit(self: Any, offsets: Any) -> bool:
        committed.append(offsets)
        return True

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_commit", commit)
    thread = object.__new__(ConsumerThread)
    thread.assignment = lambda: {MINE}
    assert asyncio.run(thread._commit({MINE: 3})) is True
    assert committed == [{MINE: 3}]


def test_faust_still_waits_long_for_a_fetch() -> None:
    source = inspect.getsource(driver.AIOKafkaConsumerThread._create_worker_consumer)
    assert "fetch_max_wait_ms=1500" in source, "Faust no longer waits 1.5 s for a fetch"


def test_faust_restores_no_partition_of_ours() -> None:
    assert object.__new__(Recovery).need_recovery() is False
    assert "Error in recovery" in inspect.getsource(FaustRecovery._slurp_changelogs.fun), (
        "Faust no longer swallows what a table raises in recovery"
    )


def test_faust_starts_no_web_server_whatever_its_command_line_says() -> None:
    class App:
        class conf:  # noqa: N801
            web_enabled = True

    assert BootStrategy(App())._should_enable_web() is False
    assert FaustBootStrategy(App())._should_enable_web() is True


def test_a_partition_that_faust_does_not_fetch_raises_no_alarm() -> None:
    class Thread:
        def verify_event_path(self, now: float, tp: TP) -> None:
            raise AssertionError(f"Faust complains about {tp}")

    ours = object.__new__(Consumer)
    ours._thread = Thread()

    ours.verify_event_path(0.0, MINE)
    assert "self._thread.verify_event_path" in inspect.getsource(driver.Consumer.verify_event_path), (
        "Faust no longer asks the thread"
    )


def sleeps_of(manager: type) -> list[float]:
    """Return how long a table manager of this class sleeps before it starts."""
    slept: list[float] = []

    class Manager(manager):  # type: ignore[misc, valid-type]
        should_stop = False
        recovery = type("Started", (), {"start": staticmethod(lambda: asyncio.sleep(0))})

        async def sleep(self, n: float, **kwargs: Any) -> None:
            slept.append(n)

        async def _update_channels(self) -> None: ...

    asyncio.run(object.__new__(Manager).on_start())
    return slept


def test_the_table_starts_without_a_nap() -> None:
    assert sleeps_of(TableManager) == []
    assert sleeps_of(FaustTableManager), "Faust no longer needs this override"


def test_an_agent_of_batches_is_given_those_of_its_topics_in_their_order() -> None:
    batches = Batches()

    async def play() -> list[int]:
        seen: list[int] = []

        async def agent() -> None:
            async for batch in batches:
                seen.append(batch.start)  # noqa: PERF401  it never ends
                if batch.start == 4:
                    return

        running = asyncio.create_task(agent())
        for start in range(5):
            batches.put(Batch(FetchedTP("y_true", 0), start, start + 1))
            if start % 2:
                await asyncio.sleep(0)
        await running
        return seen

    assert asyncio.run(play()) == [0, 1, 2, 3, 4]


def test_ctrl_c_is_answered_in_words() -> None:
    assert '"-INT- -INT- -INT- -INT- -INT- -INT-"' in inspect.getsource(mode.Worker._on_sigint), (
        "mode no longer answers Ctrl-C with -INT-"
    )
    said = io.StringIO()
    worker = Worker.__new__(Worker)
    worker.quiet, worker.stderr = False, said
    worker.carp("-INT- -INT- -INT- -INT- -INT- -INT-")
    worker.carp("Starting debugger...")
    assert said.getvalue() == "Stopping ...\nStarting debugger...\n"
