"""The command `compare`: is the second model better? For people, cron and CI, from insight.db, also beside a running worker."""

from __future__ import annotations

import sys

from agents.insight.answers import Answers
from agents.insight.database import InsightError
from agents.insight.query import AskedPair
from streams.scores.comparison import Comparison, LossCompared
from streams.scores.figures import length_s
from streams.scores.numbers import number
from streams.settings import Settings

BETTER, WORSE, OPEN = 0, 1, 2
CODES = {"better": BETTER, "worse": WORSE}


def run(settings: Settings, *, first: str, second: str, last: str = "all") -> int:
    """Print how two models compare; return 0 if the second is better, 1 if it is worse, 2 if that is open or cannot be told."""
    span = length_s(last)
    if span is None:
        print(f"--last is a span such as 30m, 1h, 7d or all, not {last!r}.", file=sys.stderr)
        return OPEN
    answers = Answers(settings.logs_dir, settings.join_window_s)
    try:
        found = answers.look_at_pair(AskedPair(first, second, span))
    except InsightError as exc:
        print(exc, file=sys.stderr)
        return OPEN
    print(found.sentence)
    if found.losses:
        print("\n".join(_evidence(found)))
    return CODES.get(found.verdict, OPEN)


def _evidence(found: Comparison) -> list[str]:
    lines = [
        f"{found.n_pairs:,} ids in {found.n_slices:,} slices of time that are mature; {found.n_immature:,} more are too young; "
        f"ids that one of them lacks: {found.n_only_first + found.n_only_second:,}.",
        "95%, however often one looks.",
    ]
    lines += map(_loss, found.losses)
    return lines + [f"Rows are missing: {gap.why}." for gap in found.gaps[:1]]


def _loss(loss: LossCompared) -> str:
    low, high = (number(end, signed=True) if end is not None else "open" for end in (loss.low, loss.high))
    means = f"{number(loss.first)} against {number(loss.second)}"
    return (
        f"  {loss.loss:<9} {means}: difference {number(loss.difference, signed=True)} ({low} to {high}), {loss.verdict}"
    )
