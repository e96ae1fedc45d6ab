"""What the benchmark concludes from what it saw: its oracle finds a wrong CSV, its ratios and goals say what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from bench import measure_profile, profile, results, rows
from bench.program import BenchError

AT = 1_700_000_000
CHUNKS = [(AT, 40), (AT + 1, 25)]
HEADER = "id,y_true,y_pred,absolute_error"


def lines_of(given: rows.Pairs) -> list[str]:
    predicted = {row.id: row.y_pred for row in given.pred}
    return [f"{row.id},{row.y_true!r},{predicted[row.id]!r},0.0" for row in given.true]


def given() -> Iterator[rows.Pairs]:
    return (rows.pairs(n, at) for at, n in CHUNKS)


def check_short(path: Path) -> None:
    first, second = given()
    rows.check_csv(path, rows.Pairs(first.true + second.true, first.pred + second.pred))


def check_long(path: Path) -> None:
    rows.check_long_csv(path, given())


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
    chunks = rows.chunks(3 * rows.CHUNK_IDS - 1, AT)
    assert [n for _, n in chunks] == [rows.CHUNK_IDS, rows.CHUNK_IDS, rows.CHUNK_IDS - 1]
    assert all(at < AT for at, _ in chunks)
    edges = [(chunk[0].id, chunk[-1].id) for chunk in (rows.pairs(n, at).true for at, n in chunks)]
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
        ("<module> (faust/__main__.py:9);_commit (streams/owner.py:250);decide (streams/join.py:90)", "join step"),
        ("run (asyncio/runners.py:1);poll (aiokafka/client.py:9);helper (somewhere.py:2)", "Kafka client"),
        ("append (agents/metric_log.py:80);append (agents/log_file.py:60)", "CSV and summary"),
        ("helper (somewhere.py:2)", profile.OTHER),
    ],
)
def test_a_sample_belongs_to_its_innermost_stage(stack: str, stage: str) -> None:
    assert profile.stage(stack, measure_profile.WORKER) == stage
