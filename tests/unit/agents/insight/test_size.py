"""How large insight.db gets: a year of one model, with what two axes of time take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.insight.database import NAME
from agents.insight.series import Series
from agents.insight.store import Store
from streams.scores.delay import DelayBins
from tests.unit.agents.insight.worlds import DAY_S, FRAME, MODEL, NOON, cells_of, labels, opened

NOW = NOON // DAY_S * DAY_S
YEAR = (
    (30.0, NOW - 2 * DAY_S, NOW),
    (3600.0, NOW - 60 * DAY_S, NOW - 2 * DAY_S),
    (DAY_S, NOW - 365 * DAY_S, NOW - 60 * DAY_S),
)
LABELS = {30.0: 400, 3600.0: 2000, DAY_S: 4000}
"""Labels of a cell: 13 a second. More of them hardly take more room, since the bins in use are the same."""


def fill(store: Store, series: Series, bins: DelayBins, spans: tuple[tuple[float, float, float], ...]) -> None:
    """Fill spans with cells, a hundred different ones again and again."""
    rng = np.random.default_rng(1)
    for width_s, start, end in spans:
        part = cells_of(
            labels(rng, 100 * LABELS[width_s], 0, 100 * width_s), store.number(series), bins=bins, width_s=width_s
        )
        for shift in np.arange(start, end, 100 * width_s):
            shifted = part._replace(start=part.start + shift)
            store.add([shifted.take(shifted.start < end)])


@pytest.mark.slow
def test_a_year_of_one_model_takes_less_than_50_mb(tmp_path: Path):
    store = opened(tmp_path)
    store.roll_up(NOW)
    fill(store, MODEL, FRAME.bins, YEAR)
    fill(store, MODEL._replace(axis="decided"), FRAME.bins.coarse(), YEAR)
    n_cells = 2 * 5760 + 2 * 58 * 24 + 2 * 305
    assert store._connection.execute("SELECT count(*) FROM cells").fetchone() == (n_cells,)
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert 20e6 < (tmp_path / NAME).stat().st_size < 50e6
    days = store.reader.cells(MODEL, NOW - 30 * DAY_S, NOW)
    assert len(days.start) == 5760 + 28 * 24
