"""Offsets that hold no record do not hold up an owner, and a record that is late is not taken for one."""

from __future__ import annotations

from streams.table.offset_gaps import Holes


def test_without_holes_one_follows_the_other() -> None:
    assert Holes().after(-1) == 0
    assert Holes().after(7) == 8


def test_what_follows_a_hole_follows_what_was_before_it() -> None:
    holes = Holes()
    holes.learn({8: 10, 15: 16}, input_offsets=7)

    assert [holes.after(offset) for offset in (6, 7, 10, 14)] == [7, 10, 11, 16]


def test_holes_that_are_behind_are_forgotten() -> None:
    holes = Holes()
    holes.learn({8: 10}, input_offsets=7)
    holes.learn({15: 16}, input_offsets=12)

    assert holes.after(7) == 8
    assert holes.after(14) == 16
