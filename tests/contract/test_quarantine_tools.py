"""`quarantine list|show|requeue|drop` on real brokers: bytes survive exactly, nothing happens unasked."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import CHECKOUT, Brokers
from tests.contract.bridging import MOVED_S, Bridging
from tests.terminal import Terminal
from tests.waiting import wait_until

FAUST = Path(sys.executable).with_name("faust")
LONG = b'{"id": "long", "y_true": 2.5, "note": "' + bytes(range(128, 256)) * 6000 + b'"}'
"""768 kB, more than one part, and no UTF-8 in a field that nobody reads."""
LATER = b'{"id": "later", "y_true": 2.5, "note": "' + b"x" * 5000 + b'"}'
"""Too large for this bridge, and readable for one that takes more."""
BODIES = {"words": b"no json\x1b[2J\0", "long": LONG, "later": LATER, "row": b'{"id": "z"}'}


class Tools:
    """A bridge whose quarantine holds BODIES, and the command."""

    def __init__(self, bridging: Bridging):
        self.bridging = bridging

    def run(self, *arguments: str, code: int = 0, **settings: str) -> str:
        argv = [str(FAUST), "-A", "streams", "quarantine", *arguments]
        environ = self.bridging.environ | {f"HINDSIGHT_{name.upper()}": value for name, value in settings.items()}
        ran = subprocess.run(
            argv, cwd=CHECKOUT, env=environ, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL
        )
        assert ran.returncode == code, (ran.stdout + ran.stderr).decode(errors="replace")
        self.complaint = ran.stderr.decode()
        self.printed = ran.stdout
        return ran.stdout.decode(errors="backslashreplace")

    def list(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("list", "--json", *arguments).splitlines()]

    def number(self, body: str) -> int:
        n_bytes = len(BODIES[body])
        return next(row["number"] for row in self.list("--resolved") if row["n_bytes"] == n_bytes)


@pytest.fixture(scope="module")
def tools(brokers: Brokers) -> Iterator[Tools]:
    bridging = Bridging(brokers, max_body_bytes=4000)
    bridging.start()
    bridging.publish("y_pred", BODIES["words"])
    bridging.publish("y_true", BODIES["long"], BODIES["later"], BODIES["row"], content_type="application/json")
    bridging.wait_quarantined(5)
    yield Tools(bridging)
    bridging.end()


def test_each_row_is_listed_once_however_many_parts_it_has(tools: Tools) -> None:
    listed = tools.list()
    assert sorted(row["n_bytes"] for row in listed) == sorted(map(len, BODIES.values()))
    assert {row["reason"] for row in listed} == {"not_json", "oversize", "bad_row"}
    assert all(row["whole"] for row in listed)
    printed = tools.run("list")
    assert "4 in quarantine: 2 oversize" in printed
    assert "\x1b" not in printed


def test_filters_choose_by_reason_queue_and_time(tools: Tools) -> None:
    assert {row["number"] for row in tools.list("--reason", "not_json")} == {tools.number("words")}
    assert {row["queue"] for row in tools.list("--queue", "y_true")} == {"y_true"}
    assert len(tools.list("--from", "1h")) == 4
    assert tools.list("--to", "1h") == []
    assert tools.run("list", "--queue", "features").strip() == "Nothing in quarantine that matches."
    tools.run("list", "--from", "soon", code=1)
    assert tools.complaint.startswith("✗ 'soon' cannot be read as a time")


@pytest.mark.parametrize("body", BODIES)
def test_the_bytes_come_back_exactly(tools: Tools, body: str) -> None:
    tools.run("show", str(tools.number(body)), "--raw")
    assert tools.printed == BODIES[body]


def test_a_row_is_shown_without_letting_it_paint_on_the_terminal(tools: Tools) -> None:
    shown = tools.run("show", str(tools.number("words")))
    assert "source      queue y_pred" in shown
    assert "no json\\x1b[2J\\x00" in shown
    tools.run("show", "999", code=1)
    assert "not in quarantine, or dealt with already: 999" in tools.complaint


def test_nothing_is_done_in_a_dry_run_or_unasked(tools: Tools) -> None:
    before = tools.bridging.records("quarantine-resolved", "y_true")
    assert "4 rows of" in tools.run("drop", "--dry-run")
    tools.run("drop", code=1)
    assert "Nothing was done: use --yes" in tools.complaint
    assert "0 of 4 can be read now" in tools.run("requeue", "--dry-run")
    assert tools.bridging.records("quarantine-resolved", "y_true") == before
    assert len(tools.list()) == 4


@pytest.mark.parametrize("typed", ["\x03", "\x04", "n\n"], ids=["ctrl-c", "ctrl-d", "no"])
def test_nothing_is_done_unless_the_question_is_answered_with_yes(tools: Tools, typed: str) -> None:
    with Terminal([str(FAUST), "-A", "streams", "quarantine", "drop"], tools.bridging.environ) as terminal:
        terminal.wait_for("Drop 4? [y/N] ")
        terminal.type(typed)
        assert terminal.wait() == 1
    assert terminal.said.endswith("Nothing was done.\r\n")
    assert "Traceback" not in terminal.said
    assert len(tools.list()) == 4


def test_a_reader_that_goes_away_is_no_error(tools: Tools) -> None:
    argv = [str(FAUST), "-A", "streams", "quarantine", "list"]
    with subprocess.Popen(
        argv, cwd=CHECKOUT, env=tools.bridging.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        ran.stdout.close()
        assert ran.stderr.read() == b""
    assert ran.returncode == 141


def test_what_can_be_read_now_goes_through_the_bridge_and_keeps_its_time(tools: Tools) -> None:
    number, came = tools.number("later"), time.time()
    refused_at = next(row["at"] for row in tools.list() if row["number"] == number)
    tools.bridging.bridge.stop()
    larger = tools.bridging.new_bridge(HINDSIGHT_MAX_BODY_BYTES="1000000")
    larger.launch()

    printed = tools.run("requeue", "--queue", "y_true", "--yes", max_body_bytes="1000000")

    assert "2 of 3 can be read now" in printed
    assert "the bridge would refuse it again (no field `y_true`; it has `id`" in printed
    row = next(row for row in tools.bridging.wait_ids("y_true", ["later", "long"]) if row["id"] == "later")
    assert row["y_true"] == 2.5
    assert row["ts"] == int(refused_at) <= came
    assert number not in [row["number"] for row in tools.list()]
    assert [row["resolved"] for row in tools.list("--resolved") if row["number"] == number] == ["requeued"]
    tools.run("requeue", str(number), "--yes", code=1)
    assert "dealt with already" in tools.complaint


def test_what_is_dropped_is_off_the_list_and_its_bytes_can_still_be_shown(tools: Tools) -> None:
    number = tools.number("words")
    assert "Dropped 1." in tools.run("drop", "--reason", "not_json", "--queue", "y_pred", "--yes")
    assert number not in [row["number"] for row in tools.list()]
    tools.run("show", str(number), "--raw")
    assert tools.printed == BODIES["words"]
    wait_until(lambda: "done        dropped" in tools.run("show", str(number)), MOVED_S, "it is marked")


def test_brokers_that_are_away_are_a_sentence(tools: Tools) -> None:
    tools.run("list", code=1, kafka="127.0.0.1:1")
    assert tools.complaint.startswith("✗ Kafka at 127.0.0.1:1")
    assert "Traceback" not in tools.complaint
