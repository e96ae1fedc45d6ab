"""Records of our own topics that are none of ours: stepped over, counted, and the first of each topic said."""

from __future__ import annotations

import logging

from prometheus_client import Counter

from streams.process.log_throttle import NEVER_HELD_BACK

logger = logging.getLogger("hindsight.topics")
n_void = Counter("hindsight_void_records", "Records of our own topics that cannot be read, and are skipped", ["topic"])
_said: set[str] = set()
SHOWN_BYTES = 60


def step_over(topic: str, partition: int, offset: int, value: bytes | None) -> None:
    """Count a record that cannot be read; say the first one of its topic."""
    n_void.labels(topic).inc()
    if topic in _said:
        return
    _said.add(topic)
    held = "nothing (a tombstone)" if value is None else f"{value[:SHOWN_BYTES]!r}"
    logger.warning(
        "%s/%d@%d is no record of ours: it holds %s. It is skipped; further ones are only counted "
        "(hindsight_void_records): does another program write to this topic?",
        topic,
        partition,
        offset,
        held,
        extra=NEVER_HELD_BACK,
    )
