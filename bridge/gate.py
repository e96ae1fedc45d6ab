"""Whether Kafka takes rows now: only then are they asked for."""

from __future__ import annotations

import asyncio


class Gate:
    """Open while Kafka takes rows; either can be waited for. Shut at first."""

    def __init__(self) -> None:
        self.opened, self.shut = asyncio.Event(), asyncio.Event()
        self.shut.set()

    def open(self) -> None:
        """Let rows come."""
        self.shut.clear()
        self.opened.set()

    def close(self) -> None:
        """Let no further rows come."""
        self.opened.clear()
        self.shut.set()
