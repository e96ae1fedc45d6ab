"""`python -m dev`, as a person runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.brokers import CHECKOUT, bare_environ, free_port


def environ(**settings: str) -> dict[str, str]:
    """Return an environment with free ports for the brokers, and these variables."""
    ports = {"HINDSIGHT_DEV_AMQP_PORT": str(free_port()), "HINDSIGHT_DEV_KAFKA_PORT": str(free_port())}
    return bare_environ() | ports | settings


def dev(name: str, environ: dict[str, str]) -> subprocess.Popen[str]:
    """Start `python -m dev NAME`; its standard output has its errors too."""
    argv = [sys.executable, "-m", "dev", name]
    return subprocess.Popen(
        argv, cwd=CHECKOUT, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def pid_of(dev_dir: Path, name: str) -> int:
    """Return the process id of a broker or of its helper."""
    return int((dev_dir / "pid" / name).read_text().split()[0])
