"""Whether the decision log bears out what a record of the topic `metric` says of itself; asked where that looks odd."""

from __future__ import annotations

from streams.join.decision import Decision, is_reported, is_valid
from streams.table.decision_log import DecisionLog
from streams.wire.verdicts import Tag

LOOK_BACK = 20
"""How many records before the end of a log are searched for its identity: what is none of ours is rare there."""


class Witness:
    """Looks decisions up in all partitions of one decision log."""

    def __init__(self, log: DecisionLog, n_partitions: int):
        self._log, self._n_partitions = log, n_partitions

    async def confirms(self, tag: Tag) -> bool:
        """Tell whether there is such a decision, and whether it is reported; yes where nothing can tell any more.

        That is so for decisions that Kafka has removed, and for those of a log that another one took the place of.

        Raises:
            Unavailable: Kafka cannot be reached.
            LogIsNewer: a newer program writes the log.
        """
        if tag.partition >= self._n_partitions:
            return False
        first, end = (await self._log.bounds([tag.partition]))[tag.partition]
        newest = await self._last(tag.partition, max(first, end - LOOK_BACK), end)
        if newest is None or newest.checkpoint.log != tag.log or tag.offset < first:
            return True
        found = await self._last(tag.partition, tag.offset, min(tag.offset + 1, end))
        return is_valid(found, tag.offset) and is_reported(found) and found.checkpoint.verdicts_at == tag.previous

    async def _last(self, partition: int, start: int, end: int) -> Decision | None:
        last = None
        async for records in self._log.read(partition, start, end):
            last = next((record for _, record in reversed(records) if record is not None), last)
        return last
