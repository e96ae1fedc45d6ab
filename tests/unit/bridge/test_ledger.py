"""The invariant of rows, live: of the bridge's queues and of the join's partitions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from agents.readiness import ledger
from bridge.ledger import Ledger
from streams.join.decision import Checkpoint, Counts


def owners(*counts: Counts) -> Any:
    return {p: SimpleNamespace(store=SimpleNamespace(checkpoint=Checkpoint(counts=c))) for p, c in enumerate(counts)}


def test_rows_of_a_batch_are_under_way_until_kafka_has_them():
    rows = Ledger("y_true")
    rows.deliver(n_messages=2, n_rows=10)
    rows.keep(n_packets=1, n_rows=7)
    assert rows.n_under_way == 3
    rows.quarantine({"not_json": 1, "bad_row": 2})
    rows.close()
    assert rows.state() == {"delivered": 10, "kafka": 7, "quarantined": 3, "under_way": 0, "problem": ""}


def test_a_row_that_is_nowhere_is_said_by_its_queue_and_its_numbers():
    rows = Ledger("y_pred")
    rows.deliver(n_messages=1, n_rows=10)
    rows.keep(n_packets=1, n_rows=9)
    rows.close()
    assert "'y_pred' has delivered 10 rows, but 9 went to Kafka and 0 to quarantine" in rows.problem


def test_a_row_that_is_in_two_places_is_said():
    rows = Ledger("y_true")
    rows.deliver(n_messages=1, n_rows=1)
    rows.keep(n_packets=1, n_rows=1)
    rows.quarantine({"bad_row": 1})
    rows.close()
    assert rows.problem


def test_the_joins_invariant_holds_where_every_row_has_its_place():
    full = Counts(
        rows_true=9,
        rows_pred=8,
        matched=4,
        unmatched_true=1,
        unmatched_pred=2,
        duplicates=1,
        conflicts=1,
        late=1,
        waiting=3,
    )
    assert ledger(owners(full, Counts())) == ""


def test_partitions_that_are_off_are_named_and_do_not_cancel_out():
    said = ledger(owners(Counts(rows_true=2, waiting=1), Counts(), Counts(rows_true=1, waiting=2)))
    assert "partition 0 by +1 rows, partition 2 by -1 rows" in said
    assert "reconcile" in said
