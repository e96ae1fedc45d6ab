"""The predictions that come in one batch, by model, tags and second: what tells how many labels are still to come. Pure.

An id's first prediction counts when it comes, whether its truth is there or not. One that came again, with the same value or
another, was counted before; one that came too late is counted apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from streams.join import carried
from streams.wire.verdicts import Arrivals

_Seconds = Counter[int]
_Of = tuple[str | None, str | None]
"""Model and tags."""


class Arriving:
    """Counts predictions; each call names what they carry, packed (see `carried`), and their ts in UTC epoch seconds."""

    def __init__(self) -> None:
        self._new: defaultdict[bytes, _Seconds] = defaultdict(Counter)
        self._late: defaultdict[bytes, _Seconds] = defaultdict(Counter)

    def came(self, carries: Sequence[bytes], ts: Sequence[float]) -> None:
        """Count predictions as new."""
        if carries and carries.count(carries[0]) == len(carries):
            self._new[carries[0]].update(map(int, ts))
        else:
            for own, at in zip(carries, ts, strict=True):
                self._new[own][int(at)] += 1

    def was_known(self, carries: bytes, ts: float, *, is_late: bool) -> None:
        """Take back of those that were counted as new one that came again, or too late."""
        self._new[carries][int(ts)] -= 1
        if is_late:
            self.late(carries, ts)

    def late(self, carries: bytes, ts: float) -> None:
        """Count a row that came after its id was given up: at the time of the prediction."""
        self._late[carries][int(ts)] += 1

    def counted(self) -> list[Arrivals]:
        """Return what was counted, without what is zero."""
        new, late = _merged(self._new), _merged(self._late)
        of = sorted(new | late, key=lambda key: (key[0] or "", key[1] or ""))
        found = [_arrivals(key, new[key], late[key]) for key in of]
        return [each for each in found if each.seconds]


def _merged(counted: dict[bytes, _Seconds]) -> defaultdict[_Of, _Seconds]:
    merged: defaultdict[_Of, _Seconds] = defaultdict(Counter)
    for carries, seconds in counted.items():
        own = carried.unpack(carries)
        merged[own.model, own.tags].update(seconds)
    return merged


def _arrivals(of: _Of, new: _Seconds, late: _Seconds) -> Arrivals:
    model, tags = of
    seconds = sorted(second for second in {*new, *late} if new[second] or late[second])
    return Arrivals(model, seconds, [new[second] for second in seconds], [late[second] for second in seconds], tags)
