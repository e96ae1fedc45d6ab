"""How large one error is among all of a span."""

from __future__ import annotations

import msgspec

from streams.wire.checked import Natural, Time


class Rank(msgspec.Struct, frozen=True):
    """An error among those of the labels predicted in a span, UTC epoch seconds, by the same model.

    `n_smaller` of `n` labels have a smaller error: counted by bins a 32nd of their values wide, so that it is near to exact.
    `place` is exact: 1 is the largest; None beyond the largest few.
    """

    start: Time
    end: Time
    model: str
    n: Natural
    n_smaller: Natural
    place: int | None
