"""Whether an id is in a segment, as `streams.scores.segments` names them: by a tag, or by the size of y_pred or y_true. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial

from streams.scores.segments import OTHER
from streams.wire.tags import parsed
from web.pairs.pair_view import PairView

SIZES = ("y_pred", "y_true")


def is_known(name: str) -> bool:
    """Tell whether its ids can be told: not of `key:other`, which is what came too late to be told apart."""
    return _test(name) is not None


def belongs(pair: PairView, name: str) -> bool:
    """Tell whether an id is in a segment; one that is not known has no ids."""
    test = _test(name)
    return test is not None and test(pair)


@lru_cache(maxsize=64)
def _test(name: str) -> Callable[[PairView], bool] | None:
    key, colon, value = name.partition(":")
    if not colon or value == OTHER:
        return None
    if key not in SIZES:
        return lambda pair: _tag(pair, key) == value
    limits = _limits(value)
    return None if limits is None else partial(_is_between, key, *limits)


def _limits(value: str) -> tuple[float, float] | None:
    """Return from where to where, not included, a segment of sizes goes; None where it is none."""
    try:
        if value.startswith("below "):
            return -math.inf, float(value.removeprefix("below "))
        if value.endswith(" and more"):
            return float(value.removesuffix(" and more")), math.inf
        low, _, high = value.partition(" to ")
        return float(low), float(high)
    except ValueError:
        return None


def _is_between(key: str, low: float, high: float, pair: PairView) -> bool:
    side = pair.side(key)
    return side is not None and low <= side.y < high


def _tag(pair: PairView, key: str) -> str:
    """Return the tag of a prediction or, where that has none, of its truth; empty for neither."""
    of_pred, of_true = (parsed(tags or "").get(key) for tags in (pair.carried.tags, pair.carried.true_tags))
    return str(of_pred or of_true or "")
