"""What the benchmark concludes from what it saw: its oracle finds a wrong CSV, its ratios and goals say what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from bench import made_up_rows, measure_profile, page, profile, results, saved
from bench.program import BenchError

AT = 1_700_000_000
CHUNKS = [(AT, 40), (AT + 1, 25)]
HEADER = "id,y_true,y_pred,absolute_error"


def lines_of(given: made_up_rows.Pairs) -> list[str]:
    predicted = {row.id: row.y_pred for row in given.pred}
    return [f"{row.id},{row.y_true!r},{predicted[row.id]!r},0.0" for row in given.true]


def given() -> Iterator[made_up_rows.Pairs]:
    return (made_up_rows.pairs(n, at) for at, n in CHUNKS)


def check_short(path: Path) -> None:
    first, second = given()
    made_up_rows.check_csv(path, made_up_rows.Pairs(first.true + second.true, first.pred + second.pred))


def check_long(path: Path) -> None:
    made_up_rows.check_long_csv(path, given())


@pytest.fixture(params=[check_short, check_long])
def check(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """Each of the two oracles."""
    return request.param


@pytest.fixture
def right() -> list[str]:
    """The lines of a right CSV, in an order of their own."""
    found = [line for chunk in given() for line in lines_of(chunk)]
    return found[20:50] + found[:20] + found[50:]


def written(path: Path, lines: list[str]) -> Path:
    csv = path / "metric_log.csv"
    csv.write_text("\n".join([HEADER, *lines]) + "\n")
    return csv


def test_a_right_csv_is_right_in_any_order(check: Callable[[Path], None], right: list[str], tmp_path: Path) -> None:
    check(written(tmp_path, right))
    assert len(right) == 65


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda lines: lines[:-1], id="a missing row"),
        pytest.param(lambda lines: [*lines, lines[3]], id="a row twice"),
        pytest.param(lambda lines: [*lines, "foreign,1.0,2.0,1.0"], id="a foreign row"),
        pytest.param(lambda lines: [lines[0].replace(",", ",1", 1), *lines[1:]], id="another value"),
        pytest.param(lambda lines: [], id="nothing"),
    ],
)
def test_a_wrong_csv_is_found(
    check: Callable[[Path], None], right: list[str], tmp_path: Path, change: Callable[[list[str]], list[str]]
) -> None:
    with pytest.raises(BenchError, match=r"metric_log.csv is wrong"):
        check(written(tmp_path, change(right)))


def test_the_ids_of_all_chunks_differ() -> None:
    chunks = made_up_rows.chunks(3 * made_up_rows.CHUNK_IDS - 1, AT)
    assert [n for _, n in chunks] == [made_up_rows.CHUNK_IDS, made_up_rows.CHUNK_IDS, made_up_rows.CHUNK_IDS - 1]
    assert all(at < AT for at, _ in chunks)
    edges = [(chunk[0].id, chunk[-1].id) for chunk in (made_up_rows.pairs(n, at).true for at, n in chunks)]
    assert edges == sorted(edges)
    assert all(last < first for (_, last), (first, _) in pairwise(edges))


def test_a_ratio_is_the_median_of_those_within_each_run() -> None:
    runs = {"ours": [{"rows/s": 10.0}, {"rows/s": 30.0}, {"rows/s": 8.0}], "peer": [{"rows/s": 10.0}] * 3}
    assert results.ratio(runs, "ours", "peer") == 1.0


def test_a_goal_is_reached_from_its_side() -> None:
    assert results.Goal("rows", 5, 5).is_reached
    assert not results.Goal("rows", 4.9, 5).is_reached
    assert results.Goal("ms", 5, 5, at_least=False).is_reached
    assert not results.Goal("ms", 5.1, 5, at_least=False).is_reached


@pytest.mark.parametrize(
    ("stack", "stage"),
    [
        (
            "<module> (faust/__main__.py:9);_commit (streams/table/owner.py:250);decide (streams/join/decide.py:90)",
            "join step",
        ),
        ("run (asyncio/runners.py:1);poll (aiokafka/client.py:9);helper (somewhere.py:2)", "Kafka client"),
        ("append (agents/metric_log/log.py:80);append (agents/metric_log/files.py:60)", "CSV and summary"),
        ("helper (somewhere.py:2)", profile.OTHER),
    ],
)
def test_a_sample_belongs_to_its_innermost_stage(stack: str, stage: str) -> None:
    assert profile.stage(stack, measure_profile.WORKER) == stage


def test_the_page_has_every_goal_with_its_figure_and_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(page, "DATA", tmp_path / "benchmarks.json")
    monkeypatch.setattr(page, "PICTURES", tmp_path / "images/benchmarks")
    monkeypatch.setattr(saved, "RESULTS", tmp_path)
    monkeypatch.setattr(saved, "ROOT", tmp_path)
    lines = [results.line("ours", [{"ms": 4.0}, {"ms": 6.0}, {"ms": 5.0}])]
    goals = [results.Goal("soon", 5.0, 4.0, "ms", at_least=False), results.Goal("often", 9.0, 9.0)]
    saved.save(results.Section("latency", "How late", "Somehow.", lines, goals), n_runs=3, scale=0.5, took_s=60.0)
    page.write(saved.load(["join", "latency"]))
    text = page.PAGE.read_text()
    assert "## Goals: 1 of 2 are reached" in text
    assert "| [How late](#how-late) | soon | ≤ 4 ms | 5 ms | not yet |" in text
    assert "| [How late](#how-late) | often | ≥ 9 | 9 | reached |" in text
    assert "| ours | 5 |" in text
    assert "python -m bench latency --runs 3 --scale 0.5" in text
    assert (tmp_path / "images/benchmarks/latency.png").exists()
    assert "[{" in page.DATA.read_text().replace("\n", "").replace(" ", "")


def test_without_any_measurement_there_is_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "RESULTS", tmp_path)
    with pytest.raises(BenchError, match=r"Nothing is measured yet: run `python -m bench` first."):
        saved.load(["latency"])
