"""The oracle: what was meant and confirmed (the ledger) against what is there. Pure.

The classes are those of Jepsen's set checker: `attempted`, `acknowledged`; of what is there, `ok` was acknowledged,
`recovered` was not, `unexpected` was never attempted, `duplicated` is there more than once; `lost` was acknowledged and
is not there. Method: https://github.com/jepsen-io/jepsen, jepsen.checker/set-full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from tests.faults.ledger import Intent

SHOWN = 5
"""How many members of a class that should be empty are named."""
SIDES = {"y_true": 0, "y_pred": 1}


class Verdict(NamedTuple):
    """How an id ended, as a file or a topic tells it."""

    verdict: str
    y_true: float | None
    y_pred: float | None


@dataclass
class Seen:
    """What is there: `rows` in Kafka by (queue, id), unreadable pieces in quarantine, verdicts by id, counters."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    logged: dict[str, list[Verdict]] = field(default_factory=dict)
    sent: dict[str, list[Verdict]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass
class Classes:
    """Sizes of Jepsen's classes, and some members of those that are wrong."""

    attempted: int
    acknowledged: int
    ok: int
    lost: int
    duplicated: int
    recovered: int
    unexpected: int
    examples: list[str]


@dataclass
class Report:
    """The verdict on one run: rows and unreadable pieces may come twice, an id's verdict may not."""

    rows: Classes
    unreadable: Classes
    verdicts: Classes
    waiting: int
    problems: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def check(
    intents: Iterable[Intent], seen: Seen, *, over: bool, known: Collection[str] = (), forgiven: Collection[str] = ()
) -> Report:
    """Compare.

    Args:
        over: every id has had its time, so that an id with one side must have its verdict too.
        known: beginnings of ids that other ledgers answer for.
        forgiven: ids and unreadable pieces of which nothing is asked.
    """
    problems = _counters(seen, forgiven)
    if forgiven:
        intents, seen = _without(forgiven, intents, seen)
    intents = list(intents)
    known = tuple(known)
    rows = classify(
        ((intent.queue, row_id), intent.acknowledged) for intent in intents for row_id, _, _ in intent.rows
    )(Counter({key: n for key, n in seen.rows.items() if not key[1].startswith(known)}))
    unreadable = classify((bad, intent.acknowledged) for intent in intents for bad in intent.bad)(
        Counter({bad: n for bad, n in seen.quarantined.items() if not _of_others(bad, known)})
    )
    verdicts, waiting = _verdicts(intents, seen, over, known)
    problems = problems + [
        f"{name}: {what} {getattr(classes, what)}: {', '.join(classes.examples)}"
        for name, classes, never in (
            ("rows", rows, ("lost", "unexpected")),
            ("unreadable", unreadable, ("lost", "unexpected")),
            ("verdicts", verdicts, ("lost", "unexpected", "duplicated")),
        )
        for what in never
        if getattr(classes, what)
    ]
    return Report(rows, unreadable, verdicts, waiting, problems)


class classify:  # noqa: N801  reads as a verb
    """Sort keys into the classes: first what was attempted, as (key, acknowledged), then what is there."""

    def __init__(self, attempts: Iterable[tuple[Hashable, bool]]) -> None:
        self.attempted: set[Hashable] = set()
        self.acknowledged: set[Hashable] = set()
        for key, acknowledged in attempts:
            self.attempted.add(key)
            if acknowledged:
                self.acknowledged.add(key)

    def __call__(self, there: Counter[Any]) -> Classes:
        """Return the sizes of the classes."""
        found = set(there)
        lost, unexpected = self.acknowledged - found, found - self.attempted
        duplicated = {key for key, n in there.items() if n > 1}
        return Classes(
            attempted=len(self.attempted),
            acknowledged=len(self.acknowledged),
            ok=len(self.acknowledged & found),
            lost=len(lost),
            duplicated=len(duplicated),
            recovered=len((self.attempted - self.acknowledged) & found),
            unexpected=len(unexpected),
            examples=[str(key) for key in [*lost, *unexpected][:SHOWN]],
        )


def _verdicts(intents: Iterable[Intent], seen: Seen, over: bool, known: tuple[str, ...]) -> tuple[Classes, int]:
    """Classify ids by their verdicts; one that does not fit the rows that were published is unexpected."""
    values: dict[str, list[float | None]] = {}
    acknowledged: dict[tuple[str, str], bool] = {}
    for intent in intents:
        for row_id, _, y in intent.rows:
            values.setdefault(row_id, [None, None])[SIDES[intent.queue]] = y
            key = (intent.queue, row_id)
            acknowledged[key] = acknowledged.get(key, False) or intent.acknowledged
    sure = {row_id: all(acknowledged.get((queue, row_id), True) for queue in SIDES) for row_id in values}
    there: Counter[str] = Counter()
    waiting = 0
    for row_id, found in seen.logged.items():
        if row_id.startswith(known):
            continue
        fits = row_id in values and all(_fits(verdict, values[row_id], sure[row_id]) for verdict in found)
        there[row_id if fits else f"{row_id} as {found}"] = len(found)
    attempts = []
    for row_id, pair in values.items():
        is_due = over or None not in pair
        waiting += row_id not in there and not is_due
        attempts.append((row_id, sure[row_id] and is_due))
    return classify(attempts)(there), waiting


def _fits(verdict: Verdict, pair: list[float | None], sure: bool) -> bool:
    y_true, y_pred = pair
    if verdict.verdict == "matched":
        return (verdict.y_true, verdict.y_pred) == (y_true, y_pred)
    if sure and None not in pair:
        return False
    lone = (y_true, None) if verdict.verdict == "unmatched_true" else (None, y_pred)
    return (verdict.y_true, verdict.y_pred) == lone and lone != (None, None)


def _of_others(bad: str, known: tuple[str, ...]) -> bool:
    return bad.startswith(tuple('{"id":"bad-' + prefix for prefix in known))


def _without(forgiven: Collection[str], intents: Iterable[Intent], seen: Seen) -> tuple[list[Intent], Seen]:
    left = [
        intent._replace(
            rows=[row for row in intent.rows if row[0] not in forgiven],
            bad=[bad for bad in intent.bad if bad not in forgiven],
        )
        for intent in intents
    ]
    rows = Counter({key: n for key, n in seen.rows.items() if key[1] not in forgiven})
    quarantined = Counter({bad: n for bad, n in seen.quarantined.items() if bad not in forgiven})
    logged = {row_id: found for row_id, found in seen.logged.items() if row_id not in forgiven}
    return left, Seen(rows, quarantined, logged, seen.sent, seen.counts)


def _counters(seen: Seen, forgiven: Collection[str]) -> list[str]:
    """Return where the live counters are not what Kafka holds, or the topic `metric` not what the files hold."""
    counts, problems = seen.counts, []
    n_rows = seen.rows.total()
    n_sides = len(seen.rows)
    expected = {
        "difference": 0,
        "conflicts": 0,
        "late": 0,
        "rows_in": n_rows,
        "duplicates": n_rows - n_sides,
        "quarantined": seen.quarantined.total(),
    }
    for name, n in expected.items():
        if counts.get(name) != n:
            problems.append(f"the live counter {name} is {counts.get(name)}, but Kafka's topics say {n}")
    logged = Counter(
        (row_id, verdict) for row_id, all_of in seen.logged.items() if row_id not in forgiven for verdict in all_of
    )
    sent = Counter(
        (row_id, verdict) for row_id, all_of in seen.sent.items() if row_id not in forgiven for verdict in all_of
    )
    for what, more in (("only in the topic metric", sent - logged), ("only in the files", logged - sent)):
        if more:
            problems.append(f"{more.total()} verdicts are {what}: {list(more)[:SHOWN]}")
    return problems
