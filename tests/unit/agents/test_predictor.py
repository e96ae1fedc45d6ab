"""One of several models: asked in turn, not waited for when it hangs, and asked again once it has come back."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import predictor as module
from agents.predictor import Predictor
from models.columns import NUMBER
from models.model import Model
from streams.settings import ModelFile
from streams.wire.rows import FeaturesRow, PredRow, Unreadable
from tests.waiting import until

WITHIN_S = 30.0


class Held:
    """Answers the first feature, once it is let."""

    def __init__(self) -> None:
        self.is_let = threading.Event()

    def predict(self, table: Any) -> Any:
        self.is_let.wait()
        return np.asarray(table)[:, 0]


def made(estimator: Any, *, is_alone: bool = False) -> Predictor:
    predictor = Predictor(ModelFile("challenger", Path("b.skops")), is_alone=is_alone)
    predictor.model = Model(estimator, name="challenger", version="1", columns=[NUMBER], names=["a"])
    return predictor


def rows(*ids: str) -> list[FeaturesRow]:
    return [FeaturesRow(row_id, 1.0, [2.0]) for row_id in ids]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONG_S", 0.02)
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)


@pytest.mark.usefixtures("impatient")
def test_the_rows_of_a_model_that_hangs_are_refused_by_name_until_it_answers_again() -> None:
    async def play() -> None:
        estimator = Held()
        predictor = made(estimator)
        for row_id in ("a", "b"):
            (refused,) = await predictor.predict(rows(row_id))
            assert isinstance(refused, Unreadable)
            assert (refused.reason, refused.raw) == (
                "bad_prediction",
                f'{{"id":"{row_id}","ts":1.0,"features":[2.0]}}'.encode(),
            )
            assert "challenger 1 has been at work on one batch for more than" in refused.detail
        assert "its rows go to quarantine, and the other models go on" in predictor.problem
        estimator.is_let.set()
        await until(lambda: not predictor.problem, WITHIN_S)
        answers: list[Any] = []
        while not answers or isinstance(answers[0], Unreadable):
            answers = await predictor.predict(rows("c"))
        assert answers == [PredRow("c", 1.0, 2.0, "challenger", "1")]

    asyncio.run(play())


@pytest.mark.usefixtures("impatient")
def test_a_model_that_is_alone_is_waited_for() -> None:
    async def play() -> None:
        estimator = Held()
        predictor = made(estimator, is_alone=True)
        answer = asyncio.create_task(predictor.predict(rows("a")))
        await until(lambda: "further rows of features wait in Kafka" in predictor.problem, WITHIN_S)
        estimator.is_let.set()
        assert await answer == [PredRow("a", 1.0, 2.0, "challenger", "1")]

    asyncio.run(play())


def test_batches_are_answered_in_the_order_in_which_they_came() -> None:
    async def play() -> list[list[PredRow | Unreadable]]:
        estimator = Held()
        estimator.is_let.set()
        predictor = made(estimator)
        return await asyncio.gather(*(predictor.predict(rows(f"{i}")) for i in range(20)))

    found = asyncio.run(play())
    assert [one.id for (one,) in found if isinstance(one, PredRow)] == [f"{i}" for i in range(20)]
