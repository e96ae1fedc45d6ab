"""Rules are held against what insight.db holds; what cannot be read is a reason why nothing can be told."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from agents.alerting.alerting import NotOurs, NotYet
from agents.alerting.keeping import InInsight
from agents.alerting.looking import Ask, Looking, nobody
from agents.insight.answers import Answers
from agents.insight.database import NAME
from agents.insight.notes import Notes
from agents.insight.query import ALERTS, Asked
from agents.insight.references import References
from streams.alerts.book import Book
from streams.alerts.readings import Health, Reading
from streams.alerts.rules import Rule
from streams.process.own_thread import OwnThread
from tests.unit.agents.insight.worlds import NOON, WINDOW_S, cells_of, labels, opened

MAE = Rule(name="mae", metric="mae", above=1.0, over="2h")
RATIO = Rule(name="ratio", metric="ratio", above=1.2, over="1h")
LEDGER = Rule(name="ledger", metric="ledger")
NOW = NOON + 6 * WINDOW_S


def looking(directory: Path, problem: str = "", health: Ask = nobody) -> Looking:
    notes = Notes(directory / NAME)
    return Looking(Answers(directory, WINDOW_S), References(directory), notes, lambda: problem, health)


def filled(directory: Path, times: float = 1.0) -> None:
    """Make five hours of labels, of which the last hour's errors are so many times as large."""
    store, rng = opened(directory), np.random.default_rng(1)
    for start, hours, factor in ((NOON, 5, 1.0), (NOON + 5 * WINDOW_S, 1, times)):
        some = labels(rng, 3000 * hours, start, hours * WINDOW_S)
        some = some._replace(y_pred=some.y_true + factor * (some.y_pred - some.y_true))
        store.add([cells_of(some)])
    store.close()


def test_rules_are_held_against_the_figures_of_their_span(tmp_path: Path):
    filled(tmp_path)
    reading = looking(tmp_path).of_labels([MAE], NOW)["mae"]
    assert reading.value == pytest.approx(np.exp(0.32), rel=0.1)
    assert reading.n_pairs == pytest.approx(6000, abs=60)


@pytest.mark.parametrize("times", [1.0, 1.5])
def test_the_ratio_is_held_against_the_first_labels(tmp_path: Path, times: float):
    filled(tmp_path, times)
    reading = looking(tmp_path).of_labels([RATIO], NOW)["ratio"]
    kept = References(tmp_path).get()
    assert kept is not None
    assert kept.reference.start == NOON
    assert reading.value == pytest.approx(times, rel=0.1)


def test_before_there_is_a_file_nothing_can_be_told(tmp_path: Path):
    reading = looking(tmp_path).of_labels([MAE], NOW)["mae"]
    assert (reading.value, reading.why) == (None, "0 labels, 30 are needed")
    keeper = InInsight(Notes(tmp_path / NAME), OwnThread("test"))
    with pytest.raises(NotYet):
        asyncio.run(keeper.load())


def test_while_the_figures_are_not_written_nothing_can_be_told(tmp_path: Path):
    filled(tmp_path)
    reading = looking(tmp_path, "The metric log cannot be written: the disk is full.").of_labels([MAE], NOW)["mae"]
    assert (reading.value, reading.why) == (None, "The metric log cannot be written: the disk is full")


def test_while_rows_wait_to_be_joined_nothing_can_be_told(tmp_path: Path):
    async def health() -> Health:
        return Health(behind="900 records wait to be joined")

    filled(tmp_path)
    found = asyncio.run(looking(tmp_path, health=health).readings([MAE]))
    assert (found["mae"].value, found["mae"].why) == (None, "900 records wait to be joined")


def test_a_file_that_is_damaged_is_a_reason(tmp_path: Path):
    (tmp_path / NAME).write_bytes(b"no database" * 1000)
    assert "damaged" in looking(tmp_path).of_labels([MAE], NOW)["mae"].why


def test_rules_of_rows_and_brokers_are_held_against_what_all_workers_say(tmp_path: Path):
    filled(tmp_path)

    async def health() -> Health:
        return Health(ledger=-2, behind="")

    unknown = asyncio.run(looking(tmp_path).readings([LEDGER]))
    assert unknown["ledger"].why == "the worker's state is not known yet"
    found = asyncio.run(looking(tmp_path, health=health).readings([MAE, LEDGER]))
    assert found["ledger"].value == 2
    assert "are needed" in found["mae"].why, "labels of today"
    assert found.keys() == {"mae", "ledger"}


def test_the_book_is_kept_by_who_writes_the_figures(tmp_path: Path):
    opened(tmp_path)
    first, second = (InInsight(Notes(tmp_path / NAME), OwnThread("test")) for _ in range(2))
    assert asyncio.run(first.load()) is None
    asyncio.run(first.save(b"1"))
    opened(tmp_path)
    assert asyncio.run(second.load()) == b"1"
    with pytest.raises(NotOurs):
        asyncio.run(first.save(b"2"))
    assert asyncio.run(second.load()) == b"1"


@pytest.mark.parametrize(("times", "word"), [(1.0, "as usual"), (1.5, "worse"), (0.6, "better")])
def test_the_verdict_is_on_the_last_hour_against_the_first_labels(tmp_path: Path, monkeypatch, times: float, word: str):
    filled(tmp_path, times)
    monkeypatch.setattr(time, "time", lambda: NOW + WINDOW_S / 2)
    own = looking(tmp_path)
    asyncio.run(own.refresh())
    assert own.verdict is not None
    assert own.verdict.word == word


def test_without_figures_the_verdict_says_why(tmp_path: Path):
    for problem, sentence in (("", "no label has come"), ("The disk is full.", "The disk is full.")):
        own = looking(tmp_path, problem)
        asyncio.run(own.refresh())
        assert own.verdict is not None
        assert own.verdict.word == "cannot tell"
        assert sentence in own.verdict.sentence


def test_a_burst_of_refused_rows_is_marked_once(tmp_path: Path):
    opened(tmp_path).close()
    refused = iter([5, 8, 60, 200, None, 900])

    async def health() -> Health:
        return Health(quarantined=next(refused))

    async def look_often() -> None:
        found = looking(tmp_path, health=health)
        for _ in range(6):
            await found.readings([])

    asyncio.run(look_often())
    marks = Answers(tmp_path, WINDOW_S).look(Asked(last="1h")).marks
    assert [(mark.kind, mark.text) for mark in marks if mark.kind == "quarantine"] == [
        ("quarantine", "52 records came within seconds that cannot be read.")
    ]


def test_an_alert_that_fires_is_a_mark_on_the_charts(tmp_path: Path):
    opened(tmp_path).close()
    book = Book().looked([MAE], {"mae": Reading(2.0)}, time.time() - 60)
    Notes(tmp_path / NAME).write(ALERTS, msgspec.json.encode(book))
    marks = Answers(tmp_path, WINDOW_S).look(Asked(last="1h")).marks
    assert [(mark.kind, mark.text) for mark in marks if mark.kind == "alert"] == [("alert", "alert mae")]
