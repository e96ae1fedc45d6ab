"""A command on a terminal of its own, as a person has it: what it asks is read, what is typed reaches it, Ctrl-C too."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import termios
import threading
from collections.abc import Sequence
from typing import Self

from tests.brokers import CHECKOUT
from tests.waiting import wait_until

ANSWERS_S = 60.0


class Terminal:
    """One command; `said` is what it has printed."""

    def __init__(self, argv: Sequence[str], environ: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            argv,
            cwd=CHECKOUT,
            env=environ,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  it takes no lock
        )
        os.close(theirs)
        self._read = bytearray()
        self._reader = threading.Thread(target=self._take_in, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join(ANSWERS_S)
        os.close(self._ours)

    @property
    def said(self) -> str:
        """What it has printed."""
        return self._read.decode(errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until it has printed `text`."""
        wait_until(lambda: text in self.said, ANSWERS_S, f"{text!r}; it said:\n{self.said}")

    def type(self, text: str) -> None:
        """Type something, such as the characters of Ctrl-C (3) and Ctrl-D (4)."""
        os.write(self._ours, text.encode())

    def wait(self) -> int:
        """Return its exit code once it has ended."""
        code = self._process.wait(ANSWERS_S)
        self._reader.join(ANSWERS_S)
        return code

    def _take_in(self) -> None:
        while True:
            try:
                read = os.read(self._ours, 65536)
            except OSError:  # Linux says so once nobody holds the other end
                return
            if not read:
                return
            self._read += read
