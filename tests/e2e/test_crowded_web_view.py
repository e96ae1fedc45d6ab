"""Whoever asks the web view for too much, with few descriptors for all: pairs are joined meanwhile, and others are answered."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import FAUST, Pipeline
from tests.waiting import wait_until

EFFECT_S = 60.0
FEW = 256
IDLE, SLOW = 400, 2000
ASKS = b"GET /table/pairs/?n=250 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n"


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> Pipeline:
    pipeline = make_pipeline(agents="metric,plot", partitions=2)
    few = f"ulimit -n {FEW}; exec {FAUST} -A streams worker -l info"
    pipeline.worker = pipeline.new_process("crowded", ["sh", "-c", few])
    pipeline.start()
    return pipeline


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connected(pipeline: Pipeline, stack: ExitStack, says: bytes) -> None:
    """Connect, say something, and read nothing. A connection that is not accepted at once is tried no longer."""
    client = stack.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.settimeout(0.2)
    try:
        client.connect(("127.0.0.1", int(pipeline.environ["HINDSIGHT_WEB_PORT"])))
        client.sendall(says)
    except OSError:
        return


def join(pipeline: Pipeline, name: str) -> None:
    pipeline.publish("y_true", [{"id": name, "y_true": 1.0}])
    pipeline.publish("y_pred", [{"id": name, "y_pred": 2.0}])
    wait_until(lambda: name in {row["id"] for row in pipeline.metric_rows()}, EFFECT_S, f"{name} is joined")


def test_neither_idle_nor_slow_readers_stop_the_join(pipeline: Pipeline, stack: ExitStack) -> None:
    pipeline.publish("y_true", [[{"id": f"waiting {i}", "y_true": 1.0} for i in range(300)]])
    for _ in range(IDLE):
        connected(pipeline, stack, b"")
    join(pipeline, "beside idle connections")
    wait_until(lambda: json.loads(pipeline.page("/readyz") or "{}").get("ready"), EFFECT_S, "others are answered")

    for _ in range(SLOW):
        connected(pipeline, stack, ASKS)
    join(pipeline, "beside slow readers")
    wait_until(lambda: pipeline.html("/table/pairs/"), EFFECT_S, "others are answered")
    join(pipeline, "afterwards")
    assert "Too many open files" not in pipeline.worker.said
    assert "Traceback" not in pipeline.worker.said
