"""Do the settings fit together? That each of them can be read at all is settled before the doctor runs."""

from __future__ import annotations

from collections.abc import Iterator

from agents.alerting.making import rules_of
from agents.metric_log.parquet_rows import package_problem
from commands.doctor.finding import Finding, note, ok, wrong
from streams.alerts.parse import Unusable
from streams.amqp.client import amqp_login, amqp_parameters
from streams.kafka.client import kafka_client
from streams.settings import PREFIX, Settings, SettingsError

WHAT = "settings"


def check(settings: Settings) -> list[Finding]:
    """Check the settings against each other."""
    found = [*_unusable(settings), *_without_effect(settings)]
    return [ok(WHAT, _set(settings)), *found] if all(each.level != "wrong" for each in found) else found


def _set(settings: Settings) -> str:
    names = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields if name in settings.model_fields_set]
    return f"{len(names)} set ({', '.join(names)}), the rest at their defaults" if names else "all at their defaults"


def _unusable(settings: Settings) -> Iterator[Finding]:
    for use in (amqp_parameters, kafka_client):
        try:
            use(settings)
        except SettingsError as exc:
            yield wrong(WHAT, str(exc))
    try:
        rules_of(settings)
    except Unusable as exc:
        for fault in str(exc).splitlines():
            yield wrong(WHAT, f"HINDSIGHT_ALERTS: {fault}")
    if settings.parquet_every_s and "plot" in settings.agents and (problem := package_problem()):
        yield wrong(WHAT, problem)
    if settings.kafka_security.startswith("SASL") and not settings.kafka_user:
        yield wrong(WHAT, f"HINDSIGHT_KAFKA_SECURITY is {settings.kafka_security}, but no HINDSIGHT_KAFKA_USER is set")


def _password(settings: Settings) -> str | None:
    """Return the password that RabbitMQ is given, None if its URL cannot be read."""
    try:
        return amqp_login(settings)[1]
    except SettingsError:
        return None


def _without_effect(settings: Settings) -> Iterator[Finding]:
    """Yield a note for what was set and cannot have the effect that was meant."""
    if settings.kafka_user and not settings.kafka_security.startswith("SASL"):
        yield note(
            WHAT, f"HINDSIGHT_KAFKA_USER is not used: HINDSIGHT_KAFKA_SECURITY={settings.kafka_security} has no SASL"
        )
    if settings.kafka_tls_ca and not settings.kafka_security.endswith("SSL"):
        yield note(WHAT, f"HINDSIGHT_KAFKA_TLS_CA is not used: HINDSIGHT_KAFKA_SECURITY is {settings.kafka_security}")
    if settings.amqp_tls_ca and not settings.amqp_address.startswith("amqps:"):
        yield note(WHAT, "HINDSIGHT_AMQP_TLS_CA is not used: HINDSIGHT_AMQP_URL does not begin with amqps://")
    if (own := settings.secret("amqp_password")) and _password(settings) not in (own, None):
        yield note(WHAT, "HINDSIGHT_AMQP_PASSWORD is not used: HINDSIGHT_AMQP_URL holds a password for its user")
    if settings.queues and "model" not in settings.agents and "y_pred" not in settings.queues:
        yield note(
            WHAT,
            "nothing delivers predictions: HINDSIGHT_AGENTS leaves out `model`, and HINDSIGHT_QUEUES leaves out `y_pred`. "
            "That is right only if somebody writes to the Kafka topic itself",
        )
