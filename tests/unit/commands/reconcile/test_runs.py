"""`reconcile` over whole runs without brokers: right when healthy, and naming each kind of damage."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.probes import Unavailable
from commands.reconcile.command import text
from commands.reconcile.sums import Result
from streams.join import decision
from streams.wire import versions
from streams.wire.verdicts import Tag, record_bytes
from tests.unit.commands.reconcile.world import LOG, World, rows

Reconcile = Callable[..., Result]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A run with each kind of row in it; `later` still waits."""
    world = World(tmp_path)
    world.happen((0, rows("y_true", a=1.0, b=2.0, lone=3.0)), (1, rows("y_pred", a=1.5)))
    world.happen((1, rows("y_pred", b=2.5, a=1.5)), (0, b'[{"id":"n","y_true":NaN},{"id":"c","ts":1000,"y_true":4}]'))
    world.happen((1, rows("y_pred", c=4.5)), (0, rows("y_true", a=9.0)))
    world.happen(later_s=30.0, idle=True)
    world.happen((1, rows("y_pred", later=7.0)))
    return world


@pytest.fixture
def reconcile(world: World) -> Reconcile:
    """Reconciles that world."""
    return world.reconcile


def said(found: Result) -> dict[str, str]:
    return {problem.id: problem.said for each in found.sums for problem in each.problems}


def broken(found: Result) -> list[str]:
    return [each.name for each in found.sums if not each.holds]


def left(found: Result, name: str) -> int:
    return next(each.left for each in found.sums if name in each.name)


def test_a_healthy_run_adds_up(reconcile: Reconcile):
    found = reconcile()
    assert (broken(found), found.strange, found.unchecked, found.notes, found.code) == ([], [], [], [], 0)
    assert left(found, "rows in Kafka") == 10
    assert left(found, "matched verdicts in the log") == 3
    assert left(found, "unmatched_true verdicts") == 1
    assert left(found, "ids that wait") == 1
    assert left(found, "rows of metric_log.csv") == 3
    assert left(found, "rows of unmatched_log.csv") == 1
    assert left(found, "in quarantine") == 1
    assert "everything adds up" in text(found)


def test_rows_that_were_too_many_for_one_decision_add_up(world: World, reconcile: Reconcile):
    world.happen_in_halves(0, rows("y_true", d=1.0, e=2.0, f=3.0, g=4.0, h=5.0))
    world.happen_in_halves(1, rows("y_pred", d=1.5, e=2.5, f=3.5))
    found = reconcile()
    assert (broken(found), found.strange, found.code) == ([], [], 0)
    assert left(found, "rows in Kafka") == 10 + 8
    assert left(found, "matched verdicts in the log") == 3 + 3
    assert left(found, "rows of other partitions") == 3 + 2


@pytest.mark.parametrize(
    ("was", "now", "wrong"),
    [
        (b"b,2.0,2.5,0.5\n", b"", {"b": "the row of its verdict matched 2.0, 2.5 is not there"}),
        (b"b,2.0,2.5,0.5\n", b"b,2.0,2.5,0.5\n" * 2, {"b": "the row matched 2.0, 2.5 is there 2 times"}),
        (
            b"b,2.0,2.5,0.5\n",
            b"b,2.0,2.0,0.0\n",
            {"b": "the row says matched 2.0, 2.0, the verdict was matched 2.0, 2.5"},
        ),
        (b"b,2.0", b"ghost,1.0,1.0,0.0\nb,2.0", {"ghost": "the row matched 1.0, 1.0 is there, but was never decided"}),
    ],
    ids=["removed", "added twice", "edited", "invented"],
)
def test_damage_to_the_csv_is_named(world: World, reconcile: Reconcile, was: bytes, now: bytes, wrong: dict[str, str]):
    world.csv.write_bytes(world.csv.read_bytes().replace(was, now))
    found = reconcile()
    assert (said(found), found.code) == (wrong, 1)
    assert broken(found) == ["verdicts written = rows of metric_log.csv"]
    assert next(iter(wrong.values())) in text(found)


def test_damage_to_the_other_file_is_named(world: World, reconcile: Reconcile):
    world.unmatched.write_bytes(world.unmatched.read_bytes().replace(b"lone", b"gone"))
    assert set(said(reconcile())) == {"lone", "gone"}


FORGED = {"id": "lone", "verdict": "matched", "at": 1.0, "y_true": 3.0, "y_pred": 3.0, "ts_true": 1.0, "ts_pred": 1.0}


def test_a_verdict_forged_in_metric_is_named(world: World, reconcile: Reconcile):
    world.rewrite("metric", -1, rows=[FORGED])
    found = reconcile()
    assert broken(found) == ["verdicts confirmed = in the topic metric"]
    assert "was never decided, but is there" in said(found)["lone"]


def test_a_verdict_planted_in_the_log_is_named(world: World, reconcile: Reconcile):
    held = world.kafka.topics[LOG, 0]
    planted = decision.decode(held[-1].value)
    assert isinstance(planted, decision.Decision)
    planted.base = len(held) - 1
    planted.verdicts = (
        b'[{"id":"planted","verdict":"matched","at":1.0,"y_true":1.0,"y_pred":1.0,"ts_true":1.0,"ts_pred":1.0}]'
    )
    counts = planted.checkpoint.counts
    counts.rows_true, counts.rows_pred, counts.matched = counts.rows_true + 1, counts.rows_pred + 1, counts.matched + 1
    world.kafka.put(LOG, 0, decision.encode(planted))
    found = reconcile()
    assert said(found) == {"planted": "its verdicts account for 2 rows, but 0 came in"}
    assert broken(found)[0] == "rows in Kafka = rows counted by the join"


def test_a_record_that_was_appended_elsewhere_does_not_count(world: World, reconcile: Reconcile):
    world.kafka.put(LOG, 0, world.kafka.topics[LOG, 0][1].value)
    assert reconcile().code == 0


@pytest.mark.parametrize(
    "value", [b"\xff", b"no json", None, b'{"x":' + b"[" * 20_000], ids=["bytes", "text", "none", "deep"]
)
def test_records_that_are_not_ours_are_said_and_break_nothing(world: World, reconcile: Reconcile, value: bytes):
    for topic in (LOG, "metric", "metric"):
        world.kafka.put(topic, 0, value)
    found = reconcile()
    assert (broken(found), found.strange, found.code) == ([], [], 0)
    assert [note.partition(":")[0] for note in found.notes] == [
        "2 records of metric are none of ours",
        f"1 records of {LOG} are none of ours",
    ]


def test_a_tag_of_a_decision_that_was_never_made_hides_no_verdict_behind_it(world: World, reconcile: Reconcile):
    world.kafka.put("metric", 0, record_bytes(Tag("log", 0, 1 << 62, -1), b"[]"))
    world.kafka.put("metric", 0, record_bytes(Tag("log", 5, 3, -1), b"[]"))
    world.happen((0, rows("y_true", c=1.0)), (1, rows("y_pred", c=3.0)))
    found = reconcile()
    assert (broken(found), found.strange, found.code) == ([], [], 0)
    assert found.notes == ["2 records of metric are none of ours: they are stepped over, by whoever reads them"]


@pytest.mark.parametrize("topic", [LOG, "metric"])
def test_records_of_a_newer_version_are_not_checked_and_said(world: World, reconcile: Reconcile, topic: str):
    newer = (
        versions.marked(9, b"") if topic == LOG else record_bytes(Tag("log", 0, 2, 1), b"{}").replace(b":3,", b":9,", 1)
    )
    world.kafka.put(topic, 0, newer)
    with pytest.raises(
        Unavailable, match=r"is of version 9, and this program knows versions up to [35]: .* Start that version"
    ):
        reconcile()


def test_a_row_that_the_join_never_saw_is_named(world: World, reconcile: Reconcile):
    held = world.kafka.topics["y_pred", 0]
    held[0] = held[0]._replace(value=rows("y_pred", a=1.5, swallowed=6.0))
    found = reconcile()
    assert said(found) == {"swallowed": "1 row came in, but it has no verdict and does not wait"}
    assert "off in partition 0" in text(found)


def test_a_quarantined_row_that_is_missing_is_named(world: World, reconcile: Reconcile):
    world.kafka.topics["quarantine", 0].clear()
    found = reconcile()
    assert broken(found) == ["unreadable rows of Kafka = in quarantine"]
    assert said(found) == {"topic y_true/0@1": "1 unreadable row of this record is not in quarantine"}


def test_what_quarantine_no_longer_keeps_is_not_checked(world: World, reconcile: Reconcile):
    world.kafka.first["quarantine", 0] = 1
    found = reconcile()
    assert (found.code, left(found, "in quarantine")) == (0, 0)
    assert "removed the first 1 records of quarantine" in found.notes[0]


def test_what_came_long_after_quarantines_oldest_row_must_be_in_it(world: World, reconcile: Reconcile):
    world.kafka.put("quarantine", 0, b"the oldest one that is kept")
    world.kafka.first["quarantine", 0] = 1
    world.kafka.now += 100.0
    world.happen((0, b'[{"id":"n","y_true":NaN}]'))
    assert reconcile().code == 0
    world.kafka.topics["quarantine", 0].pop()
    assert list(said(reconcile())) == ["topic y_true/0@3"]


FEATURES = b"""[{"id":"f1","ts":1000,"features":[1,2]}, {"id":"f2","ts":1000,"features":[1,2]},
    {"id":"long","ts":1000,"features":[1,2,3]}, {"id":"no numbers","features":[[1],[2]]}]"""


def test_every_row_of_features_is_predicted_or_refused(world: World, reconcile: Reconcile):
    world.ask(FEATURES)
    found = reconcile()
    assert (broken(found), found.strange, found.code) == ([], [], 0)
    assert left(found, "rows of features") == 3
    assert left(found, "unreadable rows of Kafka") == 2


def test_a_row_of_features_that_the_model_swallowed_is_named(world: World, reconcile: Reconcile):
    world.ask(FEATURES)
    held = world.kafka.topics["features", 0]
    held[0] = held[0]._replace(value=FEATURES.replace(b'"f2"', b'"swallowed"'))
    found = reconcile()
    assert broken(found) == ["rows of features = predicted or refused"]
    assert said(found) == {"swallowed": "1 row of features came in, but 0 answers (a prediction or a refusal) went out"}


@pytest.mark.parametrize(
    ("n", "missing"),
    [(1, "topic features/0@0"), (2, "long")],
    ids=["an unreadable row", "a row that the model refused"],
)
def test_a_row_of_features_that_is_not_in_quarantine_is_named(world: World, reconcile: Reconcile, n: int, missing: str):
    world.ask(FEATURES)
    del world.kafka.topics["quarantine", 0][n]
    assert list(said(reconcile())) == [missing]


def test_a_row_of_features_that_the_model_has_not_taken_yet_is_not_missing(world: World, reconcile: Reconcile):
    world.kafka.put("features", 0, FEATURES)
    assert reconcile().code == 0


def test_a_prediction_that_the_join_has_not_taken_yet_is_one(world: World, reconcile: Reconcile):
    world.ask(FEATURES)
    offset = world.kafka.put("y_pred", 0, rows("y_pred", f3=1.0))
    world.kafka.put("features", 0, b'{"id":"f3","ts":1000,"features":[1,2]}')
    world.kafka.done["features", 0] = 2
    assert reconcile().code == 0
    assert reconcile(start=1000.5, end=1002.5).code == 0
    del world.kafka.topics["y_pred", 0][offset]
    assert list(said(reconcile())) == ["f3"]


def test_features_that_are_older_than_the_predictions_in_kafka_are_not_checked(world: World, reconcile: Reconcile):
    world.ask(FEATURES)
    world.kafka.now += 100.0
    world.happen(idle=True)
    world.happen((1, rows("y_pred", much_later=7.0)))
    for topic in ("y_pred", LOG):
        world.kafka.first[topic, 0] = len(world.kafka.topics[topic, 0]) - 1
    found = reconcile()
    assert (broken(found), left(found, "rows of features")) == ([], 0)


def test_verdicts_that_the_log_no_longer_has_are_not_held_against_it(world: World, reconcile: Reconcile):
    world.kafka.first[LOG, 0] = 2
    assert broken(reconcile()) == []


def test_what_the_bridge_says_it_delivered_must_be_in_kafka(reconcile: Reconcile):
    assert reconcile(delivered={"y_true": 5, "y_pred": 5, "features": 0}).code == 0
    found = reconcile(delivered={"y_true": 6})
    assert broken(found) == ["rows that the bridge took from y_true = in Kafka or quarantine"]
    assert (found.sums[0].left, found.sums[0].right) == (6, 5)


def test_where_kafka_removed_rows_the_bridge_is_not_held_against_it(world: World, reconcile: Reconcile):
    world.kafka.first["y_true", 0] = 1
    assert reconcile(delivered={"y_true": 7}).code == 0


def test_what_is_not_written_yet_is_not_missing(world: World, reconcile: Reconcile):
    world.happen((0, rows("y_true", later=7.5)), written=False)
    assert reconcile().code == 0


def test_what_happens_while_it_reads_is_not_missing(world: World, reconcile: Reconcile):
    names = (f"m{n}" for n in itertools.count())

    def meanwhile() -> None:
        name = next(names)
        world.happen((0, rows("y_true", **{name: 1.0})), (1, rows("y_pred", **{name: 2.0})))
        world.ask(json.dumps({"id": name, "features": [1, 2]}).encode())
        world.happen((0, b'[{"id":"n","y_true":NaN}]'))

    world.kafka.meanwhile = meanwhile
    found = reconcile()
    assert (broken(found), said(found), found.strange, found.code) == ([], {}, [], 0)
    n_confirmed = left(found, "verdicts confirmed")
    assert 3 < n_confirmed < left(found, "matched verdicts in the log"), "the log was read on, the topic was not"


def test_a_verdict_that_metric_lacks_is_named_while_more_comes(world: World, reconcile: Reconcile):
    held = world.kafka.topics["metric", 0]
    del held[0]
    names = (f"m{n}" for n in itertools.count())
    world.kafka.meanwhile = lambda: world.happen((0, rows("y_true", **{next(names): 1.0})))
    found = reconcile()
    assert broken(found) == ["verdicts confirmed = in the topic metric"]
    assert list(said(found)) == ["a"]


def test_a_span_of_time_has_its_own_sums(reconcile: Reconcile):
    found = reconcile(start=1001.5, end=1003.5)
    assert found.code == 0
    assert (left(found, "rows in Kafka"), left(found, "matched verdicts in the log")) == (5, 2)


def test_where_kafka_removed_the_beginning_the_rest_is_checked(world: World, reconcile: Reconcile):
    world.kafka.first["y_true", 0] = 2
    found = reconcile()
    assert (found.code, broken(found)) == (0, [])
    assert left(found, "rows in Kafka") == 3
    assert "no longer in Kafka" in found.notes[0]


def test_where_the_log_was_cut_older_rows_are_counted_apart(world: World, reconcile: Reconcile):
    world.kafka.first[LOG, 0] = 2
    world.kafka.first["metric", 0] = 2
    found = reconcile()
    assert (found.code, broken(found)) == (0, [])
    assert any("2 rows of metric_log.csv are older" in note for note in found.notes)


def test_of_very_many_problems_a_thousand_are_kept_and_all_are_counted(world: World, reconcile: Reconcile):
    many = {f"s{n}": 1.0 for n in range(1500)}
    held = world.kafka.topics["y_pred", 0]
    held[0] = held[0]._replace(value=rows("y_pred", a=1.5, **many))
    found = reconcile()
    (line,) = (each for each in found.sums if each.problems)
    assert (line.n_problems, len(line.problems)) == (1500, 1000)
    assert "... and 1,480 more" in text(found)
