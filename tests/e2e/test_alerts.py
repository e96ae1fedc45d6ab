"""Alerts through real brokers: one message when it fires, one when it is resolved, whenever the worker is killed."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from agents.insight.notes import Notes
from streams.alerts.book import Book
from streams.alerts.states import State
from tests.brokers import free_port
from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.receiver import Receiver
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import World
from tests.waiting import wait_until

EFFECT_S = 150.0
RULES = """
[[rule]]
name = "mae"
metric = "mae"
basis = "so_far"
above = 10
clear = 8
for = "40s"
min_pairs = 50
severity = "critical"
summary = "The error is <high>."

[[rule]]
name = "rows"
metric = "ledger"

[[webhook]]
url_file = "{url_file}"
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def pipeline(make_pipeline: MakePipeline, receiver: Receiver, tmp_path: Path) -> Pipeline:
    """A pipeline that is not started, whose alerts go to the receiver."""
    (tmp_path / "url").write_text(receiver.url)
    (tmp_path / "alerts.toml").write_text(RULES.format(url_file=tmp_path / "url"))
    return make_pipeline(agents="metric,plot", alerts=tmp_path / "alerts.toml")


def publish(pipeline: Pipeline, name: str, n: int, error: float) -> None:
    pipeline.publish("y_pred", [[{"id": f"{name}-{i}", "y_pred": 100.0 + error} for i in range(n)]])
    pipeline.publish("y_true", [[{"id": f"{name}-{i}", "y_true": 100.0} for i in range(n)]])


def alerts(pipeline: Pipeline) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pipeline.page("/api/alerts") or "{}")
    return found


def states(pipeline: Pipeline) -> dict[str, str]:
    """Return how each rule stands, once the worker has looked at them."""
    return {alert["rule"]: alert["state"] for alert in alerts(pipeline).get("alerts", [])}


def restart(pipeline: Pipeline, *expected: str) -> None:
    """Kill the worker, start another one, and wait until that has found the alert in one of these states."""
    pipeline.worker.kill()
    pipeline.start_worker()
    wait_until(lambda: states(pipeline).get("mae") in expected, EFFECT_S, f"it is {expected} again")


@pytest.mark.timeout(900)
def test_it_is_told_once_when_it_fires_and_once_when_it_is_resolved(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.start()
    wait_until(lambda: states(pipeline) == {"mae": "cannot tell", "rows": "ok"}, EFFECT_S, "both are looked at")
    assert "0 labels, 50 are needed" in alerts(pipeline)["alerts"][0]["sentence"]
    restart(pipeline, "cannot tell")

    publish(pipeline, "bad", 200, 50.0)
    wait_until(lambda: states(pipeline)["mae"] == "pending", EFFECT_S, "it is past the limit, not for long enough yet")
    assert receiver.posted == []
    restart(pipeline, "pending", "firing")
    wait_until(lambda: receiver.posted, EFFECT_S, "it fires")
    restart(pipeline, "firing")
    (said,) = wait_until(lambda: pipeline.status().get("firing"), EFFECT_S, "the status says so")
    assert re.fullmatch(
        r"mae has been firing since .{16} UTC. Then: MAE, so far, over 1h: 50.00, above 10.00 for 40s.", said
    )
    assert "above 10.00" in pipeline.html("/"), "every page says so"
    assert "The error is &lt;high&gt;." in pipeline.html("/alerts")

    publish(pipeline, "good", 800, 0.0)
    wait_until(lambda: states(pipeline)["mae"] == "held", EFFECT_S, "10 is not past the limit, and not clear")
    restart(pipeline, "held")

    publish(pipeline, "better", 800, 0.0)
    wait_until(lambda: len(receiver.posted) == 2, EFFECT_S, "it is resolved")
    restart(pipeline, "ok")
    assert [(posted.body["rule"], posted.body["status"]) for posted in receiver.posted] == [
        ("mae", "firing"),
        ("mae", "resolved"),
    ]
    happened = [event["state"] for event in reversed(alerts(pipeline)["events"]) if event["rule"] == "mae"]
    told = [state for state in happened if state != "cannot tell"]  # such as right after a restart
    assert [state for state, _ in groupby(told)] == ["pending", "firing", "held", "ok"]
    wait_until(lambda: pipeline.status().get("firing") == [], EFFECT_S, "nothing fires")


OF_THE_ERROR = """
[[rule]]
name = "drift"
metric = "drift"

[[rule]]
name = "ratio"
metric = "ratio"
over = "2h"
above = 1.25
min_pairs = 200

[[rule]]
name = "mae"
metric = "mae"
over = "2h"
above = {above}
min_pairs = 200

[[webhook]]
url = "{url}"
"""


class Told:
    """Worlds of late labels, one after the other by event time, each told to its end: no id of it is waiting then."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline, self._start, self._n = pipeline, float(int(time.time()) - 10 * 86_400), 0

    def tell(self, name: str, world: World) -> None:
        """Publish both sides in the order of their ts; wait until all labels are counted, and rules looked at then."""
        labelled = world.delay <= label_worlds.WINDOW_S  # of an outage, some come too late to be joined
        made, came = self._start + world.made, self._start + world.made + world.delay
        y_pred = 100 + np.where(np.arange(len(made)) % 2, 1, -1) * world.size
        rows = [
            (made[i], "y_pred", {"id": f"{name}-{i}", "ts": made[i], "y_pred": y_pred[i]}) for i in range(len(made))
        ]
        rows += [
            (came[i], "y_true", {"id": f"{name}-{i}", "ts": came[i], "y_true": 100.0})
            for i in np.flatnonzero(labelled).tolist()
        ]
        rows.sort(key=lambda row: row[0])
        for first in range(0, len(rows), 1000):
            for queue in ("y_pred", "y_true"):
                self._pipeline.publish(queue, [[row for _, kind, row in rows[first : first + 1000] if kind == queue]])
        self._n += int(labelled.sum())
        self._start = float(rows[-1][0]) + 60
        wait_until(lambda: _n_counted(self._pipeline) == self._n, EFFECT_S, f"the labels of {name} are counted")
        now = time.time()
        wait_until(lambda: _looked_at(self._pipeline) > now, EFFECT_S, f"the rules are looked at after {name}")


def _n_counted(pipeline: Pipeline) -> int:
    query = "SELECT sum(n_labels) FROM cells JOIN series USING (series) WHERE axis = 'predicted' AND segment = ''"
    path = pipeline.logs / "insight.db"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=60)) as opened:
        tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_schema")}
        if not tables >= {"cells", "series"}:
            return 0  # it is being made
        return int(opened.execute(query).fetchone()[0] or 0)


def _looked_at(pipeline: Pipeline) -> float:
    """Return when `ratio` was looked at last, with all rows joined; 0 while nothing could be told."""
    book = Notes(pipeline.logs / "insight.db").read("alerts")
    state = msgspec.json.decode(book, type=Book).states["ratio"] if book else State()
    return 0.0 if state.name == "cannot tell" else state.looked_at


@pytest.mark.timeout(900)
def test_bursts_and_label_outages_send_nothing_and_a_rise_by_half_sends_one_message(
    make_pipeline: MakePipeline, receiver: Receiver, tmp_path: Path
) -> None:
    rng, rho = np.random.default_rng(31), 0.7
    usual = label_worlds.true_scores(label_worlds.WINDOW_S, rho)["mae"]
    (tmp_path / "alerts.toml").write_text(OF_THE_ERROR.format(url=receiver.url, above=1.25 * usual))
    settings = {"clock": "event", "join_window_s": label_worlds.WINDOW_S, "alerts": tmp_path / "alerts.toml"}
    pipeline = make_pipeline(agents="metric,plot", **settings)
    pipeline.start()
    told = Told(pipeline)
    told.tell("good days", label_worlds.steady(rng, 150, 1, rho))
    told.tell("a burst", label_worlds.burst(rng, rho, rate=0.5))
    told.tell("an outage", label_worlds.outage(rng, rho, rate=0.5))
    assert (set(states(pipeline).values()), receiver.posted) == ({"ok"}, [])
    restart(pipeline, "ok")
    assert receiver.posted == []

    told.tell("a rise", label_worlds.changed(rng, 150, 1, rho, at_minute=0, by=1.5))
    wait_until(lambda: receiver.posted, EFFECT_S, "it is told")
    wait_until(lambda: set(states(pipeline).values()) == {"firing"}, EFFECT_S, "all three rules fire")
    (posted,) = receiver.posted
    assert (posted.body["status"], posted.body["cause"]) == ("firing", "error")


def test_a_worker_does_not_start_with_rules_that_cannot_be_used_whether_kafka_is_there_or_not(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    (tmp_path / "alerts.toml").write_text('[[rule]]\nname = "mae"\nmetric = "mae"\nabov = 10\n')
    nobody = f"127.0.0.1:{free_port()}"
    pipeline = make_pipeline(agents="metric,plot", alerts=tmp_path / "alerts.toml", kafka=nobody)
    pipeline.worker.launch()
    assert pipeline.worker.process.wait(60) == 1
    assert "rule 'mae': 'abov' is not a field: did you mean 'above'?" in pipeline.worker.said
    assert "Traceback" not in pipeline.worker.said
