"""The command `reference`: what the model is held against, and another span in its place."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

from agents.insight.answers import Answers
from agents.insight.database import InsightError
from agents.insight.references import Kept, References
from commands.times import parse_time
from streams.scores.hours import Hours
from streams.scores.metrics import SCORES
from streams.scores.numbers import number
from streams.settings import Settings


def run(
    settings: Settings, *, action: str, start: str = "", end: str = "", model: str = "", by_hour: bool = False
) -> int:
    """Show, set or clear the reference; return 1 if that cannot be done, with a sentence."""
    references = References(settings.logs_dir)
    try:
        if action == "clear":
            references.clear(model)
            print(
                f"The reference of {_whose(model)} is cleared: the first 2,000 mature labels that are there make one again."
            )
            return 0
        is_set = action == "set"
        kept = _chosen(settings, references, start, end, model, by_hour=by_hour) if is_set else references.get(model)
    except (InsightError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return 1
    if kept is None:
        print(
            f"There is no reference of {_whose(model)} yet: the first 2,000 mature labels over one join window make one."
        )
        return 1
    print("\n".join(_lines(kept, model)))
    return 0


def _chosen(settings: Settings, references: References, start: str, end: str, model: str, *, by_hour: bool) -> Kept:
    if not start:
        raise ValueError("Name the span: --from, and --to if it does not go on until now.")
    wall_now = time.time()
    now = Answers(settings.logs_dir, settings.join_window_s).now(wall_now) or wall_now
    since, until = parse_time(start, now=wall_now), parse_time(end, now=wall_now) if end else wall_now
    if not since < until:
        raise ValueError("--from must lie before --to.")
    return references.choose(since, until, now, model, by_hour=by_hour)


def _lines(kept: Kept, model: str) -> list[str]:
    reference = kept.reference
    scores = reference.scores(reference.ends[-1])
    chosen = "by hand" if kept.chosen == "span" else "by itself: its first mature labels"
    return [
        f"The reference of {_whose(model)}, chosen {chosen}:",
        f"  predictions of {_at(reference.start)} to {_at(reference.end)} UTC, {reference.n_predictions:,}",
        f"  labels        {sum(reference.n):,}",
        *(f"  {score.name:<13} {number(scores[score.name])}" for score in SCORES),
        *([] if reference.hours is None else _of_hours(reference.hours)),
        *([f"  segments      {len(reference.segments)} of enough labels to be watched"] if reference.segments else []),
    ]


def _of_hours(hours: Hours) -> list[str]:
    """Return a line on how errors swing over the day, and one on hours of which too little is known."""
    known = {hour: level for hour, level in enumerate(hours.level) if level}
    least, most = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    lines = [f"  by hour       {known[least]:.2f} × at {least:02}:00 to {known[most]:.2f} × at {most:02}:00 UTC"]
    unknown = ", ".join(f"{hour:02}" for hour in range(len(hours.level)) if hour not in known)
    return [*lines, f"  not watched   hours with too few labels: {unknown}"] if unknown else lines


def _whose(model: str) -> str:
    return f"the model {model}" if model else "all models together"


def _at(ts: float) -> str:
    return f"{datetime.fromtimestamp(ts, UTC):%Y-%m-%d %H:%M:%S}"
