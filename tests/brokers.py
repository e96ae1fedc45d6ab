"""Real brokers for tests: `python -m dev` in a temporary directory, on free ports. Imports nothing of ours."""

from __future__ import annotations

import base64
import os
import random
import signal
import socket
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

HOST = "127.0.0.1"
CHECKOUT = Path(__file__).parents[1]
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 20.0
PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_given: set[int] = set()


class Brokers:
    """A RabbitMQ and a Kafka of our own.

    `kafka` is Kafka's `host:port`. `rabbitmq_server` and `kafka_server` stop, kill and start each of them alone;
    whoever takes one down has to start it again.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        amqp_port, kafka_port = free_port(), free_port()
        self.kafka = f"{HOST}:{kafka_port}"
        self._amqp_port = amqp_port
        environ = bare_environ() | {
            "HINDSIGHT_DEV_DIR": str(directory / "dev"),
            "HINDSIGHT_DEV_AMQP_PORT": str(amqp_port),
            "HINDSIGHT_DEV_KAFKA_PORT": str(kafka_port),
        }
        self.rabbitmq_server = Server("rabbitmq", environ)
        self.kafka_server = Server("kafka", environ)

    def start(self) -> None:
        """Start both; return when both are ready."""
        for server in (self.rabbitmq_server, self.kafka_server):
            server.launch()
        for server in (self.rabbitmq_server, self.kafka_server):
            server.wait_ready()

    def stop(self) -> None:
        """Stop both, whatever state they are in."""
        for server in (self.rabbitmq_server, self.kafka_server):
            server.stop()

    def amqp_url(self, vhost: str = "/") -> str:
        """Return the URL of a vhost of RabbitMQ."""
        return f"amqp://guest:guest@{HOST}:{self._amqp_port}/{vhost.replace('/', '%2F')}"

    def new_vhost(self) -> str:
        """Make a vhost that nobody has used; return its name."""
        name = f"t{uuid.uuid4().hex[:10]}"
        self.management("PUT", f"vhosts/{name}")
        self.management("PUT", f"permissions/{name}/guest", b'{"configure":".*","write":".*","read":".*"}')
        return name

    def management(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Call RabbitMQ's management API; return the answer's body."""
        port = (self.directory / "dev" / "rabbitmq" / "management_port").read_text()
        token = base64.b64encode(b"guest:guest").decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://{HOST}:{port}/api/{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            content: bytes = answer.read()
            return content

    def environ(self, **overrides: Any) -> dict[str, str]:
        """Return the environment of a child process with topics, vhost, directories and web ports of its own.

        Overrides are settings without the prefix: `environ(join_window_s=5)`.
        """
        namespace = f"t{uuid.uuid4().hex[:10]}."
        home = self.directory / namespace.rstrip(".")
        settings = {
            "amqp_url": self.amqp_url(self.new_vhost()),
            "kafka": self.kafka,
            "namespace": namespace,
            "dev_dir": home,
            "state_dir": home / "state",
            "logs_dir": home / "logs",
            "web_port": free_port(),
            "bridge_web_port": free_port(),
        }
        home.mkdir(parents=True)
        given = {f"HINDSIGHT_{name.upper()}": str(value) for name, value in (settings | overrides).items()}
        return bare_environ() | given


class Server:
    """One broker, run by `python -m dev NAME`, its output in a file."""

    def __init__(self, name: str, environ: dict[str, str]) -> None:
        self.name = name
        self.dev_dir = Path(environ["HINDSIGHT_DEV_DIR"])
        self._environ = environ
        self._parent: subprocess.Popen[bytes] | None = None
        self._printed = self.dev_dir.parent / f"{name}.out"

    def start(self) -> None:
        """Start it; return when it is ready."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Stop it in order."""
        if self._parent is not None and self._parent.poll() is None:
            self._parent.terminate()
            self._parent.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """Kill the broker's own process with SIGKILL, as a power cut would; its data stays."""
        os.kill(self.pid, signal.SIGKILL)
        self.parent.wait(STOP_TIMEOUT_S)

    def kill_parent(self) -> None:
        """Kill `python -m dev` with SIGKILL, which leaves the broker running without it."""
        self.parent.kill()
        self.parent.wait(STOP_TIMEOUT_S)

    def pause(self) -> None:
        """Freeze it: it keeps its connections and does not answer."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def parent(self) -> subprocess.Popen[bytes]:
        """The `python -m dev` that runs it."""
        assert self._parent is not None, f"{self.name} was not started"
        return self._parent

    @property
    def said(self) -> str:
        """What `python -m dev` has printed since its start."""
        return self._printed.read_text()

    @property
    def pid(self) -> int:
        """Process id of the broker itself."""
        return int((self.dev_dir / "pid" / self.name).read_text().split()[0])

    def launch(self) -> None:
        """Start it without waiting."""
        self._printed.parent.mkdir(parents=True, exist_ok=True)
        with self._printed.open("wb") as output:
            argv = [sys.executable, "-m", "dev", self.name]
            self._parent = subprocess.Popen(argv, cwd=CHECKOUT, env=self._environ, stdout=output, stderr=output)

    def wait_ready(self) -> None:
        """Wait until it has said that it is ready; fail with what it said if it cannot start."""
        wait_until(self._is_ready, START_TIMEOUT_S, f"{self.name} is ready")

    def _is_ready(self) -> bool:
        code = self.parent.poll()
        assert code is None, f"{self.name} ended with exit code {code}: {self.said}"
        return "is ready" in self.said


def bare_environ() -> dict[str, str]:
    """Return this process's environment without any setting of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HINDSIGHT_")}


def free_port() -> int:
    """Return a port of loopback that nobody listens on, and that no other test is given.

    It is outside of what the kernel gives to clients, and of what `python -m dev` gives itself; of two processes of tests
    one takes the even ones.
    """
    while True:
        port = random.randrange(20_000 + PROCESS % 2, 26_000, 2)
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port
