"""What looking costs: pages of a table with a million ids, and the join's rate while fifty people look."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np

from bench import decisions, made_up_rows
from bench.joined import PACKET_ROWS, n_in_log
from bench.place import Place, Run
from bench.program import BenchError
from bench.results import ROWS, Figures, Goal, Section, figure, line
from bench.show import progress
from bench.usage import memory_mb
from bench.watchers import HTML, N_STREAMS, watchers
from dev.ports import free_ports

N_WAITING, N_IDS, N_PAGES, WATCH_S, SETTLE_S = 1_000_000, 600_000, 300, 30.0, 5.0
P50, P99, GROWN = "p50 ms", "p99 ms", "MB grown"
ALONE, WATCHED = "the join, nobody looks", f"the join, {N_STREAMS} streams and a page a second"
SHARE = "share of alone"


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure pages once, and the join alone and watched in turn."""
    n_waiting = int(N_WAITING * scale)
    progress(f"web: pages of {n_waiting:,} waiting ids")
    pages, growth = looked_at(place.new_run(), n_waiting, max(5.0, WATCH_S * scale))
    runs: dict[str, list[Figures]] = {ALONE: [], WATCHED: []}
    for i in range(n_runs):
        given = made_up_rows.pairs(int(N_IDS * scale), int(time.time()))
        for what, figures in runs.items():
            progress(f"web, run {i + 1} of {n_runs}: {what}")
            figures.append(joined(place.new_run(), given, watched=what == WATCHED))
    watched = [own | {SHARE: own[ROWS] / alone[ROWS]} for own, alone in zip(runs[WATCHED], runs[ALONE], strict=True)]
    newest = f"a page of 100, newest of {n_waiting:,} waiting"
    lines = [
        line(newest, [pages["newest"]]),
        line("the same, by id", [pages["id"]]),
        line(f"{N_STREAMS} streams and a page a second, {WATCH_S * scale:.0f} s", [growth]),
        line(ALONE, runs[ALONE]),
        line(WATCHED, watched),
    ]
    return Section(
        "web",
        "What looking costs",
        "Each page is the next one of the last, so that none comes from a cache. Ten of the streams are never read.",
        lines,
        [
            Goal("a page of 100 rows, p99", figure(lines, newest, P99), 30, "ms", at_least=False),
            Goal("the join's rate while it is watched", figure(lines, WATCHED, SHARE), 0.95),
        ],
    )


def looked_at(run: Run, n_waiting: int, watch_s: float) -> tuple[dict[str, Figures], Figures]:
    """Return how long pages of a full table take, by order, and how much memory watchers take in `watch_s`."""
    settings, (port,) = run.settings(), free_ports(1)
    made_up_rows.load_pairs(settings, made_up_rows.Pairs(made_up_rows.pairs(n_waiting, run.at).true, []))
    with run.worker(web_port=str(port)) as worker:
        worker.wait_until_said("The table `pairs` is ready")
        worker.wait_until(lambda: decisions.last_total(settings).n_waiting >= n_waiting, "all ids waiting", 300)
        pages = {}
        for sort in ("newest", "id"):
            took_ms = np.array(
                list(_page_after_page(port, f"/table/pairs/?n=100&sort={sort}", min(N_PAGES, n_waiting // 200)))
            )
            pages[sort] = {P50: float(np.quantile(took_ms, 0.5)), P99: float(np.quantile(took_ms, 0.99))}
        with watchers(port):
            time.sleep(SETTLE_S)
            before = memory_mb(worker.pid, peak=False)
            time.sleep(watch_s)
            growth = {GROWN: memory_mb(worker.pid, peak=False) - before, "MB": before}
    return pages, growth


def _page_after_page(port: int, url: str, n_pages: int) -> Iterator[float]:
    """Yield how many ms each page took: the HTML; where the next one begins is asked of the API, apart."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(n_pages):
        asked = time.perf_counter()
        connection.request("GET", url, headers=HTML)
        answer = connection.getresponse()
        body = answer.read()
        yield (time.perf_counter() - asked) * 1e3
        if answer.status != 200 or body.count(b'<th scope="row">') != 100:
            raise BenchError(f"{url} is no page of 100 rows: {answer.status}, {body[:200]!r}")
        connection.request("GET", url.replace("/table/pairs/", "/api/pairs"))
        url = "/table/pairs/" + json.loads(connection.getresponse().read())["next"]


def joined(run: Run, given: made_up_rows.Pairs, *, watched: bool) -> Figures:
    """Return the rate of a worker that joins what waits in Kafka, with or without people who look."""
    settings, (port,) = run.settings(), free_ports(1)
    made_up_rows.load_pairs(settings, given, PACKET_ROWS)
    with run.worker(web_port=str(port)) as worker:
        worker.wait_until_said("The web view: ")
        with watchers(port) if watched else nullcontext():
            worker.wait_until(lambda: n_in_log(run.logs) >= len(given.true), "the last row", 300)
    made_up_rows.check_csv(run.csv, given)
    began = decisions.read(settings)[0].at
    return {ROWS: 2 * len(given.true) / (run.csv.stat().st_mtime - began)}
