"""What could not be read, summed up for people: how many rows of which kind, and what is wrong with the newest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Refusals(NamedTuple):
    """Rows of one kind that cannot be read. `at`: when the newest was refused, UTC epoch seconds."""

    kind: str
    n_rows: int
    at: float
    newest: str

    def sentence(self) -> str:
        """Return it in one sentence."""
        rows = "1 row" if self.n_rows == 1 else f"{self.n_rows:,} rows"
        return f"{rows} of {self.kind} cannot be read, newest: {self.newest}"


class Refused(NamedTuple):
    """What was refused of one body."""

    kind: str
    n_rows: int
    at: float
    detail: str


def summed_up(refused: Iterable[Refused]) -> list[Refusals]:
    """Return what was refused by kind, the kind with the most rows first."""
    found: dict[str, Refusals] = {}
    for kind, n_rows, at, detail in refused:
        before = found.get(kind, Refusals(kind, 0, float("-inf"), ""))
        newest = Refusals(kind, 0, at, detail) if at >= before.at else before
        found[kind] = newest._replace(n_rows=before.n_rows + n_rows)
    return sorted(found.values(), key=lambda one: -one.n_rows)


def headline(detail: str) -> str:
    """Return what is wrong without what it was, so that rows that are refused for one cause can be counted together."""
    return detail.partition(": ")[0]
