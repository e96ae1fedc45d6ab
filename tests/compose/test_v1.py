"""The same compose.yaml by Compose 1.29, on a machine where logs/ is missing and the user has another number."""

from __future__ import annotations

import shutil

import pytest

from tests.compose.conftest import V1, MakeStack
from tests.compose.load import Load
from tests.compose.stack import BROKERS, JOBS, Stack
from tests.compose.test_v2 import workers
from tests.waiting import wait_until

EFFECT_S = 60.0
UID, GID = 4321, 4322


@pytest.fixture(scope="module")
def stack(make_stack: MakeStack) -> Stack:
    """The project, started as the README says, with a file .env beside it."""
    stack = make_stack(V1, "hindsight1")
    shutil.rmtree(stack.logs)
    (stack.directory / ".env").write_text(f"RUN_AS={UID}:{GID}\nHINDSIGHT_PLOT_EVERY_S=1\n")
    stack.up("--build")
    return stack


def test_a_missing_logs_directory_is_made_and_gets_rows_of_the_user_that_was_named(stack: Stack) -> None:
    wait_until(lambda: stack.n_rows() >= 20, EFFECT_S, "rows of the data driver are in logs/")
    found = (stack.logs / "metric_log.csv").stat()
    assert (found.st_uid, found.st_gid) == (UID, GID)
    wait_until((stack.logs / "error_distribution.png").exists, EFFECT_S, "the picture is drawn")
    assert stack.get("/")[0] == 200
    assert stack.execute("worker", "printenv", "HINDSIGHT_PLOT_EVERY_S").strip() == "1", ".env reaches the services"
    assert {stack.inspect(job)["State"]["ExitCode"] for job in JOBS} == {0}


def test_more_workers_and_bridges_write_each_id_once(stack: Stack) -> None:
    stack.up("--scale", "features=0", "--scale", "worker=2", "--scale", "bridge=2")
    load = Load(stack)
    load.start()
    wait_until(lambda: len(workers(stack)) == 2, EFFECT_S, "both workers have partitions")
    stack.wait_for_more_rows(200, "rows flow")
    load.end()
    load.check_all_written_once()


def test_down_ends_all_in_order_and_up_goes_on(stack: Stack) -> None:
    codes = stack.down()
    assert codes == {service: {0} for service in (*BROKERS, "bridge", "worker", "page")}
    before = [row["id"] for row in stack.rows()]
    stack.up()
    stack.wait_for_more_rows(20, "rows flow after down and up")
    ids = [row["id"] for row in stack.rows()]
    assert ids[: len(before)] == before
    assert len(ids) == len(set(ids))
