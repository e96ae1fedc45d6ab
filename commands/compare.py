"""The command `compare`: is the second model better? For people, cron and CI, from insight.db, also beside a running worker."""

from __future__ import annotations

import sys
from urllib.parse import urlencode

from agents.insight.answers import Answers
from agents.insight.database import InsightError
from agents.insight.query import AskedPair
from commands.columns import columns
from commands.times import utc
from streams.scores.compared_segments import MIN_SLICES, MOST, ComparedSegment, ComparedSegments
from streams.scores.comparison import Comparison, LossCompared
from streams.scores.figures import length_s
from streams.scores.numbers import number
from streams.settings import Settings
from streams.wire.values import printable

HEADINGS = ("ids", "first", "second", "difference", "interval", "verdict")
BETTER, WORSE, OPEN = 0, 1, 2
CODES = {"better": BETTER, "worse": WORSE}


def run(settings: Settings, *, first: str, second: str, last: str = "all", by: str = "") -> int:
    """Print how two models compare; return 0 if the second is better, 1 if it is worse, 2 if that is open or cannot be told.

    The segments of a key, if one is given, are shown below it, and change nothing of what is returned.
    """
    span = length_s(last)
    if span is None:
        print(f"--last is a span such as 30m, 1h, 7d or all, not {last!r}.", file=sys.stderr)
        return OPEN
    answers = Answers(settings.logs_dir, settings.join_window_s)
    try:
        found = answers.look_at_pair(AskedPair(first, second, span, by))
    except InsightError as exc:
        print(exc, file=sys.stderr)
        return OPEN
    if by and (problem := _no_key(by, found.by_segment)):
        print(problem, file=sys.stderr)
        return OPEN
    print(found.sentence)
    if found.losses:
        print("\n".join(_evidence(found)))
    if found.by_segment is not None:
        print("\n".join(_by_segment(found.by_segment)))
    return CODES.get(found.verdict, OPEN)


def _no_key(by: str, found: ComparedSegments | None) -> str:
    """Return why there are no segments by a key; empty if there are."""
    if found is None:
        return f"There are no segments by {printable(by)}: no tags are counted. HINDSIGHT_SEGMENTS=country counts those of a key."
    if found.key != by:
        return f"There are no segments by {printable(by)}; there are by {', '.join(map(printable, found.keys))}."
    return ""


def _by_segment(found: ComparedSegments) -> list[str]:
    rows = [
        (
            printable(one.value) or f"(no {found.key})",
            f"{one.n_pairs:,}",
            number(one.first),
            number(one.second),
            number(one.difference, signed=True),
            _interval(one),
            one.verdict,
        )
        for one in found.segments
    ]
    said = ["", printable(found.sentence)]
    if rows:
        said += columns([(found.key, *HEADINGS), *rows])
        said.append(f"Each decides with 1/{MOST} of 5%, once {MIN_SLICES} slices of its time are mature.")
    if found.since:
        said.append(f"By {found.key}, predictions count since {utc(found.since)}.")
    return said


def _evidence(found: Comparison) -> list[str]:
    lines = [
        f"{found.n_pairs:,} ids in {found.n_slices:,} slices of time that are mature; {found.n_immature:,} more are too young; "
        f"ids that one of them lacks: {found.n_only_first + found.n_only_second:,}."
    ]
    lines += _left_out(found)
    lines.append("95%, however often one looks.")
    lines += map(_loss, found.losses)
    return lines + [f"Rows are missing: {gap.why}." for gap in found.gaps[:1]]


def _left_out(found: Comparison) -> list[str]:
    """Return which ids are left out since a model lacks them, and where they can be seen."""
    return [
        f"  {n:,} that {printable(name)} never answered, refused or answered too late: /table/pairs/?"
        f"{urlencode({'state': 'unmatched_true', 'model': name})}; refused rows: faust -A streams quarantine list"
        for name, n in ((found.first, found.n_only_second), (found.second, found.n_only_first))
        if n
    ]


def _loss(loss: LossCompared) -> str:
    means = f"{number(loss.first)} against {number(loss.second)}"
    difference = f"{number(loss.difference, signed=True)} ({_interval(loss)})"
    return f"  {loss.loss:<9} {means}: difference {difference}, {loss.verdict}"


def _interval(one: LossCompared | ComparedSegment) -> str:
    return " to ".join(number(end, signed=True) if end is not None else "open" for end in (one.low, one.high))
