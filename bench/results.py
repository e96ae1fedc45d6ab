"""What a measurement tells: lines of figures, goals beside them, histograms. No measuring, no drawing here."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import msgspec

ROWS, CPU, PEAK, RATIO = "rows/s", "CPU s / 100k rows", "peak MB", "ratio"
Figures = dict[str, float]
"""Figures of one run, by column."""


class Line(msgspec.Struct):
    """One line of a table: the median of each figure, and the runs that it is the median of."""

    what: str
    figures: Figures
    runs: list[Figures] = []


class Goal(msgspec.Struct):
    """A figure that is to be reached."""

    what: str
    value: float
    target: float
    unit: str = ""
    at_least: bool = True

    @property
    def is_reached(self) -> bool:
        """Whether it is."""
        return self.value >= self.target if self.at_least else self.value <= self.target


class Curve(msgspec.Struct):
    """A figure over another."""

    x: list[float]
    y: list[float]


class Section(msgspec.Struct):
    """One measurement. `histograms`: edges and counts by name; `curves`: by what is along x and up y, `minutes, MB`."""

    name: str
    title: str
    how: str
    lines: list[Line]
    goals: list[Goal] = []
    histograms: dict[str, tuple[list[float], list[int]]] = {}
    curves: dict[str, Curve] = {}

    @property
    def columns(self) -> list[str]:
        """All columns of its lines, in the order of their first appearance."""
        return list(dict.fromkeys(column for line in self.lines for column in line.figures))


def line(what: str, runs: Sequence[Figures]) -> Line:
    """Return a line of medians."""
    columns = dict.fromkeys(column for run in runs for column in run)
    return Line(what, {c: statistics.median(run[c] for run in runs if c in run) for c in columns}, list(runs))


def lines_with_ratio(runs: Mapping[str, Sequence[Figures]], *, peer: str, column: str = ROWS) -> list[Line]:
    """Return a line for each name, with the median of its ratios to the `peer` within the same run."""
    return [
        line(what, [run | {RATIO: run[column] / other[column]} for run, other in zip(own, runs[peer], strict=True)])
        for what, own in runs.items()
    ]


def ratio(runs: Mapping[str, Sequence[Figures]], what: str, other: str, column: str = ROWS) -> float:
    """Return the median of the ratios of `what` to `other` within the same run."""
    return statistics.median(
        one[column] / its_peer[column] for one, its_peer in zip(runs[what], runs[other], strict=True)
    )


def figure(lines: Sequence[Line], what: str, column: str) -> float:
    """Return one figure of the line `what`."""
    return next(line.figures[column] for line in lines if line.what == what)
