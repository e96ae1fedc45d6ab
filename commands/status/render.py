"""The screen of `status`: plain aligned text. No I/O here but a look at the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby

from commands.probes.kafka_topics import Join
from commands.probes.processes import Ready
from commands.status.snapshot import Snapshot, Worker
from streams.amqp.client import amqp_shown
from streams.amqp.declarations import shared
from streams.join.decision import Counts
from streams.scores import wording
from streams.settings import NO_QUEUES, Settings

GREEN, RED, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"
GOOD, BAD = "✓", "✗"
NAME_CHARS = 12
TERM_CHARS = 30


def render(now: Snapshot, settings: Settings, *, before: Snapshot | None = None, colours: bool = False) -> str:
    """Return the screen.

    Args:
        before: an earlier look; with it, rows a second are shown.
        colours: whether the marks of good and bad news are coloured.
    """
    lines = [_line("Hindsight", f"{datetime.fromtimestamp(now.at, UTC):%Y-%m-%d %H:%M:%S} UTC"), ""]
    lines += [*_queues(now, settings), "", *_topics(now, settings), "", *_join(now, before), *_refused(now), ""]
    lines += [
        _log(now, settings),
        *_figures(now, settings),
        *_verdict(now),
        "",
        *_windows(now, settings),
        _process("Worker", now.worker),
        *_workers(now),
        _bridge(now, settings),
    ]
    return paint("\n".join(lines)) if colours else "\n".join(lines)


def on_terminal() -> bool:
    """Tell whether the output may have colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def paint(text: str) -> str:
    """Colour the marks of good and bad news."""
    return text.replace(GOOD, f"{GREEN}{GOOD}{PLAIN}").replace(BAD, f"{RED}{BAD}{PLAIN}")


def _line(name: str, said: str) -> str:
    return f"{name:<{NAME_CHARS}}{said}"


def _table(header: Sequence[str], rows: Sequence[Sequence[int | str | None]]) -> list[str]:
    """Return rows of a name and numbers; a row without numbers is of something that is not there."""
    width = max(TERM_CHARS, *(len(str(name)) for name, *_ in rows)) if rows else TERM_CHARS
    lines = [_row(header, width)]
    for name, *numbers in rows:
        lines.append(_row([name, "not there"] if numbers[0] is None else [name, *numbers], width))
    return lines


def _row(cells: Sequence[int | str | None], width: int = TERM_CHARS) -> str:
    shown = ["" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell for cell in cells]
    return f"  {shown[0]:<{width}}" + "".join(f"{cell:>12}" for cell in shown[1:])


def _queues(now: Snapshot, settings: Settings) -> list[str]:
    if not settings.queues:
        return [_line("RabbitMQ", NO_QUEUES)]
    if "rabbitmq" in now.problems:
        return [_line("RabbitMQ", f"{BAD} {now.problems['rabbitmq']}")]
    others = [f"  {shared(one.name, one.consumers - 1)}" for one in now.queues if one.consumers and one.consumers > 1]
    table = _table(("queue", "ready", "consumers"), now.queues)
    return [_line("RabbitMQ", f"{GOOD} {amqp_shown(settings)}"), *table, *others]


def _topics(now: Snapshot, settings: Settings) -> list[str]:
    if "kafka" in now.problems:
        return [_line("Kafka", f"{BAD} {now.problems['kafka']}")]
    return [
        _line("Kafka", f"{GOOD} {settings.kafka_address}, consumer group {settings.app_id}"),
        *_table(("topic", "partitions", "records", "unread"), now.topics),
    ]


def _join(now: Snapshot, before: Snapshot | None) -> list[str]:
    if "kafka" in now.problems:
        return [_line("Join", "unknown while Kafka is unavailable")]
    if now.join is None or now.join.decided_at is None:
        return [_line("Join", "nothing joined yet")]
    counts = now.join.counts
    off = counts.difference()
    invariant = (
        f"{GOOD} it balances" if off == 0 else f"{BAD} it does not balance: {off:+,} rows (rows in minus the rest)"
    )
    unmatched = counts.unmatched_true + counts.unmatched_pred
    rows: list[tuple[str, int, str]] = [
        (
            "rows in",
            counts.rows_in,
            f"{_sides(counts.rows_true, counts.rows_pred)}{_again(counts)}{_rate(now, before)}",
        ),
        ("ids matched (two rows each)", counts.matched, _match_rate(counts)),
        ("unmatched", unmatched, _sides(counts.unmatched_true, counts.unmatched_pred)),
        ("duplicates", counts.duplicates, ""),
        ("conflicts", counts.conflicts, ""),
        ("late", counts.late, ""),
        ("waiting in the table", counts.waiting, ""),
    ]
    said = [_row([name, n]) + (f"  ({note})" if note else "") for name, n, note in rows]
    apart = _row(["quarantined (not in the sum)", now.quarantined])
    models = [_of_model(name, of_it) for name, of_it in now.join.by_model.items()]
    return [_line("Join", f"{invariant}; last decision {_ago(now.at - now.join.decided_at)}"), *said, apart, *models]


def _of_model(name: str, counts: Counts) -> str:
    """Return where the rows of one of several models went."""
    off = counts.difference()
    ends = (
        f"{counts.matched:,} matched, {counts.unmatched_true:,} unanswered, {counts.unmatched_pred:,} without a truth"
    )
    further = f"{counts.waiting:,} waiting, {counts.duplicates + counts.conflicts + counts.late:,} repeated or late"
    return f"  of {name}: {ends}, {further}{f' {BAD} off by {off:+,} rows' if off else ''}"


def _refused(now: Snapshot) -> list[str]:
    return [_line("Refused", f"{BAD} {one.sentence()} ({_ago(now.at - one.at)})") for one in now.refusals]


def _match_rate(counts: Counts) -> str:
    rate = counts.match_rate()
    return "" if rate is None else f"{rate:.1%} of the ids that have their verdict"


def _sides(n_true: int, n_pred: int) -> str:
    return f"{n_true:,} y_true, {n_pred:,} y_pred"


def _again(counts: Counts) -> str:
    """Return how many truths count once more, where several models are held against them."""
    return f", {counts.fanned_out:,} y_true again for further models" if counts.fanned_out else ""


def _rows_read(join: Join) -> int:
    return join.counts.rows_true + join.counts.rows_pred


def _rate(now: Snapshot, before: Snapshot | None) -> str:
    if before is None or before.join is None or now.join is None or now.at <= before.at:
        return ""
    return f"; {(_rows_read(now.join) - _rows_read(before.join)) / (now.at - before.at):,.0f} rows/s"


def _log(now: Snapshot, settings: Settings) -> str:
    found = now.log
    if "logs" in now.problems:
        return _line("Log", f"{BAD} {now.problems['logs']}")
    if found is None:
        return _line("Log", f"no metric log in {settings.logs_dir} yet")
    ago = _ago(now.at - found.written_at)
    return _line("Log", f"{found.n_matched:,} pairs, {found.n_unmatched:,} unmatched rows, written {ago}")


def _figures(now: Snapshot, settings: Settings) -> list[str]:
    """Return how wrong the model is, of the predictions of a span: what is known, and what is expected of all."""
    found = now.figures
    if "figures" in now.problems:
        return [_line("Figures", f"{BAD} {now.problems['figures']}")]
    if found is None:
        return [_line("Figures", f"no insight.db in {settings.logs_dir} yet")]
    since = f"{datetime.fromtimestamp(found.from_, UTC):%Y-%m-%d %H:%M:%S} UTC"
    n = found.so_far["n"] or 0
    so_far = f"{wording.scores(found.so_far)}, {wording.quantiles(found)} of {n:,.0f} labels" if n else "no label yet"
    rows = {"so far": so_far, "expected of all": wording.expected(found)}
    rows |= {"reference": wording.reference(found)} if found.reference else {}
    rows |= {"label delay": wording.delays(found)}
    said = [f"  {name:<{TERM_CHARS}}{text}" for name, text in rows.items()]
    warned = [f"  {BAD} {warning}" for warning in wording.warnings(found)]
    return [_line("Figures", f"since {since}: {wording.labelled(found)}"), *said, *warned]


def _verdict(now: Snapshot) -> list[str]:
    """Return how the model does against its reference, over the last hour."""
    if now.verdict is None:
        return []
    mark = f"{BAD} " if now.verdict.word in ("alarm", "worse") else ""
    evidence = [f"  {now.verdict.evidence}; predictions of the last hour"] if now.verdict.evidence else []
    return [_line("Verdict", f"{mark}{now.verdict.sentence}"), *evidence]


def _windows(now: Snapshot, settings: Settings) -> list[str]:
    """Return the lengths of time that decide, and whether what was counted is of the same."""
    said = (
        f"sides join within {wording.length(settings.join_window_s)}, rows come up to "
        f"{wording.length(settings.max_out_of_orderness_s)} out of order, an id is known for "
        f"{wording.length(settings.dedupe_horizon_s)} after its verdict"
    )
    lines = [_line("Windows", said)]
    if now.figures is not None and now.figures.window_s != settings.join_window_s:
        of_file = wording.length(now.figures.window_s)
        lines.append(f"  {BAD} the figures are of a window of {of_file}: HINDSIGHT_JOIN_WINDOW_S is another one here")
    return lines


def _workers(now: Snapshot) -> list[str]:
    return [
        f"  {worker.url or 'one that is just joining':<{TERM_CHARS}}  {_of_worker(worker)}" for worker in now.workers
    ]


def _of_worker(worker: Worker) -> str:
    if worker.problem:
        return f"{BAD} {worker.problem}"
    models = f"predicts with {', '.join(worker.models)}" if worker.models else "does not predict"
    return f"{models}; {_partitions(worker.partitions)}"


def _partitions(numbers: Sequence[int]) -> str:
    """Return partitions in words, runs of them as one: `partitions 0 to 3, 7`."""
    runs = [[n for _, n in run] for _, run in groupby(enumerate(numbers), key=lambda each: each[1] - each[0])]
    said = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
    return f"partition{'s' if len(numbers) != 1 else ''} {said}" if runs else "no partition"


def _bridge(now: Snapshot, settings: Settings) -> str:
    return _process("Bridge", now.bridge) if settings.queues else _line("Bridge", "not needed without queues")


def _process(name: str, found: Ready) -> str:
    mark = {True: f"{GOOD} ", False: f"{BAD} ", None: ""}[found.ready]
    return _line(name, f"{mark}{found.said}: {found.url}")


def _ago(seconds: float) -> str:
    if seconds < 120:
        return f"{max(seconds, 0):.0f} s ago"
    return f"{seconds / 60:.0f} min ago" if seconds < 7200 else f"{seconds / 3600:.0f} h ago"
