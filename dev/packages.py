"""Debian packages, installed with apt when missing. Standard library only: runs before `.venv` exists.

`python3 -m dev.packages python` installs what `.venv` needs, `... brokers` what the brokers need, `... browser` the
Chromium that the tests of the web view drive, `... monitoring` the Prometheus and the Alertmanager of the tests of
alerts, `... java` and `... c` what it takes to compile the benchmark's peers in Java and C.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback, while the rest is imported too

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dev import DevError

RABBITMQ_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The server itself: the one in PATH is a wrapper that insists on the service's own user and directories."""
SYSTEMD = Path("/run/systemd/system")
SERVICES = {
    "epmd": ("rabbitmq-server.service", "epmd.socket", "epmd.service"),
    "prometheus": ("prometheus.service",),
    "prometheus-alertmanager": ("prometheus-alertmanager.service",),
}
"""Units that a package would start, by the program that is there if it is installed already."""
SANS = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
"""A page without any font is a page of boxes."""


def missing(part: str) -> list[str]:
    """Return the Debian packages that a part of the set-up still needs."""
    if part == "python":
        present = {"python3-venv": importlib.util.find_spec("ensurepip") is not None}
    elif part == "browser":
        present = {"chromium": shutil.which("chromium") is not None, "fonts-dejavu-core": SANS.exists()}
    elif part == "java":
        present = {"default-jdk-headless": shutil.which("javac") is not None}
    elif part == "c":
        present = {
            "gcc": shutil.which("gcc") is not None,
            "libc6-dev": Path("/usr/include/stdio.h").exists(),
            "librabbitmq-dev": Path("/usr/include/amqp.h").exists(),
        }
    elif part == "monitoring":
        present = {
            "prometheus": shutil.which("promtool") is not None,
            "prometheus-alertmanager": shutil.which("prometheus-alertmanager") is not None,
        }
    else:
        present = {
            "rabbitmq-server": RABBITMQ_SERVER.exists(),
            "default-jre-headless": shutil.which("java") is not None,
            "maven": shutil.which("mvn") is not None,
        }
    return [package for package, is_there in present.items() if not is_there]


def install(packages: Sequence[str]) -> None:
    """Install Debian packages, and leave their services off.

    Raises:
        DevError: this machine has no apt, we may not use it, or it failed.
    """
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise DevError(
            f"This machine has no apt-get: install the equivalents of Debian's {names}, or use `docker compose up`."
        )
    prefix = _as_root(names)
    print(f"Installing {names} with apt{' and sudo' if prefix else ''} ...", flush=True)
    with _services_off(prefix):
        _run([*prefix, "apt-get", "update", "-qq"])
        quiet = ["-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
        _run([*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", *quiet, *packages])


def _as_root(names: str) -> list[str]:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        raise DevError(f"Run `apt-get install {names}` as root (there is no sudo here), or use `docker compose up`.")
    return ["sudo"]


@contextmanager
def _services_off(prefix: Sequence[str]) -> Iterator[None]:
    """Keep systemd from starting what a package brings, such as a RabbitMQ, which would hold our port."""
    units = [unit for program, theirs in SERVICES.items() if not shutil.which(program) for unit in theirs]
    if not units or not SYSTEMD.is_dir():
        yield
        return
    _run([*prefix, "systemctl", "mask", "--quiet", *units])
    try:
        yield
    finally:
        for verb in ("unmask", "disable"):
            subprocess.run([*prefix, "systemctl", verb, "--quiet", *units], capture_output=True, check=False)


def _run(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        last = "\n".join(f"    {line}" for line in done.stdout.splitlines()[-8:])
        raise DevError(f"`{' '.join(argv)}` failed; its last lines:\n{last}")


if __name__ == "__main__":
    try:
        if packages := missing(sys.argv[1]):
            install(packages)
    except DevError as exc:
        sys.exit(str(exc))
