"""How our clients reach the two brokers: the settings, as the keyword arguments that each client library takes."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pika

from streams.settings import QueueKind, Settings, SettingsError

KAFKA_TIMEOUT_MS = 20_000
queue_declarations: dict[QueueKind, dict[str, Any]] = {
    "durable": {"durable": True},
    "quorum": {"durable": True, "arguments": {"x-queue-type": "quorum"}},
    "transient": {"durable": False},
    "existing": {"passive": True},
}
"""How pika declares a queue of each kind."""


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
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
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
    return _tls("KAFKA", settings.kafka_tls_ca, settings.kafka_tls_cert, settings.kafka_tls_key)


def amqp_parameters(settings: Settings) -> pika.URLParameters:
    """Return pika's connection parameters.

    Raises:
        SettingsError: the URL cannot be used, or a certificate's file cannot be read.
    """
    try:
        if not settings.amqp_address.startswith(("amqp://", "amqps://")):
            raise ValueError("another scheme")
        parameters = pika.URLParameters(settings.amqp_address)
    except Exception as exc:  # pika raises what its parsing meets; the URL is not shown, it may hold a password
        raise SettingsError(
            "HINDSIGHT_AMQP_URL cannot be read as amqp://user:password@host:port/vhost "
            f"(a character like / in the password must be written %2F): {type(exc).__name__}."
        ) from None
    if settings.amqp_user:
        parameters.credentials = pika.PlainCredentials(
            settings.amqp_user, settings.amqp_password.get_secret_value(), erase_on_connect=False
        )
    if settings.amqp_address.startswith("amqps:"):
        context = _tls("AMQP", settings.amqp_tls_ca, settings.amqp_tls_cert, settings.amqp_tls_key)
        parameters.ssl_options = pika.SSLOptions(context, parameters.host)
    return parameters


def amqp_shown(settings: Settings) -> str:
    """Return RabbitMQ's address for people: no user, no password."""
    parameters = amqp_parameters(settings)
    return f"{parameters.host}:{parameters.port}"


def _tls(broker: str, ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
        if cert is not None:
            context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as exc:
        raise SettingsError(f"HINDSIGHT_{broker}_TLS_*: a certificate's file cannot be used: {exc}.") from None
    return context
