"""Predictions come back out to RabbitMQ, and RabbitMQ's troubles never reach the one who predicts."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pika
import pytest

from bridge import predictions
from bridge.counts import predictions_dropped
from bridge.predictions import EXCHANGE, Predictions
from streams.settings import load
from streams.wire.rows import PredRow
from tests.brokers import Brokers
from tests.waiting import wait_until

MOVED_S = 30.0


class Service:
    """Another team's service: a queue bound to the exchange, and what has come into it."""

    def __init__(self, brokers: Brokers, **exchange: Any) -> None:
        self.environ = {k: v for k, v in brokers.environ().items() if k.startswith("HINDSIGHT_")}
        self.settings = load(self.environ)
        with self.connection() as connection:
            channel = connection.channel()
            channel.exchange_declare(EXCHANGE, **{"exchange_type": "fanout", "durable": True} | exchange)
            channel.queue_declare("theirs", durable=True)
            channel.queue_bind("theirs", EXCHANGE)

    def connection(self) -> pika.BlockingConnection:
        """Return a new connection to the vhost."""
        return pika.BlockingConnection(pika.URLParameters(self.environ["HINDSIGHT_AMQP_URL"]))

    def take(self) -> list[list[dict[str, Any]]]:
        """Take what has come: one list of rows a message."""
        with self.connection() as connection:
            channel = connection.channel()
            bodies = iter(lambda: channel.basic_get("theirs", auto_ack=True)[2], None)
            return [json.loads(body) for body in bodies]


@pytest.fixture
def service(brokers: Brokers) -> Service:
    return Service(brokers)


def row(i: int) -> PredRow:
    return PredRow(f"p-{i}", 5.0, float(i), "ridge-3")


async def until(condition: Callable[[], Any], what: str) -> None:
    await asyncio.to_thread(wait_until, condition, MOVED_S, what)


def publish(service: Service, work: Callable[[Predictions], Awaitable[None]]) -> None:
    """Do something with predictions that are being published, and close them."""

    async def all_of_it() -> None:
        predictions = Predictions(service.settings)
        predictions.start()
        try:
            await work(predictions)
        finally:
            await predictions.close()

    asyncio.run(all_of_it())


def test_each_call_is_one_message_of_rows(service: Service) -> None:
    async def work(predictions: Predictions) -> None:
        await until(lambda: predictions.link.is_up, "connected")
        await predictions.publish([row(1), row(2)])
        await predictions.publish([row(3)])

    publish(service, work)

    assert service.take() == [
        [
            {"id": "p-1", "ts": 5.0, "y_pred": 1.0, "model": "ridge-3"},
            {"id": "p-2", "ts": 5.0, "y_pred": 2.0, "model": "ridge-3"},
        ],
        [{"id": "p-3", "ts": 5.0, "y_pred": 3.0, "model": "ridge-3"}],
    ]


def test_an_exchange_that_somebody_declared_otherwise_is_used_as_it_is(brokers: Brokers) -> None:
    service = Service(brokers, durable=False)

    async def work(predictions: Predictions) -> None:
        await predictions.publish([row(1)])
        await until(lambda: predictions.link.is_up, "connected")

    publish(service, work)

    assert len(service.take()) == 1


def test_what_was_published_before_and_during_an_outage_comes_afterwards(brokers: Brokers, service: Service) -> None:
    async def work(predictions: Predictions) -> None:
        await until(lambda: predictions.link.is_up, "connected")
        brokers.rabbitmq_server.stop()  # killed, it may forget the queue's binding, which is a second old
        for i in range(500):
            await predictions.publish([row(i)])
        await until(lambda: not predictions.link.is_up, "the outage is seen")
        await asyncio.to_thread(brokers.rabbitmq_server.start)
        await until(lambda: predictions.link.is_up, "connected again")

    publish(service, work)

    ids = [message[0]["id"] for message in service.take()]
    assert list(dict.fromkeys(ids)) == [f"p-{i}" for i in range(500)]


def test_while_rabbitmq_hangs_nobody_waits_and_the_oldest_are_dropped(
    brokers: Brokers, service: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "MAX_MESSAGES", 300)
    dropped_before = predictions_dropped._value.get()

    async def work(predictions: Predictions) -> None:
        await until(lambda: predictions.link.is_up, "connected")
        brokers.rabbitmq_server.pause()
        started = time.perf_counter()
        for i in range(1000):
            await predictions.publish([row(i)])
            await asyncio.sleep(0)
        assert time.perf_counter() - started < 2
        brokers.rabbitmq_server.resume()

    try:
        publish(service, work)
    finally:
        brokers.rabbitmq_server.resume()

    ids = [message[0]["id"] for message in service.take()]
    assert len(ids) == 300
    assert ids[-1] == "p-999"
    assert predictions_dropped._value.get() - dropped_before == 700
    assert sum("the oldest are dropped" in record.getMessage() for record in caplog.records) == 1


def test_a_rabbitmq_that_is_not_there_holds_up_nobody(brokers: Brokers, service: Service) -> None:
    settings = load(service.environ | {"HINDSIGHT_AMQP_URL": "amqp://guest:guest@127.0.0.1:1/%2F"})

    async def work() -> None:
        predictions = Predictions(settings)
        predictions.start()
        await predictions.publish([row(1)])
        await until(lambda: predictions.link.problem, "the problem is seen")
        started = time.perf_counter()
        await predictions.close()
        assert time.perf_counter() - started < 1

    asyncio.run(work())
