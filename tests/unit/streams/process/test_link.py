"""What is said of a link: once when it goes down, once when it works again."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from streams.process import link as module
from streams.process.link import REMIND_S, STEADY_S, Event, Link, Said
from streams.process.log_throttle import Throttle
from tests.unit.clocks import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_problem_that_goes_on_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    link = Link("test", logging.getLogger("test"))

    for attempt in range(1000):
        link.down(f"It is away, seen {attempt} times.")
    with caplog.at_level("INFO"):
        link.up("It is back.")

    assert said(caplog) == ["It is away, seen 0 times.", "It is back."]
    assert link.state()["last_problem"] == "It is away, seen 999 times."
    assert link.problem == ""


def test_a_problem_that_goes_on_for_long_is_said_again(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    link = Link("test", logging.getLogger("test"))
    link.down("It is away.")
    clock.now += REMIND_S + 1
    link.down("It is still away.")

    assert said(caplog) == ["It is away.", "It is still away."]


def test_a_new_reason_is_said_at_once_and_a_known_one_rarely(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    link = Link("test", logging.getLogger("test"))
    for _ in range(100):
        link.down("Nobody listens at port 5672.")
        link.down("It refuses the password.")
    clock.now += REMIND_S + 1
    link.down("Nobody listens at port 5673.")

    assert said(caplog) == ["Nobody listens at port 5672.", "It refuses the password.", "Nobody listens at port 5673."]


def test_the_next_outage_is_said_although_its_reason_is_known(caplog: pytest.LogCaptureFixture) -> None:
    link = Link("test", logging.getLogger("test"))
    for _ in range(3):
        link.down("It is away.")
        link.up("It is back.")

    assert said(caplog).count("It is away.") == 3


def test_nothing_is_said_of_a_link_that_works_from_the_start(caplog: pytest.LogCaptureFixture) -> None:
    link = Link("test", logging.getLogger("test"), is_up=True)
    with caplog.at_level("INFO"):
        link.up("It works again.")

    assert said(caplog) == []
    assert link.state() == {"up": True, "last_problem": "", "last_problem_at": None}


def test_two_links_that_go_down_together_are_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(throttle := Throttle())
    try:
        for name in ("Kafka", "RabbitMQ"):
            Link(name, logging.getLogger("hindsight.test")).down(f"{name} is away.")
    finally:
        caplog.handler.removeFilter(throttle)

    assert said(caplog) == ["Kafka is away.", "RabbitMQ is away."]


def test_what_happens_is_counted() -> None:
    counted: list[tuple[str, Event]] = []
    link = Link("test", logging.getLogger("test"), lambda name, event: counted.append((name, event)))
    link.down("It is away.")
    link.up("It is there.")
    link.up("It is there.")
    link.down("It is away.")
    link.down("It is away.")

    assert counted == [("test", "new"), ("test", "up"), ("test", "lost")]


def test_only_a_link_that_stayed_up_begins_with_short_waits(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("streams.process.backoff.asyncio.sleep", sleep)
    link = Link("test", logging.getLogger("test"))

    async def lost_after(up_s: float) -> None:
        link.up("It is there.")
        clock.now += up_s
        link.down("It is away.")
        await link.pause()

    async def play() -> None:
        for _ in range(5):
            await lost_after(0.1)
        await lost_after(STEADY_S + 1)

    asyncio.run(play())
    assert waits[4] > 1.9
    assert waits[5] < 0.3


def test_a_link_that_answers_too_late_is_down_until_it_does(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> Link:
        link, was_down = Link("test", logging.getLogger("test"), is_up=True), asyncio.Event()
        down = link.down
        link.down = lambda problem: (down(problem), was_down.set())  # type: ignore[method-assign, assignment]
        with link.answers_within(0.0, "It is silent."):
            await was_down.wait()
        assert link.problem == "It is silent."
        with link.answers_within(1e9, "It is silent again."):
            pass
        return link

    link = asyncio.run(play())
    assert said(caplog) == ["It is silent."]
    assert link.last_problem == "It is silent."


def test_links_that_share_what_was_said_give_a_reason_once_and_say_when_all_are_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shared = Said("all partitions are back")
    links = [Link(f"partition {i}", logging.getLogger("test"), is_up=True, said=shared) for i in range(3)]
    with caplog.at_level("INFO"):
        for _ in range(2):
            for i, link in enumerate(links):
                link.down(f"partition {i} waits: no answer")
            links[0].up("partition 0 is back")
            links[0].down("partition 0 waits: no answer")
            for i, link in enumerate(links):
                link.up(f"partition {i} is back")

    assert said(caplog) == ["partition 0 waits: no answer", "all partitions are back"] * 2


def test_a_link_that_is_gone_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    shared = Said("all partitions are back")
    stays, goes = (Link(name, logging.getLogger("test"), is_up=True, said=shared) for name in ("stays", "goes"))
    with caplog.at_level("INFO"):
        stays.down("waits")
        goes.down("waits")
        del goes
        gc.collect()
        stays.up("is back")
    assert said(caplog) == ["waits", "all partitions are back"]
