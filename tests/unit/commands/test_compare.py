"""The command `compare`: a sentence, its evidence, and an exit code."""

from __future__ import annotations

import pytest

from agents.insight.database import NAME
from commands import compare
from streams.settings import Settings
from streams.wire.verdicts import Arrivals, Report, Verdict, VerdictRecord
from tests.unit.agents.insight.test_pairs import START, counted, records, tagged


@pytest.mark.parametrize(
    ("advantage", "code", "word"), [(0.2, 0, "Better"), (-0.2, 1, "Worse"), (0.0, 2, "Open")], ids=["0", "1", "2"]
)
def test_the_exit_code_says_how_they_compare(tmp_path, capsys, advantage, code, word):
    counted(tmp_path, records(60, advantage))
    settings = Settings(logs_dir=tmp_path, join_window_s=60.0, clock="event")
    assert compare.run(settings, first="champion", second="challenger") == code
    said = capsys.readouterr().out
    assert said.startswith(f"{word}: challenger errs ")
    assert (
        "1,040 ids in 52 slices of time that are mature; 160 more are too young; ids that one of them lacks: 0." in said
    )
    assert "  absolute  " in said


def test_what_cannot_be_told_is_2(tmp_path, capsys):
    settings = Settings(logs_dir=tmp_path)
    assert compare.run(settings, first="a", second="b") == 2
    assert capsys.readouterr().out.startswith("Cannot tell: no prediction of a or b is known")
    assert compare.run(settings, first="a", second="b", last="soon") == 2
    assert "--last is a span" in capsys.readouterr().err
    (tmp_path / NAME).write_bytes(b"not a database at all, but long enough")
    assert compare.run(settings, first="a", second="b") == 2
    assert "is damaged" in capsys.readouterr().err


def test_ids_that_a_model_lacks_are_named_with_where_they_are(tmp_path, capsys):
    sent = records(60, 0.2)
    lone = Verdict("lone", "matched", START + 6.0, 0.0, 1.0, START + 5.0, START + 1.0, "champion")
    report = Report(START + 700.0, START + 1000.0, 0, [Arrivals("champion", [START + 1], [1], [0])])
    counted(tmp_path, [*sent, VerdictRecord("log", 0, 60, 59, [lone], report)])
    settings = Settings(logs_dir=tmp_path, join_window_s=60.0, clock="event")
    compare.run(settings, first="champion", second="challenger")
    said = capsys.readouterr().out
    assert "ids that one of them lacks: 1.\n  1 that challenger never answered, refused or answered too late: " in said
    assert "/table/pairs/?state=unmatched_true&model=challenger; refused rows: faust -A streams quarantine list" in said
    assert "that champion never answered" not in said


def test_by_a_key_of_tags_each_segment_is_a_line(tmp_path, capsys):
    settings = Settings(logs_dir=tmp_path, join_window_s=60.0, clock="event")
    counted(tmp_path, tagged(records(20, 0.2)), keys=[])
    counted(tmp_path, tagged(records(800, 0.2))[20:], keys=["country"])
    assert compare.run(settings, first="champion", second="challenger", by="country") == 0
    said = capsys.readouterr().out
    assert "By country: better for " in said
    assert "\ncountry         ids  first  second  difference" in said
    assert "\n(no country)  " in said
    assert "Each decides with 1/66 of 5%, once 60 slices of its time are mature." in said
    assert "By country, predictions count since 2025-11-27 12:03:24 UTC." in said
    assert compare.run(settings, first="champion", second="challenger", by="tier") == 2
    assert capsys.readouterr().err == "There are no segments by tier; there are by country.\n"


def test_where_no_tags_are_counted_by_says_how_they_are(tmp_path, capsys):
    counted(tmp_path, records(60, 0.2))
    settings = Settings(logs_dir=tmp_path, join_window_s=60.0, clock="event")
    assert compare.run(settings, first="champion", second="challenger", by="country") == 2
    assert "HINDSIGHT_SEGMENTS=country counts those of a key." in capsys.readouterr().err
