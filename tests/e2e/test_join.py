"""What people see of the join: rows in by RabbitMQ, rows out in the CSV files."""

from __future__ import annotations

import time
from typing import Any

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

EFFECT_S = 20.0


def wait_for_rows(pipeline: Pipeline, n: int) -> list[dict[str, str]]:
    def enough() -> list[dict[str, str]]:
        rows = pipeline.metric_rows()
        return rows if len(rows) >= n else []

    return wait_until(enough, EFFECT_S, f"{n} rows in the metric log; there are {len(pipeline.metric_rows())}")


def by_id(rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    assert len({row["id"] for row in rows}) == len(rows), "an id stands twice in the log"
    return {row["id"]: row for row in rows}


def test_pairs_meet_in_both_orders_and_in_all_body_forms(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot")
    pipeline.start()
    now = time.time()
    simple: list[Any] = [{"id": 1669147134.196809 + i, "body": 295.0} for i in range(3)]
    native = [{"id": f"a{i}", "ts": now, "y_true": float(i)} for i in range(3)]
    array = [{"id": f"many{i}", "ts": now, "y_true": 1.5 * i} for i in range(100)]

    pipeline.publish("y_true", [*simple, *native, array])
    pipeline.publish("y_pred", [{"id": 1669147134.196809 + i, "body": 221.8} for i in range(3)])
    pipeline.publish("y_pred", [[{"id": f"many{i}", "ts": now + 1, "y_pred": 2.0 * i} for i in range(100)]])
    pipeline.publish("y_pred", [{"id": f"b{i}", "ts": now, "y_pred": 7.0} for i in range(3)])
    pipeline.publish("y_pred", [{"id": f"a{i}", "ts": now, "y_pred": i + 0.25, "model": "ridge"} for i in range(3)])
    pipeline.publish("y_true", [{"id": f"b{i}", "ts": now, "y_true": 10.0} for i in range(3)])

    rows = by_id(wait_for_rows(pipeline, 109))
    assert len(rows) == 109
    assert list(next(iter(rows.values()))) == ["id", "y_true", "y_pred", "absolute_error"]
    assert rows["1669147134.196809"] == {
        "id": "1669147134.196809",
        "y_true": "295.0",
        "y_pred": "221.8",
        "absolute_error": repr(295.0 - 221.8),
    }
    assert [rows[f"a{i}"]["absolute_error"] for i in range(3)] == ["0.25"] * 3
    assert [rows[f"b{i}"]["absolute_error"] for i in range(3)] == ["3.0"] * 3
    assert [float(rows[f"many{i}"]["absolute_error"]) for i in range(100)] == [0.5 * i for i in range(100)]


def test_silence_on_both_sides_ends_in_a_verdict(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot", join_window_s=2, max_out_of_orderness_s=1)
    pipeline.start()
    pipeline.publish("y_true", [{"id": "lonely-true", "body": 1.0}])
    pipeline.publish("y_pred", [{"id": "lonely-pred", "body": 2.0}])

    wait_until(lambda: len(pipeline.unmatched_rows()) == 2, EFFECT_S, "both ids end unmatched")

    assert {(row["id"], row["verdict"]) for row in pipeline.unmatched_rows()} == {
        ("lonely-true", "unmatched_true"),
        ("lonely-pred", "unmatched_pred"),
    }
    assert pipeline.metric_rows() == []


def test_rows_that_wait_outlive_a_restart(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot")
    pipeline.start()
    pipeline.publish("y_true", [{"id": f"w{i}", "body": float(i)} for i in range(200)])
    wait_until(lambda: pipeline.status().get("waiting") == 200, EFFECT_S, "200 ids wait")

    assert pipeline.worker.stop() == 0
    assert "Traceback" not in pipeline.worker.said
    pipeline.publish("y_pred", [{"id": f"w{i}", "body": i + 1.0} for i in range(200)])
    pipeline.start_worker()

    rows = by_id(wait_for_rows(pipeline, 200))
    assert {row["absolute_error"] for row in rows.values()} == {"1.0"}


def test_repeats_conflicts_and_late_rows_are_counted_and_change_nothing(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot", join_window_s=2, max_out_of_orderness_s=1)
    pipeline.start()
    pipeline.publish("y_true", [{"id": "x", "body": 1.0}, {"id": "x", "body": 1.0}, {"id": "x", "body": 5.0}])
    pipeline.publish("y_pred", [{"id": "x", "body": 2.0}, {"id": "x", "body": 2.0}])
    pipeline.publish("y_pred", [{"id": "late", "body": 2.0}])
    wait_until(lambda: len(pipeline.unmatched_rows()) == 1, EFFECT_S, "the id without truth ends unmatched")
    pipeline.publish("y_true", [{"id": "late", "body": 2.0}])

    wait_until(lambda: pipeline.status().get("late") == 1, EFFECT_S, "the late truth is counted")
    status = pipeline.status()
    assert [(row["id"], row["y_true"], row["y_pred"]) for row in pipeline.metric_rows()] == [("x", "1.0", "2.0")]
    assert (status["duplicates"], status["conflicts"], status["late"]) == (2, 1, 1)
    assert status["rows_in"] == 7
    assert status["rows_in"] == 2 * status["matched"] + status["unmatched"] + 2 + 1 + 1 + status["waiting"]


def test_a_worker_that_comes_back_at_another_address_with_more_agents_goes_on(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    moved = pipeline.new_worker("moved", HINDSIGHT_AGENTS="metric,plot")
    pipeline.worker = pipeline.new_worker(
        "first", HINDSIGHT_AGENTS="metric", HINDSIGHT_WEB_PORT=str(int(pipeline.environ["HINDSIGHT_WEB_PORT"]) + 1)
    )
    pipeline.start()
    pipeline.publish("y_true", [{"id": f"m{i}", "body": float(i)} for i in range(20)])
    pipeline.worker.kill()

    moved.start("The table `pairs` is ready")
    pipeline.publish("y_pred", [{"id": f"m{i}", "body": i + 1.0} for i in range(20)])

    assert len(by_id(wait_for_rows(pipeline, 20))) == 20
    assert moved.stop() == 0
