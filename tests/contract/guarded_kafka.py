"""A Kafka that lets each user do only what was granted: SASL and the StandardAuthorizer. Imports nothing of ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.brokers import CHECKOUT, HOST, bare_environ, free_port
from tests.waiting import wait_until

USERS = {"hindsight-bridge": "bridge-sw0rdfish", "hindsight-worker": "worker-sw0rdfish"}
START_S, STOP_S = 60.0, 20.0
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
controller.listener.names=CONTROLLER
listeners=OPEN://{host}:{inner},GUARDED://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=OPEN://{host}:{inner},GUARDED://{host}:{port}
listener.security.protocol.map=OPEN:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=OPEN
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {users};
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""
LOG4J = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%p %c{1}: %m%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
"""


class GuardedKafka:
    """`guarded` asks for a user and a password; `open` lets everybody do everything, which stands for its administrator."""

    def __init__(self, directory: Path):
        port, inner, controller = free_port(), free_port(), free_port()
        self.guarded, self.open = f"{HOST}:{port}", f"{HOST}:{inner}"
        self._directory = directory
        users = " ".join(f'user_{name}="{password}"' for name, password in USERS.items())
        self._properties = directory / "server.properties"
        self._properties.write_text(
            PROPERTIES.format(
                host=HOST, port=port, inner=inner, controller=controller, users=users, data=directory / "data"
            )
        )
        (directory / "log4j2.properties").write_text(LOG4J)
        self._java = [
            "java",
            "-Xmx384m",
            "-XX:+UseSerialGC",
            f"-Dlog4j2.configurationFile={directory}/log4j2.properties",
        ]
        self._java += ["-cp", f"{CHECKOUT}/.run/kafka-jars/*"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; return when it serves."""
        identity = ["-t", "aGluZHNpZ2h0LWd1YXJkZA", "-c", str(self._properties)]
        subprocess.run([*self._java, "kafka.tools.StorageTool", "format", *identity], check=True, capture_output=True)
        with (self._directory / "out").open("wb") as output:
            self._process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._properties)], env=bare_environ(), stdout=output, stderr=output
            )
        wait_until(self._serves, START_S, f"Kafka serves; see {self._directory}/out")

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(STOP_S)

    def as_user(self, name: str) -> dict[str, str]:
        """Return the settings by which a user reaches it."""
        return {
            "kafka": self.guarded,
            "kafka_security": "SASL_PLAINTEXT",
            "kafka_user": name,
            "kafka_password": USERS[name],
        }

    def _serves(self) -> bool:
        assert self._process is not None
        said = (self._directory / "out").read_text(errors="replace")
        assert self._process.poll() is None, said[-3000:]
        return "Kafka Server started" in said
