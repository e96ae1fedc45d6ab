"""A progress bar for long work: one moving line on a terminal, a plain log line now and then elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType
from typing import Self, TextIO

logger = logging.getLogger(__name__)
_BAR_CHARS = 30


class Progress:
    """Shows how much of `total` is done. Work that ends within a second shows nothing."""

    def __init__(self, what: str, total: int, *, stream: TextIO | None = None) -> None:
        self._what = what
        self._total = max(total, 1)
        self._stream = stream or sys.stderr
        self._on_terminal = self._stream.isatty()
        self._every_s = 0.1 if self._on_terminal else 5.0
        self._show_next_at = time.monotonic() + 1.0
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def show(self, done: int) -> None:
        """Say how much is done, if it is time to."""
        now = time.monotonic()
        if now < self._show_next_at:
            return
        self._show_next_at = now + self._every_s
        self._shown = True
        share = min(1.0, done / self._total)
        if self._on_terminal:
            bar = "█" * round(share * _BAR_CHARS)
            self._stream.write(f"\r{self._what} {bar:░<{_BAR_CHARS}} {share:4.0%}")
            self._stream.flush()
        else:
            logger.info("%s: %.0f%%", self._what, 100 * share)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._on_terminal:
            self._stream.write("\r\033[K")
            self._stream.flush()
