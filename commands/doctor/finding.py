"""What one check found."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["ok", "note", "wrong"]


class Finding(NamedTuple):
    """One line of the doctor. `said`: what was found; where it is wrong, also the cause and what to do.

    A note is worth knowing, but nothing has to be done for the program to work. `command`: what to type, on a line of its own.
    """

    what: str
    level: Level
    said: str
    command: str = ""


def ok(what: str, said: str) -> Finding:
    """Return a finding of something that is as it must be."""
    return Finding(what, "ok", said)


def note(what: str, said: str, command: str = "") -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(what, "note", said, command)


def wrong(what: str, said: str) -> Finding:
    """Return a finding that somebody has to put right."""
    return Finding(what, "wrong", said)
