"""The command `segments`: a table, JSON, or a sentence."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from agents.insight.counting import Counting
from commands import segments
from streams.scores.figures import Mark
from streams.settings import Settings
from streams.wire.verdicts import Arrivals, Report, Verdict, VerdictRecord
from tests.unit.agents.insight.worlds import FRAME


def counted(directory: Path) -> Settings:
    now = time.time() - 60
    tags = ['{"country":"DE"}', '{"country":"FR"}', None]
    rows = [
        Verdict(f"a{i}", "matched", now, 0.0, float(10 * (i % 3) + 5), now - 30, now - 30, "ridge", tags[i % 3])
        for i in range(30)
    ]
    came = [Arrivals("ridge", [int(now - 30)], [10], [0], each) for each in tags]
    counting = Counting.open(directory, FRAME, Mark(now, "opened", "It counts."), ("country",))
    counting.count([VerdictRecord("log", 0, 0, -1, rows, Report(now, arrivals=came, n_bad_tags=2))], 1)
    counting.close()
    return Settings(logs_dir=directory)


def test_the_table_has_the_largest_share_of_the_loss_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert segments.run(counted(tmp_path)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:5]] == ["(no country)", "FR", "DE", "all"]
    assert lines[1].split()[2:5] == ["56%", "33%", "25.00"]
    assert "2 tags could not be used, and were left out." in lines


def test_json_is_what_the_api_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert segments.run(counted(tmp_path), by="country", last="all", as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["value"]: one["n_labelled"] for one in found["segments"]} == {"DE": 10, "FR": 10, "": 10}


def test_before_the_bins_of_size_are_known_it_says_what_they_wait_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert segments.run(counted(tmp_path), by="y_pred") == 0
    assert capsys.readouterr().out.startswith("Segments by y_pred begin with 500 labels; 30 are in.")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"by": "tier"}, "There are no segments by tier; there are by country, y_pred, y_true."),
        ({"last": "soon"}, "--last is a span such as 5m, 3h, 7d or all, not 'soon'."),
        ({"start": "1h", "end": "2h"}, "--from must lie before --to."),
    ],
    ids=["an unknown key", "no span", "a span backwards"],
)
def test_what_cannot_be_told_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], options, sentence):
    assert segments.run(counted(tmp_path), **options) == 1
    assert capsys.readouterr().err.strip() == sentence


def test_before_anything_was_counted_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert segments.run(Settings(logs_dir=tmp_path)) == 1
    assert "Nothing has been counted yet" in capsys.readouterr().err
