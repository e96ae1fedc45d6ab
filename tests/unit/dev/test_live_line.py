"""The line under `make run`."""

from __future__ import annotations

import re

import pytest

from dev import live_line
from dev.say import LiveLine, cut
from streams.settings import load

COUNTS = {
    "rows_per_s": 9.96,
    "matched": 12345,
    "waiting": 6,
    "unmatched": 0,
    "quarantined": 1,
    "mae": 43.219,
    "n_left_out": 0,
    "problems": [],
    "bridge": {"problem": ""},
}


def test_the_counts_are_one_line() -> None:
    expected = "10.0 rows/s | matched 12,345 | waiting 6 | unmatched 0 | quarantined 1 | MAE 43.22"
    assert live_line.text(COUNTS) == expected


def test_a_count_that_is_not_known_yet_is_a_dash() -> None:
    assert live_line.text(COUNTS | {"mae": None}).endswith("MAE –")


def test_pairs_that_are_too_large_to_score_are_named() -> None:
    assert live_line.text(COUNTS | {"n_left_out": 2}).endswith("MAE 43.22 | too large to score 2")


def test_what_does_not_work_is_said_instead_of_counts_that_stand_still() -> None:
    away = COUNTS | {"problems": ["Kafka does not answer.", "The table waits."]}
    assert live_line.text(away) == "Not working: Kafka does not answer. (and 1 more, see the web page)"
    no_bridge = COUNTS | {"bridge": {"problem": "No bridge is running."}}
    assert live_line.text(no_bridge) == "Not working: No bridge is running."
    assert live_line.text(COUNTS | {"bridge": None}).startswith("10.0 rows/s"), "Kafka is used without queues"


def test_a_line_that_is_too_long_for_the_terminal_is_cut() -> None:
    assert cut("as long", 7) == "as long"
    assert cut("too long", 7) == "too lo…"


def test_a_worker_that_does_not_answer_is_waited_for() -> None:
    assert live_line.line(load({"HINDSIGHT_WEB_PORT": "1"})) == "waiting for the worker to answer ..."


@pytest.mark.parametrize(
    ("bind", "address"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "[::1]")],
    ids=["loopback", "everywhere", "everywhere-v6", "loopback-v6"],
)
def test_the_page_has_an_address_that_a_browser_takes(bind: str, address: str) -> None:
    settings = load({"HINDSIGHT_WEB_BIND": bind, "HINDSIGHT_WEB_PORT": "6100", "HINDSIGHT_WEB_OPEN": "true"})
    assert live_line.page(settings) == f"http://{address}:6100/"


def test_off_a_terminal_the_line_is_said_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    line = LiveLine()
    for n in range(5):
        line.show(f"line {n}")
    line.end()
    assert re.findall(r"line \d", capsys.readouterr().out) == ["line 0"]
