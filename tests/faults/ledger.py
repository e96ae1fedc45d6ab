"""What the load meant to publish, on disk before it is published, and what RabbitMQ confirmed of it afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple


class Message(NamedTuple):
    """One body for one queue. `rows` are (id, ts, y); `bad` are the pieces of the body that nobody can read."""

    queue: str
    body: bytes
    rows: list[tuple[str, float, float]]
    bad: list[str]


class Intent(NamedTuple):
    """One message as the ledger tells of it."""

    queue: str
    rows: list[tuple[str, float, float]]
    bad: list[str]
    acknowledged: bool


class Ledger:
    """A file of JSON lines: `{"n", "queue", "rows", "bad"}` before a message is published, `{"ok": n}` after."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        self._n = 0

    def intend(self, messages: Sequence[Message]) -> range:
        """Write down what will be published; return the messages' numbers once the disk has them."""
        numbers = range(self._n, self._n + len(messages))
        for n, message in zip(numbers, messages, strict=True):
            line = {"n": n, "queue": message.queue, "rows": message.rows, "bad": message.bad}
            self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._n += len(messages)
        return numbers

    def confirm(self, n: int) -> None:
        """Write down that RabbitMQ has confirmed a message."""
        self._file.write(f'{{"ok": {n}}}\n')

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path) -> Iterable[Intent]:
    """Return what a ledger's file says."""
    intents: dict[int, Intent] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "ok" in line:
            intents[line["ok"]] = intents[line["ok"]]._replace(acknowledged=True)
        else:
            rows = [(row_id, ts, y) for row_id, ts, y in line["rows"]]
            intents[line["n"]] = Intent(line["queue"], rows, line["bad"], acknowledged=False)
    return intents.values()
