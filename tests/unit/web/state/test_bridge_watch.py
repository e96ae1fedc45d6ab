"""What the dashboard makes of the bridge's answers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from streams.amqp.blocking import Queue
from streams.pages.proof import SCHEME
from streams.pages.server import Runner, listening, serve
from streams.process.unavailable import Unavailable
from streams.settings import load
from tests.unit.clocks import Clock
from web.state import bridge_watch as module
from web.state.bridge_state import QueueState
from web.state.bridge_watch import BridgeWatch


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def rabbitmq(monkeypatch: pytest.MonkeyPatch) -> list[Queue]:
    """The queues that RabbitMQ has."""
    there: list[Queue] = []
    monkeypatch.setattr(module, "queues", lambda settings, names: there)
    return there


def state(n_rows: int, behind: int | None = 0, namespace: str = "") -> dict[str, Any]:
    return {
        "namespace": namespace,
        "rows": {"y_true": {"kafka": n_rows - 1, "quarantined": 1}, "y_pred": {"kafka": 0, "quarantined": 0}},
        "links": {"rabbitmq": {"up": True, "last_problem": ""}},
        "notes": ["The queue 'y_true' is also read by 1 other consumer."],
        "queues": [{"name": "labels", "messages": behind, "consumers": 2}],
        "messages_behind": {"y_true": behind, "y_pred": 2},
    }


def heard(clock: Clock, *answers: Any) -> BridgeWatch:
    watch = BridgeWatch(SimpleNamespace(settings=load({})))
    for answer in answers:
        watch._hear(answer)
        clock.now += 2.0
    return watch


def test_its_rate_is_what_went_to_kafka_and_to_quarantine_over_the_last_answers(clock: Clock) -> None:
    watch = heard(clock, *(state(100 * n) for n in range(1, 20)))
    assert watch.rate() == 50.0


def test_it_is_behind_by_the_messages_of_all_queues(clock: Clock) -> None:
    assert heard(clock, state(1, behind=40)).n_behind() == 42
    assert heard(clock, state(1, behind=None)).n_behind() is None, "of one queue nobody knows"


def test_a_bridge_that_was_restarted_starts_from_zero(clock: Clock) -> None:
    watch = heard(clock, state(1000), state(2000), state(10))
    assert watch.answers
    assert watch.rate() is None
    watch._hear(state(30))
    assert watch.rate() == 10.0


@pytest.mark.parametrize(
    "other",
    [None, [], {}, "bridge", state(1, namespace="theirs-"), {"namespace": "", "rows": {"y_true": 3}}, state(10**400)],
)
def test_what_is_no_bridge_of_ours_is_none(clock: Clock, other: Any) -> None:
    watch = heard(clock, state(1), state(2), other)
    assert not watch.answers
    assert watch.rate() is watch.n_behind() is None


def test_its_queues_and_its_notes_are_passed_on(clock: Clock) -> None:
    watch = heard(clock, state(1, behind=40))
    found = watch.state()
    assert found is not None
    assert (found.address, found.answers) == ("127.0.0.1:6067", True)
    assert found.queues == [QueueState("labels", 40, 2)]
    assert watch.notices == ["The queue 'y_true' is also read by 1 other consumer."]


def test_a_link_of_it_that_is_down_is_said(clock: Clock) -> None:
    down = state(1) | {"links": {"rabbitmq": {"up": False, "last_problem": "It is away."}}, "notes": []}
    assert heard(clock, down).notices == ["The bridge at 127.0.0.1:6067 does not work: rabbitmq: It is away."]


def test_queues_that_nobody_reads_are_named_once_no_bridge_answers(clock: Clock, rabbitmq: list[Queue]) -> None:
    rabbitmq[:] = [Queue("labels", 481, 0), Queue("y_pred", 1, 0), Queue("features", 3, 1), Queue("new", None, None)]
    watch = heard(clock, state(1), None)
    asyncio.run(watch._look_at_queues())
    (said,) = watch.notices
    named = "'labels' (481 messages waiting), 'y_pred' (1 message waiting), 'new' (does not exist yet)."
    assert said.startswith(f"No bridge is running: nobody reads {named}")
    found = watch.state()
    assert found is not None
    assert (found.answers, found.queues[0]) == (False, QueueState("labels", 481, 0))
    watch._hear(state(2))
    assert not any("No bridge" in notice for notice in watch.notices), "it was started"


def test_queues_that_all_have_a_reader_are_no_trouble(clock: Clock, rabbitmq: list[Queue]) -> None:
    rabbitmq[:] = [Queue("y_true", 0, 1)]
    watch = heard(clock, None)
    asyncio.run(watch._look_at_queues())
    assert watch.notices == []


def test_where_nobody_can_be_asked_it_is_said(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> list[Queue]:
        raise Unavailable("RabbitMQ cannot be used.")

    monkeypatch.setattr(module, "queues", fail)
    watch = heard(clock, None)
    asyncio.run(watch._look_at_queues())
    assert watch.notices == [
        "No bridge answers at 127.0.0.1:6067, and whether one runs elsewhere is unknown: RabbitMQ cannot be used."
    ]


def test_without_queues_there_is_no_bridge(clock: Clock) -> None:
    watch = BridgeWatch(SimpleNamespace(settings=load({"HINDSIGHT_QUEUES": "off"})))  # type: ignore[arg-type]
    asyncio.run(watch._look_at_queues())
    assert (watch.state(), watch.notices) == (None, [])


def test_the_token_is_sent_to_nobody_who_answers_in_the_bridges_place() -> None:
    given: list[str] = []

    async def taken(request: web.Request) -> web.Response:
        given.append(request.headers["Authorization"])
        return web.json_response(state(1))

    async def talk() -> Any:
        app = web.Application()
        app.add_routes([web.get("/readyz", taken)])
        runner, bound = Runner(app), listening("127.0.0.1", 0)
        await serve(runner, bound)
        settings = load({"HINDSIGHT_WEB_TOKEN": "sesame", "HINDSIGHT_BRIDGE_WEB_PORT": str(bound.getsockname()[1])})
        try:
            async with aiohttp.ClientSession() as session:
                return await BridgeWatch(SimpleNamespace(settings=settings))._ask(session)
        finally:
            await runner.cleanup()

    assert asyncio.run(talk()) == state(1)
    assert given[0].startswith(f"{SCHEME} ")
    assert "sesame" not in given[0]
