"""Three real Kafkas that are one cluster, for tests of what survives the death of one. Imports nothing of ours."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient

from tests.brokers import CHECKOUT, HOST, bare_environ, free_port
from tests.contract.guarded_kafka import LOG4J
from tests.waiting import wait_until

N_NODES = 3
START_S, STOP_S = 90.0, 20.0
PROPERTIES = """\
process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
log.dirs={data}
auto.create.topics.enable=false
min.insync.replicas=2
offsets.topic.num.partitions=4
offsets.topic.replication.factor=3
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=5000
"""
JAVA = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Topic(NamedTuple):
    """One topic as the cluster describes it: the fewest copies that a partition has, and the leader of partition 0."""

    n_copies: int
    leader: int


class KafkaCluster:
    """Nodes 1 to 3, each broker and controller. `kafka` is the list of all their addresses."""

    def __init__(self, directory: Path):
        ports = {node: free_port() for node in range(1, N_NODES + 1)}
        controllers = {node: free_port() for node in ports}
        self.kafka = ",".join(f"{HOST}:{port}" for port in ports.values())
        self._directory = directory
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        (directory / "log4j2.properties").write_text(LOG4J)
        voters = ",".join(f"{node}@{HOST}:{port}" for node, port in controllers.items())
        for node, port in ports.items():
            self._properties(node).write_text(
                PROPERTIES.format(
                    id=node,
                    voters=voters,
                    host=HOST,
                    port=port,
                    controller=controllers[node],
                    data=directory / str(node),
                )
            )

    def start(self) -> None:
        """Start all nodes; return when each serves."""
        identity = ["kafka.tools.StorageTool", "format", "-t", "aGluZHNpZ2h0LXRocmVlcw", "-c"]
        for node in range(1, N_NODES + 1):
            self._run(node, [*identity, str(self._properties(node))])
        assert [process.wait(START_S) for process in self._processes.values()] == [0] * N_NODES
        for node in self._processes:
            self._run(node, ["kafka.Kafka", str(self._properties(node))])
        wait_until(self._serve, START_S, f"three Kafkas serve; see {self._directory}/*.out")

    def stop(self) -> None:
        """Stop all that still run, at once: each would wait for the others."""
        for process in self._processes.values():
            process.kill()
            process.wait(STOP_S)

    def kill(self, node: int) -> None:
        """Kill a node as a power cut would."""
        self._processes[node].kill()
        self._processes[node].wait(STOP_S)

    def topics(self) -> dict[str, Topic]:
        """Return what the cluster says of its topics, by name."""
        return asyncio.run(self._topics())

    async def _topics(self) -> dict[str, Topic]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            described = await admin.describe_topics()
        finally:
            await admin.close()
        found = {}
        for topic in described:
            parts = sorted(topic["partitions"], key=lambda part: part["partition"])
            found[topic["topic"]] = Topic(min(len(part["isr"]) for part in parts), parts[0]["leader"])
        return found

    def _run(self, node: int, arguments: list[str]) -> None:
        logging = f"-Dlog4j2.configurationFile={self._directory}/log4j2.properties"
        argv = [*JAVA, logging, "-cp", f"{CHECKOUT}/.run/kafka-jars/*", *arguments]
        with self._printed(node).open("wb") as output:
            self._processes[node] = subprocess.Popen(argv, env=bare_environ(), stdout=output, stderr=output)

    def _serve(self) -> bool:
        said = {node: self._printed(node).read_text(errors="replace") for node in self._processes}
        for node, process in self._processes.items():
            assert process.poll() is None, said[node][-3000:]
        return all("Kafka Server started" in one for one in said.values())

    def _properties(self, node: int) -> Path:
        return self._directory / f"{node}.properties"

    def _printed(self, node: int) -> Path:
        return self._directory / f"{node}.out"
