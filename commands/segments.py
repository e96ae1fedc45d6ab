"""The command `segments`: which segments the loss is in, and why it changed; from insight.db, beside a running worker."""

from __future__ import annotations

import sys
import time

import msgspec

from agents.insight.answers import Answers
from agents.insight.database import InsightError
from agents.insight.query import Asked, AskedSegments
from commands.columns import columns
from commands.times import parse_time
from streams.scores.breakdown import Breakdown, Segment
from streams.scores.figures import length_s
from streams.scores.numbers import NONE, number
from streams.settings import Settings
from streams.wire.values import printable

HEADINGS = ("share of loss", "of predictions", "MAE so far", "expected", "labels in", "labels")


def run(
    settings: Settings,
    *,
    by: str = "",
    last: str = "1h",
    start: str = "",
    end: str = "",
    model: str = "",
    as_json: bool = False,
) -> int:
    """Print the segments of one key; return 1 if nothing can be told, with a sentence."""
    try:
        asked = AskedSegments(_asked(last, start, end, model), by)
        found = Answers(settings.logs_dir, settings.join_window_s).look_at_segments(asked)
    except (InsightError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return 1
    if found is None:
        print(
            "Nothing has been counted yet: a worker that runs the agent plot counts into insight.db.", file=sys.stderr
        )
        return 1
    if by and by != found.key:
        print(
            f"There are no segments by {printable(by)}; there are by {', '.join(map(printable, found.keys))}.",
            file=sys.stderr,
        )
        return 1
    print(msgspec.json.encode(found).decode() if as_json else "\n".join(_lines(found)))
    return 0


def _asked(last: str, start: str, end: str, model: str) -> Asked:
    if not start and not end:
        if length_s(last) is None:
            raise ValueError(f"--last is a span such as 5m, 3h, 7d or all, not {last!r}.")
        return Asked(last, model=model)
    now = time.time()
    since, until = (parse_time(text, now=now) if text else None for text in (start, end))
    if since is not None and until is not None and since >= until:
        raise ValueError("--from must lie before --to.")
    return Asked(start=since, end=until, model=model)


def _lines(found: Breakdown) -> list[str]:
    rows = [(printable(one.value) or f"(no {found.key})", *_cells(one)) for one in found.segments] + [
        ("all", *_cells(found.total))
    ]
    if found.n_sampled:
        return [
            f"Segments by {found.key} begin with {found.n_needed:,} labels; {found.n_sampled:,} are in. The first ones say "
            "where the bins begin and end, and are counted then, too."
        ]
    lines = columns([(found.key, *HEADINGS), *rows])
    change = found.change
    more = [f"Nothing is expected here: {found.total.why}."] if found.total.why else []
    more += [f"Not complete: {gap.why}." for gap in found.gaps]
    if change.mix is not None and change.model is not None:
        more.append(
            f"Against the span before, MAE {change.basis} {number(change.mae_before)} -> {number(change.mae)}: "
            f"{number(change.model, signed=True)} by the model, {number(change.mix, signed=True)} by the mix."
        )
    more.append(change.sentence)
    if found.n_other:
        more.append(f"{found.n_other:,} tags were counted as other: there were too many to tell apart.")
    if found.n_bad_tags:
        more.append(f"{found.n_bad_tags:,} tags could not be used, and were left out.")
    return [*lines, "", *more]


def _cells(one: Segment) -> tuple[str, ...]:
    interval = ""
    if one.mae_low is not None and one.mae_high is not None:
        interval = f" ({number(one.mae_low)} to {number(one.mae_high)})"
    return (
        _percent(one.share_of_loss),
        _percent(one.share_of_predictions),
        number(one.mae),
        number(one.mae_expected) + interval,
        _percent(one.coverage),
        f"{one.n_labelled:,}",
    )


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.0f}%"
