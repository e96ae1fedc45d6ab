"""A program under measurement: a process of its own, its output in a file, ended when the measurement is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
POLL_S = 0.05


class BenchError(Exception):
    """A measurement cannot go on, or what it measured is wrong; the message says why."""


class Program:
    """A running child process, for use in a `with` block.

    Args:
        name: for messages and the name of its output file.
        argv: arguments of this Python, such as `-m bridge`, or of another `executable`.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        directory: Path,
        executable: str = sys.executable,
    ) -> None:
        self.name = name
        self.output = directory / f"{name}.log"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HINDSIGHT_")}
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [executable, *argv],
                cwd=ROOT,
                env=kept | dict(environ),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.pid = self._process.pid

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, within_s: float = 15.0) -> None:
        """End the process, by force if it takes longer than that."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End the process as kill -9 does."""
        self._process.kill()
        self._process.wait()

    def said(self, text: str) -> bool:
        """Return whether the process has printed this text."""
        return text in self.output.read_text(errors="replace")

    def wait_until(self, reached: Callable[[], bool], what: str, within_s: float = 120.0) -> None:
        """Wait for an effect of this process.

        Raises:
            BenchError: it ended, or took too long.
        """
        deadline = time.monotonic() + within_s
        while not reached():
            if self._process.poll() is not None:
                raise BenchError(f"{self.name} ended before {what}. Its last lines:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise BenchError(
                    f"{self.name}: {what} did not happen in {within_s:.0f} s. Its last lines:\n{self._tail()}"
                )
            time.sleep(POLL_S)

    def wait_until_said(self, *texts: str, within_s: float = 60.0) -> None:
        """Wait until the process has printed all of these texts; raises as `wait_until`."""
        self.wait_until(lambda: all(map(self.said, texts)), f"it said {texts}", within_s)

    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self._process.poll() is not None

    def wait(self, within_s: float = 300.0) -> str:
        """Wait for the process to end well; return what it printed.

        Raises:
            BenchError: it failed, or took too long.
        """
        try:
            code = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            code = None
        if code != 0:
            raise BenchError(f"{self.name} ended with {code}. Its last lines:\n{self._tail()}")
        return self.output.read_text()

    def _tail(self) -> str:
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-15:])
