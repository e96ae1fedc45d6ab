"""How our clients reach Kafka: the settings as aiokafka and librdkafka take them, and a client that is there on demand."""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Generic, Protocol, Self, TypeVar

from streams.kafka.errors import FAILURES
from streams.process.tls import tls_context
from streams.settings import Settings

KAFKA_TIMEOUT_MS = 20_000
CLOSE_S = 2.0


class Client(Protocol):
    """What aiokafka's clients have in common."""

    async def start(self) -> None:
        """Connect."""


C = TypeVar("C", bound=Client)


class OnDemand(ABC, Generic[C]):
    """Holds one client of aiokafka: started when it is first needed, and again after it was dropped."""

    def __init__(self) -> None:
        self._client: C | None = None
        self._starting = asyncio.Lock()
        self._ending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def drop(self) -> None:
        """Disconnect beside what goes on, since that can take its time; what is asked for next connects anew."""
        client, self._client = self._client, None
        if client is not None:
            ending = asyncio.create_task(self._end(client))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def stop(self) -> None:
        """Disconnect."""
        self.drop()
        await asyncio.gather(*self._ending)

    async def _started(self) -> C:
        async with self._starting:
            if self._client is None:
                client = self._new()
                try:
                    await client.start()
                except BaseException:
                    await self._end(client)
                    raise
                self._client = client
            return self._client

    @abstractmethod
    def _new(self) -> C:
        """Return a client that is not started."""

    @abstractmethod
    async def _end(self, client: C) -> None:
        """Disconnect a client, whatever state it is in."""


async def close_within(seconds: float, closing: Awaitable[object]) -> None:
    """Await the end of a client, but not for longer: where Kafka is silent, that can take minutes."""
    with suppress(*FAILURES):
        await asyncio.wait_for(closing, seconds)


def kafka_client(settings: Settings) -> dict[str, Any]:
    """Return the keyword arguments that every aiokafka client takes.

    Raises:
        SettingsError: a certificate's file cannot be read.
    """
    given: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_address.split(","),
        "security_protocol": settings.kafka_security,
        "request_timeout_ms": KAFKA_TIMEOUT_MS,
    }
    if settings.kafka_security.endswith("SSL"):
        given["ssl_context"] = kafka_tls(settings)
    if settings.kafka_security.startswith("SASL"):
        given |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": settings.secret("kafka_password"),
        }
    return given


def kafka_producer(settings: Settings) -> dict[str, Any]:
    """Return the keyword arguments of a producer that neither loses nor repeats what it was given."""
    return kafka_client(settings) | {
        "enable_idempotence": True,
        "acks": "all",
        "max_request_size": 8 << 20,
        "max_batch_size": 1 << 20,
        "linger_ms": 0,
    }


def kafka_tls(settings: Settings) -> ssl.SSLContext:
    """Return the TLS context for Kafka: peer and host name are verified."""
    return tls_context("KAFKA", settings.kafka_tls_ca, settings.kafka_tls_cert, settings.kafka_tls_key)


def librdkafka(settings: Settings) -> dict[str, Any]:
    """Return the options that every client of librdkafka takes, as a member of our group that never joins it."""
    given: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_address,
        "security.protocol": settings.kafka_security,
        "group.id": settings.app_id,
        "reconnect.backoff.max.ms": 1000,
    }
    if settings.kafka_security.endswith("SSL"):
        given["ssl.ca.location"] = str(settings.kafka_tls_ca or "probe")
        if settings.kafka_tls_cert is not None:
            given |= {
                "ssl.certificate.location": str(settings.kafka_tls_cert),
                "ssl.key.location": str(settings.kafka_tls_key),
            }
    if settings.kafka_security.startswith("SASL"):
        given |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_user,
            "sasl.password": settings.secret("kafka_password"),
        }
    return given
