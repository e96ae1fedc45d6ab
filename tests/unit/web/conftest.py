"""Fixtures of the pages' tests: a table, empty and full."""

from __future__ import annotations

import pytest

from streams.join.state import PRED, TRUE
from tests.unit.web.tables import NOW, Table


@pytest.fixture
def table(tmp_path):
    table = Table(tmp_path)
    yield table
    for store in table.stores.values():
        store.close()


@pytest.fixture
def full(table):
    """30 waiting for y_pred, 20 matched with errors 1 to 20, 10 waiting for y_true; the last came last."""
    for p in (0, 1):
        table.put(p, TRUE, [f"t{p}-{i:02}" for i in range(15)], NOW - 30)
        for i in range(10):
            table.put(p, TRUE, [f"m{p}-{i:02}"], NOW - 20 + i)
            table.put(p, PRED, [f"m{p}-{i:02}"], NOW - 20 + i, y=1.0 + 10 * p + i)
        table.put(p, PRED, [f"p{p}-{i:02}" for i in range(5)], NOW - 1)
    return table
