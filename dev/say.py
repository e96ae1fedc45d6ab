"""What a person is told: a sentence a line, and one line at the bottom that is written over."""

from __future__ import annotations

import os
import shutil
import sys
import time

PLAIN_LINE_EVERY_S = 10.0


def say(sentence: str) -> None:
    """Print one line now; do nothing once nobody reads any more, so that what runs can still be stopped in order."""
    _write(f"{sentence}\n")


class LiveLine:
    """A line that is rewritten in place on a terminal; elsewhere a new line every 10 s."""

    def __init__(self) -> None:
        self._on_terminal = sys.stdout.isatty()
        self._said_at = -PLAIN_LINE_EVERY_S

    def show(self, text: str) -> None:
        """Show the newest text."""
        if self._on_terminal:
            _write(f"\r\x1b[K{cut(text, shutil.get_terminal_size().columns - 1)}")
        elif time.monotonic() - self._said_at >= PLAIN_LINE_EVERY_S:
            self._said_at = time.monotonic()
            say(text)

    def end(self) -> None:
        """Leave the line as it is; what is said next goes below it."""
        if self._on_terminal:
            say("")


def cut(text: str, n_chars: int) -> str:
    """Return what fits into a line: a longer one could not be written over."""
    return text if len(text) <= n_chars else f"{text[: max(0, n_chars - 1)]}…"


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:  # `make run | head`, or the terminal is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
