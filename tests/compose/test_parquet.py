"""An image with the Parquet package, as docs/parquet.md says: the containers write all verdicts as files, each once."""

from __future__ import annotations

import json

import pytest

from tests.compose.conftest import V2, MakeStack
from tests.compose.stack import Stack
from tests.waiting import wait_until

EFFECT_S = 90.0
READ = """
import json, sys
import pyarrow.parquet as pq
table = pq.read_table("logs/verdicts", columns=["id", "verdict"]).to_pylist()
json.dump([row["id"] for row in table if row["verdict"] == "matched"], sys.stdout)
"""


@pytest.fixture(scope="module")
def stack(make_stack: MakeStack) -> Stack:
    """The project with the package, started as docs/parquet.md says, with a file every second."""
    stack = make_stack(V2, "hindsight-parquet")
    stack.environ |= {"PARQUET": "true", "HINDSIGHT_PARQUET_EVERY_S": "1"}
    stack.up("--build")
    return stack


def ids(stack: Stack) -> list[str]:
    """Return the ids of the matched verdicts, as the image's own package reads them."""
    found: list[str] = json.loads(stack.execute("worker", "python", "-c", READ))
    return found


def test_the_containers_write_every_verdict_once_beside_the_csv(stack: Stack) -> None:
    manifest = stack.logs / "verdicts" / "_manifest.json"
    wait_until(manifest.exists, EFFECT_S, f"a file of verdicts is written: {stack.log('worker')}")
    before = {row["id"] for row in stack.rows()}
    stack.engine.docker("kill", stack.containers("worker")[0])
    stack.engine.docker("start", stack.containers("worker")[0])
    stack.wait_healthy()
    wait_until(lambda: before < set(ids(stack)), EFFECT_S, "the worker goes on, and its files hold what the CSV held")
    found = ids(stack)
    assert len(found) == len(set(found))
