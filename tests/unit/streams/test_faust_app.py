"""The Faust app before it runs: pages ask it from the first moment on."""

from __future__ import annotations

from streams.faust_app import app, names
from streams.kafka.records import TP


def test_a_worker_that_has_not_joined_its_group_owns_no_partition():
    assert not app.owns(TP(names.metric.name, 0))
