"""The table `cells`: what is added to it, and what is rolled up. Each function is a part of a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np

from agents.insight import rows
from agents.insight.rows import Row
from agents.insight.schema import CELL_COLUMNS, DETAILS, FIGURES
from streams.scores.cells import Cells
from streams.scores.levels import Level

_SELECT = f"SELECT {', '.join(FIGURES + DETAILS)} FROM cells WHERE series = ? AND "  # noqa: S608
_SELECT_STARTS = f"{_SELECT} start IN (SELECT value FROM json_each(?))"  # noqa: S608
_UPSERT = (
    f"INSERT INTO cells ({', '.join(CELL_COLUMNS)}) VALUES ({', '.join('?' * len(CELL_COLUMNS))}) "  # noqa: S608
    f"ON CONFLICT (series, start) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in CELL_COLUMNS[2:])}"
)
_AT_A_TIME = 2000
"""Cells that are rolled up together: about 10 MB."""


def add(connection: sqlite3.Connection, parts: Sequence[Cells]) -> None:
    """Add cells, at least one, to those that are there; all have the same bins. To merge is most of the work: it is done once."""
    series, start = (np.concatenate([getattr(part, name) for part in parts]) for name in ("series", "start"))
    found: list[Row] = []
    for number in np.unique(series).tolist():
        starts = json.dumps(np.unique(start[series == number]).tolist())
        found += connection.execute(_SELECT_STARTS, (number, starts))
    held = [rows.decode(found, details=True)] if found else []
    connection.executemany(_UPSERT, rows.encode(Cells.merge([*held, *parts])))


def rolled_until(connection: sqlite3.Connection, kind: str, levels: Sequence[Level]) -> list[float]:
    """Return for each level but the last the time before which all of its slices have been rolled up."""
    found = dict(connection.execute("SELECT width, until FROM rolled WHERE kind = ?", (kind,)))
    return [float(found.get(int(level.width_s), 0)) for level in levels[:-1]]


def roll_up(
    connection: sqlite3.Connection, kind: str, numbers: Iterable[int], levels: Sequence[Level], until: Sequence[float]
) -> None:
    """Move the cells of series of a kind to the next level.

    Args:
        numbers: all series of that kind.
        until: for each level but the last, the time before which its slices become wider ones.
    """
    since = rolled_until(connection, kind, levels)
    for level, wider, start, end in zip(levels, levels[1:], since, until, strict=False):
        if end <= start:
            continue
        for number in numbers:
            _widen(connection, number, level.width_s, wider.width_s, start, end)
        connection.execute("REPLACE INTO rolled VALUES (?, ?, ?)", (kind, int(level.width_s), int(end)))
        if kind == "whole":
            _join_gaps(connection, wider.width_s, end)


def _widen(
    connection: sqlite3.Connection, number: int, width_s: float, wider_s: float, start: float, end: float
) -> None:
    query = f"{_SELECT} width = ? AND start >= ? AND start < ? ORDER BY start LIMIT {_AT_A_TIME}"
    while found := connection.execute(query, (number, width_s, start, end)).fetchall():
        keys = [row[:2] for row in found]
        connection.executemany("DELETE FROM cells WHERE series = ? AND start = ?", keys)
        cells = rows.decode(found, details=True)
        add(connection, [cells._replace(start=cells.start // wider_s * wider_s, width=np.full(len(found), wider_s))])


def _join_gaps(connection: sqlite3.Connection, wider_s: float, end: float) -> None:
    """Make gaps of before `end` as wide as the cells there, and those of one reason that meet then one: they stay few."""
    found = connection.execute(
        'SELECT start, "end", why FROM gaps WHERE "end" <= ? ORDER BY why, start', (end,)
    ).fetchall()
    joined: list[tuple[float, float, str]] = []
    for start, until, why in found:
        first, last = start // wider_s * wider_s, -(-until // wider_s) * wider_s
        if joined and joined[-1][2] == why and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]), why)
        else:
            joined.append((first, last, why))
    if len(joined) < len(found):
        connection.execute('DELETE FROM gaps WHERE "end" <= ?', (end,))
        connection.executemany("INSERT INTO gaps VALUES (?, ?, ?)", joined)
