"""What librdkafka's statistics say of brokers, as a Kafka that is away makes them."""

from __future__ import annotations

import json

from streams.kafka.fetcher import TP, _Brokers

ROWS = TP("rows", 0)


def statistics(leader: int, **n_received: int) -> str:
    """Return statistics of one partition; brokers are named by their number, others by what they stand for."""
    brokers = {name: {"nodeid": int(name[1:]) if name[0] == "b" else -1, "rx": n} for name, n in n_received.items()}
    return json.dumps({"brokers": brokers, "topics": {"rows": {"partitions": {"0": {"leader": leader}}}}})


def test_the_leader_that_answers_is_heard():
    brokers = _Brokers()
    brokers.hear(statistics(1, b1=7))
    assert brokers.is_heard(ROWS)
    assert brokers.heard_mono > 0


def test_neither_the_address_to_begin_with_nor_the_coordinator_is_a_broker_that_answers():
    brokers = _Brokers()
    for _ in range(2):  # both have the number -1, and so has the leader that nobody knows
        brokers.hear(statistics(-1, address=0, coordinator=2))
    assert not brokers.is_heard(ROWS)
    assert brokers.heard_mono == 0


def test_a_broker_whose_count_stands_still_is_not_heard_again():
    brokers = _Brokers()
    brokers.hear(statistics(1, b1=7))
    heard_mono = brokers.heard_mono
    brokers.hear(statistics(1, b1=7))
    assert brokers.heard_mono == heard_mono
