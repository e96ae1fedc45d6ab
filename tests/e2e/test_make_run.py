"""`make run`'s process: what it starts, what it shows, how it ends, how it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import CHECKOUT, Brokers
from tests.waiting import wait_until

FIRST_ROWS_S = 60.0
STOP_S = 10.0
CHILDREN = ("worker", "bridge", "features")


class Run:
    """`python -m dev run` with a terminal's process group of its own, on brokers that the settings name."""

    def __init__(self, environ: dict[str, str]):
        self.home = Path(environ["HINDSIGHT_DEV_DIR"])
        self._csv = Path(environ["HINDSIGHT_LOGS_DIR"]) / "metric_log.csv"
        self.environ = environ
        self._printed = self.home.parent / f"{self.home.name}.out"

    def start(self) -> None:
        """Start it without waiting."""
        with self._printed.open("wb") as output:
            argv = [sys.executable, "-m", "dev", "run"]
            self.process = subprocess.Popen(
                argv, cwd=CHECKOUT, env=self.environ, stdout=output, stderr=output, start_new_session=True
            )

    def wait_for_rows(self, n: int) -> None:
        """Wait until the metric log has `n` rows."""
        wait_until(lambda: len(self.ids()) >= n or self.process.poll() is not None, FIRST_ROWS_S, f"{n} rows")
        assert self.process.poll() is None, self.said

    def stop(self, number: signal.Signals) -> float:
        """Signal its process group, as Ctrl-C does; return the seconds that it took to end."""
        began = time.monotonic()
        os.killpg(self.process.pid, number)
        self.process.wait(STOP_S * 3)
        return time.monotonic() - began

    @property
    def said(self) -> str:
        """What it has printed."""
        return self._printed.read_text()

    def ids(self) -> list[str]:
        """Return the ids of the metric log's rows."""
        lines = self._csv.read_text().splitlines()[1:] if self._csv.exists() else []
        return [line.split(",")[0] for line in lines]

    def pid(self, child: str) -> int:
        """Return a child's process id."""
        return int((self.home / "pid" / child).read_text().split()[0])


@pytest.fixture
def run(brokers: Brokers) -> Iterator[Run]:
    """A run that is not started."""
    run = Run(brokers.environ(plot_every_s=1))
    yield run
    if run.process.poll() is None:
        run.stop(signal.SIGTERM)


def test_rows_flow_and_ctrl_c_ends_all_and_the_next_run_goes_on(run: Run) -> None:
    run.start()
    run.wait_for_rows(10)
    wait_until(lambda: "rows/s | matched" in run.said, 30, "the status line")
    pids = [run.pid(child) for child in CHILDREN]
    took = run.stop(signal.SIGINT)
    assert run.process.returncode == 0
    assert took <= STOP_S
    assert "Traceback" not in run.said
    assert "error_distribution.png (drawn every 1 s)" in run.said
    assert [line for line in run.said.splitlines() if line.startswith("Stopping")] == [
        "Stopping features.",
        "Stopping bridge.",
        "Stopping worker.",
    ]
    assert not any(Path("/proc", str(pid)).exists() for pid in pids)
    first = run.ids()
    run.start()
    run.wait_for_rows(len(first) + 10)
    ids = run.ids()
    assert ids[: len(first)] == first
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("away", "said"),
    [
        ({"HINDSIGHT_KAFKA": "127.0.0.1:1"}, "Not working: Kafka at 127.0.0.1:1 does not answer"),
        ({"HINDSIGHT_AMQP_URL": "amqp://127.0.0.1:1"}, "does not work: rabbitmq: RabbitMQ at 127.0.0.1:1"),
    ],
    ids=["kafka", "rabbitmq"],
)
def test_a_broker_of_ones_own_that_does_not_answer_is_said(run: Run, away: dict[str, str], said: str) -> None:
    run.environ |= away
    run.start()
    wait_until(lambda: said in run.said, FIRST_ROWS_S, "the line says what is wrong")
    run.stop(signal.SIGINT)
    assert run.process.returncode == 0
    assert "Traceback" not in run.said


def test_a_child_that_dies_ends_the_run_with_a_sentence(run: Run) -> None:
    run.start()
    run.wait_for_rows(1)
    os.kill(run.pid("worker"), signal.SIGKILL)
    assert run.process.wait(STOP_S * 2) == 1
    assert f"worker was ended by SIGKILL. The last lines of {run.home / 'log' / 'worker.log'}:" in run.said
    assert "Stopping features.\nStopping bridge.\nStopping worker.\n" in run.said


def test_what_a_killed_run_left_behind_is_stopped_and_the_next_goes_on(run: Run) -> None:
    run.start()
    run.wait_for_rows(5)
    orphans = {child: run.pid(child) for child in CHILDREN}
    run.stop(signal.SIGKILL)
    run.start()
    wait_until(lambda: "Started worker" in run.said, FIRST_ROWS_S, "the next run has put the first away")
    run.wait_for_rows(len(run.ids()) + 10)
    for child, pid in orphans.items():
        assert f"Stopping {child} (process {pid}), left over from a run that was killed." in run.said
    ids = run.ids()
    assert len(ids) == len(set(ids))


def test_a_second_run_in_the_same_directory_is_refused(run: Run) -> None:
    run.start()
    wait_until((run.home / "pid" / "worker").exists, 30, "the worker is started")
    argv = [sys.executable, "-m", "dev", "run"]
    second = subprocess.run(argv, cwd=CHECKOUT, env=run.environ, text=True, capture_output=True, check=False)
    assert second.returncode == 1
    assert f"{run.home} is in use by process {run.process.pid}" in second.stderr
    assert run.process.poll() is None


def test_no_model_is_a_sentence(brokers: Brokers, tmp_path: Path) -> None:
    environ = brokers.environ(model=tmp_path / "none.skops")
    argv = [sys.executable, "-m", "dev", "run"]
    refused = subprocess.run(argv, cwd=CHECKOUT, env=environ, text=True, capture_output=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"The model {tmp_path / 'none.skops'} does not exist: `make setup` trains one")
