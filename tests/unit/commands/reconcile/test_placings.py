"""By how many partitions ids were placed when, as a log says it."""

from __future__ import annotations

from commands.reconcile.placings import Placings
from streams.wire.partition import partition_of

ID = "order-1"


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
