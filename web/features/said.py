"""What the page of features says in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streams.scores.by_feature import Bin, ByFeature
from streams.scores.numbers import NONE, number
from web.dashboard.said import with_interval
from web.features.state import FeatureErrors
from web.text import count, percent


class BinLine(NamedTuple):
    """One bin in words; `share` of the loss is drawn as a bar."""

    name: str
    n: str
    share: float
    loss: str
    mae: str
    bias: str
    excess: str
    interval: str
    is_worst: bool


class Line(NamedTuple):
    """One feature in words: its worst bin, its value in each group of ids, and all bins."""

    name: str
    worst: str
    mae: str
    excess: str
    interval: str
    lowest: str
    majority: str
    highest: str
    spread: str
    bins: Sequence[BinLine]
    is_worse: bool


def first(found: FeatureErrors) -> tuple[str, str]:
    """Return the first sentence, its first part in bold."""
    if not found.n_matched:
        return "No matched id is held now.", "What is joined shows here; after a start, once its partition is ready."
    if not found.features:
        if found.n >= found.n_needed:
            return "These ids have no features.", ""
        return (
            f"Features tell something from {count(found.n_needed)} ids on; those of {count(found.n)} are found.",
            "They are looked for in Kafka, which has them only where they come through its topic of features.",
        )
    one = found.features[0]
    if one.worst is None or not one.is_worse:
        return "No feature has a part with a larger error beyond chance.", f"MAE of all is {number(found.mae)}."
    worst = one.bins[one.worst]
    more, interval = with_interval(
        worst.excess, (worst.excess or 0.0) - (worst.half or 0.0), (worst.excess or 0.0) + (worst.half or 0.0)
    )
    return (
        f"The error is largest where {one.name} is {worst.name}: MAE {number(worst.mae)},",
        f"{more} {interval} more than of all other ids.",
    )


def of_which(found: FeatureErrors) -> str:
    """Return which ids these are, and how many."""
    said = f"{count(found.n)} of the newest {count(found.n_matched)} matched ids"
    if found.model:
        said += f" of the model {found.model}"
    if missing := found.n_matched - found.n - found.n_left_out:
        said += f"; the features of {count(missing)} were not found in Kafka"
    if found.n_left_out:
        said += f"; {count(found.n_left_out)} have values too large to score"
    return said


def lines(found: FeatureErrors) -> list[Line]:
    """Return all features in words."""
    return [_line(one) for one in found.features]


def _line(one: ByFeature) -> Line:
    bins = [_bin_line(each, is_worst=i == one.worst) for i, each in enumerate(one.bins)]
    worst = bins[one.worst] if one.worst is not None else None
    lowest, majority, highest = (each if isinstance(each, str) else number(each) for each in _values(one))
    return Line(
        one.name,
        worst.name if worst else NONE,
        worst.mae if worst else NONE,
        worst.excess if worst else NONE,
        worst.interval if worst else "",
        lowest,
        majority,
        highest,
        NONE if one.spread is None else percent(one.spread),
        bins,
        one.is_worse,
    )


def _values(one: ByFeature) -> tuple[float | str | None, ...]:
    return one.lowest, one.majority, one.highest


def _bin_line(one: Bin, *, is_worst: bool) -> BinLine:
    excess, interval = NONE, ""
    if one.excess is not None and one.half is not None:
        excess, interval = with_interval(one.excess, one.excess - one.half, one.excess + one.half, signed=True)
    return BinLine(
        one.name,
        count(one.n),
        one.share_of_loss or 0.0,
        percent(one.share_of_loss),
        number(one.mae),
        number(one.bias, signed=True),
        excess,
        interval,
        is_worst,
    )
