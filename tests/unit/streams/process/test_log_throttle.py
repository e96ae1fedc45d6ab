"""What repeats in the log is said now and then."""

from __future__ import annotations

import logging

from streams.process.log_throttle import NEVER_HELD_BACK, Throttle


def record(level: int, lineno: int) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", level, "client.py", lineno, "no broker %s", ("b1",), None)


def test_a_warning_that_repeats_is_said_once():
    once = Throttle()
    assert [once.filter(record(logging.WARNING, 1)) for _ in range(3)] == [True, False, False]


def test_warnings_of_other_places_are_said():
    once = Throttle()
    assert once.filter(record(logging.ERROR, 1))
    assert once.filter(record(logging.ERROR, 2))


def test_information_is_never_held_back():
    once = Throttle()
    assert all(once.filter(record(logging.INFO, 1)) for _ in range(3))


def test_the_beginning_of_an_outage_is_said_each_time():
    logger, said = logging.Logger("hindsight.test"), []
    handler = logging.Handler()
    handler.emit = said.append
    handler.addFilter(Throttle())
    logger.addHandler(handler)
    for n in range(2):
        logger.warning("outage %d", n, extra=NEVER_HELD_BACK)
        logger.warning("a library's word")
    assert [one.getMessage() for one in said] == ["outage 0", "a library's word", "outage 1"]


def test_errors_about_the_rows_of_three_partitions_are_three_lines():
    logger, said = logging.Logger("hindsight.test"), []
    handler = logging.Handler()
    handler.emit = said.append
    handler.addFilter(Throttle())
    logger.addHandler(handler)
    for partition in range(3):
        logger.error("partition %d: verdicts never came", partition, extra=NEVER_HELD_BACK)
    assert [one.getMessage() for one in said] == [f"partition {p}: verdicts never came" for p in range(3)]


def test_what_was_held_back_is_counted(monkeypatch):
    now = 1000.0
    monkeypatch.setattr("streams.process.log_throttle.time.monotonic", lambda: now)
    once = Throttle()
    for _ in range(5):
        once.filter(record(logging.WARNING, 1))
    now += 61
    later = record(logging.WARNING, 1)
    assert once.filter(later)
    assert later.getMessage() == "no broker b1 (and 4 more like it)"


def test_what_goes_on_is_said_ever_more_rarely(monkeypatch):
    now = 1000.0
    monkeypatch.setattr("streams.process.log_throttle.time.monotonic", lambda: now)
    once = Throttle()
    said = []
    for second in range(700):
        now = 1000.0 + second
        said += [second] if once.filter(record(logging.WARNING, 1)) else []
    assert said == [0, 60, 360, 660]


def test_what_comes_again_after_a_rest_is_new(monkeypatch):
    times = iter((1000.0, 1001.0, 1061.0, 1400.0, 1401.0, 1461.0))
    monkeypatch.setattr("streams.process.log_throttle.time.monotonic", lambda: next(times))
    once = Throttle()
    said = [once.filter(record(logging.WARNING, 1)) for _ in range(6)]
    assert said == [True, False, True, True, False, True]
