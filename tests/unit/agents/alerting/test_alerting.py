"""Alerts are written down, then sent to real HTTP servers that are down, slow or broken: each once, over restarts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from agents.alerting.alerting import Alerting, CannotKeep, NotOurs
from streams.alerts.readings import Reading
from streams.alerts.rules import Alertmanager, Alerts, Rule, Webhook
from streams.scores.verdict import Verdict
from tests.receiver import Receiver

MAE = Rule(name="mae", metric="mae", above=10.0, severity="critical")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


class Disk:
    """Keeps the book; raises what it is told to raise."""

    def __init__(self) -> None:
        self.kept: bytes | None = None
        self.fault: CannotKeep | None = None

    async def load(self) -> bytes | None:
        return self.kept

    async def save(self, book: bytes) -> None:
        if self.fault:
            raise self.fault
        self.kept = book


class World:
    """What the rules are held against, and who owns the figures."""

    verdict: Verdict | None = None

    def __init__(
        self, *webhooks: str, alertmanager: str = "", disk: Disk | None = None, timeout_s: float = 5.0
    ) -> None:
        self.value: float | None = 12.0
        self.is_mine = True
        managers = (Alertmanager(url=alertmanager),) if alertmanager else ()
        self.alerts = Alerts((MAE,), tuple(Webhook(url=url) for url in webhooks), managers)
        self.disk = disk or Disk()
        self.alerting = Alerting(
            self.alerts, self.disk, self, source="test", is_mine=lambda: self.is_mine, timeout_s=timeout_s
        )

    async def refresh(self) -> None:
        pass

    async def readings(self, rules: Sequence[Rule]) -> Mapping[str, Reading]:
        return {rule.name: Reading(self.value, why="no labels") for rule in rules}

    async def play(self, *steps: Callable[[], object]) -> None:
        """Run until each step in turn has returned something true."""
        work = asyncio.create_task(self.alerting.run(every_s=0.01))
        try:
            async with asyncio.timeout(60):
                for step in steps:
                    while not step():
                        assert not work.done(), work
                        await asyncio.sleep(0.01)
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    def sets(self, value: float | None) -> Callable[[], bool]:
        def step() -> bool:
            self.value = value
            return True

        return step

    def nothing_waits(self) -> bool:
        book = self.alerting.book
        return book is not None and not book.undelivered


def statuses(receiver: Receiver) -> list[str]:
    return [posted.body["status"] for posted in receiver.posted]


def test_a_webhook_is_sent_json_with_a_key_once_when_it_fires_and_once_when_it_is_resolved(receiver):
    world = World(receiver.url + "/hook?team=a")
    asyncio.run(
        world.play(lambda: receiver.posted, world.sets(5.0), lambda: len(receiver.posted) == 2, world.nothing_waits)
    )
    fired, resolved = receiver.posted
    assert (fired.path, fired.headers["Content-Type"]) == ("/hook?team=a", "application/json")
    assert fired.headers["Idempotency-Key"] == fired.body["key"] != resolved.body["key"]
    assert (fired.body["rule"], fired.body["status"], fired.body["value"]) == ("mae", "firing", 12.0)
    assert (resolved.body["status"], resolved.body["fired_at"]) == ("resolved", fired.body["fired_at"])


def test_a_restart_neither_sends_again_nor_forgets(receiver):
    first = World(receiver.url)
    asyncio.run(first.play(lambda: receiver.posted, first.nothing_waits))
    again = World(receiver.url, disk=first.disk)
    looks = iter(range(5))
    asyncio.run(
        again.play(again.nothing_waits, lambda: next(looks) == 4, again.sets(5.0), lambda: len(receiver.posted) == 2)
    )
    assert statuses(receiver) == ["firing", "resolved"]


def test_what_was_not_delivered_before_a_restart_is_delivered_after_it():
    gone = Receiver()
    gone.close()
    first = World(gone.url)
    asyncio.run(first.play(lambda: first.alerting.couriers[0].said))
    assert "cannot be reached" in first.alerting.couriers[0].said
    receiver = Receiver(port=gone.port)
    try:
        again = World(receiver.url, disk=first.disk)
        again.value = None
        asyncio.run(again.play(lambda: receiver.posted, again.nothing_waits))
        assert statuses(receiver) == ["firing"], "also while nothing can be told"
    finally:
        receiver.close()


def test_killed_between_sending_and_noting_it_the_same_key_is_sent_again(receiver):
    first = World(receiver.url)
    asyncio.run(first.alerting.look())  # written down; not sent
    disk = Disk()
    disk.kept = first.disk.kept
    for _ in range(2):
        again = World(receiver.url, disk=disk)
        disk.kept, before = first.disk.kept, len(receiver.posted)
        asyncio.run(again.play(lambda before=before: len(receiver.posted) > before))
    keys = {posted.headers["Idempotency-Key"] for posted in receiver.posted}
    assert len(keys) == 1


@pytest.mark.parametrize("answers", [(500, 503, 200), (429, 200), (404, 200)], ids=str)
def test_a_receiver_that_fails_is_tried_again_until_it_takes_it(answers):
    receiver = Receiver(*answers)
    try:
        world = World(receiver.url)
        asyncio.run(world.play(world.nothing_waits))
        assert len(receiver.posted) == len(answers)
        assert len({posted.body["key"] for posted in receiver.posted}) == 1
    finally:
        receiver.close()


def test_one_that_says_the_body_is_wrong_is_not_tried_again():
    receiver = Receiver(400)
    try:
        world = World(receiver.url)
        asyncio.run(world.play(world.nothing_waits))
        assert len(receiver.posted) == 1
        assert "answers 400" in world.alerting.couriers[0].said
    finally:
        receiver.close()


def test_one_that_does_not_answer_holds_up_no_other_and_no_look(receiver):
    slow = Receiver(0)
    try:
        world = World(slow.url, receiver.url)
        asyncio.run(
            world.play(lambda: slow.posted, lambda: receiver.posted, world.sets(5.0), lambda: len(receiver.posted) == 2)
        )
        assert statuses(receiver) == ["firing", "resolved"]
        assert len(slow.posted) == 1
    finally:
        slow.close()


def test_one_that_does_not_answer_in_time_is_tried_again():
    slow = Receiver(0, 0, 200)
    try:
        world = World(slow.url, timeout_s=0.2)
        asyncio.run(world.play(world.nothing_waits))
        assert len(slow.posted) == 3
    finally:
        slow.close()


def test_who_does_not_own_the_figures_sends_nothing(receiver):
    world = World(receiver.url, alertmanager=receiver.url)
    world.is_mine = False
    looks = iter(range(20))
    asyncio.run(world.play(lambda: next(looks) == 19))
    assert receiver.posted == []
    assert world.disk.kept is None


def test_the_next_owner_goes_on_where_the_last_one_stopped(receiver):
    first = World(receiver.url)
    asyncio.run(first.play(lambda: receiver.posted, first.nothing_waits))
    first.is_mine = False
    asyncio.run(first.alerting.look())
    assert first.alerting.book is None
    second = World(receiver.url, disk=first.disk)
    asyncio.run(second.play(second.sets(5.0), lambda: len(receiver.posted) == 2))
    assert statuses(receiver) == ["firing", "resolved"]


@pytest.mark.parametrize("fault", [CannotKeep("The disk is full."), NotOurs("Another worker has opened it.")], ids=str)
def test_nothing_is_sent_that_could_not_be_written_down(receiver, fault):
    world = World(receiver.url)
    world.disk.fault = fault
    looks = iter(range(10))

    def mended() -> bool:
        world.disk.fault = None
        return True

    asyncio.run(world.play(lambda: next(looks) == 9, lambda: not receiver.posted, mended, lambda: receiver.posted))
    assert len(receiver.posted) == 1


def test_what_is_kept_and_cannot_be_read_begins_anew(receiver):
    world = World(receiver.url)
    world.disk.kept = b"\x00 no book"
    asyncio.run(world.play(lambda: receiver.posted))
    assert receiver.posted[0].body["status"] == "firing"


def test_an_alertmanager_is_told_what_fires_and_then_that_it_is_resolved(receiver):
    world = World(alertmanager=receiver.url + "/prefix")
    asyncio.run(world.play(lambda: receiver.posted, world.sets(5.0), lambda: "endsAt" in receiver.posted[-1].body[0]))
    fired = receiver.posted[0]
    assert fired.path == "/prefix/api/v2/alerts"
    (alert,) = fired.body
    assert alert["labels"] == {
        "alertname": "mae",
        "severity": "critical",
        "metric": "mae",
        "source": "test",
        "cause": "error",
    }
    assert "endsAt" not in alert
    assert receiver.posted[-1].body[0]["labels"] == alert["labels"]
    assert receiver.posted[-1].body[0]["startsAt"] == alert["startsAt"]


def test_a_look_that_takes_long_is_said_and_what_was_found_before_is_not_shown_as_so_now(monkeypatch, receiver):
    world = World(receiver.url)
    asyncio.run(world.alerting.look())
    world.verdict = Verdict("as usual", "As good as the reference.")
    assert world.alerting.verdict == world.verdict
    assert world.alerting.problem == ""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 90.0)
    assert world.alerting.problem.startswith("The rules have not been looked at for 90 s")
    said = world.alerting.verdict
    assert said is not None
    assert said.word == "cannot tell"
