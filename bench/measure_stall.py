"""How long drawing the picture holds up the worker's event loop: a page that only says "alive", asked all the time."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

import numpy as np

from bench import made_up_rows
from bench.joined import n_in_log
from bench.place import Place, Run
from bench.results import Figures, Goal, Section, figure, line
from bench.show import progress
from dev.ports import free_ports

N_IDS, SECONDS = 20_000, 15.0
POLL_S = 0.002
NEAR_S = 0.5
"""An answer so short before or after the picture was replaced counts as beside a draw."""
DRAWS, BETWEEN = "slowest answer beside a draw, ms", "slowest answer between draws, ms"


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure a quiet worker that draws every 2 s."""
    runs: list[Figures] = []
    for i in range(n_runs):
        progress(f"stall, run {i + 1} of {n_runs}")
        runs.append(stalled(place.new_run(), int(N_IDS * scale), max(5.0, SECONDS * scale)))
    lines = [line("/livez, asked every 2 ms", runs)]
    return Section(
        "stall",
        "The loop while the picture is drawn",
        "A worker that draws its picture every 2 s answers /livez from the event loop that joins.",
        lines,
        [Goal("slowest answer beside a draw", figure(lines, lines[0].what, DRAWS), 20, "ms", at_least=False)],
    )


def stalled(run: Run, n_ids: int, seconds: float) -> Figures:
    """Return the figures of one run."""
    made_up_rows.load_pairs(run.settings(), made_up_rows.pairs(n_ids, run.at))
    (port,) = free_ports(1)
    with run.worker(web_port=str(port), plot_every_s="2") as worker:
        picture = run.logs / "error_distribution.png"
        worker.wait_until(lambda: n_in_log(run.logs) >= n_ids and picture.exists(), "the first picture")
        answers, drawn = _ask(port, seconds, lambda: picture.stat().st_mtime)
    asked, took_ms = np.array(answers).T
    beside = np.min(np.abs(asked[:, None] - np.array(sorted(drawn))[None, :]), axis=1) < NEAR_S
    return {DRAWS: float(took_ms[beside].max()), BETWEEN: float(took_ms[~beside].max()), "draws": len(drawn)}


def _ask(port: int, seconds: float, drawn_at: Callable[[], float]) -> tuple[list[tuple[float, float]], set[float]]:
    """Return when each question was asked and how many ms its answer took, and when the picture was replaced."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    answers: list[tuple[float, float]] = []
    drawn: set[float] = set()
    until = time.time() + seconds
    while (asked := time.time()) < until:
        connection.request("GET", "/livez")
        connection.getresponse().read()
        answers.append((asked, (time.time() - asked) * 1e3))
        drawn.add(drawn_at())
        time.sleep(POLL_S)
    return answers, drawn
