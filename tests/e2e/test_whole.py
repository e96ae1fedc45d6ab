"""The whole program: the data driver, the model, the join, the log and the picture."""

from __future__ import annotations

from tests.e2e.conftest import MakePipeline
from tests.waiting import wait_until

EFFECT_S = 30.0
PNG = b"\x89PNG\r\n\x1a\n"


def test_random_rows_become_errors_and_a_picture(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(plot_every_s=1)
    pipeline.start()

    driver = pipeline.run_command("features", "--rate", "200", "--count", "300", "--seed", "7")
    assert driver.returncode == 0, driver.stderr
    wait_until(lambda: len(pipeline.metric_rows()) >= 300, EFFECT_S, "300 rows are joined")

    rows = pipeline.metric_rows()
    assert len({row["id"] for row in rows}) == 300
    for row in rows:
        assert float(row["absolute_error"]) == abs(float(row["y_true"]) - float(row["y_pred"]))
    errors = [float(row["absolute_error"]) for row in rows]
    assert 20 < sum(errors) / len(errors) < 80, "the model predicts about as well as its card says"
    picture = pipeline.logs / "error_distribution.png"
    wait_until(picture.exists, EFFECT_S, "the picture is drawn")
    assert picture.read_bytes()[:8] == PNG
    wait_until(lambda: "<b>Bridge</b>" in pipeline.page("/"), EFFECT_S, "the bridge is a stage of the dashboard")
    assert pipeline.worker.stop() == 0
    assert pipeline.bridge.stop() == 0
    for said in (pipeline.worker.said, pipeline.bridge.said, driver.stdout, driver.stderr):
        assert "Traceback" not in said


def test_a_worker_can_be_its_own_bridge(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot", bridge_in_worker="true")
    pipeline.start_worker()
    pipeline.publish("y_true", [{"id": str(i), "body": 1.0} for i in range(100)])
    pipeline.publish("y_pred", [{"id": str(i), "body": 3.0} for i in range(100)])

    wait_until(lambda: len(pipeline.metric_rows()) == 100, EFFECT_S, "all are joined")
    wait_until(lambda: "<b>Bridge</b>" in pipeline.page("/"), EFFECT_S, "the bridge is a stage of the dashboard")
    assert pipeline.worker.stop() == 0
    assert "Traceback" not in pipeline.worker.said


def test_what_cannot_be_read_is_in_quarantine_and_the_rest_goes_on(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot")
    pipeline.start()
    bad = [b"", b"\xff", b"[" * 100_000, b'{"id":"a","body":NaN}', b'{"id":"a","body":true}', b'{"body":1}']

    pipeline.publish("y_true", [*bad, {"id": "good", "body": 1.0}])
    pipeline.publish("y_pred", [{"id": "good", "body": 3.0}])

    wait_until(lambda: len(pipeline.metric_rows()) == 1, EFFECT_S, "the good row is joined")
    wait_until(lambda: pipeline.status().get("quarantined") == len(bad), EFFECT_S, "all others are in quarantine")
    assert pipeline.metric_rows()[0]["absolute_error"] == "2.0"
