"""Rows that cannot be read are said in the log when they begin, and stay said for as long as they come."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from streams.kafka.records import StoredRecord
from streams.settings import Settings
from streams.wire import dead_letters
from streams.wire.refusals import RECENT_S, Refusals
from streams.wire.resolutions import Resolution
from streams.wire.rows import Unreadable
from web.quarantine import newest
from web.quarantine.newest import MOST_RECORDS, Quarantine
from web.quarantine.watch import REMIND_S, Watch

NOW = 1_700_000_000.0
DETAIL = "no field `y_true`; it has `value`, `y`: set HINDSIGHT_FIELD_Y_TRUE=value"
SENTENCE = f"120 rows of y_true cannot be read, newest: {DETAIL}."


def of_y_true(at: float, n_rows: int = 120) -> Refusals:
    return Refusals("y_true", n_rows, at, DETAIL)


@pytest.fixture
def watch() -> Watch:
    ends: Any = SimpleNamespace(resolved=SimpleNamespace(found={}), quarantined=lambda: 1)
    return Watch(Quarantine(Settings(), {"kafka": ""}), ends, [])


def test_they_are_said_at_once_and_then_now_and_then_while_more_come(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    n_said = []
    with caplog.at_level(logging.WARNING):
        for now, at in ((NOW, NOW), (NOW + 3, NOW + 2), (NOW + REMIND_S, NOW), (NOW + REMIND_S, NOW + 9)):
            watch.take([of_y_true(at)], now)
            n_said.append(len(caplog.records))

    assert n_said == [1, 1, 1, 2]
    assert caplog.messages[0].startswith(SENTENCE)
    assert watch._sentences == [SENTENCE]


def test_those_of_long_ago_and_those_that_were_dealt_with_are_not_said(watch: Watch) -> None:
    watch.take([of_y_true(NOW)], NOW)
    watch.take([of_y_true(NOW)], NOW + RECENT_S)
    assert watch._sentences == []
    watch.take([of_y_true(NOW)], NOW)
    watch.take([], NOW)
    assert watch._sentences == []


def records(n: int, *, n_bytes: int = 1, source: str = "queue y_true") -> list[StoredRecord]:
    found: list[Any] = []
    for i in range(n):
        unreadable = Unreadable(b"x" * n_bytes, "bad_row", DETAIL, 2)
        for value, headers in dead_letters.records(unreadable, source=source, at=NOW + i, properties={}):
            record = SimpleNamespace(offset=len(found), timestamp=0, headers=headers, value=value)
            found.append(record)
    return found


def summed_up(kept: list[StoredRecord], done: dict[int, Resolution] | None = None) -> list[Refusals]:
    quarantine = Quarantine(Settings(), {"kafka": ""})
    quarantine._kept.extend(newest._kept(record, Settings()) for record in kept)
    quarantine._fresh_until = float("inf")
    return asyncio.run(quarantine.refusals(done or {}))


def test_rows_are_summed_up_once_each_without_those_that_were_dealt_with() -> None:
    assert summed_up(records(3)) == [Refusals("y_true", 6, NOW + 2, DETAIL)]
    in_parts = records(1, n_bytes=2 * dead_letters.PART_BYTES)
    assert len(in_parts) == 2
    assert [one.n_rows for one in summed_up(in_parts)] == [2]
    (left,) = summed_up(records(3), {1: Resolution("dropped", NOW, NOW + 1)})
    assert left.n_rows == 4


def test_where_there_are_more_than_are_looked_at_it_says_so() -> None:
    (found,) = summed_up(records(MOST_RECORDS + 1, source=""))
    assert found.sentence().startswith("At least 2,000 rows of an unknown source cannot be read, newest: no field")
