"""A sink: one file of lines that verdicts are written to, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.wire.verdicts import Verdict, VerdictKind


class Sink(NamedTuple):
    """What a file is called, the line it begins with (or nothing), which verdicts it has, and their lines in it.

    `lines` returns a line for each of its verdicts, each with a newline at its end and with no other; the same bytes for the
    same verdict, by which it is known again.
    """

    name: str
    header: bytes
    kinds: tuple[VerdictKind, ...]
    lines: Callable[[Sequence[Verdict]], bytes]

    def of(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Return those verdicts that this sink has: of the reference alone, where several models predict an id."""
        return [verdict for verdict in verdicts if verdict.verdict in self.kinds and not verdict.challenger]
