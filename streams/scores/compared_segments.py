"""Two models compared by segment: for whom is the second better, and for whom worse? Pure.

All segments of a key share one budget, however many of them come: each is decided with ALPHA / MOST, so that by the bound
of the union no more than ALPHA of all comparisons ever decide anything wrongly. At so small a share the interval is right
from more slices on than that of all ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from streams.scores.pair_slices import PairSlices
from streams.scores.paired import ALPHA, paired
from streams.scores.segments import MAX_VALUES
from streams.wire.checked import Finite, Natural, Size, Time

MOST: Final = MAX_VALUES + 2
"""Segments that a key can have: those that are told apart, the others together, and those without a tag."""
MIN_SLICES: Final = 60
"""Log-normal losses (σ = 1.5) are decided wrongly within their share from here on; from 20 slices on, nine times as often."""
MOST_NAMED: Final = 5


class ComparedSum(msgspec.Struct, frozen=True, kw_only=True):
    """Ids that both models predicted and whose truth came, of mature slices: each one's mean absolute error.

    `difference` is the first's less the second's: above 0, the second is better.
    """

    n_pairs: Natural
    n_slices: Natural
    first: Size
    second: Size
    difference: Finite


class ComparedSegment(ComparedSum, frozen=True, kw_only=True):
    """One segment. `low` and `high` are the ends of an interval that may be looked at at any time; None: open on that side.

    Attributes:
        name: as it can be asked for, such as country:DE; its `value` is empty for predictions without the tag.
        n_more: about how many ids more will decide, if the difference stays; None: very many, or it is decided.
    """

    name: str
    value: str
    low: Finite | None
    high: Finite | None
    verdict: Literal["better", "worse", "open"]
    n_more: Natural | None


class ComparedSegments(msgspec.Struct, frozen=True):
    """The segments of one key, the one that loses most by the second model first.

    Attributes:
        key: what they are by; `keys` are what can be asked for.
        since: predictions are counted by segment from then on, UTC epoch seconds; 0: all.
        total: all segments together; None while no slice is mature.
        sentence: for whom the second model is worse, better, and of how many that is open.
    """

    key: str
    keys: list[str]
    since: Time
    total: ComparedSum | None
    segments: list[ComparedSegment]
    sentence: str


def compare_segments(found: Mapping[str, PairSlices], key: str, keys: Sequence[str], since: float) -> ComparedSegments:
    """Compare two models by segment.

    Args:
        found: the mature slices of each segment of a key, by its name.
        since: from when on they are counted.
    """
    of = [(_segment(name, slices), slices) for name, slices in found.items() if slices.n.sum()]
    of.sort(key=lambda each: (each[0].difference * each[0].n_pairs, each[0].name))
    segments = [one for one, _ in of]
    total = _sum([slices for _, slices in of]) if of else None
    return ComparedSegments(key, list(keys), since, total, segments, _sentence(key, segments))


def _segment(name: str, slices: PairSlices) -> ComparedSegment:
    decided = paired(slices.first[:, 0] - slices.second[:, 0], slices.n, ALPHA / MOST, MIN_SLICES)
    means = _sum([slices])
    return ComparedSegment(
        n_pairs=means.n_pairs,
        n_slices=means.n_slices,
        first=means.first,
        second=means.second,
        difference=means.difference,
        name=name,
        value=name.partition(":")[2],
        low=decided.difference.low if decided else None,
        high=decided.difference.high if decided else None,
        verdict=decided.verdict if decided else "open",
        n_more=decided.n_more if decided and decided.verdict == "open" else None,
    )


def _sum(parts: Sequence[PairSlices]) -> ComparedSum:
    n = sum(int(slices.n.sum()) for slices in parts)
    first, second = (sum(float(getattr(slices, name)[:, 0].sum()) for slices in parts) for name in ("first", "second"))
    n_slices = len({start for slices in parts for start in slices.start.tolist()})
    return ComparedSum(
        n_pairs=n, n_slices=n_slices, first=first / n, second=second / n, difference=(first - second) / n
    )


def _sentence(key: str, segments: Sequence[ComparedSegment]) -> str:
    if not segments:
        return f"By {key}: no slice of time is mature yet."
    names = {
        verdict: [one.value or f"no {key}" for one in segments if one.verdict == verdict]
        for verdict in ("worse", "better", "open")
    }
    said = [f"{verdict} for {_listed(names[verdict])}" for verdict in ("worse", "better") if names[verdict]]
    if names["open"]:
        said.append(f"open for {_listed(names['open'])}")
    return f"By {key}: {'; '.join(said)}."


def _listed(names: Sequence[str]) -> str:
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"
