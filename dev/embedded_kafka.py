"""The embedded Kafka: one process that is broker and KRaft controller, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path

from dev import DevError, home, jars, ports, processes
from dev.broker import Broker
from streams.settings import Settings

NAME = "kafka"
CLUSTER_ID = "aGluZHNpZ2h0LWRldi1rYQ"
API_VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)
"""A Kafka request, version 0, without a client id: answered only by a broker that serves."""
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""
LOG4J = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1}: %m%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
"""


def start(settings: Settings) -> Broker:
    """Start Kafka in `kafka` of the dev directory, which the caller has claimed.

    Raises:
        DevError: Java or the jars are missing, the port is in use, or the disk is full.
    """
    java = shutil.which("java")
    if java is None:
        raise DevError(
            "Kafka needs Java 17 or newer, and there is no `java`: run `make setup`, or use `docker compose up`."
        )
    jars.fetch()
    directory = settings.dev_dir.absolute() / NAME
    port = settings.dev_kafka_port
    ports.require_free(port, broker="Kafka", setting="HINDSIGHT_DEV_KAFKA_PORT")
    home.require_room(directory)
    properties = _write_configuration(directory, port)
    command = [java, "-Xmx512m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={directory / 'log4j2.properties'}"]
    command += ["-cp", f"{jars.JARS}/*"]
    _format(command, properties, directory)
    child = processes.start(NAME, [*command, "kafka.Kafka", str(properties)], home=directory.parent, environ=os.environ)
    return Broker("Kafka", f"{ports.HOST}:{port}", (child,), lambda: answers(port))


def answers(port: int) -> bool:
    """Return whether a Kafka serves requests on this port of loopback."""
    try:
        with socket.create_connection((ports.HOST, port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(API_VERSIONS)) + API_VERSIONS)
            return len(connection.recv(4)) > 0
    except OSError:
        return False


def _write_configuration(directory: Path, port: int) -> Path:
    """Write Kafka's two files, with a controller port that is free today; return the path of the main one."""
    properties = directory / "server.properties"
    (controller_port,) = ports.free_ports(1)
    properties.write_text(
        PROPERTIES.format(host=ports.HOST, port=port, controller_port=controller_port, data=directory / "data")
    )
    (directory / "log4j2.properties").write_text(LOG4J)
    return properties


def _format(command: list[str], properties: Path, directory: Path) -> None:
    """Give a new data directory its identity."""
    if (directory / "data" / "meta.properties").exists():
        return
    argv = [*command, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)]
    done = subprocess.run(  # in a session of its own, so that Ctrl-C does not leave it half done
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, start_new_session=True
    )
    if "UnsupportedClassVersionError" in done.stdout:
        raise DevError(
            f"Kafka needs Java 17 or newer, and {command[0]} is older: "
            "run `apt-get install default-jre-headless`, or use `docker compose up`."
        )
    if done.returncode != 0:
        raise DevError(f"Kafka could not set up its directory {directory / 'data'}: {done.stdout.strip()[-2000:]}")
