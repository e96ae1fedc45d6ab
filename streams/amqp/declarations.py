"""How queues are declared: the ways of ours, and what RabbitMQ says of a queue that is otherwise. No sockets here.

AMQP has no way to ask how a queue was declared. But it answers a declaration that does not fit with the first thing that
differs, and its value: step by step that tells all of it, without a right beyond that to declare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from streams.settings import QueueKind

NO_LIMIT = -1
"""As `x-delivery-limit`: RabbitMQ 4 drops a message that came back 20 times unless this is declared. RabbitMQ 3 has no limit,
unless one is declared, and takes this one for 0: it would drop what comes back once (seen in 3.10)."""
NO_LIMIT_SINCE, DEFAULT_LIMIT = 4, 20
MOST_STEPS = 25
QUORUM = {"x-queue-type": "quorum"}
_WHOLE_NUMBERS = ("byte", "short", "signedint", "unsignedint", "long", "unsignedbyte", "unsignedshort")
_refusal = re.compile(
    r"inequivalent arg '(?P<name>[^']+)' for queue .*received .* but current is "
    r"(?:none|(?:the value )?'(?P<value>.*?)'(?: of type '(?P<type>\w+)')?)$",
    re.DOTALL,
)


def ways_to_declare(kind: QueueKind, server_version: str) -> list[dict[str, Any]]:
    """Return pika's keyword arguments to declare a queue of a kind: as we want it first, then as an older one may be.

    None where a queue is to exist.

    Args:
        server_version: RabbitMQ's, such as `4.1.2`.
    """
    if kind == "existing":
        return []
    if kind != "quorum":
        return [{"durable": kind == "durable"}]
    plain = {"durable": True, "arguments": QUORUM}
    if _major(server_version) < NO_LIMIT_SINCE:
        return [plain]
    return [{"durable": True, "arguments": QUORUM | {"x-delivery-limit": NO_LIMIT}}, plain]


def corrected(how: Mapping[str, Any], refusal: str) -> dict[str, Any] | None:
    """Return a declaration with what RabbitMQ says that the queue is instead; None if it does not say it.

    Args:
        how: `durable`, `auto_delete` and `arguments`, as pika takes them.
        refusal: what RabbitMQ answered to it.
    """
    found = _refusal.search(refusal)
    if found is None:
        return None
    name, value = found["name"], found["value"]
    if name in ("durable", "auto_delete"):
        return {**how, name: value == "true"}
    arguments = {given: how["arguments"][given] for given in how.get("arguments", {}) if given != name}
    if value is not None:
        arguments[name] = _typed(value, found["type"], how.get("arguments", {}).get(name))
    return {**how, "arguments": arguments}


def _typed(value: str, type_name: str | None, ours: Any) -> Any:
    """Return a value of an argument as pika writes it; RabbitMQ leaves out the type where it is the type of ours."""
    try:
        if type_name in _WHOLE_NUMBERS or (type_name is None and type(ours) is int):
            return int(value)
    except ValueError:
        return value
    if type_name == "bool" or (type_name is None and type(ours) is bool):
        return value == "true"
    return value


class Declared(NamedTuple):
    """How a queue was declared."""

    durable: bool
    auto_delete: bool
    arguments: Mapping[str, Any]

    @classmethod
    def by(cls, how: Mapping[str, Any]) -> Declared:
        """Return what a declaration that RabbitMQ took says of the queue."""
        return cls(how.get("durable", False), how.get("auto_delete", False), how.get("arguments", {}))

    def problem(self) -> str:
        """Return why no row can be read from such a queue without losing others, and what to do; empty if it can be."""
        if self.arguments.get("x-queue-type") == "stream":
            return STREAM
        if self.auto_delete:
            return (
                "it is auto-delete: RabbitMQ deletes it, with all that it holds, when its last reader goes, such as this "
                "bridge at a restart or while Kafka is away. Declare it without auto_delete"
            )
        return ""

    def notes(self, server_version: str) -> Iterator[str]:
        """Yield what becomes of rows in such a queue that nobody reads in time."""
        given = self.arguments
        if (ttl_ms := self._number("x-message-ttl")) is not None:
            yield f"RabbitMQ drops messages that wait in it for longer than {ttl_ms / 1000:g} s (x-message-ttl)"
        for name, unit in (("x-max-length", "messages"), ("x-max-length-bytes", "bytes")):
            if (most := self._number(name)) is not None:
                refuses = given.get("x-overflow", "drop-head") != "drop-head"
                yield f"RabbitMQ {'refuses what comes' if refuses else 'drops the oldest'} beyond {most:,} {unit} ({name})"
        if (unused_ms := self._number("x-expires")) is not None:
            yield (
                f"RabbitMQ deletes it, with all that it holds, once nobody has used it for {unused_ms / 1000:g} s "
                "(x-expires), such as a bridge that is not running"
            )
        if (limit := self._delivery_limit(server_version)) is not None:
            yield (
                f"RabbitMQ drops a message that came back more than {limit} times (x-delivery-limit); it comes back once an "
                "outage, and declared without a limit it is never dropped"
            )
        if (exchange := given.get("x-dead-letter-exchange")) is not None:
            yield f"what RabbitMQ drops of it goes to the exchange {exchange!r}, not to quarantine (x-dead-letter-exchange)"
        if given.get("x-single-active-consumer"):
            yield "one reader at a time gets its rows (x-single-active-consumer): a second bridge waits until the first one ends"

    def _delivery_limit(self, server_version: str) -> int | None:
        if self.arguments.get("x-queue-type") != "quorum":
            return None
        knows_none = _major(server_version) >= NO_LIMIT_SINCE
        limit = self._number("x-delivery-limit")
        if limit is None:
            return DEFAULT_LIMIT if knows_none else None
        return None if limit < 0 and knows_none else max(0, limit)

    def _number(self, name: str) -> int | None:
        value = self.arguments.get(name)
        return value if type(value) is int else None


EXCLUSIVE = (
    "it is exclusive to another connection, which alone may read it: have it declared without exclusive, or have its rows "
    "published to another queue as well"
)
STREAM = (
    "it is a stream, which delivers everything again to each new consumer: rows would be missed or counted twice. Have "
    "its rows published to a classic or a quorum queue"
)

STREAM_HEADER = b"x-stream-offset"
"""A header that RabbitMQ gives each message of a stream."""


def shared(queue: str, n_others: int) -> str:
    """Return what it means that others read a queue."""
    return (
        f"The queue {queue!r} is also read by {n_others} other consumer{'s' if n_others > 1 else ''}: each gets a part of "
        "the rows. That is right for a second bridge of ours; anybody else takes rows that are then missing here."
    )


def _major(server_version: str) -> int:
    major = server_version.partition(".")[0]
    return int(major) if major.isdecimal() else 0
