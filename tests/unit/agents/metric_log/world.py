"""What the tests of the metric log share: verdict records as the topic `metric` carries them, and what they become."""

import csv
import io
import os
from contextlib import contextmanager
from pathlib import Path

from agents.metric_log.csv_rows import METRIC_HEADER, UNMATCHED_HEADER
from agents.metric_log.log import MetricLog
from streams.wire.verdicts import Verdict, VerdictRecord


def matched(name, y_true=1.5, y_pred=2.25):
    return Verdict(name, "matched", 1700000000.5, y_true, y_pred, 1.0, 2.0)


def lone_true(name, y_true=7.0):
    return Verdict(name, "unmatched_true", 1700000009.25, y_true=y_true, ts_true=1700000000.125)


def lone_pred(name, y_pred=8.0):
    return Verdict(name, "unmatched_pred", 1700000009.25, y_pred=y_pred, ts_pred=1700000000.5)


def records(*rows_of_each, partition=0, log="log-a", start=0):
    """Return one record for each list of rows, chained."""
    return [VerdictRecord(log, partition, start + i, start + i - 1, list(rows)) for i, rows in enumerate(rows_of_each)]


def numbered(n, *, partition=0, log="log-a"):
    """Return `n` records: most with matches, some with lone rows too or alone."""
    rows = []
    for i in range(n):
        name = f"{log}-{partition}-{i}"
        pairs = [matched(f"{name}-{j}", i + j / 7, i * 1.1 - j) for j in range(i % 3)]
        rows.append(pairs + ([lone_true(f"{name}-t", i / 3), lone_pred(f"{name}-p")] if i % 4 == 0 else []))
    return records(*rows, partition=partition, log=log)


def expected(records):
    """Return the texts of both files after these records, each once, written by the csv module."""
    metric, unmatched = io.StringIO(), io.StringIO()
    to_metric, to_unmatched = (csv.writer(file, lineterminator="\n") for file in (metric, unmatched))
    for v in (v for record in records for v in record.rows):
        if v.verdict == "matched":
            to_metric.writerow([v.id, repr(v.y_true), repr(v.y_pred), repr(abs(v.y_pred - v.y_true))])
        else:
            side = (v.ts_true, v.y_true) if v.verdict == "unmatched_true" else (v.ts_pred, v.y_pred)
            to_unmatched.writerow([v.id, v.verdict, *map(repr, side), repr(v.at)])
    return METRIC_HEADER.decode() + metric.getvalue(), UNMATCHED_HEADER.decode() + unmatched.getvalue()


def texts(directory):
    return tuple((Path(directory) / name).read_bytes().decode() for name in ("metric_log.csv", "unmatched_log.csv"))


def written(directory, *batches):
    """Open the log in `directory` and append the batches; return it."""
    log = MetricLog.open(Path(directory))
    for batch in batches:
        log.append(batch)
    return log


class Died(BaseException):
    """The process that wrote is gone: as after kill -9, what the kernel has is there, and nothing else happens."""


@contextmanager
def dying_at(monkeypatch, n_calls, *, done):
    """Let the `n_calls`th call that changes files be the last: it does the share `done` of its work.

    Yields a list that is empty if there were fewer calls.
    """
    calls, died = [], []

    def last(function, partial):
        def call(*args, **kwargs):
            if died:
                raise Died
            calls.append(function)
            if len(calls) < n_calls:
                return function(*args, **kwargs)
            died.append(function)
            partial(*args, **kwargs)
            raise Died

        return call

    def whole_or_nothing(function):
        return lambda *args, **kwargs: function(*args, **kwargs) if done == 1 else None

    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", last(write, lambda fd, data: write(fd, data[: round(len(data) * done)])))
        for module, name in [(os, "fsync"), (os, "fdatasync"), (os, "truncate"), (Path, "replace"), (Path, "rename")]:
            function = getattr(module, name)
            patch.setattr(module, name, last(function, whole_or_nothing(function)))
        yield died
