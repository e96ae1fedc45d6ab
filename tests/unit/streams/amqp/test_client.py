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
from streams.amqp.client import settle, why


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
