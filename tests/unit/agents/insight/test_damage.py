"""A file in which bytes have changed is said to be damaged, whoever reads it: SQLite sees nothing of it inside of a cell."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from agents.insight.answers import Answers
from agents.insight.database import NAME, Damaged
from agents.insight.notes import NoFile
from agents.insight.query import Asked
from agents.insight.references import References
from agents.insight.verdicts import look
from tests.unit.agents.insight.worlds import NOON, WINDOW_S, cells_of, labels, opened

CHANGED = {
    "labels": "UPDATE cells SET labels = substr(labels, 1, 4) || 'x' || substr(labels, 6)",
    "labels that are no UTF-8": "UPDATE cells SET labels = CAST(x'ff' AS TEXT)",
    "sums": "UPDATE cells SET sums = substr(sums, 1, 7)",
    "errors": "UPDATE cells SET errors = substr(errors, 1, 3)",
    "worst": "UPDATE cells SET worst = '[[1]]'",
}


def changed(directory: Path, statement: str) -> None:
    store = opened(directory)
    store.add([cells_of(labels(np.random.default_rng(1), 3000, NOON, 3 * WINDOW_S))])
    store.close()
    with closing(sqlite3.connect(directory / NAME)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("what", CHANGED)
def test_a_cell_that_cannot_be_read_is_damage(tmp_path: Path, what: str):
    changed(tmp_path, CHANGED[what])
    with pytest.raises(Damaged, match=f"{NAME} is damaged"):
        Answers(tmp_path, WINDOW_S).look(Asked(start=NOON, end=NOON + 3 * WINDOW_S))
    with pytest.raises(Damaged, match=f"{NAME} is damaged"):
        References(tmp_path).choose(NOON, NOON + 2 * WINDOW_S, NOON + 9 * WINDOW_S)


def test_so_it_is_when_something_is_counted(tmp_path: Path):
    changed(tmp_path, CHANGED["worst"])
    store = opened(tmp_path)
    with pytest.raises(Damaged, match=f"{NAME} is damaged"):
        store.add([cells_of(labels(np.random.default_rng(2), 300, NOON, WINDOW_S))])


def test_so_it_is_if_the_file_does_not_say_what_it_was_made_for(tmp_path: Path):
    changed(tmp_path, "UPDATE meta SET value = '{' WHERE name = 'delay_ends'")
    found = look(Answers(tmp_path, WINDOW_S), References(tmp_path))
    assert found.word == "cannot tell"
    assert f"{NAME} is damaged" in found.sentence


def test_a_reference_of_no_file_is_refused_with_the_reason(tmp_path: Path):
    with pytest.raises(NoFile, match=r"There is no insight\.db yet"):
        References(tmp_path).choose(NOON, NOON + WINDOW_S, NOON + 9 * WINDOW_S)
