"""What the bridge and the data driver share of pika: connection parameters, settled futures, errors as sentences."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import pika
from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorException,
    AMQPConnectorStackTimeout,
)
from pika.exceptions import (
    AMQPError,
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    StreamLostError,
)

from streams.process.tls import certificate_hint, tls_context, tls_problem
from streams.settings import Settings, SettingsError

HEARTBEAT_S = 20
DEFAULT_USER = "guest"
"""RabbitMQ's own, where only a password is set."""
UNAVAILABLE = (AMQPError, AMQPConnectorException, OSError)
"""What pika raises where RabbitMQ cannot be used. One that says nothing makes `BlockingConnection` raise what is no AMQPError."""
T = TypeVar("T")


def amqp_parameters(settings: Settings) -> pika.URLParameters:
    """Return pika's connection parameters, with user and password as they are now.

    Raises:
        SettingsError: the URL cannot be used, or a certificate's file cannot be read.
    """
    url = _url(settings)
    try:
        parameters = pika.URLParameters(url._replace(netloc=url.netloc.rpartition("@")[2]).geturl())
    except Exception as exc:  # pika raises what its parsing meets; the URL is not shown, it may hold a password
        raise _unreadable(exc) from None
    user, password = amqp_login(settings)
    if user:
        parameters.credentials = pika.PlainCredentials(user, password, erase_on_connect=False)
    if url.scheme == "amqps":
        context = tls_context("AMQP", settings.amqp_tls_ca, settings.amqp_tls_cert, settings.amqp_tls_key)
        parameters.ssl_options = pika.SSLOptions(context, parameters.host)
    return parameters


def amqp_login(settings: Settings) -> tuple[str, str]:
    """Return the user and the password for RabbitMQ: of the URL, or of their own settings; empty if there are none.

    Raises:
        SettingsError: the URL cannot be used.
    """
    url = _url(settings)
    user, password = unquote(url.username or ""), unquote(url.password or "")
    own = settings.secret("amqp_password")
    if settings.amqp_user:
        return settings.amqp_user, own or password
    return user or (DEFAULT_USER if own else ""), password or own


def _url(settings: Settings) -> SplitResult:
    try:
        url = urlsplit(settings.amqp_address)
        if url.scheme not in ("amqp", "amqps") or not url.netloc:
            raise ValueError("another scheme")
    except ValueError as exc:  # the URL is not shown, it may hold a password
        raise _unreadable(exc) from None
    if "@" in url.path + url.query + url.fragment:  # what was meant as a password is taken for a port or a host
        raise SettingsError(
            "HINDSIGHT_AMQP_URL has an @ behind its host. Write a / in the password as %2F, a # as %23, a ? as %3F, and an @ "
            "in the virtual host as %40; or set HINDSIGHT_AMQP_USER and HINDSIGHT_AMQP_PASSWORD, which take any character."
        )
    return url


def _unreadable(exc: Exception) -> SettingsError:
    return SettingsError(
        "HINDSIGHT_AMQP_URL cannot be read as amqp://user:password@host:port/vhost "
        f"(a character like / in the password must be written %2F): {type(exc).__name__}."
    )


def amqp_shown(settings: Settings) -> str:
    """Return RabbitMQ's address for people: no user, no password."""
    parameters = amqp_parameters(settings)
    host = f"[{parameters.host}]" if ":" in parameters.host else parameters.host
    return f"{host}:{parameters.port}"


def parameters(settings: Settings, *, connect_s: float) -> pika.URLParameters:
    """Return pika's parameters for one attempt of at most `connect_s` seconds, with a heartbeat.

    Raises:
        SettingsError: the URL or a certificate cannot be used.
    """
    made = amqp_parameters(settings)
    made.heartbeat = HEARTBEAT_S if made.heartbeat is None else made.heartbeat
    made.socket_timeout = made.stack_timeout = connect_s
    made.connection_attempts = 1
    return made


def server_version(connection: Any) -> str:
    """Return RabbitMQ's version, such as `4.1.2`, as an open connection of pika has heard it; empty if it did not say."""
    said = (connection.server_properties or {}).get("version", "")
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def settle(future: asyncio.Future[T], result: T) -> None:
    """Give a future its result, unless it has one or was cancelled: callbacks can come twice."""
    if not future.done():
        future.set_result(result)


def explain(exc: BaseException, settings: Settings) -> str:
    """Return why no connection could be made, for people, with the setting that cures it."""
    cause = _nested(exc, OSError)
    host = amqp_parameters(settings).host
    if isinstance(cause, ssl.SSLError):
        return tls_problem(cause, "AMQP", host)
    if isinstance(cause, socket.gaierror):
        return f"the name {host!r} is not known here: check HINDSIGHT_AMQP_URL"
    if isinstance(cause, ConnectionRefusedError):
        return "nothing is listening there: start it, or check HINDSIGHT_AMQP_URL"
    hung_up = _nested(exc, IncompatibleProtocolError, StreamLostError) is not None
    if hung_up and settings.amqp_address.startswith("amqps:") and settings.amqp_tls_cert is None:
        return f"it ends the connection; {certificate_hint('AMQP')}"
    return why(exc).rstrip(".")


def _nested(exc: BaseException, *kinds: type[BaseException]) -> BaseException | None:
    """Return the error of one of these kinds that pika has wrapped, if there is one."""
    inner: Any = exc
    while inner is not None and not isinstance(inner, kinds):
        nested = [getattr(inner, "exception", None), *getattr(inner, "exceptions", ()), *inner.args]
        inner = next((each for each in nested if isinstance(each, BaseException)), None)
    found: BaseException | None = inner
    return found


def why(exc: BaseException) -> str:
    """Return why pika failed, for people: the innermost of its nested errors."""
    if isinstance(exc, ProbableAuthenticationError):
        return "it refuses the user or the password: check HINDSIGHT_AMQP_USER and HINDSIGHT_AMQP_PASSWORD"
    if isinstance(exc, ProbableAccessDeniedError):
        return "it refuses access to the virtual host: check the path of HINDSIGHT_AMQP_URL"
    if isinstance(exc, IncompatibleProtocolError):
        return "it does not speak AMQP 0-9-1 at this port: check HINDSIGHT_AMQP_URL"
    if isinstance(exc, AMQPConnectorStackTimeout):
        return "it accepts the connection and then says nothing: it may be paused, overloaded or behind a firewall"
    inner = exc.exceptions[-1] if isinstance(exc, AMQPConnectionWorkflowFailed) else getattr(exc, "exception", None)
    inner = inner or (exc.args[0] if exc.args else None)
    if isinstance(inner, BaseException):
        return why(inner)
    said = getattr(exc, "reply_text", None) or getattr(exc, "strerror", None) or exc
    return str(said) or type(exc).__name__
