"""Where everything is measured: two brokers of the bench's own, a temporary directory, and topics anew for each run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.program import Program
from dev.ports import free_ports
from streams.settings import Settings, load

READY = ("RabbitMQ is ready", "Kafka is ready")


class Place:
    """The brokers' addresses and process ids, and a directory for whoever runs there."""

    def __init__(self, directory: Path, amqp_port: int, kafka_port: int) -> None:
        self.directory = directory
        self.amqp_url = f"amqp://127.0.0.1:{amqp_port}/%2F"
        self.kafka = f"127.0.0.1:{kafka_port}"
        self._n_runs = 0

    def broker_pid(self, name: str) -> int:
        """Return the process id of `rabbitmq` or `kafka`."""
        return int((self.directory / "brokers" / "pid" / name).read_text().split()[0])

    def new_run(self) -> Run:
        """Return a run with topics, group, state and logs that nothing has used before."""
        self._n_runs += 1
        return Run(self, f"bench{self._n_runs}-")


class Run:
    """One measurement's own namespace and directory; `at`: when its rows happen, in epoch seconds."""

    def __init__(self, place: Place, namespace: str) -> None:
        self.place, self.namespace = place, namespace
        self.at = int(time.time())
        self.directory = place.directory / namespace.rstrip("-")
        self.logs = self.directory / "logs"
        self.state = self.directory / "state"
        self.logs.mkdir(parents=True)
        self.csv = self.logs / "metric_log.csv"
        self._web_port, self._bridge_web_port = free_ports(2)

    def environ(self, **settings: str) -> dict[str, str]:
        """Return the environment of a worker or a bridge of this run; `settings` by their short names."""
        given = {
            "amqp_url": self.place.amqp_url,
            "kafka": self.place.kafka,
            "namespace": self.namespace,
            "state_dir": str(self.state),
            "logs_dir": str(self.logs),
            "web_port": str(self._web_port),
            "bridge_web_port": str(self._bridge_web_port),
        }
        return {f"HINDSIGHT_{name.upper()}": value for name, value in (given | settings).items()}

    def settings(self, **settings: str) -> Settings:
        """Return the same as a settings object."""
        return load(self.environ(**settings))

    def worker(
        self, agents: str = "metric,plot", name: str = "worker", faust: str = "faust", **settings: str
    ) -> Program:
        """Start a worker; `faust` is the module whose command line does."""
        environ = self.environ(agents=agents, **settings)
        argv = ["-m", faust, "-A", "streams", "worker", "-l", "info"]
        return Program(name, argv, environ=environ, directory=self.directory)

    def bridge(self, **settings: str) -> Program:
        """Start a bridge that moves y_true and y_pred."""
        environ = self.environ(queues="y_true,y_pred", **settings)
        return Program("bridge", ["-m", "bridge"], environ=environ, directory=self.directory)


@contextmanager
def place() -> Iterator[Place]:
    """Hold both brokers started, in a temporary directory that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="hindsight-bench-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        amqp_port, kafka_port = free_ports(2)
        environ = {
            "HINDSIGHT_DEV_DIR": str(directory / "brokers"),
            "HINDSIGHT_DEV_AMQP_PORT": str(amqp_port),
            "HINDSIGHT_DEV_KAFKA_PORT": str(kafka_port),
        }
        with Program("brokers", ["-m", "dev", "brokers"], environ=environ, directory=directory) as brokers:
            brokers.wait_until_said(*READY, within_s=120)
            yield Place(directory, amqp_port, kafka_port)
