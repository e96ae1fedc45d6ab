"""The queries of docs/insight.md, as a person would type them beside a worker that writes."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agents.insight.database import NAME
from agents.insight.series import Series
from streams.scores.figures import Gap
from tests.unit.agents.insight.worlds import FRAME, NOON, cells_of, labels, opened

PAGE = Path(__file__).parents[4] / "docs/insight.md"
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_there_are_five():
    assert len(QUERIES) == 5


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.split()[1].strip(","))
def test_a_query_answers_beside_the_worker(tmp_path: Path, query: str):
    store = opened(tmp_path)
    rng = np.random.default_rng(1)
    number = store.number(Series("ridge", "country:DE"))
    some = labels(rng, 500, NOON - 200 * 86400, 7200)
    store.add([cells_of(some), cells_of(some, number, bins=FRAME.bins.coarse(), width_s=300.0)])
    store.add([], gaps=[Gap(NOON - 200 * 86400, NOON, "Kafka no longer holds them")])
    reader = sqlite3.connect(f"file:{tmp_path / NAME}?mode=ro", uri=True)
    found = pd.read_sql(query, reader)
    assert len(found) > 0
    if "hour" in found:
        error = np.abs(some.y_pred - some.y_true)
        assert (found.mae * found.labels).sum() == pytest.approx(error.sum())
    if "within_s" in found:
        assert found.labels.sum() == 500
    if "absolute_error" in found:
        assert found.absolute_error[0] == pytest.approx(np.abs(some.y_pred - some.y_true).max())
    reader.close()
