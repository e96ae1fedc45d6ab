"""How queues are declared, and what RabbitMQ's refusals tell of those that are otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.amqp.declarations import MOST_STEPS, Declared, corrected, shared, ways_to_declare

QUORUM = {"x-queue-type": "quorum"}
TYPES = {int: "signedint", bool: "bool", str: "longstr"}
queues = st.builds(
    Declared,
    st.booleans(),
    st.booleans(),
    st.dictionaries(
        st.sampled_from(["x-queue-type", "x-message-ttl", "x-max-length", "x-overflow", "x-single-active-consumer"]),
        st.integers(-5, 10**6) | st.booleans() | st.text(max_size=5),
    ),
)


def refusal(queue: Declared, how: dict[str, Any]) -> str:
    """Return what RabbitMQ 3.10 answers to a declaration of a queue that is otherwise; empty if it takes it."""
    where = "for queue 'y_true' in vhost '/'"
    for name in ("durable", "auto_delete"):
        ours, theirs = how.get(name, False), getattr(queue, name)
        if ours != theirs:
            said = f"received '{ours}' but current is '{theirs}'".lower()
            return f"PRECONDITION_FAILED - inequivalent arg '{name}' {where}: {said}"
    given_arguments = how.get("arguments", {})
    for name in sorted({*queue.arguments, *given_arguments}):
        theirs, ours = queue.arguments.get(name), given_arguments.get(name)
        if theirs == ours and type(theirs) is type(ours):
            continue
        received = "none" if ours is None else f"the value '{_text(ours)}' of type '{TYPES[type(ours)]}'"
        current = "none" if theirs is None else f"the value '{_text(theirs)}' of type '{TYPES[type(theirs)]}'"
        if theirs is not None and type(theirs) is type(ours):
            received, current = f"'{_text(ours)}'", f"'{_text(theirs)}'"
        return f"PRECONDITION_FAILED - inequivalent arg '{name}' {where}: received {received} but current is {current}"
    return ""


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@given(queues, queues)
def test_step_by_step_the_refusals_tell_how_a_queue_was_declared(queue: Declared, guess: Declared) -> None:
    how: dict[str, Any] | None = guess._asdict()
    for _ in range(MOST_STEPS):
        assert how is not None
        if not (text := refusal(queue, how)):
            break
        how = corrected(how, text)

    assert how is not None
    assert Declared.by(how) == queue


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ACCESS_REFUSED - access to queue 'y_true' in vhost '/' refused for user 'bridge'",
        "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'y_true' in vhost '/': received none but cur",
    ],
    ids=["nothing", "access", "cut"],
)
def test_a_refusal_that_tells_nothing_is_none(text: str) -> None:
    assert corrected({"durable": True}, text) is None


@pytest.mark.parametrize(
    ("kind", "version", "ways"),
    [
        ("durable", "3.10.8", [{"durable": True}]),
        ("transient", "4.1.0", [{"durable": False}]),
        ("existing", "4.1.0", []),
        ("quorum", "3.10.8", [{"durable": True, "arguments": QUORUM}]),
        ("quorum", "", [{"durable": True, "arguments": QUORUM}]),
        (
            "quorum",
            "4.0.2",
            [{"durable": True, "arguments": QUORUM | {"x-delivery-limit": -1}}, {"durable": True, "arguments": QUORUM}],
        ),
    ],
)
def test_ours_are_declared_without_a_limit_where_rabbitmq_has_one_by_default(
    kind: Any, version: str, ways: list[dict[str, Any]]
) -> None:
    assert ways_to_declare(kind, version) == ways


@pytest.mark.parametrize(
    ("arguments", "version", "limit"),
    [
        (QUORUM, "3.13.7", None),
        (QUORUM, "4.0.2", 20),
        (QUORUM | {"x-delivery-limit": 3}, "3.10.8", 3),
        (QUORUM | {"x-delivery-limit": 5}, "4.0.2", 5),
        (QUORUM | {"x-delivery-limit": -1}, "4.0.2", None),
        (QUORUM | {"x-delivery-limit": -1}, "3.10.8", 0),
        ({}, "4.0.2", None),
    ],
    ids=["3-none", "4-default", "3-set", "4-set", "4-no-limit", "3-takes-it-for-none-at-all", "classic"],
)
def test_a_delivery_limit_is_named(arguments: dict[str, Any], version: str, limit: int | None) -> None:
    notes = list(Declared(True, False, arguments).notes(version))

    assert len(notes) == (limit is not None)
    assert limit is None or f"more than {limit} times (x-delivery-limit)" in notes[0]


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        ({"x-message-ttl": 1500}, "longer than 1.5 s (x-message-ttl)"),
        ({"x-max-length": 1000}, "drops the oldest beyond 1,000 messages (x-max-length)"),
        ({"x-max-length-bytes": 10, "x-overflow": "reject-publish"}, "refuses what comes beyond 10 bytes"),
        ({"x-expires": 60_000}, "nobody has used it for 60 s (x-expires)"),
        ({"x-dead-letter-exchange": "dlx"}, "goes to the exchange 'dlx'"),
        ({"x-single-active-consumer": True}, "one reader at a time"),
        ({"x-message-ttl": "odd"}, None),
        ({"x-max-priority": 5, "x-queue-mode": "lazy"}, None),
    ],
)
def test_what_becomes_of_rows_that_nobody_reads_in_time_is_named(arguments: dict[str, Any], note: str | None) -> None:
    declared = Declared(True, False, arguments)

    assert declared.problem() == ""
    assert [note in said for said in declared.notes("3.10.8") if note] == ([True] if note else [])


def test_queues_that_cannot_be_read_without_losing_rows_say_why_and_what_to_do() -> None:
    assert "stream" in Declared(True, False, {"x-queue-type": "stream"}).problem()
    assert "without auto_delete" in Declared(False, True, {}).problem()


def test_other_readers_are_counted_in_a_sentence() -> None:
    assert "read by 1 other consumer:" in shared("y_true", 1)
    assert "read by 2 other consumers:" in shared("y_true", 2)
