"""Each override of Faust's internals: what it does, and that Faust still needs it."""

from __future__ import annotations

import asyncio
import inspect
from collections import defaultdict
from typing import Any, ClassVar

from aiokafka import ConsumerRecord
from faust.app.base import BootStrategy as FaustBootStrategy
from faust.assignor.partition_assignor import PartitionAssignor as FaustPartitionAssignor
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import Recovery as FaustRecovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st
from intervaltree import IntervalTree

from streams.faust_overrides import (
    GATHERED_BYTES,
    BootStrategy,
    Consumer,
    ConsumerThread,
    PartitionAssignor,
    Recovery,
    TableManager,
    gathered,
)

MINE = TP("y_true", 0)


def consumer(of: type, acked: list[int], committed: int | None) -> Any:
    """Return a consumer that has nothing but what `_new_offset` looks at."""
    made = object.__new__(of)
    made._acked = defaultdict(list, {MINE: list(acked)})
    made._acked_index = defaultdict(set, {MINE: set(acked)})
    made._committed_offset = defaultdict(lambda: committed)
    made._gap = defaultdict(IntervalTree)
    return made


def test_offsets_acknowledged_twice_do_not_slow_the_commits_down() -> None:
    acked = [10, 10, 11, 11, 12, 13]

    assert consumer(Consumer, acked, 10)._new_offset(MINE) == 14
    assert consumer(driver.Consumer, acked, 10)._new_offset(MINE) == 11, "Faust no longer needs this override"


def test_offsets_below_the_committed_one_are_forgotten() -> None:
    ours = consumer(Consumer, [3, 4, 12, 13], 12)

    assert ours._new_offset(MINE) == 14
    assert ours._new_offset(MINE) is None


def test_a_missing_offset_holds_the_commit_until_it_comes() -> None:
    ours = consumer(Consumer, [10, 12, 13], 10)
    assert ours._new_offset(MINE) == 11
    ours._acked[MINE].append(11)
    assert ours._new_offset(MINE) == 14


def test_offsets_that_kafka_does_not_hold_count_as_acknowledged() -> None:
    ours = consumer(Consumer, [10, 13], 10)
    ours._gap[MINE].addi(11, 13)

    assert ours._new_offset(MINE) == 14


def test_a_gap_that_reaches_past_what_is_acknowledged_commits_no_more_than_that() -> None:
    ours = consumer(Consumer, [10, 13], 10)
    ours._gap[MINE].addi(11, 20)

    assert ours._new_offset(MINE) == 14


def record(offset: int, n_bytes: int | None = 10) -> ConsumerRecord[bytes, bytes]:
    value = None if n_bytes is None else b"." * n_bytes
    size = -1 if value is None else len(value)
    return ConsumerRecord("y_true", 0, offset, 1_700_000_000_000 + offset, 0, None, value, None, -1, size, ())


@given(st.lists(st.one_of(st.none(), st.integers(0, 2 * GATHERED_BYTES)), max_size=20))
def test_gathered_records_are_all_there_in_order_and_bounded(sizes: list[int | None]) -> None:
    records = [record(offset, size) for offset, size in enumerate(sizes, start=5)]
    groups = [one.value for one in gathered(records)]

    assert [one for group in groups for one in group] == records
    assert all(len(group) == 1 or sum(len(one.value or b"") for one in group) <= GATHERED_BYTES for group in groups)
    assert [one.offset for one in gathered(records)] == [group[-1].offset for group in groups]


def test_gathered_records_are_acknowledged_together() -> None:
    class App:
        class topics:  # noqa: N801
            acks_enabled_for = staticmethod(lambda topic: True)

    class Message:
        tp, topic, offset, acked = MINE, "y_true", 13, False
        value: ClassVar = [record(offset) for offset in range(10, 14)]

    ours = consumer(Consumer, [9], 9)
    ours.app, ours._unacked_messages, ours._n_acked, ours._waiting_for_ack = App, set(), 0, None

    assert ours.ack(Message())
    assert not ours.ack(Message()), "a second time changes nothing"
    assert ours._new_offset(MINE) == 14


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


def test_a_fetch_waits_little_at_the_broker() -> None:
    assert "fetch_max_wait_ms=1500" in inspect.getsource(driver.AIOKafkaConsumerThread._create_worker_consumer), (
        "Faust no longer waits 1.5 s for a fetch"
    )
    assert issubclass(ConsumerThread, driver.AIOKafkaConsumerThread)
    assert "_fetch_max_wait_ms" in inspect.getsource(ConsumerThread._create_worker_consumer)


def test_rows_that_a_transaction_took_back_are_not_read() -> None:
    assert 'isolation_level: str = "read_uncommitted"' in inspect.getsource(
        driver.AIOKafkaConsumerThread._create_worker_consumer
    ), "Faust no longer reads what is not committed"
    assert '"read_committed"' in inspect.getsource(ConsumerThread._create_worker_consumer)


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


def test_the_changelog_raises_no_alarm_for_having_no_stream() -> None:
    asked: list[TP] = []

    class Thread:
        def verify_event_path(self, now: float, tp: TP) -> None:
            asked.append(tp)

    class App:
        class tables:  # noqa: N801
            changelog_topics: ClassVar = {"pairs-changelog"}

    ours = object.__new__(Consumer)
    ours.app, ours._thread = App, Thread()

    ours.verify_event_path(0.0, TP("pairs-changelog", 0))
    ours.verify_event_path(0.0, MINE)

    assert asked == [MINE]


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


class Handed:
    """A message of gathered records."""

    def __init__(self, *offsets: int) -> None:
        self.tp, self.offset, self.value = MINE, offsets[-1], [record(offset) for offset in offsets]


def test_gathered_records_of_a_fetch_are_handed_over_in_order_and_only_what_lies_between_is_a_gap() -> None:
    handed: list[int] = []

    async def callback(message: Any) -> None:
        handed.extend(one.offset for one in message.value)

    ours = consumer(Consumer, [], 9)
    ours._read_offset, ours.callback = {MINE: 9}, callback

    asyncio.run(ours._hand_over([Handed(10, 11), Handed(12), Handed(15, 16), Handed(4, 5)]))

    assert handed == [10, 11, 12, 15, 16], "what lies before the position was read before"
    assert ours._read_offset == {MINE: 16}
    assert [(gap.begin, gap.end) for gap in ours._gap[MINE]] == [(13, 15)]
