"""By how many partitions ids were placed when, as a log says it."""

from __future__ import annotations

from operator import attrgetter

import pytest

from commands.reconcile.evaluate import Span, Tally, evaluate
from commands.reconcile.facts import DECIDED, PRED, SENT, TRUE, WAITING, Fact
from commands.reconcile.placings import Placings
from streams.wire.partition import partition_of

ID = "order-2"


def grown() -> Placings:
    """A log of an older program up to offset 4, then placed by 2, then by 5 once inputs were read to 10 and 20."""
    placings = Placings()
    for offset, before, n in [(0, (-1, -1), 0), (4, (3, 6), 2), (7, (8, 15), 2), (9, (10, 20), 5), (12, (30, 40), 5)]:
        placings.take(offset, before, n)
    return placings


def test_each_time_has_its_number_and_what_nothing_is_said_of_has_the_first():
    placings = grown()
    assert [placings.at(offset) for offset in (0, 4, 8, 9, 100)] == [2, 2, 2, 5, 5]
    assert [placings.at_input(0, offset) for offset in (0, 10, 11, 99)] == [2, 2, 5, 5]
    assert [placings.at_input(1, offset) for offset in (20, 21)] == [2, 5]


def test_an_id_has_left_if_it_waited_here_before_and_belongs_elsewhere():
    home = partition_of(ID, 5)
    assert grown().has_left(ID, home + 1, 8)
    assert not grown().has_left(ID, home, 8), "it belongs here"
    assert not grown().has_left(ID, home + 1, 9), "it began to wait since"


def test_a_log_of_an_older_program_says_nothing():
    placings = Placings()
    placings.take(0, (-1, -1), 0)
    assert (placings.at(0), placings.at_input(0, 5), placings.has_left(ID, 99, 0)) == (0, 0, False)


@pytest.mark.parametrize("model", ["", "challenger"])
def test_an_id_that_moved_waits_once_and_is_decided_once(model: str):
    home, old = partition_of(ID, 5), partition_of(f"{ID} of challenger", 5)
    assert home != old
    beyond = Placings()
    beyond.take(0, (-1, -1), 5)
    spans = {
        old: Span(-1, 100, 100, 100, 0, 0, whole=True, placings=grown()),
        home: Span(-1, 100, 100, 100, 0, 0, whole=True, placings=beyond),
    }
    waited = [
        Fact(ID, TRUE, "", 1.0, 0.0, old, 3, model),
        Fact(ID, WAITING, "", 0.0, 0.0, old, 8, model),
        Fact(ID, WAITING, "", 0.0, 0.0, home, 1, model),
    ]
    others = [Fact(ID, PRED, "", 1.0, 0.0, home, 0, "a third")]
    joined = [
        *waited,
        Fact(ID, PRED, "", 2.0, 0.0, home, 5, model),
        *(Fact(ID, kind, "matched", 1.0, 2.0, home, 6, model, not model) for kind in (DECIDED, SENT)),
    ]
    for facts, n_waiting in ((waited, 1), (joined, 0)):
        tally = Tally()
        known = sorted(facts + (others if model else []), key=attrgetter("kind"))
        found = [one for one in evaluate(ID, known, spans, tally, whole=True) if "a third" not in one.id]
        assert [one.said for one in found if one.line != "metric_log.csv"] == []
        assert tally.n_waiting == n_waiting


def test_an_id_may_have_another_life_elsewhere_once_the_topics_have_grown_but_no_two_at_once():
    now = Placings()
    now.take(0, (-1, -1), 5)
    spans = {p: Span(-1, 100, -1, -1, 0, 0, whole=True, placings=now if p else grown()) for p in range(3)}
    rows = [Fact(ID, kind, "", 1.0, 0.0, 0, 0) for kind in (TRUE, PRED, TRUE, PRED)]
    before = Fact(ID, DECIDED, "matched", 1.0, 1.0, 0, 8)
    since = [Fact(ID, DECIDED, "matched", 1.0, 1.0, p, 20) for p in (1, 2)]
    known = sorted([*rows, before], key=attrgetter("kind"))
    assert evaluate(ID, [*known, since[0]], spans, Tally(), whole=True) == []
    (problem,) = evaluate(ID, [*known, *since], spans, Tally(), whole=True)
    assert "in the partitions 1, 2: one alone is right" in problem.said
