"""The Docker engine of the tests: the one that is there, or one of our own, and the base images in it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.brokers import CHECKOUT
from tests.waiting import wait_until

HERE = Path(__file__).parent
HOME = CHECKOUT / ".run" / "compose"
KAFKA_JARS = CHECKOUT / ".run" / "kafka-jars"
STAND_INS = {
    "PYTHON_IMAGE": "python:3.11-slim-bookworm",
    "RABBITMQ_IMAGE": "rabbitmq:3-management",
    "KAFKA_IMAGE": "apache/kafka:4.1.0",
    "PROMETHEUS_IMAGE": "prom/prometheus:v3.5.0",
    "ALERTMANAGER_IMAGE": "prom/alertmanager:v0.28.1",
}
"""The images that `standins.sh` makes, by the names under which compose.yaml and the Dockerfile take another than their own."""
_PINNED = re.compile(r"(\w+_IMAGE)(?:=|:-)([\w./-]+:[\w.-]+@sha256:[0-9a-f]{64})")
DOCKER = "/usr/bin/docker"
"""Of the engine's own package: a newer client found earlier in PATH may lack BuildKit."""
START_S = 30.0
PULL_S = 300.0
BUILD_S = 900.0


class Engine:
    """A Docker engine, and the commands that talk to it."""

    def __init__(self) -> None:
        HOME.mkdir(parents=True, exist_ok=True)
        run([str(HERE / "packages.sh"), str(HOME)], timeout_s=BUILD_S)
        self.docker_environ: dict[str, str] = {}
        """What a program needs in its environment to find the engine; empty: nothing more than we have."""
        self.images: dict[str, str] = {}
        """Base images to take in place of the pinned ones, by the names of their settings; empty: none."""
        self._daemon: subprocess.Popen[bytes] | None = None
        self._sockets: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> None:
        """Use the engine that answers, or start one; then have the base images."""
        if not self._answers():
            self._launch()
        self._get_base_images()

    def stop(self) -> None:
        """Stop the engine, if it is ours."""
        if self._daemon is not None and self._daemon.poll() is None:
            self._daemon.terminate()
            self._daemon.wait(START_S)
        if self._sockets is not None:
            mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
            for place in reversed([mount for mount in mounts if mount.startswith(self._sockets.name)]):
                run(["umount", place])  # the engine leaves its network's name mounted
            self._sockets.cleanup()

    def docker(self, *arguments: str, timeout_s: float = 60.0, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `docker ...`."""
        return run([DOCKER, *arguments], environ=os.environ | self.docker_environ, timeout_s=timeout_s, check=check)

    def pid_1(self, container: str) -> int:
        """Return the process id, on this machine, of a container's first process."""
        return int(self.docker("inspect", "-f", "{{.State.Pid}}", container).stdout)

    def kill_from_outside(self, container: str) -> None:
        """Kill a container's processes as the kernel would; the engine takes it for a crash and follows `restart`."""
        os.kill(self.pid_1(container), signal.SIGKILL)

    def _answers(self) -> bool:
        return self.docker("version", check=False).returncode == 0

    def _launch(self) -> None:
        self._sockets = tempfile.TemporaryDirectory(prefix="hindsight-engine.")  # a socket's path must be short
        home = self._sockets.name
        self.docker_environ = {"DOCKER_HOST": f"unix://{home}/docker.sock"}
        pidfile, log = HOME / "dockerd.pid", HOME / "dockerd.log"
        argv = ["dockerd", "--host", f"unix://{home}/docker.sock", "--exec-root", f"{home}/exec", "--mtu", _mtu()]
        argv += ["--data-root", str(HOME / "engine"), "--pidfile", str(pidfile)]
        _end_left_over(pidfile)
        with log.open("wb") as output:
            self._daemon = subprocess.Popen(argv, stdout=output, stderr=output, start_new_session=True)
        wait_until(lambda: self._daemon_answers(log), START_S, f"dockerd answers; see {log}")

    def _daemon_answers(self, log: Path) -> bool:
        assert self._daemon is not None
        assert self._daemon.poll() is None, f"dockerd has ended:\n{log.read_text()[-2000:]}"
        return self._answers()

    def _get_base_images(self) -> None:
        missing = [image for image in pinned_images() if self.docker("image", "inspect", image, check=False).returncode]
        if all(self.docker("pull", image, timeout_s=PULL_S, check=False).returncode == 0 for image in missing):
            return
        argv = [str(HERE / "standins.sh"), str(HOME), str(KAFKA_JARS)]
        run(argv, environ=os.environ | self.docker_environ, timeout_s=BUILD_S)
        self.images = STAND_INS


def pinned_images() -> list[str]:
    """Return the base images that the tests need, each with its digest, as compose.yaml and the Dockerfile name them."""
    found = {
        name: image
        for file in ("Dockerfile", "compose.yaml")
        for name, image in _PINNED.findall((CHECKOUT / file).read_text())
    }
    return [found[name] for name in STAND_INS]


def run(
    argv: Sequence[str],
    *,
    environ: dict[str, str] | None = None,
    timeout_s: float = 60.0,
    check: bool = True,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; fail with what it said if it fails."""
    done = subprocess.run(
        argv,
        env=environ,
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert not check or done.returncode == 0, f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout[-6000:]}"
    return done


def _end_left_over(pidfile: Path) -> None:
    """End the engine of a test run that was killed: two cannot share their data."""
    pid = int(pidfile.read_text()) if pidfile.exists() else 0
    command = Path(f"/proc/{pid}/cmdline")
    if pid and command.exists() and str(pidfile).encode() in command.read_bytes():
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not command.exists(), START_S, f"the engine of an earlier run, process {pid}, ends")
    pidfile.unlink(missing_ok=True)


def _mtu() -> str:
    """Return the MTU of this machine's way out: containers must not send larger packets."""
    routes = [line.split() for line in Path("/proc/net/route").read_text().splitlines()[1:]]
    device = next((route[0] for route in routes if route[1] == "00000000"), None)
    return Path(f"/sys/class/net/{device}/mtu").read_text().strip() if device else "1500"
