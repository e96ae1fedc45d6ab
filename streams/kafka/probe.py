"""Is Kafka there, and if not, why: one connection made by hand, since aiokafka's clients hide the cause."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, NamedTuple

from aiokafka import errors
from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest

from streams.kafka.client import kafka_client
from streams.kafka.errors import FAILURES, reason
from streams.process.tls import certificate_hint, tls_problem
from streams.process.unavailable import Unavailable
from streams.settings import Settings

TIMEOUT_S = 4.0


class Server(NamedTuple):
    """One Kafka broker by its address."""

    host: str
    port: int


async def probe(settings: Settings) -> list[Server]:
    """Return the brokers that Kafka says it has, after asking the first bootstrap server that answers.

    Raises:
        Unavailable: none answers; the message has the cause for each.
        SettingsError: a certificate cannot be used.
    """
    options = kafka_client(settings) | {"request_timeout_ms": round(TIMEOUT_S * 1000)}
    problems: list[str] = []
    for address in options.pop("bootstrap_servers"):
        server = server_of(address)
        try:
            return await _ask(server, options)
        except (*FAILURES, EOFError) as exc:
            problems.append(f"Kafka at {address} cannot be used: {_why(exc, server, settings)}.")
    raise Unavailable(" ".join(problems))


async def why_away(settings: Settings, otherwise: BaseException) -> str:
    """Return, as a sentence, why Kafka cannot be used; `otherwise` is what a client raised, if nothing else is found."""
    try:
        await probe(settings)
    except Unavailable as exc:
        return str(exc)
    if isinstance(otherwise, Unavailable):
        return str(otherwise)
    return f"Kafka at {settings.kafka_address} cannot be used: {reason(otherwise)}."


async def require_listening(server: Server) -> None:
    """Check that a broker's address, as Kafka gives it to its clients, can be connected to from here.

    Raises:
        Unavailable: it cannot.
    """
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(*server), TIMEOUT_S)
        writer.close()
    except (OSError, TimeoutError):
        raise Unavailable(
            f"Kafka tells its clients to use {server.host}:{server.port}, which cannot be reached from here: "
            "correct `advertised.listeners` of that broker."
        ) from None


def server_of(address: str) -> Server:
    """Return the host and port of a bootstrap server; Kafka's port where it names none."""
    host, _, port = address.strip().rpartition(":")
    return Server(host.strip("[]"), int(port)) if host and port.isdigit() else Server(address.strip(), 9092)


async def _ask(server: Server, options: dict[str, Any]) -> list[Server]:
    connection = await create_conn(*server, **options)
    try:
        metadata = await connection.send(MetadataRequest([]))
        return [Server(broker[1], broker[2]) for broker in metadata.brokers]
    finally:
        connection.close()


def _why(exc: BaseException, server: Server, settings: Settings) -> str:
    if isinstance(exc, ssl.SSLError):
        return tls_problem(exc, "KAFKA", server.host)
    if isinstance(exc, socket.gaierror):
        return f"the name {server.host!r} is not known here: check HINDSIGHT_KAFKA"
    if isinstance(exc, ConnectionRefusedError):
        return "nothing is listening there: start it, or check HINDSIGHT_KAFKA"
    if isinstance(exc, errors.IllegalSaslStateError):
        return f"it asks for no SASL at this port, but HINDSIGHT_KAFKA_SECURITY is {settings.kafka_security}"
    if isinstance(exc, errors.UnsupportedSaslMechanismError):
        return f"it does not take HINDSIGHT_KAFKA_SASL_MECHANISM={settings.kafka_sasl_mechanism} at this port ({exc})"
    if isinstance(exc, (errors.AuthenticationFailedError, errors.SaslAuthenticationFailed)):
        return "it refuses the credentials: check HINDSIGHT_KAFKA_USER and HINDSIGHT_KAFKA_PASSWORD"
    if isinstance(exc, (errors.KafkaConnectionError, ConnectionResetError, TimeoutError, EOFError)):
        lacks_certificate = settings.kafka_security.endswith("SSL") and settings.kafka_tls_cert is None
        return (
            f"it ends the connection or does not answer within {TIMEOUT_S:.0f} s; HINDSIGHT_KAFKA_SECURITY is "
            f"{settings.kafka_security}, and this port may speak another (SSL, SASL_SSL, SASL_PLAINTEXT, PLAINTEXT)"
            + (f"; {certificate_hint('KAFKA')}" if lacks_certificate else "")
        )
    return str(exc) or type(exc).__name__
