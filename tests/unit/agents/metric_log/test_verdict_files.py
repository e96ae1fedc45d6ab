"""The Parquet files: each verdict in one of them, whatever dies, and each complete when it appears."""

import contextlib
import json
import random
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agents.metric_log import verdict_files
from agents.metric_log.files import Unwritable
from agents.metric_log.log import Fenced
from agents.metric_log.verdict_files import DIRECTORY, MANIFEST, Unusable, VerdictFiles
from tests.full_disk import full_disk
from tests.unit.agents.metric_log.world import Died, dying_at, lone_true, matched, numbered, records

ROOT = Path(__file__).resolve().parents[4]
NAMES = ("id", "model", "ts_true", "ts_pred", "at", "y_true", "y_pred", "verdict")
IN_ORDER = "FROM read_parquet(?, filename = true, file_row_number = true) ORDER BY filename, file_row_number"
AT_ONCE, NEVER = 0.0, 1e9


def rows(logs):
    """Return what DuckDB finds in the files, in their order."""
    found = duckdb.execute(IN_ORDER, [f"{logs}/{DIRECTORY}/*.parquet"])
    names = [name for name, *_ in found.description]
    return [tuple(dict(zip(names, row, strict=True))[name] for name in NAMES) for row in found.fetchall()]


def of(sent):
    return [tuple(getattr(row, name) for name in NAMES) for record in sent for row in record.rows]


def files(logs):
    return sorted(path.name for path in (logs / DIRECTORY).glob("*.parquet"))


def manifest(logs):
    return json.loads((logs / DIRECTORY / MANIFEST).read_bytes())


def check_manifest(logs):
    listed = manifest(logs)["files"]
    assert [each["name"] for each in listed] == files(logs)
    for each in listed:
        at = pq.read_table(logs / DIRECTORY / each["name"])["at"].to_pylist()
        assert (each["n_rows"], each["first_at"], each["last_at"]) == (len(at), min(at), max(at))
        assert each["n_bytes"] == (logs / DIRECTORY / each["name"]).stat().st_size


def written(logs, sent, *, every=3):
    """Open the files, count all of these records as a worker that starts would, and let go."""
    log = VerdictFiles.open(logs, AT_ONCE)
    for i in range(0, len(sent), every):
        assert log.count(sent[i : i + every], i + every)
    log.close()


def test_each_verdict_is_in_the_files_with_all_that_is_known_of_it(tmp_path):
    sent = numbered(20)
    written(tmp_path, sent)
    assert rows(tmp_path) == of(sent)
    assert len(files(tmp_path)) > 3
    check_manifest(tmp_path)


def test_a_file_waits_for_its_time_or_for_its_rows(tmp_path, monkeypatch):
    log, sent = VerdictFiles.open(tmp_path, NEVER), numbered(20)
    log.count(sent[:10], 10)
    log.count([], 10)
    assert files(tmp_path) == []
    monkeypatch.setattr(verdict_files, "MOST_ROWS", 5)
    log.count(sent[10:], 20)
    assert rows(tmp_path) == of(sent[:10])
    log.close()
    assert rows(tmp_path) == of(sent)


def test_while_nothing_comes_no_file_is_written(tmp_path):
    log = VerdictFiles.open(tmp_path, AT_ONCE)
    for offset in range(5):
        log.count(records([], start=offset), offset)
    log.close()
    assert files(tmp_path) == []


@pytest.mark.parametrize("done", [0, 0.5, 1], ids=["before", "halfway", "after"])
def test_a_writer_may_die_at_every_step(tmp_path, monkeypatch, done):
    sent, n_calls, died = numbered(24), 0, ["at least once"]
    while died:
        n_calls += 1
        logs = tmp_path / str(n_calls)
        with dying_at(monkeypatch, n_calls, done=done) as died, contextlib.suppress(Died):
            log = VerdictFiles.open(logs, AT_ONCE)
            for i in range(0, 24, 5):
                log.count(sent[i : i + 5], i + 5)
        log = VerdictFiles.open(logs, AT_ONCE)
        assert log.read_to in (0, 5, 10, 15, 20)
        written(logs, sent)
        assert rows(logs) == of(sent)
        check_manifest(logs)
    assert n_calls > 20


WRITER = """
    import sys
    from pathlib import Path
    import pyarrow.parquet
    from agents.metric_log.verdict_files import VerdictFiles
    from tests.unit.agents.metric_log.world import numbered
    log, sent = VerdictFiles.open(Path(sys.argv[1]), 0.002), numbered(4000)
    print("open", flush=True)
    for i in range(max(0, log.read_to - 3), 4000, 7):
        sys.stdin.readline()
        log.count(sent[i:i + 7], min(i + 7, 4000))
        print("counted", flush=True)
"""


@pytest.mark.slow
def test_processes_killed_at_20_moments_lose_nothing_and_write_nothing_twice(tmp_path):
    """Each is killed once it has published a file, and while it does what it was told to do after that."""
    chance = random.Random(1)
    for _ in range(20):
        n_before = len(files(tmp_path))
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "open\n"
        while len(files(tmp_path)) == n_before:
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "counted\n"
        process.stdin.write("\n" * chance.randint(0, 4))
        process.stdin.flush()
        time.sleep(chance.random() * 0.01)  # any moment will do; none is waited for
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    written(tmp_path, numbered(4000))
    assert rows(tmp_path) == of(numbered(4000))
    check_manifest(tmp_path)


def test_of_two_writers_the_one_that_comes_second_writes_nothing(tmp_path):
    sent = numbered(20)
    first, second = VerdictFiles.open(tmp_path, AT_ONCE), VerdictFiles.open(tmp_path, AT_ONCE)
    first.count(sent[:10], 10)
    second.count(sent[:15], 15)
    first.count([], 10)
    with pytest.raises(Fenced, match="Another worker writes the files"):
        second.count(sent, 20)
    second.close()
    first.close()
    written(tmp_path, sent)
    assert rows(tmp_path) == of(sent)


def test_while_the_disk_is_full_nothing_more_is_held_and_then_it_goes_on(tmp_path):
    log, sent = VerdictFiles.open(tmp_path, AT_ONCE), numbered(30)
    log.count(sent[:10], 10)
    with full_disk(100):
        for _ in range(3):
            with pytest.raises(Unwritable, match="cannot be written: File too large"):
                log.count(sent[10:], 30)
        assert log.read_to == 10
        log.close()
    assert [path.name for path in (tmp_path / DIRECTORY).iterdir()] == [MANIFEST]
    log.count(sent[10:], 30)
    log.close()
    assert rows(tmp_path) == of(sent)


def test_what_does_not_follow_waits_for_kafka_and_what_kafka_lacks_is_said(tmp_path, caplog):
    log, sent = VerdictFiles.open(tmp_path, AT_ONCE), numbered(20)
    assert not log.count([*sent[:5], *sent[9:]], 20)
    assert log.read_to == 0
    assert log.count(sent[5:8], 8)
    assert log.count(sent[9:], 20, is_all=True)
    log.close()
    assert rows(tmp_path) == of(sent[:8] + sent[9:])
    assert "lack the verdicts between offsets 7 and 9 of partition 0" in caplog.text
    assert sum(each["n_missing"] for each in manifest(tmp_path)["files"]) == 1


def test_switched_on_late_it_begins_with_what_kafka_has(tmp_path, caplog):
    log, sent = VerdictFiles.open(tmp_path, AT_ONCE), numbered(20)
    assert not log.count(sent[9:], 20)
    assert log.count(sent[9:], 20, is_all=True)
    log.close()
    assert rows(tmp_path) == of(sent[9:])
    assert not caplog.text


def test_a_manifest_that_is_lost_is_made_anew_and_files_that_were_moved_away_do_not_come_again(tmp_path):
    sent = numbered(20)
    written(tmp_path, sent[:10])
    before = manifest(tmp_path)
    for raw in (None, b"", b"{}", b"[1]"):
        (tmp_path / DIRECTORY / MANIFEST).unlink()
        if raw is not None:
            (tmp_path / DIRECTORY / MANIFEST).write_bytes(raw)
        VerdictFiles.open(tmp_path, AT_ONCE)
        assert manifest(tmp_path) == before
    for name in files(tmp_path):
        (tmp_path / DIRECTORY / name).unlink()
    written(tmp_path, sent)
    assert rows(tmp_path) == of(sent[10:])
    check_manifest(tmp_path)


def test_a_file_that_is_none_of_ours_is_named(tmp_path):
    written(tmp_path, numbered(5))
    path = tmp_path / DIRECTORY / "verdicts-000000099.parquet"
    path.write_bytes(b"PAR1 and not")
    with pytest.raises(Unusable, match=r"000099.parquet is none of the Parquet files of verdicts, or damaged: move it"):
        VerdictFiles.open(tmp_path, AT_ONCE)
    pq.write_table(pa.table({"at": [1.0]}), path)
    with pytest.raises(Unusable, match="none of the Parquet files of verdicts: move it away"):
        VerdictFiles.open(tmp_path, AT_ONCE)


def test_what_a_newer_version_wrote_is_left_as_it_is(tmp_path):
    written(tmp_path, numbered(5))
    (tmp_path / DIRECTORY / MANIFEST).write_text('{"version": 2, "last": "elsewhere"}')
    with pytest.raises(Unusable, match="is of version 2, and this program knows versions up to 1"):
        VerdictFiles.open(tmp_path, AT_ONCE)
    (tmp_path / DIRECTORY / MANIFEST).unlink()
    table = pa.table({"at": [1.0]}).replace_schema_metadata({b"hindsight": b'{"version": 3}'})
    pq.write_table(table, tmp_path / DIRECTORY / "verdicts-000000099.parquet")
    with pytest.raises(Unusable, match="is of version 3"):
        VerdictFiles.open(tmp_path, AT_ONCE)


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(Unwritable, match="cannot be written: Not a directory"):
        VerdictFiles.open(tmp_path / "file", AT_ONCE)


def test_names_with_anything_in_them_are_kept(tmp_path):
    names = ["a,b", 'q"', "new\nline", "né", "\u0000"]
    written(tmp_path, records([matched(name) for name in names]))
    assert [row[0] for row in rows(tmp_path)] == names


def shown(language):
    """Return the code that docs/parquet.md shows in a language."""
    return re.search(rf"```{language}\n(.*?)```", (ROOT / "docs/parquet.md").read_text(), re.DOTALL)[1]


def test_duckdb_and_pandas_read_them_as_the_document_shows(tmp_path, monkeypatch, capsys):
    sent = records([matched("a", 1.0, 4.0), matched("b", 1.0, 0.0), lone_true("c")])
    written(tmp_path / "logs", sent)
    monkeypatch.chdir(tmp_path)
    (row,) = duckdb.execute(shown("sql")).fetchall()
    assert row == (None, 2, 2.0, 1700000000.5 - 1.0)
    exec(shown("python"), {})  # noqa: S102
    assert capsys.readouterr().out.split()[-3:] == ["NaN", "2", "2.0"]
