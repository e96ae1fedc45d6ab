"""insight.db while processes die: every slice is one pass over what was published."""

from __future__ import annotations

import json
import math
import random
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

SLICE_S = 30
SPAN_S = 1800.0
A_MESSAGE = 200
COUNTED_S = 60.0
SQL = """
SELECT model, start, n_predictions, n_labels, sum_absolute, sum_squared, sum_error, labels
FROM cells JOIN series USING (series) WHERE axis = ? AND segment = ''
"""


class Published(NamedTuple):
    """One id: its prediction, and its truth if there is one."""

    id: str
    model: str
    ts_pred: float
    y_pred: float
    ts_true: float | None
    y_true: float


class Slice(NamedTuple):
    n_predictions: int
    n_labels: int
    sums: tuple[float, float, float]
    by_delay: list[int]


Slices = dict[tuple[str, int], Slice]


def ids(seed: int, n: int) -> list[Published]:
    """Return ids of half an hour that is over, two thirds of which get a truth, some of it before the prediction."""
    rng, start = random.Random(seed), time.time() - 2 * 3600
    made = []
    for i in range(n):
        ts, y = start + SPAN_S * i / n, rng.gauss(10, 3)
        delay = min(rng.lognormvariate(4.5, 1.2), 1800) - 10
        label_ts = ts + delay if rng.random() < 0.67 else None
        made.append(Published(f"{seed}-{i}", rng.choice("ab"), ts, y + rng.lognormvariate(0, 1), label_ts, y))
    return made


def messages(published: list[Published]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield bodies about in the order in which things happened; a tenth of the predictions come twice."""
    preds = [
        (p.ts_pred, "y_pred", {"id": p.id, "ts": p.ts_pred, "y_pred": p.y_pred, "model": p.model}) for p in published
    ]
    trues = [(p.ts_true, "y_true", {"id": p.id, "ts": p.ts_true, "y_true": p.y_true}) for p in published if p.ts_true]
    in_order = sorted([*preds, *preds[::10], *trues], key=lambda row: row[0])
    for i in range(0, len(in_order), A_MESSAGE):
        for queue in ("y_true", "y_pred"):
            yield queue, [body for _, name, body in in_order[i : i + A_MESSAGE] if name == queue]


def one_pass(published: list[Published], ends: list[float]) -> Slices:
    """Return what the slices must hold, by nothing of the program's own."""
    counts, labels, sums = Counter[Any](), Counter[Any](), defaultdict[Any, list[float]](lambda: [0.0, 0.0, 0.0])
    by_delay = defaultdict[Any, list[int]](lambda: [0] * len(ends))
    for p in published:
        key = (p.model, math.floor(p.ts_pred / SLICE_S) * SLICE_S)
        counts[key] += 1
        if p.ts_true is not None:
            labels[key] += 1
            error, delay = p.y_pred - p.y_true, p.ts_true - p.ts_pred
            sums[key] = [a + b for a, b in zip(sums[key], (abs(error), error**2, error), strict=True)]
            by_delay[key][next(i for i, end in enumerate(ends) if delay <= end)] += 1
    return {key: Slice(n, labels[key], tuple(sums[key]), by_delay[key]) for key, n in counts.items()}  # type: ignore[arg-type]


def kept(logs: Path, axis: str = "predicted") -> tuple[Slices, list[float]]:
    """Return what the file holds, read as anybody can, and the ends of its bins of delay."""
    with closing(sqlite3.connect(f"{(logs / 'insight.db').as_uri()}?mode=ro", uri=True)) as connection:
        found = {
            (model, start): Slice(n_predictions, n_labels, tuple(sums), json.loads(labels))
            for model, start, n_predictions, n_labels, *sums, labels in connection.execute(SQL, (axis,))
        }
        ((ends,),) = connection.execute("SELECT value FROM meta WHERE name = 'delay_ends'")
        return found, json.loads(ends)


def n_counted(logs: Path) -> tuple[int, int]:
    try:
        found, _ = kept(logs)
    except sqlite3.Error:
        return 0, 0
    return sum(s.n_predictions for s in found.values()), sum(s.n_labels for s in found.values())


def check(pipeline: Pipeline, published: list[Published]) -> None:
    wanted = len(published), sum(p.ts_true is not None for p in published)
    wait_until(lambda: n_counted(pipeline.logs) >= wanted, COUNTED_S, f"{wanted} predictions and labels are counted")
    found, ends = kept(pipeline.logs)
    expected = one_pass(published, ends)
    assert found.keys() == expected.keys()
    for key, one in expected.items():
        assert found[key]._replace(sums=()) == one._replace(sums=()), key
        assert found[key].sums == pytest.approx(one.sums, rel=1e-9)
    decided, _ = kept(pipeline.logs, "decided")
    assert sum(s.n_labels for s in decided.values()) == sum(s.n_predictions for s in decided.values()) == wanted[1]
    with closing(sqlite3.connect(pipeline.logs / "insight.db")) as connection:
        assert connection.execute("SELECT * FROM gaps").fetchall() == []


def publishing(pipeline: Pipeline, published: list[Published]) -> threading.Thread:
    """Publish at about 2,000 rows a second."""

    def publish() -> None:
        begun, n = time.monotonic(), 0
        for queue, bodies in messages(published):
            pipeline.publish(queue, [bodies])
            n += len(bodies)
            time.sleep(max(0.0, begun + n / 2000 - time.monotonic()))

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("seed", [1])
def test_after_kill_9_at_any_moment_every_slice_is_one_pass_over_what_was_published(
    make_pipeline: MakePipeline, seed: int
) -> None:
    pipeline = make_pipeline(agents="metric,plot", clock="event")
    pipeline.start()
    published, rng, n_kills = ids(seed, 12_000), random.Random(seed), 8
    publishing(pipeline, published)
    for n in range(n_kills):
        n_rows = int(7_000 * (n + rng.random()) / n_kills)
        wait_until(lambda n_rows=n_rows: len(pipeline.metric_rows()) >= n_rows, 60, "rows flow between the kills")  # type: ignore[misc]
        pipeline.worker.kill()
        if n == n_kills // 2:
            (pipeline.logs / "insight.db").unlink(missing_ok=True)
        pipeline.start_worker()
    check(pipeline, published)


def test_the_file_follows_its_topic_from_worker_to_worker_and_is_recreated_while_one_writes_it(
    make_pipeline: MakePipeline,
) -> None:
    pipeline = make_pipeline(agents="metric,plot", clock="event")
    pipeline.start()
    published = ids(2, 8_000)
    publishing(pipeline, published)
    second = pipeline.new_worker("second", HINDSIGHT_WEB_PORT=str(int(pipeline.environ["HINDSIGHT_WEB_PORT"]) + 1))
    wait_until(lambda: len(pipeline.metric_rows()) > 500, 60, "rows flow before the second worker comes")
    second.start("The table `pairs` is ready")
    wait_until(lambda: len(pipeline.metric_rows()) > 1500, 60, "rows flow with two workers")
    (pipeline.logs / "insight.db").unlink()
    wait_until(lambda: n_counted(pipeline.logs)[1] > 1500, 60, "the file is there again, with all that was in it")
    pipeline.worker.kill()
    wait_until(lambda: len(pipeline.metric_rows()) > 3000, 60, "rows flow with the second worker alone")
    pipeline.start_worker()
    second.kill()
    check(pipeline, published)
