"""Ports of loopback, and the one that the web view gets under `make run`."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from dev import DevError, ports, run
from streams.settings import load


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server((ports.HOST, *ports.free_ports(1))) as server:
        yield server.getsockname()[1]


def test_who_holds_a_port_is_named(taken: int) -> None:
    with pytest.raises(DevError) as refused:
        ports.require_free(taken, broker="Kafka", setting="HINDSIGHT_DEV_KAFKA_PORT")
    assert str(refused.value).startswith(f"Port {taken}, which Kafka needs, is in use by process {os.getpid()} (")
    assert str(refused.value).endswith("stop that, or set HINDSIGHT_DEV_KAFKA_PORT to another port.")


def test_free_ports_differ_and_are_free() -> None:
    found = ports.free_ports(20)
    assert len(set(found)) == 20
    assert all(ports.is_free(port) for port in found)


def test_the_web_view_takes_the_next_free_port_that_is_not_the_bridges(taken: int) -> None:
    settings = load({"HINDSIGHT_WEB_PORT": str(taken), "HINDSIGHT_BRIDGE_WEB_PORT": str(taken + 1)})
    said: list[str] = []
    port = run.with_free_web_port(settings, said.append).web_port
    assert taken + 1 < port <= taken + 20
    assert len(said) == 1
    assert said[0].endswith(f"the web page takes {port}.")


def test_a_free_web_port_is_kept_without_a_word() -> None:
    (port,) = ports.free_ports(1)
    assert run.with_free_web_port(load({"HINDSIGHT_WEB_PORT": str(port)}), pytest.fail).web_port == port
