"""What rules about rows and brokers are held against: what is not known of all workers is not taken for well."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from streams.alerts.readings import Health
from web.alerts.page import MAX_LAG, health_of
from web.state.bridge_state import BridgeState, QueueState
from web.state.status import Partition, Status

READY = Partition(0, "ready", lag=3, difference=0)
WELL: dict[str, Any] = {
    name: 0
    for name in Status.__struct_fields__
    if name
    not in ("partitions", "problems", "unreadable", "firing", "worker", "workers", "silent", "bridge", "notices")
} | {"partitions": [READY], "problems": [], "worker": "", "workers": [], "silent": {}, "bridge": None, "notices": []}


def health(**changes: Any) -> Health:
    return health_of(Status(**WELL | changes))


def bridge(*consumers: int | None, answers: bool) -> BridgeState:
    return BridgeState("", answers, None, [QueueState(f"q{n}", 0, each) for n, each in enumerate(consumers)], "", [])


def test_all_is_well():
    assert health(quarantined=2, bridge=bridge(1, 2, answers=True))[:3] == (2, 0, 0)
    assert health().behind == ""


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (None, None),
        (bridge(1, None, answers=True), 1),
        (bridge(0, 1, 0, answers=False), 2),
        (bridge(1, 1, answers=False), 0),
        (bridge(None, 1, answers=False), None),
        (bridge(answers=False), None),
    ],
    ids=["no queues", "link away", "two unread", "another reads", "rabbitmq away", "not asked yet"],
)
def test_queues_that_nobody_reads_are_counted(state, wanted):
    assert health(bridge=state).bridge == wanted


@pytest.mark.parametrize(
    ("changes", "ledger", "behind"),
    [
        ({"silent": {"http://b": "did not answer"}}, None, "http://b did not answer"),
        ({"partitions": []}, None, "no partition is read yet"),
        ({"partitions": [READY, Partition(1, "being assigned")]}, None, "partitions [1] are not read now"),
        ({"partitions": [msgspec.structs.replace(READY, lag=MAX_LAG + 1)]}, 0, "501 records wait to be joined"),
        (
            {"partitions": [READY, Partition(1, "being assigned")], "difference": 4},
            4,
            "partitions [1] are not read now",
        ),
    ],
)
def test_what_is_not_known_of_all_is_said(changes, ledger, behind):
    found = health(**changes)
    assert (found.ledger, found.behind) == (ledger, behind)
