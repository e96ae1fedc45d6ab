"""The screen of `status`: what it says about good and bad news."""

from __future__ import annotations

import json

import msgspec
import numpy as np

from commands.probes.kafka_topics import Join, Topic
from commands.probes.processes import Ready
from commands.status.command import run, to_json
from commands.status.render import render
from commands.status.snapshot import Log, Snapshot, Worker, workers_of
from streams.amqp.blocking import Queue
from streams.join.decision import Counts
from streams.scores.answer import figures as of_kept
from streams.scores.numbers import number
from streams.scores.verdict import Verdict
from streams.settings import Settings
from streams.wire.refusals import Refusals
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.test_answer import kept, of_labels, of_world
from web.state.status import SUMMED, Partition, Status

COUNTS = Counts(rows_true=1500, rows_pred=1400, matched=1400, waiting=100)
NOW = Snapshot(
    at=1_700_000_000.0,
    queues=[Queue("features", 5, 1), Queue("y_true", None, None)],
    topics=[Topic("y_true", 4, 1500, 12), Topic("metric", None, None, None)],
    join=Join(COUNTS, 1_699_999_990.0),
    quarantined=3,
    log=Log(1400, 7, 1_699_999_998.0),
    worker=Ready("http://127.0.0.1:6066/readyz", True, "ready"),
    bridge=Ready("http://127.0.0.1:6067/readyz", None, "nothing answers there (Connection refused)"),
    problems={},
)


def line(text: str, word: str) -> str:
    return next(each for each in text.splitlines() if each.strip().startswith(word))


def test_the_invariant_is_checked():
    assert "it balances" in render(NOW, Settings())
    off = NOW._replace(join=Join(Counts(rows_true=3), NOW.at))
    assert "it does not balance: +3 rows" in render(off, Settings())


def test_rows_in_of_several_models_are_the_sum_of_what_is_said_beside_them():
    counts = Counts(rows_true=40, rows_pred=60, fanned_out=40, matched=60, waiting=20)
    text = line(render(NOW._replace(join=Join(counts, NOW.at)), Settings()), "rows in")
    assert text.endswith("140  (40 y_true, 60 y_pred, 40 y_true again for further models)")


def test_what_is_not_there_is_said():
    assert line(render(NOW, Settings()), "y_true").split() == ["y_true", "not", "there"]


def test_a_queue_that_others_read_too_is_named():
    shared = NOW._replace(queues=[Queue("features", 5, 3), Queue("y_true", 0, 1)])
    text = render(shared, Settings())
    assert "The queue 'features' is also read by 2 other consumers" in text
    assert "The queue 'y_true'" not in text


def test_rows_that_cannot_be_read_are_said_whatever_else_is_well():
    refused = Refusals("y_true", 120, 1_699_999_995.0, "no field `y_true`; it has `price`: send it")
    text = render(NOW._replace(refusals=[refused]), Settings())
    assert line(text, "Refused") == (
        "Refused     ✗ 120 rows of y_true cannot be read, newest: no field `y_true`; it has `price`: send it (5 s ago)"
    )
    assert "Refused" not in render(NOW, Settings())


def test_without_queues_nothing_is_said_of_rabbitmq():
    text = render(NOW._replace(queues=[]), Settings(queues=()))
    assert line(text, "RabbitMQ") == "RabbitMQ    not used: HINDSIGHT_QUEUES is off, so rows come by Kafka alone"
    assert line(text, "Bridge") == "Bridge      not needed without queues"


def test_numbers_stand_in_their_lines():
    text = render(NOW, Settings())
    assert line(text, "features").split() == ["features", "5", "1"]
    assert line(text, "waiting in the table").split()[-1] == "100"
    assert line(text, "quarantined").split()[-1] == "3"
    assert line(text, "Log") == "Log         1,400 pairs, 7 unmatched rows, written 2 s ago"


def test_a_broker_that_is_away_takes_only_its_own_lines():
    text = render(NOW._replace(problems={"rabbitmq": "RabbitMQ is gone."}, queues=[]), Settings())
    assert line(text, "RabbitMQ").endswith("✗ RabbitMQ is gone.")
    assert "it balances" in text


def test_columns_stand_under_each_other_however_long_a_name_is():
    topics = [Topic("y_pred", 4, 1500, 12), Topic("a-team.hindsight-pairs-changelog", 4, 3, None)]
    text = render(NOW._replace(topics=topics), Settings())
    rows = [line(text, name) for name in ("topic ", "y_pred  ", "a-team")]
    assert rows[0].index("partitions") + len("partitions") == rows[2].index(" 4 ") + 2
    assert rows[1].index(" 4 ") == rows[2].index(" 4 ")


def test_two_looks_give_a_rate():
    before = NOW._replace(at=NOW.at - 2, join=Join(Counts(rows_true=1300, rows_pred=1400), 0.0))
    assert "100 rows/s" in render(NOW, Settings(), before=before)


def test_the_workers_stand_with_their_models_and_partitions():
    there = Worker("http://a:6066", ["ridge 3c9d0a11"], [0, 1, 2, 5])
    away = Worker("http://b:6066", [], [], "did not answer within 1 s")
    text = render(NOW._replace(workers=[there, away]), Settings())
    assert line(text, "http://a").split(maxsplit=1)[1] == "predicts with ridge 3c9d0a11; partitions 0 to 2, 5"
    assert line(text, "http://b").split(maxsplit=1)[1] == "✗ did not answer within 1 s"
    assert json.loads(to_json(NOW._replace(workers=[there]), Settings()))["workers"] == [there._asdict()]


def test_one_worker_tells_of_all():
    part = Partition(1, "ready", worker="http://a:6066")
    told = msgspec.convert(
        dict.fromkeys(SUMMED, 0)
        | dict.fromkeys(("quarantined", "mae", "event_time", "bridge"), None)
        | {"unmatched_true": 0, "unmatched_pred": 0, "started_at": 0.0, "at": 0.0, "problems": [], "notices": []}
        | {"partitions": [part], "worker": "http://a:6066", "workers": ["http://a:6066", "http://b:6066"]}
        | {"silent": {"http://b:6066": "did not answer"}, "models_of": {"http://a:6066": ["ridge"]}},
        Status,
    )
    assert workers_of(told) == [
        Worker("http://a:6066", ["ridge"], [1]),
        Worker("http://b:6066", [], [], "did not answer"),
    ]


def test_the_match_rate_is_of_ids_that_ended_and_the_windows_are_those_of_the_settings():
    counts = Counts(rows_true=5, rows_pred=4, matched=3, unmatched_true=1, waiting=2)
    text = render(NOW._replace(join=Join(counts, NOW.at)), Settings(join_window_s=600.0))
    assert line(text, "ids matched").endswith("3  (75.0% of the ids that have their verdict)")
    assert "sides join within 10 min" in line(text, "Windows")
    assert json.loads(to_json(NOW, Settings(join_window_s=600.0)))["windows"]["join_window_s"] == 600.0


def test_figures_of_another_window_than_the_settings_are_named():
    figures = of_kept(kept(of_labels([0.0] * 100, [0.0] * 100, [1.0] * 100), 10.0))
    here = Settings(join_window_s=figures.window_s)
    assert "the figures are of" not in render(NOW._replace(figures=figures), here)
    assert "the figures are of a window of 60 min" in render(NOW._replace(figures=figures), Settings(join_window_s=9.0))


def test_colours_only_if_they_are_asked_for():
    assert "\x1b" not in render(NOW, Settings())
    assert "\x1b[32m✓" in render(NOW, Settings(), colours=True)


def test_a_count_has_its_former_name_in_the_json_too():
    counts = json.loads(to_json(NOW._replace(join=Join(Counts(evicted=3), NOW.at)), Settings()))["join"]["counts"]
    assert (counts["evicted"], counts["hurried"]) == (3, 3)


def test_the_figures_say_so_far_and_expected_how_many_are_labelled_and_how_long_labels_take():
    rng = np.random.default_rng(1)
    figures = of_world(rng, label_worlds.steady(rng, 180, 20, 0.7), 180)
    text = render(NOW._replace(figures=figures), Settings())
    assert line(text, "Figures").startswith("Figures     since 1970-01-01 00:00:00 UTC: ")
    assert "predictions have a label, 64% will have" in line(text, "Figures")
    assert f"of {figures.n_labelled:,} labels" in line(text, "so far")
    assert line(text, "expected of all").split()[3:6] == ["MAE", number(figures.expected["mae"]), "±"]
    assert line(text, "expected of all").endswith("of labels within 60 min")
    assert "half come within 14 min" in line(text, "label delay")
    assert "p50 ≈ " in line(text, "so far")


def test_why_nothing_is_expected_is_said_and_what_the_figures_must_not_be_read_without():
    figures = of_kept(kept(of_labels([0.0] * 100, [0.0] * 100, [1.0] * 99 + [1e6]), 10.0))
    text = render(NOW._replace(figures=figures), Settings())
    assert "not known: fewer than 50 predictions are old enough" in line(text, "expected of all")
    assert "✗ One id carries 99.99% of this MAE: id-99." in text
    assert "no insight.db in" in line(render(NOW, Settings()), "Figures")
    broken = NOW._replace(problems={"figures": "It is damaged."})
    assert line(render(broken, Settings()), "Figures") == "Figures     ✗ It is damaged."


def test_a_length_of_time_that_is_none_is_said(capsys):
    assert run(Settings(), since="yesterday") == 2
    assert "such as 90s, 5m, 3h or 7d" in capsys.readouterr().err


def test_the_verdict_stands_with_its_evidence():
    said = render(NOW._replace(verdict=Verdict("worse", "Worse: MAE is 1.2 ×.", "62% are in")), Settings())
    assert "Verdict" in said
    assert "Worse: MAE is 1.2 ×.\n  62% are in; predictions of the last hour\n" in said
