"""Rows whose endings are known beforehand, sent while something dies, and what must be found afterwards."""

from __future__ import annotations

import random
import threading
import time

from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

N_IDS = 12_000
RATE = 1500.0
A_MESSAGE = 5
"""Rows a message: each message waits for its confirm, and with a row each the load would be slower than RATE."""
ALL_WRITTEN_S = 60.0


class Load(threading.Thread):
    """Publishes truths and predictions of `n_ids`, each id's two sides in random order, a tenth of the ids twice."""

    def __init__(self, pipeline: Pipeline, seed: int, n_ids: int = N_IDS):
        super().__init__(daemon=True)
        self.pipeline = pipeline
        self.expected = {f"{seed}-{i}": (float(i), i + 0.5) for i in range(n_ids)}
        self._chance = random.Random(seed)

    def run(self) -> None:
        sides = [("y_true", 0), ("y_pred", 1)]
        rows = [(queue, i, y[side]) for i, y in self.expected.items() for queue, side in sides]
        rows += self._chance.sample(rows, len(self.expected) // 10)
        self.n_rows = len(rows)
        rows.sort(key=lambda row: int(row[1].split("-")[1]) + self._chance.uniform(0, 500))
        batches = [rows[start : start + 50] for start in range(0, len(rows), 50)]
        begun = time.monotonic()
        for n, batch in enumerate(batches):
            for queue in ("y_true", "y_pred"):
                sent = [{"id": i, "body": y} for name, i, y in batch if name == queue]
                self.pipeline.publish(
                    queue, [sent[start : start + A_MESSAGE] for start in range(0, len(sent), A_MESSAGE)]
                )
            time.sleep(max(0.0, begun + n * 50 / RATE - time.monotonic()))


def check_all_written_once(pipeline: Pipeline, load: Load) -> None:
    load.join()
    n_ids = len(load.expected)
    wait_until(
        lambda: len(pipeline.metric_rows()) >= n_ids,
        ALL_WRITTEN_S,
        f"{n_ids} rows in the log; there are {len(pipeline.metric_rows())}. Worker:\n{pipeline.worker.said[-3000:]}",
    )
    rows = pipeline.metric_rows()
    assert len(rows) == n_ids, "an id stands twice in the log"
    assert {row["id"]: (float(row["y_true"]), float(row["y_pred"])) for row in rows} == load.expected
    assert pipeline.unmatched_rows() == []


def check_sums(pipeline: Pipeline, load: Load) -> None:
    """A redelivered message may be counted as one duplicate more, and nothing else may differ."""
    wait_until(lambda: pipeline.status().get("rows_in", 0) >= load.n_rows, 20, "all rows are counted")
    status = pipeline.status()
    ended = 2 * status["matched"] + status["unmatched"] + status["duplicates"] + status["conflicts"] + status["late"]
    assert status["rows_in"] == ended + status["waiting"]
    assert (status["matched"], status["unmatched"], status["conflicts"], status["late"], status["waiting"]) == (
        len(load.expected),
        0,
        0,
        0,
        0,
    )
    assert status["quarantined"] == 0
