"""The embedded RabbitMQ: Debian's package, started by hand as a node of its own, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

from dev import DevError, home, ports, processes
from dev.broker import Broker
from dev.packages import RABBITMQ_SERVER
from streams.settings import Settings

NAME = "rabbitmq"
EPMD = "epmd"
AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
CONFIGURATION = """\
listeners.tcp.1 = {host}:{port}
management.tcp.ip = {host}
management.tcp.port = {management_port}
log.console = true
log.console.level = info
log.connection.level = warning
collect_statistics_interval = 1000
"""
"""At its stop, the management plugin of 3.10 waits for one more round of statistics: 1 s instead of 5."""


def start(settings: Settings) -> Broker:
    """Start RabbitMQ in `rabbitmq` of the dev directory, which the caller has claimed.

    Raises:
        DevError: RabbitMQ is missing, the port is in use, or the disk is full.
    """
    epmd = shutil.which(EPMD)
    if not RABBITMQ_SERVER.exists() or epmd is None:
        raise DevError("RabbitMQ is not installed: run `make setup`, or use `docker compose up`.")
    directory = settings.dev_dir.absolute() / NAME
    port = settings.dev_amqp_port
    ports.require_free(port, broker="RabbitMQ", setting="HINDSIGHT_DEV_AMQP_PORT")
    home.require_room(directory)
    management_port, dist_port, epmd_port = ports.free_ports(3)
    _write_configuration(directory, port, management_port)
    environ = _environ(directory, dist_port, epmd_port)
    names = processes.start(EPMD, [epmd, "-port", str(epmd_port)], home=directory.parent, environ=environ)
    server = processes.start(NAME, [str(RABBITMQ_SERVER)], home=directory.parent, environ=environ, cwd=directory)
    shown = f"amqp://{ports.HOST}:{port} (management page http://{ports.HOST}:{management_port})"
    return Broker("RabbitMQ", shown, (server, names), lambda: answers(port))


def answers(port: int) -> bool:
    """Return whether a RabbitMQ greets clients on this port of loopback."""
    try:
        with socket.create_connection((ports.HOST, port), timeout=1) as connection:
            connection.sendall(AMQP_HEADER)
            return connection.recv(1) == b"\x01"  # the frame that asks a client to log in
    except OSError:
        return False


def _write_configuration(directory: Path, port: int, management_port: int) -> None:
    (directory / "rabbitmq.conf").write_text(
        CONFIGURATION.format(host=ports.HOST, port=port, management_port=management_port)
    )
    (directory / "enabled_plugins").write_text("[rabbitmq_management].\n")
    (directory / "management_port").write_text(str(management_port))


def _environ(directory: Path, dist_port: int, epmd_port: int) -> dict[str, str]:
    """Return an environment in which nothing of a RabbitMQ service on this machine is used."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")}
    return kept | {
        "HOME": str(directory),  # where Erlang keeps its cookie
        "ERL_EPMD_ADDRESS": ports.HOST,
        "ERL_EPMD_PORT": str(epmd_port),
        "RABBITMQ_NODENAME": "hindsight@localhost",
        "RABBITMQ_DIST_PORT": str(dist_port),
        "RABBITMQ_CONF_ENV_FILE": str(directory / "none"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_ALLOW_INPUT": "true",  # the script becomes Erlang itself, so that signals reach it
        "RABBITMQ_SERVER_START_ARGS": "-noinput +B i",
    }
