"""Runs one peer, a program of `bench/peers/`, on rows of its own; what it wrote is held against them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench import made_up_rows
from bench.place import Run
from bench.program import ROOT, BenchError, Program
from bench.results import CPU, PEAK, ROWS, Figures
from bench.usage import Meter, memory_mb
from dev.ports import free_ports

N_PARTITIONS = 4
PYTHON = str(ROOT / ".venv-peers" / "bin" / "python")
JAVA = [
    "java",
    "-Xmx1g",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-cp",
    f"{ROOT}/.run/kafka-streams/classes:{ROOT}/.run/kafka-streams/lib/*",
]


class Peer(NamedTuple):
    """A program, and how many ids keep it busy for a few seconds. `packet_rows`: 1 for a row a Kafka record."""

    what: str
    argv: Sequence[str]
    n_ids: int
    packet_rows: int = 1


def python(*argv: str) -> list[str]:
    """Return a command of the Python that has the peers' packages."""
    return [PYTHON, "-m", *argv]


def faust(module: str) -> list[str]:
    """Return the command of a Faust worker, in our own Python."""
    return [sys.executable, "-m", "faust", "-A", f"bench.peers.{module}", "worker", "-l", "info"]


NAIVE = Peer("plain Faust", faust("naive_faust"), 10_000)


def install() -> None:
    """Install what the peers need and we do not; `make peers` does it.

    Raises:
        BenchError: it failed.
    """
    done = subprocess.run(["make", "--silent", "peers"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"`make peers` failed. Its last lines:\n{(done.stdout + done.stderr)[-2000:]}")


def app(run: Run) -> str:
    """Return what a peer's topics begin with in this run."""
    return f"{run.namespace}peer"


def start(peer: Peer, run: Run) -> Program:
    """Start a peer; its topics must be there."""
    environ = {
        "PEER_APP": app(run),
        "PEER_KAFKA": run.place.kafka,
        "PEER_LOGS_DIR": str(run.logs),
        "PEER_STATE_DIR": str(run.state),
        "PEER_WEB_PORT": str(free_ports(1)[0]),
    }
    argv = [arg.format(state=run.state) for arg in peer.argv]
    return Program("peer", argv[1:], executable=argv[0], environ=environ, directory=run.directory)


def measure(peer: Peer, run: Run, given: made_up_rows.Pairs) -> Figures:
    """Return the figures of one run, from the first row that the peer saw to the last one in its CSV.

    Raises:
        BenchError: the CSV is wrong, or the process ended.
    """
    declare(run)
    y_true, y_pred, _ = topics(run)
    made_up_rows.produce(run.place.kafka, made_up_rows.records(y_true, y_pred, given, N_PARTITIONS, peer.packet_rows))
    log = made_up_rows.Lines(run.csv)
    n_ids = len(given.true)
    program = start(peer, run)
    with program, Meter(it=program.pid) as meter:
        program.wait_until(lambda: log.count() > n_ids, "the last row")
        peak = memory_mb(program.pid)
    began, ended = (run.logs / "began").stat().st_mtime, run.csv.stat().st_mtime
    made_up_rows.check_csv(run.csv, given)
    n_rows = 2 * n_ids
    return {ROWS: n_rows / (ended - began), CPU: meter.used("it", began, ended) / n_rows * 1e5, PEAK: peak}


def topics(run: Run) -> tuple[str, str, str]:
    """Return the names of y_true, y_pred and, for those who need it, metric."""
    return f"{app(run)}-y_true", f"{app(run)}-y_pred", f"{app(run)}-metric"


def declare(run: Run) -> None:
    """Create a peer's topics."""
    asyncio.run(_declare(run.place.kafka, topics(run)))


async def _declare(kafka: str, names: Sequence[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, N_PARTITIONS, 1) for name in names])
    finally:
        await admin.close()
