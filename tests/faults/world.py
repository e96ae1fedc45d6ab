"""A pipeline behind proxies, with what it printed and wrote: the place where faults happen."""

from __future__ import annotations

import json
import re
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.brokers import Brokers
from tests.e2e.pipeline import Pipeline, Process
from tests.faults.link import Link

WINDOW_S, OUT_OF_ORDERNESS_S = 45.0, 5.0
"""Longer together than any fault may hold rows up, so that no id ends for want of a row that is on its way."""
LOUD = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b")


class World:
    """One namespace and vhost on brokers that others may use, a bridge and a worker. Not started yet."""

    def __init__(self, brokers: Brokers, **settings: Any) -> None:
        self.brokers = brokers
        self.vhost = brokers.new_vhost()
        self.amqp_url = brokers.amqp_url(self.vhost)
        self.rabbitmq_link = Link(urllib.parse.urlsplit(self.amqp_url).netloc.rpartition("@")[2], is_kafka=False)
        self.kafka_link = Link(brokers.kafka, is_kafka=True)
        given = {
            "kafka": self.kafka_link.address,
            "amqp_url": re.sub(r"@[^/]+/", f"@{self.rabbitmq_link.address}/", self.amqp_url),
            "agents": "metric,plot",
            "queues": "y_true,y_pred",
            "join_window_s": WINDOW_S,
            "max_out_of_orderness_s": OUT_OF_ORDERNESS_S,
            "plot_every_s": 2,
        }
        self.pipeline = Pipeline(brokers, **(given | settings))
        self.environ = self.pipeline.environ
        self.namespace = self.environ["HINDSIGHT_NAMESPACE"]
        self.home = self.pipeline.logs.parent
        self.prefixes: list[str] = []
        self.is_broken = False
        self.kept_logs: list[Path] = []
        self.forgiven: set[str] = set()
        self._points = 0

    def start(self) -> None:
        """Start bridge and worker, and wait until both work."""
        self.pipeline.start()

    def end(self) -> None:
        """Make sure that nothing of it runs any more."""
        self.pipeline.end()
        self.kafka_link.close()
        self.rabbitmq_link.close()

    @property
    def waiting_s(self) -> float:
        """How long an id with one side may wait."""
        return float(self.environ["HINDSIGHT_JOIN_WINDOW_S"]) + float(self.environ["HINDSIGHT_MAX_OUT_OF_ORDERNESS_S"])

    def keep_logs(self) -> None:
        """Copy the logs for the oracle."""
        kept = self.home / f"logs-kept-{len(self.kept_logs)}"
        shutil.copytree(self.pipeline.logs, kept)
        self.kept_logs.append(kept)

    def at_point(self, program: str, point: str, nth: int, signal_name: str, **environ: str) -> Process:
        """Return a worker or bridge, not started, that meets a signal at the nth passing of a named point."""
        self._points += 1
        process = self.pipeline.new_worker(f"{program}-at-a-point-{self._points}", **environ)
        process._argv = [sys.executable, "-m", "tests.faults.points", point, str(nth), signal_name, program]
        return process

    def ask(self, program: str, path: str = "/readyz") -> dict[str, Any]:
        """Return what bridge or worker answers, with status 503 too; nothing while it does not."""
        port = self.environ["HINDSIGHT_WEB_PORT" if program == "worker" else "HINDSIGHT_BRIDGE_WEB_PORT"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as answer:
            return dict(json.loads(answer.read()))
        except OSError:
            return {}

    def wrong(self, program: str) -> list[str]:
        """Return the names of what /readyz of bridge or worker says does not work."""
        answer = self.ask(program)
        links = [name for name, link in answer.get("links", {}).items() if not link["up"]]
        return links + [check["name"] for check in answer.get("checks", []) if not check["ok"]]

    def metrics(self, program: str) -> str:
        """Return what /metrics of bridge or worker says."""
        port = self.environ["HINDSIGHT_WEB_PORT" if program == "worker" else "HINDSIGHT_BRIDGE_WEB_PORT"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, program: str, name: str) -> float:
        """Return the sum of a metric over all of its labels."""
        lines = self.metrics(program).splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}[ {{]", line))

    def printed(self) -> dict[Path, int]:
        """Return how much each process has printed until now."""
        return {path: path.stat().st_size for path in self.home.glob("*.out")}

    def printed_since(self, before: dict[Path, int]) -> str:
        """Return what was printed since."""
        return "".join(
            path.read_bytes()[before.get(path, 0) :].decode(errors="replace") for path in self.home.glob("*.out")
        )

    def last_words(self) -> dict[str, list[str]]:
        """Return the last lines that each process printed."""
        return {path.stem: path.read_text(errors="replace").splitlines()[-40:] for path in self.home.glob("*.out")}
