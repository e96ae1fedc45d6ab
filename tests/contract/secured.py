"""A RabbitMQ and a Kafka that speak TLS and SASL, with a CA of the test's own. Imports nothing of ours."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, ClassVar

from tests.brokers import CHECKOUT, HOST, bare_environ, free_port
from tests.contract.certificates import Authority, Certificate
from tests.waiting import wait_until

NAME = "localhost"
"""The name that the brokers' certificates hold. 127.0.0.1 is the same machine by another name: the wrong one."""
USER, PASSWORD = "hindsight", "sw0rd/fish@home"
READY_S = 60.0
STOP_S = 20.0
RABBITMQ_SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
JARS = CHECKOUT / ".run" / "kafka-jars"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
PLAIN, SCRAM = ("org.apache.kafka.common.security." + end for end in ("plain.Plain", "scram.Scram"))


class Secured:
    """Both brokers. `ca` signed their certificates and `ours`; `other_ca` signed nothing of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        authority = Authority(directory, "authority")
        self.ca = authority.ca
        self.other_ca = Authority(directory, "stranger").ca
        self.ours = authority.sign("ours", "hindsight.test")
        certificate = authority.sign("server", NAME)
        self.rabbitmq = RabbitMQ(directory / "rabbitmq", self.ca, certificate, asks_for_certificate=False)
        self.strict_rabbitmq = RabbitMQ(directory / "strict", self.ca, certificate, asks_for_certificate=True)
        self.kafka = Kafka(directory / "kafka", self.ca, certificate)
        self.servers = (self.rabbitmq, self.strict_rabbitmq, self.kafka)

    def start(self) -> None:
        """Start all of them; return when they answer."""
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.wait_ready()

    def stop(self) -> None:
        """Stop all of them."""
        for server in self.servers:
            server.stop()

    def amqp(self, **overrides: Any) -> dict[str, Any]:
        """Return settings that reach RabbitMQ."""
        return {
            "amqp_url": f"amqps://{NAME}:{self.rabbitmq.port}/%2F",
            "amqp_user": USER,
            "amqp_password": PASSWORD,
            "amqp_tls_ca": self.ca,
        } | overrides

    def kafka_by(self, listener: str, **overrides: Any) -> dict[str, Any]:
        """Return settings that reach one of Kafka's listeners."""
        return {
            "kafka": f"{NAME}:{self.kafka.ports[listener]}",
            "kafka_security": self.kafka.protocol(listener),
            "kafka_user": USER if listener.startswith("SASL") else "",
            "kafka_password": PASSWORD if listener.startswith("SASL") else "",
            "kafka_tls_ca": self.ca if listener != "SASL_PLAINTEXT" else "",
        } | overrides


class _Server:
    def __init__(self, directory: Path, argv: list[str], environ: dict[str, str]) -> None:
        self.directory, self._argv, self._environ = directory, argv, environ
        self._printed = directory / "out"
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it without waiting."""
        with self._printed.open("wb") as output:
            self._process = subprocess.Popen(
                self._argv, cwd=self.directory, env=self._environ, stdout=output, stderr=output
            )

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(STOP_S)

    def wait_ready(self) -> None:
        """Wait until it has said that it is ready."""
        wait_until(self._is_ready, READY_S, f"it is ready; see {self._printed}")

    def _is_ready(self) -> bool:
        said = self._printed.read_text(errors="replace")
        assert self._process is not None
        assert self._process.poll() is None, said[-3000:]
        return "Server startup complete" in said or "Kafka Server started" in said


class RabbitMQ(_Server):
    """A RabbitMQ with one TLS port and one user."""

    def __init__(self, directory: Path, ca: Path, certificate: Certificate, *, asks_for_certificate: bool) -> None:
        directory.mkdir()
        self.port = free_port()
        (directory / "rabbitmq.conf").write_text(
            f"""listeners.tcp = none
listeners.ssl.1 = {HOST}:{self.port}
ssl_options.cacertfile = {ca}
ssl_options.certfile = {certificate.cert}
ssl_options.keyfile = {certificate.key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = {str(asks_for_certificate).lower()}
default_user = {USER}
default_pass = {PASSWORD}
log.console = true
"""
        )
        (directory / "enabled_plugins").write_text("[].\n")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")}
        environ = kept | {
            "HOME": str(directory),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(free_port()),
            "RABBITMQ_NODENAME": f"{directory.name}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(directory / "data"),
            "RABBITMQ_LOG_BASE": str(directory),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_ALLOW_INPUT": "true",
            "RABBITMQ_SERVER_START_ARGS": "-noinput +B i",
        }
        super().__init__(directory, [RABBITMQ_SERVER], environ)


class Kafka(_Server):
    """A Kafka with one listener for each way to reach it; `ports` by listener. MTLS asks for a client's certificate."""

    PROTOCOLS: ClassVar = {"SSL": "SSL", "MTLS": "SSL", "SASL_SSL": "SASL_SSL", "SASL_PLAINTEXT": "SASL_PLAINTEXT"}

    def __init__(self, directory: Path, ca: Path, certificate: Certificate) -> None:
        directory.mkdir()
        self.ports = {listener: free_port() for listener in self.PROTOCOLS}
        properties = directory / "server.properties"
        properties.write_text(
            "".join(f"{name}={value}\n" for name, value in self._properties(directory, ca, certificate).items())
        )
        (directory / "log4j2.properties").write_text(
            "appender.out.type=Console\nappender.out.name=out\nappender.out.layout.type=PatternLayout\n"
            "rootLogger.level=info\nrootLogger.appenderRef.out.ref=out\n"
        )
        java = ["java", "-Xmx512m", "-XX:+UseSerialGC"]
        java += [f"-Dlog4j2.configurationFile={directory / 'log4j2.properties'}", "-cp", f"{JARS}/*"]
        users = [f"{mechanism}=[name={USER},password={PASSWORD}]" for mechanism in MECHANISMS[1:]]
        added = [word for user in users for word in ("--add-scram", user)]
        tool = [*java, "kafka.tools.StorageTool", "format", "-t", "aGluZHNpZ2h0LXRlc3QtdA"]
        subprocess.run([*tool, "-c", str(properties), *added], check=True, capture_output=True)
        super().__init__(directory, [*java, "kafka.Kafka", str(properties)], bare_environ())

    def protocol(self, listener: str) -> str:
        """Return the security protocol of a listener, as HINDSIGHT_KAFKA_SECURITY names it."""
        return self.PROTOCOLS[listener]

    def _properties(self, directory: Path, ca: Path, certificate: Certificate) -> dict[str, object]:
        inner, controller = free_port(), free_port()
        listeners = {"INNER": inner} | self.ports
        protocols = {"INNER": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"} | self.PROTOCOLS
        found: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join([*_urls(listeners, HOST), f"CONTROLLER://{HOST}:{controller}"]),
            "advertised.listeners": ",".join(_urls(listeners, NAME)),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "inter.broker.listener.name": "INNER",
            "log.dirs": directory / "data",
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": certificate.both,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": ca,
            "listener.name.mtls.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        }
        for listener in ("sasl_ssl", "sasl_plaintext"):
            begin = f"listener.name.{listener}"
            found[f"{begin}.plain.sasl.jaas.config"] = f'{PLAIN}LoginModule required user_{USER}="{PASSWORD}";'
            for mechanism in MECHANISMS[1:]:
                found[f"{begin}.{mechanism.lower()}.sasl.jaas.config"] = f"{SCRAM}LoginModule required;"
        return found


def _urls(listeners: dict[str, int], host: str) -> list[str]:
    return [f"{name}://{host}:{port}" for name, port in listeners.items()]
