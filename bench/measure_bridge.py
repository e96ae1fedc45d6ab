"""The bridge beside bare pika consumption: `bench/bridge.py` as a section."""

from __future__ import annotations

from typing import Any

from bench import bridge
from bench.place import Place
from bench.results import CPU, PEAK, RATIO, ROWS, Figures, Goal, Line, Section, figure
from bench.show import progress

N_MESSAGES, N_ARRAYS, ARRAY_ROWS = 100_000, 1_500, 500
_COLUMNS = {"rows_per_s": ROWS, "cpu_s_per_100k_rows": CPU, "rss_mb": PEAK, "ratio": RATIO}


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure both in turn, with one row a message and with arrays."""
    lines: list[Line] = []
    for rows_a_message, n_messages in ((1, N_MESSAGES), (ARRAY_ROWS, N_ARRAYS)):
        n = max(10, int(n_messages * scale / bridge.ACK_EVERY)) * bridge.ACK_EVERY
        progress(f"bridge, {n_runs} runs: {n:,} messages, rows a message: {rows_a_message}")
        results = bridge.run(place.amqp_url, place.kafka, n_messages=n, rows_a_message=rows_a_message, runs=n_runs)
        if rows_a_message > 1:
            results = [one | {"ratio": None} for one in results]  # bare pika does not look into its arrays
        lines += [Line(f"{one['what']}, {_rows(rows_a_message)}", _figures(one)) for one in results]
    ratio = figure(lines, f"bridge, {_rows(1)}", RATIO)
    return Section(
        "bridge",
        "The bridge",
        f"{int(N_MESSAGES * scale):,} persistent messages wait in a durable queue. Bare pika only reads and acknowledges "
        "every 100; the bridge decodes, packs, has Kafka confirm, then acknowledges.",
        lines,
        [Goal("rows/s of bare pika, 1 row a message", ratio, 0.9, "×")],
    )


def _rows(n: int) -> str:
    return "1 row a message" if n == 1 else f"{n} rows a message"


def _figures(result: dict[str, Any]) -> Figures:
    return {column: float(result[name]) for name, column in _COLUMNS.items() if result[name] is not None}
