import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.log_rows import METRIC_HEADER, MetricRow
from agents.log_tail import newest_rows
from tests.unit.metric_log_world import matched, records, written


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metric_log.csv"


def test_there_are_no_rows_without_a_log(path):
    assert newest_rows(path, 5) == []
    path.write_bytes(METRIC_HEADER)
    assert newest_rows(path, 5) == []


@pytest.mark.parametrize("n", [0, 1, 7, 999, 1000, 5000])
def test_the_newest_rows_are_the_last_ones(path, n):
    rows = [matched(f"id-{i}", i / 3, 1.0) for i in range(1000)]
    written(path.parent, records(rows))
    found = newest_rows(path, n)
    assert found == [MetricRow(v.id, v.y_true, v.y_pred, abs(v.y_pred - v.y_true)) for v in rows[max(0, 1000 - n) :]]


def test_a_row_that_is_being_written_is_left_out(path):
    path.write_bytes(METRIC_HEADER + b"a,1.0,2.0,1.0\nb,1.0,2")
    assert [row.id for row in newest_rows(path, 5)] == ["a"]


names = st.text(st.sampled_from('a",\n\r\x0b\x1c\u2028é'), min_size=1, max_size=128)


@given(st.lists(names, min_size=1, max_size=60), st.integers(1, 60))
def test_ids_may_hold_what_ends_a_line_or_a_field(tmp_path_factory, names, n):
    directory = tmp_path_factory.mktemp("logs")
    written(directory, records([matched(name) for name in names]))
    assert [row.id for row in newest_rows(directory / "metric_log.csv", n)] == names[-n:]


@pytest.mark.parametrize("odd", ["\n" * 126, '"\n,"'], ids=["newlines", "quotes"])
def test_odd_ids_between_plain_ones_hide_no_row(path, odd):
    names = [f"{i:03d}" + odd * (i % 4 > 0) for i in range(400)]
    written(path.parent, records([matched(name) for name in names]))
    for n in (1, 2, 5, 40):
        assert [row.id for row in newest_rows(path, n)][-n:] == names[-n:]


def test_a_log_of_odd_ids_alone_is_not_read_to_its_beginning(path, monkeypatch):
    monkeypatch.setattr("agents.log_tail._MOST_BYTES", 2000)
    written(path.parent, records([matched(f"{i}\n") for i in range(1000)]))
    assert newest_rows(path, 10) == []
