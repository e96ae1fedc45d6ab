"""The command `check`: is the error within a limit? For cron and CI, from insight.db, also beside a running worker."""

from __future__ import annotations

import math
import re
import sys
import time

from agents.insight.answers import Answers
from agents.insight.database import InsightError
from agents.insight.query import Asked
from streams.alerts import words
from streams.alerts.readings import Compared, of_labels
from streams.alerts.rules import SPAN_PATTERN, Rule, seconds
from streams.settings import Settings

SPAN = re.compile(SPAN_PATTERN)
OK, WORSE, CANNOT_TELL = 0, 1, 2


def run(
    settings: Settings,
    *,
    max_mae: float,
    last: str = "1h",
    min_coverage: float = 0.0,
    min_pairs: int = 30,
    model: str = "",
) -> int:
    """Print how the error stands; return 0 if it is within the limit, 1 if beyond, 2 if that cannot be told."""
    numbers = math.isfinite(max_mae) and math.isfinite(min_coverage)
    if not numbers or not SPAN.fullmatch(last) or seconds(last) <= 0:
        print(
            "--max-mae is a number, --last is a span such as 30m, 1h or 7d, --min-coverage a share from 0 to 1.",
            file=sys.stderr,
        )
        return CANNOT_TELL
    rule = Rule(
        name="check",
        metric="mae",
        above=max_mae,
        over=last,
        min_coverage=min_coverage,
        min_pairs=min_pairs,
        model=model,
    )
    answers = Answers(settings.logs_dir, settings.join_window_s)
    try:
        now = answers.look(Asked(last="5m")).now or time.time()
        figures = answers.look(Asked(start=max(0.0, now - seconds(last)), end=now, model=model))
    except InsightError as exc:
        print(exc, file=sys.stderr)
        return CANNOT_TELL
    reading = of_labels(rule, figures, Compared())
    if reading.value is None:
        print(f"Cannot tell. {words.what(rule)}: {reading.why}.")
        return CANNOT_TELL
    is_beyond = rule.is_beyond(reading.nearest(rule))
    chance = ", but not beyond chance" if not is_beyond and rule.is_beyond(reading.value) else ""
    side = "above" if rule.is_beyond(reading.value) else "not above"
    said = f"{words.what(rule)}: {words.value(rule, reading)}, {side} {words.amount(rule, max_mae)}{chance}"
    print(f"{'Worse' if is_beyond else 'Fine'}. {said}; {figures.n_labelled:,} labels.")
    return WORSE if is_beyond else OK
