"""What all workers hold together: our own partitions, and what the others answer within the time limit."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, NamedTuple
from urllib.parse import quote

from aiohttp import web

from streams.join.deadlines import Rules
from streams.join.decide import key_of
from streams.join.state import pair
from streams.wire.partition import partition_of
from web.keys import CACHE, FACTS, PEERS, SETTINGS, URL, WORKER
from web.pairs import pair_rows, scan
from web.pairs.query import Query

MOST_ID_CHARS = 512
COUNTS_KEPT_S = 5.0
_SUMMED = (
    "rows_in",
    "rows_per_s",
    "matched",
    "matched_per_s",
    "waiting",
    "unmatched",
    "unmatched_true",
    "unmatched_pred",
    "duplicates",
    "conflicts",
    "late",
    "forwarded",
    "difference",
    "predicted_per_s",
    "logged_per_s",
)


class Listed(NamedTuple):
    """A page of the table over all workers; `silent` did not answer."""

    rows: list[dict[str, Any]]
    next: tuple[Any, ...] | None
    n_looked_at: int
    is_whole: bool
    counts: dict[str, int]
    silent: list[str]


def rules(app: web.Application) -> Rules:
    """Return the join's rules."""
    s = app[SETTINGS]
    return Rules(s.join_window_s, s.max_out_of_orderness_s, s.dedupe_horizon_s)


async def own_page(app: web.Application, query: Query) -> dict[str, Any]:
    """Return a page of our own partitions, as it goes to another worker."""
    now = time.time()
    stores = {p: owner.store for p, owner in app[WORKER].pairs.owners.items()}
    found = await scan.page(stores, query, rules(app), now=now)
    return found._asdict() | {"rows": pair_rows.shown(stores, found.rows, rules(app), now, app[URL])}


async def page(app: web.Application, query: Query) -> Listed:
    """Return a page of all partitions, or of one worker's, in one order."""
    path = "/api/pairs" + query.url() + ("&" if query.url() != "?" else "") + "scope=local"
    answers = await app[PEERS].ask(path, only=query.worker)
    parts = [answer.data for answer in answers if answer.data is not None]
    if query.worker in ("", app[URL]):
        parts.append(await own_page(app, query))
    silent = [answer.url for answer in answers if answer.data is None]
    nexts = [tuple(part["next"]) for part in parts if part["next"] is not None]
    limit = min(nexts, default=None)
    merged = sorted((row for part in parts for row in part["rows"]), key=lambda row: tuple(row["place"]))
    known = [row for row in merged if limit is None or tuple(row["place"]) <= limit]
    shown = known[: query.n]
    goes_on = tuple(shown[-1]["place"]) if len(known) > len(shown) else limit
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part["counts"])
    return Listed(
        shown,
        goes_on,
        sum(part["n_looked_at"] for part in parts),
        all(part["is_whole"] for part in parts),
        dict(counts),
        silent,
    )


async def counts(app: web.Application, query: Query) -> Listed:
    """Return how many ids of each state a filter leaves, without any row: of all, or of as many as are looked at."""
    asked = query._replace(state="all", sort="newest", after=None, n=0, paused="")
    return await app[CACHE].get(  # type: ignore[no-any-return]
        f"counts {asked.url()}", COUNTS_KEPT_S, lambda: page(app, asked)
    )


def own_row(app: web.Application, row_id: str) -> dict[str, Any] | None:
    """Return one id, if one of our partitions holds it."""
    if not can_be_held(row_id):
        return None
    partition = partition_of(row_id, app[SETTINGS].partitions)
    owner = app[WORKER].pairs.owners.get(partition)
    packed = owner.store.states([key_of(row_id)])[0] if owner else None
    if owner is None or packed is None:
        return None
    found = scan.Found((), partition, pair(row_id, packed))
    return pair_rows.shown({partition: owner.store}, [found], rules(app), time.time(), app[URL])[0]


def can_be_held(row_id: str) -> bool:
    """Tell whether a text can be an id at all."""
    return 0 < len(row_id) <= MOST_ID_CHARS and not any("\ud800" <= c <= "\udfff" for c in row_id)


async def row_of_others(app: web.Application, row_id: str) -> tuple[dict[str, Any] | None, list[str]]:
    """Return one id, if another worker holds it, and who did not answer."""
    if not can_be_held(row_id):
        return None, []
    silent = []
    for answer in await app[PEERS].ask("/api/pairs/" + quote(row_id, safe="") + "?scope=local", also=404):
        if answer.data is None:
            silent.append(answer.url)
        elif answer.data["row"] is not None:
            return answer.data["row"], []
    return None, silent


async def status(app: web.Application) -> dict[str, Any]:
    """Return the figures of all workers together; `silent` names who did not answer, and then sums are at least."""
    return await app[CACHE].get("status", 0.5, lambda: _status(app))  # type: ignore[no-any-return]


async def _status(app: web.Application) -> dict[str, Any]:
    total = app[FACTS].status() | {"partitions": app[FACTS].partitions(), "worker": app[URL], "silent": []}
    for part in total["partitions"]:
        part["worker"] = app[URL]
    total["workers"] = sorted({app[URL], *app[PEERS].others()})
    for answer in await app[PEERS].ask("/api/status?scope=local"):
        if answer.data is None:
            total["silent"].append(answer.url)
            continue
        for name in _SUMMED:
            total[name] += answer.data[name]
        total["partitions"] += [part | {"worker": answer.url} for part in answer.data["partitions"]]
        total["event_time"] = max((t for t in (total["event_time"], answer.data["event_time"]) if t), default=None)
        total["mae"] = answer.data["mae"] if total["mae"] is None else total["mae"]
        total["problems"] += [f"{answer.url}: {sentence}" for sentence in answer.data["problems"]]
    for name in ("rows_per_s", "matched_per_s", "predicted_per_s", "logged_per_s"):
        total[name] = round(total[name], 1)
    total["partitions"].sort(key=lambda part: part["partition"])
    _add_missing(app, total)
    return total


def _add_missing(app: web.Application, total: dict[str, Any]) -> None:
    """Name the partitions that nobody answered for, and who owns them as far as Kafka's group tells."""
    answered = {part["partition"] for part in total["partitions"]}
    owner_of = {p: url for url, parts in app[PEERS].partitions().items() for p in parts}
    if not app[WORKER].runs("metric"):
        return
    for p in range(app[SETTINGS].partitions):
        if p not in answered:
            url = owner_of.get(p, "")
            state = "no answer" if url in total["silent"] else "being restored" if url else "being assigned"
            total["partitions"].append(
                {
                    "partition": p,
                    "worker": url,
                    "state": state,
                    "lag": None,
                    "waiting": None,
                    "rows_in": None,
                    "last_commit_at": None,
                    "problem": "",
                    "n_fenced": 0,
                    "log_offset": None,
                    "restored": None,
                    "difference": None,
                }
            )
    total["partitions"].sort(key=lambda part: part["partition"])
