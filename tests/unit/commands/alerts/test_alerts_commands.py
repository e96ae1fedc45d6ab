"""The commands about alerts: what they print, and how they exit."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from commands.alerts import check, reference, rules
from streams.settings import Settings, load
from tests.unit.agents.insight.worlds import WINDOW_S, cells_of, labels, opened


def settings(directory: Path, **changes: str) -> Settings:
    return load({"HINDSIGHT_LOGS_DIR": str(directory), **changes})


def filled(directory: Path) -> None:
    """Make five hours of labels, all there, that end now."""
    store, rng = opened(directory), np.random.default_rng(1)
    store.add([cells_of(labels(rng, 9000, time.time() - 5 * WINDOW_S, 5 * WINDOW_S))])
    store.close()


def test_a_file_that_is_right_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "alerts.toml"
    file.write_text(
        '[[rule]]\nname = "mae"\nmetric = "mae"\nabove = 44\nclear = 42\nfor = "10m"\n'
        '[[rule]]\nname = "rows"\nmetric = "ledger"\nseverity = "critical"\n'
        '[[webhook]]\nurl = "https://user:secret@hooks.example.com/secret"\n'
        '[[webhook]]\nurl = "https://hooks.example.com?token=secret"\n'
    )
    assert rules.run(settings(tmp_path), file=str(file)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "mae (warning): MAE, expected of all, over 1h: fires above 44.00 for 10m, resolves at 42.00 or less; needs 30 labels.",
        "rows (critical): rows unaccounted for: fires above 0, resolves at 0 or less.",
        "webhook: hooks.example.com.",
        "webhook: hooks.example.com.",
    ]
    assert rules.run(settings(tmp_path, HINDSIGHT_ALERTS=str(file))) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[rule]]\nname = "a"\nmetric = "mea"\nabove = 1', "rule 'a': metric = 'mea' cannot be used"),
        (
            '[[rule]]\nname = "a"\nmetric = "coverage"\nbelow = 0.5',
            "over = '1h' is not longer than the join window, 3600 s",
        ),
        (
            '[[rule]]\nname = "a"\nmetric = "drift"\nby = "country"',
            "rule 'a': by = 'country' is not among the keys of HINDSIGHT_SEGMENTS: there are none.",
        ),
        ('[[webhook]]\nurl = "http://host:99999/x"', "The address of host:99999 cannot be used"),
        ('[[webhook]]\nurl = "http://[::1"', "The address of [::1 cannot be used"),
        ('[[webhook]]\nurl_env = "NOT_SET"', "url_env names NOT_SET, which is not set."),
        ('[[webhook]]\nurl = "http://a"\ntoken_file = "/nowhere"', "token_file names '/nowhere', which cannot be read"),
    ],
)
def test_one_that_is_wrong_exits_with_1_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str], text, said):
    file = tmp_path / "alerts.toml"
    file.write_text(text)
    assert rules.run(settings(tmp_path), file=str(file)) == 1
    assert said in capsys.readouterr().err


def test_a_rule_by_segment_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "alerts.toml"
    file.write_text('[[rule]]\nname = "a"\nmetric = "drift"\nby = "country"\n')
    assert rules.run(settings(tmp_path, HINDSIGHT_SEGMENTS="country,tier"), file=str(file)) == 0
    assert "by what an alarm takes, by country: fires above 1" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert rules.run(settings(tmp_path), file=str(tmp_path / "none.toml")) == 1
    assert "none.toml cannot be read: No such file or directory." in capsys.readouterr().err
    assert rules.run(settings(tmp_path)) == 1
    assert "HINDSIGHT_ALERTS" in capsys.readouterr().err


@pytest.mark.parametrize(("limit", "code", "word"), [(1.0, check.WORSE, "Worse."), (2.0, check.OK, "Fine.")])
def test_check_exits_by_the_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str], limit, code, word):
    filled(tmp_path)  # the mean error is exp(0.32), 1.38
    assert check.run(settings(tmp_path), max_mae=limit, last="5h") == code
    said = capsys.readouterr().out
    assert said.startswith(f"{word} MAE, expected of all, over 5h: 1.3")
    assert "labels." in said


def test_an_error_past_the_limit_by_chance_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    filled(tmp_path)
    assert check.run(settings(tmp_path), max_mae=1.0, last="5h") == check.WORSE
    value = float(capsys.readouterr().out.split("over 5h: ")[1].split(" ")[0])
    assert check.run(settings(tmp_path), max_mae=value - 0.001, last="5h") == check.OK
    assert "but not beyond chance" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_coverage": 0.9}, "67% of predictions have a label, 90% are needed"),
        ({"min_pairs": 100_000}, "labels, 100,000 are needed"),
        ({"model": "other"}, "0 labels, 30 are needed"),
        ({"last": "soon"}, "--last is a span such as 30m, 1h or 7d"),
        ({"last": "0s"}, "--last is a span such as 30m, 1h or 7d"),
        ({"max_mae": float("nan")}, "--max-mae is a number"),
        ({"min_coverage": float("nan")}, "--min-coverage a share from 0 to 1"),
    ],
)
def test_what_cannot_be_told_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str], options, said):
    filled(tmp_path)
    assert check.run(settings(tmp_path), **({"max_mae": 1.0, "last": "5h"} | options)) == check.CANNOT_TELL
    shown = capsys.readouterr()
    assert said in shown.out + shown.err


def test_so_does_a_check_before_there_are_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert check.run(settings(tmp_path), max_mae=1.0) == check.CANNOT_TELL
    assert "0 labels, 30 are needed" in capsys.readouterr().out


def test_a_reference_is_set_shown_and_cleared(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    filled(tmp_path)
    own = settings(tmp_path)
    assert reference.run(own, action="show") == 1
    assert "There is no reference of all models together yet" in capsys.readouterr().out
    assert reference.run(own, action="set", start="4h", end="2h") == 0
    said = capsys.readouterr().out
    assert "The reference of all models together, chosen by hand:" in said
    assert "mae           1.3" in said
    assert reference.run(own, action="show") == 0
    assert capsys.readouterr().out == said
    assert reference.run(own, action="clear") == 0
    capsys.readouterr()
    assert reference.run(own, action="show") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "Name the span: --from"),
        ({"start": "2h", "end": "4h"}, "--from must lie before --to."),
        ({"start": "yesterday"}, "'yesterday' cannot be read as"),
        ({"start": "5m"}, "No label of that span is mature"),
        ({"start": "4h", "end": "2h", "by_hour": True}, "That span does not tell hours of the day apart"),
    ],
)
def test_a_span_that_makes_no_reference_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], options, said):
    filled(tmp_path)
    assert reference.run(settings(tmp_path), action="set", **options) == 1
    assert said in capsys.readouterr().err
