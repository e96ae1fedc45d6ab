"""The invariant of one queue's rows: rows delivered = rows in Kafka + rows quarantined + rows on their way."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from bridge import counts
from streams.kinds import Kind
from streams.process.log_throttle import NEVER_HELD_BACK

log = logging.getLogger("bridge")


class Ledger:
    """What became of the rows of one queue since this process began. `problem` says so once the invariant is broken."""

    def __init__(self, kind: Kind) -> None:
        self.problem = ""
        self.n_delivered = self.n_kept = self.n_quarantined = 0
        self._kind = kind

    @property
    def n_under_way(self) -> int:
        """Rows that were decoded, and that Kafka has not confirmed yet."""
        return self.n_delivered - self.n_kept - self.n_quarantined

    def deliver(self, n_messages: int, n_rows: int) -> None:
        """Count what was taken from the queue, readable or not."""
        self.n_delivered += n_rows
        counts.messages.labels(self._kind).inc(n_messages)
        counts.delivered.labels(self._kind).inc(n_rows)

    def keep(self, n_packets: int, n_rows: int) -> None:
        """Count rows that Kafka has in their topic."""
        self.n_kept += n_rows
        counts.rows.labels(self._kind).inc(n_rows)
        counts.packets.labels(self._kind).inc(n_packets)

    def quarantine(self, n_rows: Mapping[str, int]) -> None:
        """Count rows that Kafka has in quarantine, by reason."""
        for reason, n in n_rows.items():
            self.n_quarantined += n
            counts.quarantined.labels(self._kind, reason).inc(n)

    def close(self) -> None:
        """Check the invariant, now that a batch is delivered and before it is acknowledged."""
        if self.n_under_way and not self.problem:
            self.problem = (
                f"The queue {self._kind!r} has delivered {self.n_delivered} rows, but {self.n_kept} went to Kafka and "
                f"{self.n_quarantined} to quarantine: the rest was lost or counted twice. This is a defect, please report it."
            )
            log.error(self.problem, extra=NEVER_HELD_BACK)

    def state(self) -> dict[str, int | str]:
        """Return the counts, for /readyz."""
        return {
            "delivered": self.n_delivered,
            "kafka": self.n_kept,
            "quarantined": self.n_quarantined,
            "under_way": self.n_under_way,
            "problem": self.problem,
        }


def rows_in_kafka(state: Any, namespace: str) -> dict[Kind, int]:
    """Return how many rows of each queue Kafka has, quarantine included, as a bridge's /readyz says.

    Raises:
        ValueError: it is a bridge of another namespace.
        KeyError, TypeError, AttributeError: it is no bridge's answer.
    """
    if state["namespace"] != namespace:
        raise ValueError(f"a bridge of the namespace {state['namespace']!r}")
    return {kind: rows["kafka"] + rows["quarantined"] for kind, rows in state["rows"].items()}
