"""What the topic `metric` brings: which of its records are ours, and which of those are not written yet.

A record is known by its tag. One that does not directly follow what was written is looked up in the decision log before
it is believed: nothing that is written behind a made-up offset would ever be taken for new.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from agents.metric_log.files import LogError
from agents.metric_log.local_path import Positions
from streams.kafka.records import TP
from streams.process.unavailable import Unavailable
from streams.process.void_records import step_over
from streams.table.decision_log import LogIsNewer
from streams.wire import verdicts
from streams.wire.verdicts import Tag, VerdictRecord
from streams.wire.versions import Newer

MAX_STEP = 1000
"""More decisions than this between two with verdicts are rare enough to be looked up."""


class Sent(Protocol):
    """A record of the topic."""

    def offset(self) -> int: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102


class Came(Protocol):
    """Records of the topic in their order, such as a `Batch`."""

    @property
    def tp(self) -> TP: ...  # noqa: D102
    @property
    def records(self) -> Sequence[Sent]: ...  # noqa: D102


class CannotTell(LogError):
    """It cannot be told now which records of the topic `metric` are ours; they wait in Kafka."""


class Incoming:
    """Takes the records of the topic in their order, any of them again after a failure.

    Args:
        confirms: tells whether there is the decision that a tag names, see `Witness`.
        says: count and say what is none of ours, as one of those who read the topic does.
    """

    def __init__(self, confirms: Callable[[Tag], Awaitable[bool]], *, says: bool = True):
        self._confirms, self._says = confirms, says
        self._stepped_to = -1

    async def unwritten(
        self, came: Iterable[Came], written: Positions, again: list[Tag] | None = None
    ) -> list[VerdictRecord]:
        """Return the records that are not written yet; `written` moves on with them.

        Args:
            again: is given the tags of those that were written before.

        Raises:
            CannotTell: a newer program wrote a record, or Kafka does not show the decision log.
        """
        found: list[VerdictRecord] = []
        for batch in came:
            for record in batch.records:
                tag = verdicts.decode_tag(record.value())
                if isinstance(tag, Newer):
                    raise CannotTell(f"{tag}.")
                seen = written.get(tag.log, {}).get(tag.partition, -1) if tag else -1
                if tag is not None and tag.offset <= seen:
                    if again is not None:
                        again.append(tag)
                    continue
                read = verdicts.decode(record.value())
                if tag is None or not isinstance(read, VerdictRecord) or not await self._is_believed(tag, seen):
                    self._step_over(batch.tp, record)
                    continue
                found.append(read)
                written.setdefault(tag.log, {})[tag.partition] = tag.offset
        return found

    async def _is_believed(self, tag: Tag, seen: int) -> bool:
        if tag.previous == seen and tag.offset - seen <= MAX_STEP:
            return True
        try:
            return await self._confirms(tag)
        except Unavailable as exc:
            raise CannotTell(str(exc)) from exc
        except LogIsNewer as exc:
            raise CannotTell(f"{exc}.") from exc

    def _step_over(self, tp: TP, record: Sent) -> None:
        """Count a record that is none of ours, once."""
        if self._says and record.offset() > self._stepped_to:
            self._stepped_to = record.offset()
            step_over(tp.topic, tp.partition, record.offset(), record.value())
