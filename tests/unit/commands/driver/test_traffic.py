"""What the data driver sends and when, with a clock and a chance of the test's own."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from commands.driver.command import run
from commands.driver.delay import LabelDelay
from commands.driver.traffic import MAX_LAG_S, Message, Plan, Traffic, parse_tags
from streams.settings import load
from streams.wire.decoder import Decoder

START = 1669147134.196809
ROWS = [([float(i), -float(i)], 10.0 * i) for i in range(100)]


class Clock:
    """Stands at `now`."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def traffic(clock: Clock, seed: int = 0, tail: str = "", label_delay: str | float = 0, **plan: Any) -> Traffic:
    plan["label_delay"] = LabelDelay.parse(str(label_delay))
    return Traffic(Plan(**plan), ROWS, random.Random(seed), clock, tail)


def played(clock: Clock, source: Traffic, n: int | None = None) -> list[Message]:
    """Return the messages as a driver takes them that sends each when it is due."""
    messages = []
    for message in itertools.islice(source, n):
        clock.now = max(clock.now, message.due)
        messages.append(message)
    return messages


def bodies(messages: list[Message], queue: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(message.body) for message in messages if message.queue == queue]


def test_a_row_is_its_features_and_then_its_truth_with_one_id(clock: Clock):
    features, truth = played(clock, traffic(clock, count=1))

    assert (features.queue, truth.queue) == ("features", "y_true")
    sent, true = msgspec.json.decode(features.body), msgspec.json.decode(truth.body)
    assert (sent["features"], true["y_true"]) in ROWS
    assert sent["id"] == true["id"] == "1669147134.196809"
    assert sent["ts"] == true["ts"] == START


def test_the_bridge_reads_every_body(clock: Clock):
    for message in played(clock, traffic(clock, count=20, duplicate_rate=0.5)):
        _, unreadable = Decoder(message.queue).body(message.body, 0.0)
        assert unreadable == []


def test_one_seed_draws_the_same_rows_whatever_the_shares_are(clock: Clock):
    def drawn(seed: int, **plan: Any) -> list[Any]:
        sent = bodies(played(clock, traffic(clock, seed, count=50, **plan)), "features")
        return list(dict.fromkeys((row["id"], tuple(row["features"])) for row in sent))

    others = {"duplicate_rate": 0.5, "missing_rate": 0.5, "label_delay": "lognormal:3", "bad_rate": 0.5, "bias": 3.0}
    values = [[features for _, features in drawn(7)] for _ in range(2)]
    assert values[0] == values[1]
    assert values[0] == [features for _, features in drawn(7, **others)]
    assert values[0] != [features for _, features in drawn(8)]


@pytest.mark.parametrize("rate", [0.5, 5.0, 5000.0])
def test_rows_are_due_at_the_rate(clock: Clock, rate: float):
    due = [message.due for message in played(clock, traffic(clock, rate=rate, count=10)) if message.queue == "features"]

    assert due == pytest.approx([START + i / rate for i in range(10)], abs=1e-6)


def test_messages_come_in_the_order_in_which_they_are_due(clock: Clock):
    due = [message.due for message in played(clock, traffic(clock, count=200, rate=7.0, label_delay=1.1))]

    assert due == sorted(due)


def test_a_truth_comes_the_label_delay_after_its_features_and_its_ts_says_so(clock: Clock):
    messages = played(clock, traffic(clock, rate=10.0, count=30, label_delay=1.25))

    known = {row["id"]: row["ts"] for row in bodies(messages, "y_true")}
    assert known == {row["id"]: pytest.approx(row["ts"] + 1.25, abs=1e-6) for row in bodies(messages, "features")}
    assert [m.due for m in messages if m.queue == "y_true"] == [row["ts"] for row in bodies(messages, "y_true")]


def test_truths_whose_time_has_not_come_are_held(clock: Clock):
    source = traffic(clock, rate=10.0, label_delay=1.0)

    played(clock, source, n=9)

    assert len(source.held) == 8  # the ninth row's features may not be sent yet


def test_the_share_of_missing_truths_is_the_missing_rate(clock: Clock):
    messages = played(clock, traffic(clock, rate=1000.0, count=4000, missing_rate=0.25))

    assert len(bodies(messages, "features")) == 4000
    assert len(bodies(messages, "y_true")) == pytest.approx(3000, abs=100)


def test_half_of_the_lognormal_delays_are_shorter_than_the_median_and_truths_come_in_the_order_of_their_time(
    clock: Clock,
):
    messages = played(clock, traffic(clock, rate=100.0, count=4000, label_delay="lognormal:2"))

    sent, known = ({row["id"]: row["ts"] for row in bodies(messages, queue)} for queue in ("features", "y_true"))
    delays = sorted(known[row_id] - ts for row_id, ts in sent.items())
    assert delays[2000] == pytest.approx(2, rel=0.08)
    assert delays[3360] == pytest.approx(2 * math.e, rel=0.12)
    due = [message.due for message in messages]
    assert due == sorted(due)
    assert {m.due for m in messages if m.queue == "y_true"} == set(known.values())


def test_from_the_drift_on_truths_lie_farther_apart_and_lower_and_before_it_as_they_are(clock: Clock):
    rows = {tuple(features): y_true for features, y_true in ROWS}
    mean = sum(rows.values()) / len(rows)
    messages = played(clock, traffic(clock, rate=10.0, count=200, drift_at=9.95, drift=1.5, bias=60.0))

    drawn = {row["id"]: rows[tuple(row["features"])] for row in bodies(messages, "features")}
    came = [row["y_true"] for row in bodies(messages, "y_true")]
    plain = [drawn[row["id"]] for row in bodies(messages, "y_true")]
    assert came[:100] == plain[:100]
    assert came[100:] == pytest.approx([mean + 1.5 * (y_true - mean) - 60 for y_true in plain[100:]])


def test_the_share_of_truths_that_nobody_can_read_is_the_bad_rate(clock: Clock):
    messages = played(clock, traffic(clock, rate=1000.0, count=4000, bad_rate=0.25))

    refused = [m for m in messages if m.queue == "y_true" and Decoder("y_true").body(m.body, 0.0)[1]]
    assert len(refused) == pytest.approx(1000, abs=100)
    assert len(bodies(messages, "y_true")) == 4000


@pytest.mark.parametrize("queue", ["features", "y_true"])
def test_the_share_of_messages_sent_twice_is_the_duplicate_rate_and_both_are_equal(clock: Clock, queue: str):
    messages = played(clock, traffic(clock, rate=1000.0, count=4000, duplicate_rate=0.25))

    times = Counter(message.body for message in messages if message.queue == queue)
    assert len(times) == 4000
    assert set(times.values()) == {1, 2}
    assert times.total() == pytest.approx(5000, abs=100)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_none_and_of_all_is_exact(clock: Clock, share: float):
    messages = played(clock, traffic(clock, rate=1000.0, count=500, duplicate_rate=share, missing_rate=share))

    assert len(bodies(messages, "features")) == 500 * (1 + share)
    assert len(bodies(messages, "y_true")) == 500 * (1 - share)


def test_ids_increase_strictly_when_the_clock_stands_or_goes_back(clock: Clock):
    source = iter(traffic(clock, rate=1e9, tail="482913"))

    ids = []
    for i in range(200):
        clock.now = START - i * 1e-5
        ids.append(float(msgspec.json.decode(next(source).body)["id"][:-6]))
        next(source)

    assert ids == sorted(set(ids))


def test_the_tail_sets_two_drivers_apart_that_start_in_the_same_microsecond(clock: Clock):
    first, second = (
        {row["id"] for row in bodies(played(clock, traffic(clock, tail=tail, count=50, rate=1e6)), "features")}
        for tail in ("000001", "482913")
    )

    assert len(first | second) == 100
    assert all(START <= float(row_id) < START + 1 for row_id in first | second)


def test_a_short_delay_is_caught_up_and_a_long_outage_is_not(clock: Clock):
    source = iter(traffic(clock, rate=10.0, label_delay=1e6))
    next(source)

    clock.now = START + 0.55
    assert next(source).due == pytest.approx(START + 0.1, abs=1e-6)

    clock.now = START + 3600
    assert next(source).due == pytest.approx(clock.now - MAX_LAG_S, abs=1e-6)


def test_a_clock_that_is_set_back_does_not_stop_the_rows(clock: Clock):
    source = iter(traffic(clock, rate=10.0, label_delay=1e6))
    next(source)

    clock.now = START - 3600
    assert next(source).due == pytest.approx(clock.now + 0.1, abs=1e-6)


@pytest.mark.parametrize(
    "plan",
    [
        {"rate": 0.0},
        {"rate": -1.0},
        {"rate": float("nan")},
        {"rate": float("inf")},
        {"count": 0},
        {"duplicate_rate": 1.1},
        {"missing_rate": -0.1},
        {"bad_rate": 1.5},
        {"drift_at": -5.0},
        {"drift": 0.0},
        {"bias": float("inf")},
    ],
    ids=str,
)
def test_a_number_out_of_its_range_is_refused_with_the_number(plan: dict[str, Any]):
    with pytest.raises(ValueError, match=str(next(iter(plan.values())))):
        Plan(**plan)


@pytest.mark.parametrize(
    ("settings", "plan", "sentence"),
    [
        ({}, {"rate": 0.0}, "The rate is 0.0: it must be a number of rows/s above 0."),
        ({}, {"label_delay": "gamma:3"}, "The label delay is gamma:3: it must be a number of seconds, 0 or more, or"),
        ({}, {"label_delay": "-1"}, "The label delay is -1: it must be"),
        ({}, {"label_delay": "lognormal:nan"}, "The label delay is lognormal:nan: it must be"),
        ({"HINDSIGHT_AMQP_URL": "amqp://u:secret/x@h:1:2/v"}, {}, "HINDSIGHT_AMQP_URL has an @ behind its host."),
    ],
    ids=["a number", "a law", "a delay", "no delay", "the URL"],
)
def test_what_cannot_be_used_ends_the_driver_with_one_sentence(
    settings: dict[str, str], plan: dict[str, Any], sentence: str, capsys: pytest.CaptureFixture[str]
):
    assert run(load(settings), **plan) == 1

    said = capsys.readouterr().err
    assert said.startswith(sentence)
    assert said.count("\n") == 1
    assert "secret" not in said


def test_rows_have_tags_where_they_are_asked_for_and_are_the_same_ones_otherwise(clock: Clock):
    tags = parse_tags(["country=DE, FR", "tier=gold"])
    tagged = bodies(played(clock, traffic(clock, count=40, tags=tags)), "features")
    assert {row["tags"]["country"] for row in tagged} == {"DE", "FR"}
    assert {row["tags"]["tier"] for row in tagged} == {"gold"}
    plain = bodies(played(Clock(), traffic(Clock(), count=40)), "features")
    assert [row["features"] for row in plain] == [row["features"] for row in tagged]
    assert not any("tags" in row for row in plain)


@pytest.mark.parametrize("text", ["country", "=DE", "country=", "country=,"])
def test_what_is_no_tag_says_how_one_looks(text: str):
    with pytest.raises(ValueError, match="such as country=DE,FR, not"):
        parse_tags([text])
