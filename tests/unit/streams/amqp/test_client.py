"""What pika raises, as a sentence: the innermost cause, never a nested representation."""

from __future__ import annotations

import asyncio
import socket

import pytest
from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorSocketConnectError,
    AMQPConnectorStackTimeout,
)
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    StreamLostError,
)

from streams.amqp.channel import take_confirmed
from streams.amqp.client import amqp_login, amqp_parameters, amqp_shown, settle, why
from streams.settings import SettingsError, load


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (ProbableAuthenticationError(), "it refuses the user or the password"),
        (ProbableAccessDeniedError(), "it refuses access to the virtual host"),
        (IncompatibleProtocolError(), "it does not speak AMQP 0-9-1"),
        (ChannelClosedByBroker(404, "NOT_FOUND - no queue"), "NOT_FOUND - no queue"),
        (ConnectionClosedByBroker(320, "CONNECTION_FORCED"), "CONNECTION_FORCED"),
        (StreamLostError("Stream connection lost: reset"), "Stream connection lost: reset"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (AMQPConnectionError(), "AMQPConnectionError"),
        (AMQPConnectorStackTimeout("Timeout during AMQP handshake"), "it accepts the connection and then says nothing"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_is_said_for_people_however_deep_pika_nested_it(raised, said):
    nested = AMQPConnectionWorkflowFailed([OSError("an earlier address"), AMQPConnectorSocketConnectError(raised)])
    for form in (raised, AMQPConnectionError(raised), nested, AMQPConnectionError(nested)):
        assert why(form).startswith(said)


def test_the_first_result_of_a_future_counts():
    async def twice() -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        settle(future, 1)
        settle(future, 2)
        return await future

    assert asyncio.run(twice()) == 1


@pytest.mark.parametrize(
    ("tag", "up_to", "taken", "left"),
    [
        (3, True, ["a", "b", "c"], ["d"]),
        (3, False, ["c"], ["a", "b", "d"]),
        (9, True, ["a", "b", "c", "d"], []),
        (9, False, [], ["a", "b", "c", "d"]),
        (0, True, [], ["a", "b", "c", "d"]),
    ],
)
def test_what_is_confirmed_is_taken_out_of_what_was_published(tag, up_to, taken, left):
    unconfirmed = dict(enumerate("abcd", 1))
    assert take_confirmed(unconfirmed, tag, up_to) == taken
    assert list(unconfirmed.values()) == left


def test_a_tag_that_is_confirmed_twice_is_taken_once():
    unconfirmed = dict(enumerate("abcd", 1))
    assert take_confirmed(unconfirmed, 2, up_to=False) == ["b"]
    assert take_confirmed(unconfirmed, 3, up_to=True) == ["a", "c"]
    assert take_confirmed(unconfirmed, 2, up_to=False) == []


CANARY = "s3cret42"


@pytest.mark.parametrize(
    ("environ", "login"),
    [
        ({"URL": "amqp://h/"}, ("", "")),
        ({"URL": "amqp://u:p%40%2F@h/"}, ("u", "p@/")),
        ({"URL": "amqp://u@h/", "PASSWORD": "own"}, ("u", "own")),
        ({"URL": "amqp://u:p@h/", "PASSWORD": "own"}, ("u", "p")),
        ({"URL": "amqp://h/", "USER": "v", "PASSWORD": "own"}, ("v", "own")),
        ({"URL": "amqp://u:p@h/", "USER": "v", "PASSWORD": "own"}, ("v", "own")),
        ({"URL": "amqp://u:p@h/", "USER": "v"}, ("v", "p")),
        ({"URL": "amqp://h/", "PASSWORD": "own"}, ("guest", "own")),
        ({"URL": "amqp://u@h/"}, ("u", "")),
        ({"URL": "amqp://u:a@b:c@h/"}, ("u", "a@b:c")),
    ],
)
def test_user_and_password_come_from_the_url_or_from_their_own_settings(environ, login):
    settings = load({f"HINDSIGHT_AMQP_{name}": value for name, value in environ.items()})
    assert amqp_login(settings) == login
    credentials = amqp_parameters(settings).credentials
    assert (credentials.username, credentials.password) == (login if login[0] else ("guest", "guest"))


@pytest.mark.parametrize(
    "url",
    [
        f"amqp://user:12/{CANARY}@host:5672/%2F",
        f"amqp://user:12#{CANARY}@host:5672/%2F",
        f"amqp://user:12?{CANARY}@host:5672/%2F",
        f"amqp://user:a@1{CANARY}/x@host/",
        f"amqp://user:[{CANARY}@host/",
        f"amqp://user:{CANARY}",
        f"{CANARY}",
        f"http://user:{CANARY}@host/",
    ],
)
def test_a_url_whose_password_is_not_escaped_is_refused_without_a_part_of_it(url):
    settings = load({"HINDSIGHT_AMQP_URL": url})
    for use in (amqp_shown, amqp_parameters):
        with pytest.raises(SettingsError) as refused:
            use(settings)
        assert "HINDSIGHT_AMQP_URL" in str(refused.value)
        assert not any(part in str(refused.value) for part in (CANARY, "12"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [("amqp://u:p@[::1]:5673/", "[::1]:5673"), ("amqps://h/", "h:5671"), ("amqp://h:1/%2F?heartbeat=5", "h:1")],
)
def test_the_address_is_shown_as_it_is_written(url, shown):
    assert amqp_shown(load({"HINDSIGHT_AMQP_URL": url})) == shown


def test_a_password_that_was_rotated_is_used_at_the_next_attempt(tmp_path):
    file = tmp_path / "password"
    file.write_text("first")
    settings = load({"HINDSIGHT_AMQP_USER": "u", "HINDSIGHT_AMQP_PASSWORD_FILE": str(file)})
    assert amqp_parameters(settings).credentials.password == "first"
    file.write_text("second")
    assert amqp_parameters(settings).credentials.password == "second"
