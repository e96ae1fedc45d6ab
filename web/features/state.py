"""What the page and the API of features show: of the newest matched ids, with their features as Kafka still has them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from aiohttp import web

from streams.scores.by_feature import MIN_IDS, ByFeature, Cells, Sample, by_feature
from streams.scores.losses import LARGEST
from streams.wire.checked import Finite, Natural, Size, Time
from web.keys import CACHE, FEATURES_OF_MANY
from web.pairs.pair_view import PairView
from web.pairs.query import BadQuery, Query, refuse_long, refuse_unknown
from web.state import gather

MOST_IDS = 2000
KEPT_S = 10.0
"""So long an answer is shown, and nine times as long as it took to make."""


class FeatureErrors(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """Where in the features the error is.

    Attributes:
        model: whose predictions these are; empty: of all.
        n_matched: the newest matched ids, at most 2,000; `n` of them are in the figures: their features were found in Kafka.
        n_left_out: ids whose values are too large to score.
        from_: when the first of the `n` was decided, and the last one; UTC epoch seconds; None of none.
        mae: of the `n`; `bias` likewise; None of none.
        features: those with the largest certain excess of the error first; empty of fewer than 100 ids.
        n_needed: of so many ids at least something is said.
        silent: workers that did not answer, and how.
    """

    model: str
    n_matched: Natural
    n: Natural
    n_left_out: Natural
    from_: Time | None
    to: Time | None
    mae: Size | None
    bias: Finite | None
    features: list[ByFeature]
    n_needed: Natural
    silent: dict[str, str]


def read(given: Mapping[str, str], names: Sequence[str]) -> str:
    """Return the model that is asked for, the reference if none is.

    Args:
        names: the models that are listed, the reference first; none if there is one only.

    Raises:
        BadQuery: there is no such name.
    """
    refuse_unknown(given, ("model",))
    refuse_long(given, ("model",))
    model = given.get("model", "")
    if model and names and model not in names:
        raise BadQuery(f"There is no model {model!r}; there are {', '.join(names)}.")
    return model or next(iter(names), "")


async def gathered(app: web.Application, model: str) -> FeatureErrors:
    """Return where in the features the error is.

    Raises:
        Unavailable: Kafka does not answer.
    """
    return await app[CACHE].get(f"features {model}", KEPT_S, lambda: _gathered(app, model), rest=9)  # type: ignore[no-any-return]


async def _gathered(app: web.Application, model: str) -> FeatureErrors:
    listed = await gather.page(app, Query(state="matched", model=model, n=MOST_IDS))
    pairs = [pair for pair in listed.rows if _is_usable(pair)]
    cells = await app[FEATURES_OF_MANY].of(pairs)
    found = await asyncio.to_thread(of, model, pairs, cells)
    return msgspec.structs.replace(
        found, n_matched=len(listed.rows), n_left_out=len(listed.rows) - len(pairs), silent=listed.silent
    )


def of(model: str, pairs: Sequence[PairView], cells: Mapping[str, Cells]) -> FeatureErrors:
    """Return the figures of ids with their features, of those that have some."""
    known = [pair for pair in pairs if pair.id in cells and pair.error is not None]
    errors = np.array([pair.error for pair in known], np.float64)
    times = [pair.decided_at for pair in known if pair.decided_at is not None]
    return FeatureErrors(
        model,
        n_matched=len(pairs),
        n=len(known),
        n_left_out=0,
        from_=min(times, default=None),
        to=max(times, default=None),
        mae=float(np.abs(errors).mean()) if known else None,
        bias=float(errors.mean()) if known else None,
        features=by_feature(Sample(errors, [cells[pair.id] for pair in known])),
        n_needed=MIN_IDS,
        silent={},
    )


def _is_usable(pair: PairView) -> bool:
    return all(side is not None and abs(side.y) <= LARGEST for side in (pair.true, pair.pred))
