"""Several models over one input: each answers every row under its name, whatever the others do, and what is done is told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from agents.predicting import MAX_AHEAD, MAX_BATCH_BYTES, Predicting
from streams.kafka.fetcher import TP, Batch
from streams.kafka.topics import topics
from streams.settings import Settings
from tests.fake_record import FakeRecord
from tests.waiting import until

WITHIN_S = 60.0


class Fetcher:
    """Keeps which batches are done with."""

    def __init__(self) -> None:
        self.ended: list[int] = []

    def done(self, batch: Batch) -> None:
        self.ended.append(batch.end)


class Kafka:
    """Keeps what is written, by topic."""

    problem = ""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.refused: list[tuple[str, bytes]] = []

    async def write(self, topic: str, partition: int, records: Any) -> None:
        for value, headers in records:
            if topic == "y_pred":
                self.rows += json.loads(value)
            else:
                self.refused.append((dict(headers)["detail"].decode(), value))


def model_at(path: Path, slope: float, n_features: int = 1) -> Path:
    table = [[float(i)] * n_features for i in range(3)]
    skops.io.dump(LinearRegression().fit(table, [slope * row[0] for row in table]), path)
    return path


def under_names(paths: Mapping[str, Path]) -> str:
    """Return the setting of models at these paths; an empty name: the model as its card says."""
    return ",".join(f"{name}={path}" if name else str(path) for name, path in paths.items())


async def loaded(settings: Settings, fetcher: Fetcher, kafka: Kafka) -> Predicting:
    predicting = Predicting(settings, topics(settings), fetcher)  # type: ignore[arg-type]
    predicting.producer = kafka  # type: ignore[assignment]
    predicting.begin_to_load()
    await predicting.load()
    return predicting


def record(offset: int, row_id: str, *features: float) -> FakeRecord:
    return FakeRecord(offset, json.dumps([{"id": row_id, "ts": 1.0, "features": features}]).encode())


@pytest.mark.parametrize("names", [("champion", "challenger"), ("",)])
def test_every_row_is_answered_by_every_model_in_order(tmp_path: Path, names: tuple[str, ...]) -> None:
    paths = {
        name: model_at(tmp_path / f"{name or 'alone'}.skops", slope)
        for name, slope in zip(names, (1.0, 2.0), strict=False)
    }
    settings = Settings(model=under_names(paths), partitions=1)
    fetcher, kafka = Fetcher(), Kafka()

    async def play() -> None:
        predicting = await loaded(settings, fetcher, kafka)
        running = asyncio.create_task(predicting.run())
        for i in range(30):
            predicting.take(Batch(TP("features", 0), i, i + 1, records=[record(i, f"i{i}", float(i))]))  # type: ignore[list-item]
            await asyncio.sleep(0)
        predicting.take(Batch(TP("features", 0), 30, 31, records=[record(30, "bad", 1.0, 2.0)]))  # type: ignore[list-item]
        await until(lambda: fetcher.ended[-1:] == [31], WITHIN_S)
        assert (predicting.n_predicted, predicting.n_refused) == (30 * len(names), len(names))
        running.cancel()

    asyncio.run(play())
    assert fetcher.ended == sorted(fetcher.ended)
    found = {(row["id"], row["model"], round(row["y_pred"], 6)) for row in kafka.rows}
    own = [name or "linear-regression" for name in names]
    expected = {(f"i{i}", name, i * slope) for i in range(30) for name, slope in zip(own, (1.0, 2.0), strict=False)}
    assert {(row_id, y) for row_id, _, y in found} == {(row_id, float(y)) for row_id, _, y in expected}
    assert len({model for _, model, _ in found}) == len(names)
    assert not names[0] or found == expected
    assert [detail.split(", but ")[0] for detail, _ in kafka.refused] == ["2 features"] * len(names)


@pytest.mark.parametrize("names", [("champion", "challenger"), ("",)])
def test_what_came_at_once_is_predicted_to_the_last_batch_though_nothing_comes_after_it(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    paths = {name: model_at(tmp_path / f"{name or 'alone'}.skops", 1.0) for name in names}
    settings = Settings(model=under_names(paths), partitions=1)
    fetcher, kafka, n = Fetcher(), Kafka(), 3 * MAX_AHEAD
    padding = b" " * MAX_BATCH_BYTES

    async def play() -> None:
        predicting = await loaded(settings, fetcher, kafka)
        for i in range(n):
            value = json.dumps([{"id": f"i{i}", "ts": 1.0, "features": [1.0]}]).encode() + padding
            predicting.take(Batch(TP("features", 0), i, i + 1, records=[FakeRecord(i, value)]))  # type: ignore[list-item]
        running = asyncio.create_task(predicting.run())
        await until(lambda: fetcher.ended[-1:] == [n], WITHIN_S)
        running.cancel()

    asyncio.run(play())
    assert fetcher.ended == list(range(1, n + 1))
    assert len(kafka.rows) == n * len(names)


def test_predictions_keep_the_order_of_their_rows_though_a_refusal_is_slow_to_be_kept(tmp_path: Path) -> None:
    class SlowQuarantine(Kafka):
        async def write(self, topic: str, partition: int, records: Any) -> None:
            records = list(records)
            for _ in range(1000 if topic != "y_pred" and records else 0):
                await asyncio.sleep(0)
            await super().write(topic, partition, records)

    paths = {name: model_at(tmp_path / f"{name}.skops", 1.0) for name in ("champion", "challenger")}
    settings = Settings(model=under_names(paths), partitions=1)
    fetcher, kafka = Fetcher(), SlowQuarantine()

    async def play() -> None:
        predicting = await loaded(settings, fetcher, kafka)
        running = asyncio.create_task(predicting.run())
        for i in range(6):
            records = [record(i, f"i{i}", 1.0), *([record(i, "bad", 1.0, 2.0)] if i == 0 else [])]
            predicting.take(Batch(TP("features", 0), i, i + 1, records=records))  # type: ignore[arg-type]
            await asyncio.sleep(0)
        await until(lambda: fetcher.ended[-1:] == [6], WITHIN_S)
        running.cancel()

    asyncio.run(play())
    for name in paths:
        assert [row["id"] for row in kafka.rows if row["model"] == name] == [f"i{i}" for i in range(6)]


@pytest.mark.parametrize("apart_s", [0.5, 100.0], ids=["now", "history"])
def test_no_model_is_further_ahead_of_another_than_the_join_waits_for_a_row(tmp_path: Path, apart_s: float) -> None:
    paths = {name: model_at(tmp_path / f"{name}.skops", 1.0) for name in ("champion", "challenger")}
    settings = Settings(model=under_names(paths), partitions=1, max_out_of_orderness_s=60.0)
    fetcher, kafka, n = Fetcher(), Kafka(), 40
    held = threading.Event()

    async def play() -> None:
        predicting = await loaded(settings, fetcher, kafka)
        slow = predicting.predictors[1].model
        answer = slow.predict  # type: ignore[union-attr]
        slow.predict = lambda rows: (held.wait(None if apart_s < 60 else 0.01), answer(rows))[1]  # type: ignore[method-assign,union-attr]
        running = asyncio.create_task(predicting.run())
        for i in range(n):
            value = json.dumps([{"id": f"i{i}", "ts": 1e6 + i * apart_s, "features": [1.0]}]).encode()
            padding = b" " * (MAX_BATCH_BYTES // 2)
            predicting.take(Batch(TP("features", 0), i, i + 1, records=[FakeRecord(i, value + padding)]))  # type: ignore[list-item]
        if apart_s < 60:
            await until(lambda: any(row["model"] == "champion" for row in kafka.rows), WITHIN_S)
            held.set()
        await until(lambda: fetcher.ended[-1:] == [n], WITHIN_S)
        running.cancel()

    asyncio.run(play())
    newest = dict.fromkeys(paths, 0.0)
    assert len(kafka.rows) == 2 * n
    for row in kafka.rows:
        newest[row["model"]] = max(newest[row["model"]], row["ts"])
        assert row["ts"] >= max(newest.values()) - max(60.0, apart_s)


def test_a_model_that_is_not_listed_ends_the_worker_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    class Ended(Exception):
        pass

    def fatal(sentence: str) -> None:
        said.append(sentence)
        raise Ended

    monkeypatch.setattr("agents.predicting.fatal", fatal)
    path = model_at(tmp_path / "a.skops", 1.0)
    settings = Settings(model=str(path), models=("champion", "challenger"))

    async def play() -> None:
        predicting = Predicting(settings, topics(settings), Fetcher())  # type: ignore[arg-type]
        predicting.begin_to_load()
        with pytest.raises(Ended):
            await predicting.load()

    asyncio.run(play())
    (sentence,) = said
    assert "is not in HINDSIGHT_MODELS (champion, challenger): its predictions would be refused." in sentence
    assert sentence.endswith(f"Name it: HINDSIGHT_MODEL=champion={path}")
