"""A child process: started in a session of its own, its output in a log file, its identity in a pid file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dev import DevError

LARGEST_LOG_BYTES = 20 << 20
POLL_S = 0.05


class Child:
    """One running child process.

    Its own session keeps the terminal's Ctrl-C away from it: only its parent decides when it ends.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, pid_file: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self._pid_file = pid_file
        self._was_asked = False

    def has_ended(self) -> bool:
        """Return whether the process is gone."""
        return self.process.poll() is not None

    def ask_to_end(self) -> None:
        """Send SIGTERM, once: a second one makes some programs drop what they were finishing."""
        if not self._was_asked:
            self._was_asked = True
            self.process.terminate()

    def stop(self, timeout_s: float) -> None:
        """Ask the process to end, and end it by force when it has not within `timeout_s`."""
        if not self.has_ended():
            self.ask_to_end()
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self._pid_file.unlink(missing_ok=True)

    def death(self) -> str:
        """Return a sentence on how the process ended, with the last lines of its log."""
        code = self.process.returncode
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended by itself with exit code {code}"
        return f"{self.name} {how}. The last lines of {self.log}:\n{tail(self.log)}"


def start(name: str, argv: Sequence[str], *, home: Path, environ: Mapping[str, str], cwd: Path | None = None) -> Child:
    """Start a child whose log is `home/log/NAME.log` and whose pid file is `home/pid/NAME`.

    Raises:
        DevError: the program is not there, or cannot be run.
    """
    log, pid_file = home / "log" / f"{name}.log", home / "pid" / name
    for directory in (log.parent, pid_file.parent):
        directory.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environ,
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as exc:
            raise DevError(f"{argv[0]} cannot be run: {exc.strerror or exc}.") from None
    pid_file.write_text(identity(process.pid))
    return Child(name, process, log, pid_file)


def end_stale(name: str, *, home: Path, timeout_s: float, say: Callable[[str], None]) -> None:
    """End the child `name` of an earlier parent that was killed, if it still runs; say so."""
    pid_file = home / "pid" / name
    try:
        recorded = pid_file.read_text()
    except FileNotFoundError:
        return
    number = recorded.partition(" ")[0]
    pid = int(number) if number.isdecimal() else 0
    if pid and identity(pid) == recorded:
        say(f"Stopping {name} (process {pid}), left over from a run that was killed.")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            if not _wait_gone(pid, recorded, timeout_s):
                os.kill(pid, signal.SIGKILL)
                _wait_gone(pid, recorded, timeout_s)
    pid_file.unlink(missing_ok=True)


def identity(pid: int) -> str:
    """Return what no other process has, on this boot or another: pid, start time, boot; empty if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, started = fields[0], fields[19]
    return "" if state == "Z" else f"{pid} {started} {boot}"


def tail(log: Path, n_lines: int = 15) -> str:
    """Return the last lines of a log file, indented."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 16_384))
        lines = stream.read().decode(errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-n_lines:])


def _wait_gone(pid: int, recorded: str, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while identity(pid) == recorded:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
