"""The whole program as a person runs it: processes, queues, files and pages. Imports nothing of ours."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pika

from tests.brokers import CHECKOUT, Brokers
from tests.waiting import wait_until

FAUST = Path(sys.executable).with_name("faust")
READY_S = 60.0
STOP_S = 15.0
QUEUES = ("features", "y_true", "y_pred")


class Process:
    """One process of ours, its output in a file."""

    def __init__(self, name: str, argv: list[str], environ: dict[str, str], printed: Path):
        self.name, self._argv, self._environ, self._printed = name, argv, environ, printed
        self._process: subprocess.Popen[bytes] | None = None
        self._read_from = 0

    def start(self, ready: str) -> None:
        """Start it, and wait until it has said `ready`."""
        self.launch()
        wait_until(lambda: self._says(ready), READY_S, f"{self.name} says {ready!r}; it said:\n{self.said}")

    def launch(self) -> None:
        """Start it without waiting."""
        self._read_from = self._printed.stat().st_size if self._printed.exists() else 0
        with self._printed.open("ab") as output:
            self._process = subprocess.Popen(
                self._argv, cwd=CHECKOUT, env=self._environ, stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )

    @property
    def said(self) -> str:
        """What it has printed since its last start."""
        return self._printed.read_bytes()[self._read_from :].decode(errors="replace")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; return its exit code."""
        if self.process.poll() is None:
            self.send(number)
        return self.process.wait(STOP_S)

    def end(self) -> None:
        """Make sure that it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _says(self, text: str) -> bool:
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}:\n{self.said}"
        return text in self.said


class Pipeline:
    """Workers and bridges over one namespace and one vhost, and what goes in and comes out."""

    def __init__(self, brokers: Brokers, **settings: Any):
        self.brokers = brokers
        self.environ = brokers.environ(**settings)
        self.logs = Path(self.environ["HINDSIGHT_LOGS_DIR"])
        self._home = self.logs.parent
        self.worker = self.new_worker("worker")
        self.bridge = self._new("bridge", [sys.executable, "-m", "bridge"])
        self._others: list[Process] = []

    def new_worker(self, name: str, **environ: str) -> Process:
        """Return a worker that is not started; more than one share the state directory."""
        process = self._new(name, [str(FAUST), "-A", "streams", "worker", "-l", "info"], **environ)
        if name != "worker":
            self._others.append(process)
        return process

    def new_process(self, name: str, argv: list[str], **environ: str) -> Process:
        """Return a process that is not started, with settings of its own."""
        self._others.append(self._new(name, argv, **environ))
        return self._others[-1]

    def run_command(
        self, *arguments: str, timeout_s: float = 60.0, environ: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `faust -A streams ...` to its end."""
        argv = [str(FAUST), "-A", "streams", *arguments]
        return subprocess.run(
            argv,
            cwd=CHECKOUT,
            env=self.environ | (environ or {}),
            text=True,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self) -> None:
        """Start the bridge and the worker, and wait until both work."""
        self.worker.launch()
        self.start_bridge()
        wait_until(self._worker_ready, READY_S, f"the worker is ready; it said:\n{self.worker.said}")

    def start_bridge(self) -> None:
        """Start the bridge, and wait until it reads."""
        self.bridge.start("Reading the queue")

    def start_worker(self) -> None:
        """Start the worker, and wait until its table is ready."""
        self.worker.start("The table `pairs` is ready")

    def _worker_ready(self) -> bool:
        code = self.worker.process.poll()
        assert code is None, f"the worker ended with {code}:\n{self.worker.said}"
        return "The table `pairs` is ready" in self.worker.said

    def end(self) -> None:
        """Make sure that nothing runs any more."""
        for process in (self.worker, self.bridge, *self._others):
            process.end()

    def publish(self, queue: str, bodies: Iterable[bytes | dict[str, Any] | list[Any]]) -> None:
        """Publish bodies, persistent and confirmed, to a durable queue."""
        with pika.BlockingConnection(pika.URLParameters(self.environ["HINDSIGHT_AMQP_URL"])) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare(queue, durable=True)
            for body in bodies:
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                channel.basic_publish("", queue, raw, pika.BasicProperties(delivery_mode=2), mandatory=True)

    def metric_rows(self) -> list[dict[str, str]]:
        """Return the rows of the metric log."""
        return self._rows("metric_log.csv")

    def unmatched_rows(self) -> list[dict[str, str]]:
        """Return the rows of the unmatched log."""
        return self._rows("unmatched_log.csv")

    def status(self) -> dict[str, Any]:
        """Return what `/api/status` says, empty while nobody answers."""
        found: dict[str, Any] = json.loads(self.page("/api/status") or "{}")
        return found

    def html(self, path: str) -> str:
        """Return a page as a browser asks for it, empty while nobody answers."""
        return self.page(path, Accept="text/html")

    def page(self, path: str, **headers: str) -> str:
        """Return a page of the worker, empty while nobody answers."""
        url = f"http://127.0.0.1:{self.environ['HINDSIGHT_WEB_PORT']}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return ""

    def _rows(self, name: str) -> list[dict[str, str]]:
        path = self.logs / name
        if not path.exists():
            return []
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    def _new(self, name: str, argv: list[str], **environ: str) -> Process:
        return Process(name, argv, self.environ | environ, self._home / f"{name}.out")
