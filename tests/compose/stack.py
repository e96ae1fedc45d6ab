"""compose.yaml in a clean copy of this checkout, run by a real Docker engine."""

from __future__ import annotations

import csv
import functools
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pika

from tests.brokers import CHECKOUT, bare_environ, free_port
from tests.compose.engine import Engine, run
from tests.waiting import wait_until

UP_S = 300.0
DOWN_S = 120.0
READY_S = 120.0
OURS = ("bridge", "worker", "page", "features")
BROKERS = ("rabbitmq", "kafka")
JOBS = ("prepare", "topology")


class Stack:
    """One project: its containers, what goes in and what comes out. Nothing of it runs until `up`."""

    def __init__(self, engine: Engine, program: str, directory: Path) -> None:
        self.engine = engine
        self.directory = directory
        self.logs = directory / "logs"
        self.page_port, self.amqp_port = free_port(), free_port()
        self._program = program
        self.environ = bare_environ() | {
            **engine.docker_environ,
            **engine.images,
            "PATH": f"/usr/bin:{os.environ['PATH']}",  # Compose 1.29 builds with the `docker` that it finds
            "COMPOSE_PROJECT_NAME": directory.name,
            "COMPOSE_HTTP_TIMEOUT": "200",
            "PAGE_PORT": str(self.page_port),
            "AMQP_PORT": str(self.amqp_port),
            "RABBITMQ_PAGE_PORT": str(free_port()),
        }
        copy_checkout(directory)

    def compose(self, *arguments: str, timeout_s: float = UP_S, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `docker compose ...` in the project's directory."""
        argv = [self._program, *arguments]
        return run(argv, environ=self.environ, cwd=self.directory, timeout_s=timeout_s, check=check)

    def up(self, *arguments: str) -> None:
        """`up -d`, then wait until every container with a health check is healthy."""
        self.compose("up", "-d", *arguments)
        self.wait_healthy()

    def wait_healthy(self) -> None:
        """Wait until every container that runs and has a health check is healthy."""
        wait_until(lambda: set(self.healths().values()) == {"healthy"}, READY_S, f"all is healthy: {self.healths()}")

    def down(self, *arguments: str) -> dict[str, set[int]]:
        """`down`; return the exit codes of the containers that ran, by service."""
        since = str(int(time.time()))
        self.compose("down", *arguments, timeout_s=DOWN_S)
        return self.exit_codes(since)

    def exit_codes(self, since: str) -> dict[str, set[int]]:
        """Return the exit codes of this project's containers that ended from `since` (epoch seconds) on, by service."""
        label = f"label=com.docker.compose.project={self.directory.name}"
        told = self.engine.docker(
            "events",
            "--since",
            since,
            "--until",
            str(int(time.time()) + 1),
            "--filter",
            "event=die",
            "--filter",
            label,
            "--format",
            "{{json .Actor.Attributes}}",
        ).stdout
        found: dict[str, set[int]] = {}
        for attributes in map(json.loads, told.splitlines()):
            found.setdefault(attributes["com.docker.compose.service"], set()).add(int(attributes["exitCode"]))
        return found

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's containers, whether they run or not."""
        label = f"label=com.docker.compose.project={self.directory.name}"
        of_service = f"label=com.docker.compose.service={service}"
        return self.engine.docker("ps", "-aq", "--filter", label, "--filter", of_service).stdout.split()

    def inspect(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of a service's first container."""
        found: list[dict[str, Any]] = json.loads(self.engine.docker("inspect", self.containers(service)[0]).stdout)
        return found[0]

    def healths(self) -> dict[str, str]:
        """Return the health of each running container that has a health check, by its name."""
        label = f"label=com.docker.compose.project={self.directory.name}"
        ids = self.engine.docker("ps", "-q", "--filter", label).stdout.split()
        if not ids:
            return {}
        form = "{{.Name}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}"
        said = self.engine.docker("inspect", "-f", form, *ids, check=False).stdout
        pairs = [line.split() for line in said.splitlines() if line.count(" ") == 1]
        return {name: health for name, health in pairs if health != "none"}

    def execute(self, service: str, *argv: str, check: bool = True) -> str:
        """Run a command in a service's container; return what it printed."""
        return self.engine.docker("exec", self.containers(service)[0], *argv, check=check).stdout

    def log(self, service: str) -> str:
        """Return what a service's containers have printed."""
        return "".join(self.engine.docker("logs", container).stdout for container in self.containers(service))

    @functools.cached_property
    def password(self) -> str:
        """RabbitMQ's password, as README says that people get it."""
        return self.execute("bridge", "cat", "/run/hindsight/amqp_password").strip()

    def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        """Publish (queue, body) from outside of the containers; return when RabbitMQ has confirmed all."""
        where = pika.ConnectionParameters(
            "127.0.0.1", self.amqp_port, credentials=pika.PlainCredentials("hindsight", self.password)
        )
        with pika.BlockingConnection(where) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for queue, body in bodies:
                channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2), mandatory=True)

    def rows(self, name: str = "metric_log.csv") -> list[dict[str, str]]:
        """Return the rows of the metric log on the bind mount."""
        path = self.logs / name
        if not path.exists():
            return []
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    def n_rows(self) -> int:
        """Return how many rows the metric log has."""
        path = self.logs / "metric_log.csv"
        return path.read_bytes().count(b"\n") - 1 if path.exists() else 0

    def wait_for_more_rows(self, n: int, what: str) -> None:
        """Wait until the metric log has `n` rows more than now."""
        before = self.n_rows()
        wait_until(lambda: self.n_rows() >= before + n, READY_S, f"{what}; {self.healths()}")

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask the page; return status and body, (0, b"") while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.page_port}{path}", timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read()
        except OSError:
            return 0, b""

    def status(self) -> dict[str, Any]:
        """Return what `/api/status` says, empty while nobody answers."""
        code, body = self.get("/api/status")
        return dict(json.loads(body)) if code == 200 else {}


def copy_checkout(directory: Path) -> None:
    """Copy what a clone would hold, and what is new here."""
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=CHECKOUT).stdout
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, directory / name)
