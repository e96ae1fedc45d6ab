"""The command `compare`: a sentence, its evidence, and an exit code."""

from __future__ import annotations

import pytest

from agents.insight.database import NAME
from commands import compare
from streams.settings import Settings
from tests.unit.agents.insight.test_pairs import counted, records


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
