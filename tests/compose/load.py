"""Rows with both sides, published until told to stop, whatever happens to RabbitMQ meanwhile."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import Any

from pika.exceptions import AMQPError

from tests.compose.stack import Stack
from tests.waiting import wait_until

BATCH = 50
EVERY_S = 0.2
ALL_WRITTEN_S = 120.0


class Load(threading.Thread):
    """About 250 ids a second, y_true and y_pred of each. A batch that RabbitMQ did not confirm is sent again."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self.expected: dict[str, tuple[float, float]] = {}
        self._stack = stack
        self._begin = uuid.uuid4().hex[:8]
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(EVERY_S):
            first = len(self.expected)
            batch = {f"{self._begin}-{n}": (float(n), n + 0.5) for n in range(first, first + BATCH)}
            bodies = [(queue, _body(batch, side)) for side, queue in enumerate(("y_true", "y_pred"))]
            wait_until(lambda bodies=bodies: self._published(bodies), ALL_WRITTEN_S, "RabbitMQ takes rows")  # type: ignore[misc]
            self.expected |= batch

    def end(self) -> None:
        """Publish no more."""
        self._ended.set()
        self.join()

    def check_all_written_once(self) -> None:
        """Wait until every id that was published is in the metric log; fail if one is missing, wrong, or there twice."""
        wanted = set(self.expected)
        wait_until(lambda: len(self._rows()) >= len(wanted), ALL_WRITTEN_S, f"{len(wanted)} ids; {self._missing()}")
        rows = self._rows()
        assert len(rows) == len(wanted), "an id stands twice in the log"
        assert {row["id"]: (float(row["y_true"]), float(row["y_pred"])) for row in rows} == self.expected
        assert self._stack.rows("unmatched_log.csv") == []
        status = self._stack.status()
        ended = (
            2 * status["matched"] + status["unmatched"] + status["duplicates"] + status["conflicts"] + status["late"]
        )
        assert status["rows_in"] == ended + status["waiting"]
        assert (status["conflicts"], status["late"], status["quarantined"]) == (0, 0, 0)

    def _rows(self) -> list[dict[str, str]]:
        return [row for row in self._stack.rows() if row["id"].startswith(self._begin)]

    def _missing(self) -> str:
        missing = sorted(set(self.expected) - {row["id"] for row in self._rows()})
        return f"{len(missing)} are missing at first, such as {missing[:3]}"

    def _published(self, bodies: list[tuple[str, bytes]]) -> bool:
        try:
            self._stack.publish(bodies)
        except (AMQPError, OSError):
            return False
        return True


def _body(batch: dict[str, tuple[float, float]], side: int) -> bytes:
    rows: list[dict[str, Any]] = [{"id": name, "ts": time.time(), "body": ys[side]} for name, ys in batch.items()]
    return json.dumps(rows).encode()
