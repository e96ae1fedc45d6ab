"""How an id's error stands among those of its day: from insight.db, by whichever worker writes it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from agents.insight.database import InsightError
from agents.insight.query import Asked
from streams.scores.rank import Rank
from web.keys import FIGURES, PEERS, WORKER
from web.pairs.pair_view import PairView
from web.text import count

DAY_S = 86_400
FEW = 20
"""Of fewer labels, a share says less than the numbers."""


class OwnRank(msgspec.Struct, frozen=True):
    """What a worker that writes insight.db answers; None of any other, or where that cannot be read."""

    rank: Rank | None


def question(pair: PairView) -> dict[str, str]:
    """Return what is asked of the writer; empty for an id that is in no score."""
    if pair.error is None or pair.pred is None:
        return {}
    return {"id": pair.id, "size": repr(abs(pair.error)), "ts": repr(pair.pred.ts), "model": pair.carried.model or ""}


async def rank_of(app: web.Application, pair: PairView) -> Rank | None:
    """Return the rank of an id's error; None if it has none, or nobody knows now."""
    asked = question(pair)
    if not asked:
        return None
    mine = await own_rank(app, asked)
    if mine.rank is not None or app[WORKER].writes_the_log():
        return mine.rank
    answers = await app[PEERS].ask("/peer/rank?" + urlencode(asked, errors="surrogatepass"), OwnRank)
    return next((a.data.rank for a in answers if a.data is not None and a.data.rank is not None), None)


async def own_rank(app: web.Application, asked: Mapping[str, str]) -> OwnRank:
    """Return what this worker knows of a question."""
    if not app[WORKER].writes_the_log():
        return OwnRank(None)
    try:
        size, ts = float(asked.get("size", "")), float(asked.get("ts", ""))
    except ValueError:
        return OwnRank(None)
    start = ts // DAY_S * DAY_S
    of = Asked("", start, start + DAY_S, model=asked.get("model", ""))
    try:
        return OwnRank(await app[FIGURES].rank(of, size, asked.get("id", "")))
    except InsightError:
        return OwnRank(None)


def said(rank: Rank, now: float) -> str:
    """Return a rank as the end of a sentence: `larger than 98% of the 5,321 errors of predictions of today`."""
    if rank.n == 1:
        return f"the only error of a prediction of {_day(rank.start, now)}"
    of = f"the {count(rank.n)} errors of predictions of {_day(rank.start, now)}"
    if rank.place == 1:
        return f"the largest of {of}"
    if rank.place is not None:
        return f"the {ordinal(rank.place)} largest of {of}"
    if rank.n < FEW and rank.n_smaller:
        return f"larger than {count(rank.n_smaller)} of {of}"
    share = 100 * rank.n_smaller / rank.n
    digits = 0 if 1 <= share < 99 else 1
    floored = int(share * 10**digits) / 10**digits
    return f"larger than {floored:.{digits}f}% of {of}" if floored else f"among the smallest of {of}"


def _day(start: float, now: float) -> str:
    if start == now // DAY_S * DAY_S:
        return "today"
    then = time.gmtime(start)
    return f"{then.tm_mday} {time.strftime('%b %Y', then)}"


def ordinal(n: int) -> str:
    """Return a place in a row: `1st`, `2nd`, `3rd`, `11th`."""
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
