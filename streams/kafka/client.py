"""How our clients reach Kafka: the settings, as the options that aiokafka and librdkafka take."""

from __future__ import annotations

import ssl
from typing import Any

from streams.process.tls import tls_context
from streams.settings import Settings

KAFKA_TIMEOUT_MS = 20_000


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
            "sasl.password": settings.kafka_password.get_secret_value(),
        }
    return given
