"""What could not be read, summed up for people: how many rows of which kind, and what is wrong with the newest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streams.kinds import KINDS, Kind

RECENT_S = 3600.0
"""So long after the newest one, in seconds, rows that cannot be read are taken to be still coming."""


class Refusals(NamedTuple):
    """Rows of one kind that cannot be read. `at`: when the newest was refused, UTC epoch seconds.

    `is_least`: there may be more of them, which were not looked at.
    """

    kind: str
    n_rows: int
    at: float
    newest: str
    is_least: bool = False

    def sentence(self) -> str:
        """Return it in one sentence."""
        rows = "1 row" if self.n_rows == 1 else f"{self.n_rows:,} rows"
        least = "At least " if self.is_least else ""
        return f"{least}{rows} of {self.kind} cannot be read, newest: {self.newest}"


class Refused(NamedTuple):
    """What was refused of one body."""

    kind: str
    n_rows: int
    at: float
    detail: str


def summed_up(refused: Iterable[Refused], *, is_least: bool = False) -> list[Refusals]:
    """Return what was refused by kind, the kind with the most rows first; `is_least`: see `Refusals`."""
    found: dict[str, Refusals] = {}
    for kind, n_rows, at, detail in refused:
        before = found.get(kind, Refusals(kind, 0, float("-inf"), "", is_least))
        newest = Refusals(kind, 0, at, detail, is_least) if at >= before.at else before
        found[kind] = newest._replace(n_rows=before.n_rows + n_rows)
    return sorted(found.values(), key=lambda one: -one.n_rows)


def headline(detail: str) -> str:
    """Return what is wrong without what it was, so that rows that are refused for one cause can be counted together."""
    return detail.partition(": ")[0]


def kind_of(source: str, namespace: str) -> Kind | None:
    """Return the kind that a source names: `queue y_true`, `topic y_true/3@17`, with or without the namespace."""
    name = source.partition(" ")[2].partition("/")[0].removeprefix(namespace)
    return next((kind for kind in KINDS if kind == name), None)
