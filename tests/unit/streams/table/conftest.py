"""Fixtures of the table's tests."""

from __future__ import annotations

import pytest
import rocksdict

from streams.table.store import PairsStore


@pytest.fixture
def store(tmp_path):
    """An empty store of one partition."""
    store = PairsStore(tmp_path / "pairs-0", rocksdict.Cache(1 << 20))
    yield store
    store.close()
