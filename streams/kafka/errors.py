"""What aiokafka raises, as our own exceptions: nobody outside of this room catches its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import errors

from streams.kafka.aiokafka_overrides import InvalidRecordError
from streams.process.unavailable import Unavailable


class KafkaRefused(Unavailable):
    """Kafka answered, and refuses: trying again helps only once somebody has changed something."""


class NotAllowed(KafkaRefused):
    """Our user has not the right."""


class RecordRefused(KafkaRefused):
    """Kafka refuses a record for what may be the record's own fault; so it does each of its batch."""


class RecordTooLarge(RecordRefused):
    """A record, or a batch of them, is larger than its topic takes (`max.message.bytes`)."""


class ClocksDiffer(KafkaRefused):
    """Kafka refuses the time of records: one of the two clocks is wrong."""

    pause_s = 10.0


class OffsetsRemoved(KafkaRefused):
    """Kafka does not hold these offsets: their retention has ended, or the topic was recreated."""


class NoGroupYet(Unavailable):
    """No coordinator answers for a consumer group; a Kafka without any group yet answers so, too."""


class NotDelivered(Unavailable):
    """The client gave a record up before Kafka answered: it may have it, or not."""


FAILURES = (errors.KafkaError, OSError, TimeoutError)
"""What aiokafka raises where it cannot do something; what else it raises is a defect."""
TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_KINDS: list[tuple[type[Unavailable], tuple[type[BaseException], ...]]] = [
    (RecordTooLarge, TOO_LARGE),
    (
        RecordRefused,
        (
            errors.CorruptRecordException,
            errors.UnsupportedForMessageFormatError,
            errors.UnknownError,  # any code that aiokafka 0.14 has no name for
            InvalidRecordError,
        ),
    ),
    (ClocksDiffer, (errors.InvalidTimestampError,)),
    (OffsetsRemoved, (errors.OffsetOutOfRangeError,)),
    (NoGroupYet, (errors.GroupCoordinatorNotAvailableError,)),
    (
        NotAllowed,
        (
            errors.TopicAuthorizationFailedError,
            errors.GroupAuthorizationFailedError,
            errors.ClusterAuthorizationFailedError,
        ),
    ),
    (
        KafkaRefused,
        (
            errors.InvalidTopicError,
            errors.InvalidPartitionsError,
            errors.InvalidReplicationFactorError,
            errors.InvalidConfigurationError,
            errors.PolicyViolationError,
        ),
    ),
]


def translated(exc: BaseException, doing: str) -> Unavailable:
    """Return what a client raised as our own exception; `doing` is the sentence up to its reason.

    Kafka answers each of what `KafkaRefused` stands for; all else may pass by itself.
    """
    return kind_of(exc)(f"{doing}: {reason(exc)}.")


def kind_of(exc: BaseException) -> type[Unavailable]:
    """Return which of our exceptions stands for what a client raised."""
    return next((kind for kind, raised in _KINDS if isinstance(exc, raised)), Unavailable)


@contextmanager
def translating(doing: str) -> Iterator[None]:
    """Raise what a client raises inside as our own exception; `doing` is the sentence up to its reason."""
    try:
        yield
    except FAILURES as exc:
        raise translated(exc, doing) from exc


def reason(exc: BaseException) -> str:
    """Return why a client failed, for people."""
    if isinstance(exc, errors.TopicAuthorizationFailedError):
        return "our user has not the right to (docs/permissions.md lists the rights)"
    if isinstance(exc, (errors.KafkaConnectionError, errors.NodeNotReadyError)):
        return "it cannot be connected to"
    if isinstance(exc, (errors.RequestTimedOutError, errors.KafkaTimeoutError, TimeoutError)):
        return "it does not answer in time"
    said = str(exc)
    return said.rstrip(".") if isinstance(exc, errors.KafkaError) else said or type(exc).__name__
