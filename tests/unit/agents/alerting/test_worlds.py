"""Rules over worlds whose truth is known, counted and looked at again and again as they come: told of once, or never."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from agents.alerting.looking import Looking
from agents.insight.answers import Answers
from agents.insight.counting import Counting
from agents.insight.database import NAME
from agents.insight.notes import Notes
from agents.insight.references import References
from agents.insight.store import Frame
from streams.alerts.book import Book
from streams.alerts.rules import Rule
from streams.scores.figures import Mark
from streams.wire.verdicts import Arrivals, Report, Verdict, VerdictRecord
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import SLICE_S, WINDOW_S, World

RHO = 0.7
USUAL = label_worlds.true_scores(WINDOW_S, RHO)["mae"]
RULES = (
    Rule(name="drift", metric="drift"),
    Rule(name="ratio", metric="ratio", above=1.25, over="2h", min_pairs=200),
    Rule(name="mae", metric="mae", above=1.25 * USUAL, over="2h", min_pairs=200),
)
A_RECORD, A_LOOK = 1000, 4
"""Rows in a record, and records between two looks."""


class Told:
    """Worlds that are told one after the other, by event time, each to the end of its labels."""

    def __init__(self, directory: Path) -> None:
        self._counting = Counting.open(
            directory, Frame(WINDOW_S, SLICE_S, WINDOW_S + 60, "event"), Mark(0.0, "opened", "The test counts.")
        )
        self._references = References(directory)
        self._looking = Looking(Answers(directory, WINDOW_S), self._references, Notes(directory / NAME), lambda: "")
        self._start, self._offset, self.book = 1_764_331_200.0, 0, Book()

    def tell(self, world: World) -> None:
        """Count what comes in the order in which it does, and look at the rules meanwhile."""
        made = self._start + world.made
        events = [(at, False, i) for i, at in enumerate(made.tolist())]
        labelled = np.flatnonzero(world.delay <= WINDOW_S)  # of an outage, some come too late to be joined
        events += [(float(made[i] + world.delay[i]), True, i) for i in labelled.tolist()]
        events.sort()
        for n, first in enumerate(range(0, len(events), A_RECORD)):
            self._count(events[first : first + A_RECORD], made, world.size)
            if n % A_LOOK == 0:
                self._look(events[first][0])
        self._look(events[-1][0])
        self._start = events[-1][0] + 60

    def _count(self, events: list[tuple[float, bool, int]], made: np.ndarray, size: np.ndarray) -> None:
        seconds = Counter(int(at) for at, is_label, _ in events if not is_label)
        labels = [
            Verdict(f"{made[i]}", "matched", at, 100.0, 100.0 + float(size[i]) * (-1) ** i, at, float(made[i]))
            for at, is_label, i in events
            if is_label
        ]
        arrivals = [Arrivals(None, list(seconds), list(seconds.values()), [0] * len(seconds))] if seconds else []
        report = Report(events[-1][0], events[-1][0], 0, arrivals)
        record = VerdictRecord("log", 0, self._offset, self._offset - 1, labels, report)
        self._offset += 1
        assert self._counting.count([record], self._offset)

    def _look(self, now: float) -> None:
        self._references.first(now)
        readings = self._looking.of_labels(RULES, time.time())
        self.book = self.book.looked(RULES, readings, now, receivers=["somebody"])

    @property
    def sent(self) -> list[tuple[str, str]]:
        """The cause and status of each message."""
        return [(each.notice.cause, each.notice.status) for each in self.book.undelivered]

    @property
    def states(self) -> set[str]:
        """How the rules stand."""
        return {state.name for state in self.book.states.values()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [31, 32, 33])
def test_bursts_and_label_outages_send_nothing_and_a_rise_by_half_sends_one_message(tmp_path: Path, seed: int):
    rng, told = np.random.default_rng(seed), Told(tmp_path)
    told.tell(label_worlds.steady(rng, 150, 1, RHO))
    told.tell(label_worlds.burst(rng, RHO, rate=0.5))
    told.tell(label_worlds.outage(rng, RHO, rate=0.5))
    assert (told.sent, told.states) == ([], {"ok"})
    told.tell(label_worlds.changed(rng, 150, 1, RHO, at_minute=0, by=1.5))
    assert (told.sent, told.states) == ([("error", "firing")], {"firing"})
