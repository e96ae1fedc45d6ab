"""What is wrong with one id: its facts held against each other. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from commands.reconcile.facts import ANSWERED, DECIDED, FEATURES, PRED, SENT, TRUE, WAITING, WRITTEN, Fact
from commands.reconcile.listings import Listings
from commands.reconcile.placings import Placings

Line = Literal["rows", "features", "metric", "metric_log.csv", "unmatched_log.csv"]
MATCHED = "matched"
USUAL = (TRUE, PRED, DECIDED, SENT, WRITTEN)
Value = tuple[str, float, float]


class Span(NamedTuple):
    """What is held against each other in one partition, in offsets of the decision log: after `start`, up to `end`.

    `confirmed` and `written`: up to where verdicts must be in the topic `metric`, and in the CSV files. `metric_from`:
    the first decision that the topic `metric` still has; `log_from`: that the log still has. `whole`: the inputs are
    there from their beginning. `listings`: which models were listed when. `placings`: by how many partitions ids were placed.
    """

    start: int
    end: int
    confirmed: int
    written: int
    metric_from: int
    log_from: int
    whole: bool
    listings: Listings = Listings()
    placings: Placings = Placings()


class Problem(NamedTuple):
    """What is wrong with an id, and in which line of the table."""

    line: Line
    id: str
    said: str


class Tally(msgspec.Struct):
    """Sums over ids. Per file: verdicts that must be in it, rows that are, and rows older than what Kafka keeps."""

    n_waiting: int = 0
    n_features: int = 0
    n_answered: int = 0
    n_confirmed: int = 0
    n_sent: int = 0
    due: Counter[str] = msgspec.field(default_factory=Counter)
    written: Counter[str] = msgspec.field(default_factory=Counter)
    older: Counter[str] = msgspec.field(default_factory=Counter)


def evaluate(
    row_id: str, facts: Sequence[Fact], spans: Mapping[int, Span], tally: Tally, *, whole: bool
) -> list[Problem]:
    """Return what is wrong with an id, and count it into `tally`.

    Args:
        facts: all that is known of the id, in the order of their kinds.
        spans: per partition, what is held against each other.
        whole: the decision log is there from its beginning, so that a CSV row without a verdict cannot be older.
    """
    found: list[Problem] = []
    if facts[-1].kind > WRITTEN:
        found += _features(row_id, facts, tally)
        facts = [fact for fact in facts if fact.kind <= WRITTEN]
    lanes = _by_lane(facts, spans)
    if len(lanes) > 1:
        return found + _of_each(row_id, facts, lanes, spans, tally, whole=whole)
    if _is_well(facts, spans):
        tally.n_confirmed += 1
        tally.n_sent += 1
        tally.due["metric_log.csv"] += 1
        tally.written["metric_log.csv"] += 1
        return found
    return found + closely(row_id, facts, spans, tally, whole=whole)


def _by_lane(facts: Sequence[Fact], spans: Mapping[int, Span]) -> dict[str, list[Fact]]:
    """Return what is known of an id for each model; rows of the CSV files are nobody's."""
    lanes: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.kind in (DECIDED, SENT):
            listings = spans[fact.partition].listings
            lane = listings.of_verdict(fact.offset, fact.model, is_challenger=not fact.in_files)
        else:
            lane = fact.model
        if fact.kind != WRITTEN:
            lanes.setdefault(lane, []).append(fact)
    return lanes


def _of_each(
    row_id: str,
    facts: Sequence[Fact],
    lanes: Mapping[str, Sequence[Fact]],
    spans: Mapping[int, Span],
    tally: Tally,
    *,
    whole: bool,
) -> list[Problem]:
    """Look at an id that several models predict: at its rows and verdicts for each, at the files once."""
    found: list[Problem] = []
    for model, some in lanes.items():
        name = f"{row_id} of {model}" if model else row_id
        decided = [fact for fact in some if fact.kind == DECIDED]
        found += _rows(name, some, decided, spans, tally) + _metric(name, some, decided, spans, tally)
    decided = [fact for fact in facts if fact.kind == DECIDED]
    found += _file("metric_log.csv", row_id, facts, decided, spans, tally, whole)
    return found + _file("unmatched_log.csv", row_id, facts, decided, spans, tally, whole)


def _features(row_id: str, facts: Sequence[Fact], tally: Tally) -> list[Problem]:
    """Hold the id's rows of features against its predictions and refusals; both may be there more than once."""
    n = sum(fact.kind == FEATURES for fact in facts)
    n_answers = sum(fact.kind in (PRED, ANSWERED) for fact in facts)
    tally.n_features += n
    tally.n_answered += min(n, n_answers)
    if n <= n_answers:
        return []
    answered = f"{_times(n_answers, 'answer')} (a prediction or a refusal) went out"
    return [Problem("features", row_id, f"{_times(n, 'row')} of features came in, but {answered}")]


def _is_well(facts: Sequence[Fact], spans: Mapping[int, Span]) -> bool:
    """Tell whether the id came once from either side, ended matched, and stands once wherever it must. Most ids do."""
    if len(facts) == len(USUAL) + 1 and facts[2].kind == WAITING and facts[2].offset <= facts[3].offset:
        facts = [*facts[:2], *facts[3:]]
    if tuple([fact.kind for fact in facts]) != USUAL:
        return False
    true, pred, decided, sent, written = facts
    span = spans[decided.partition]
    return (
        decided.verdict == sent.verdict == written.verdict == MATCHED
        and true.a == decided.a == sent.a == written.a
        and pred.a == decided.b == sent.b == written.b
        and max(span.start + 1, span.metric_from, span.log_from) <= decided.offset == sent.offset
        and decided.offset <= min(span.confirmed, span.written, span.end)
    )


def closely(
    row_id: str, facts: Sequence[Fact], spans: Mapping[int, Span], tally: Tally, *, whole: bool
) -> list[Problem]:
    """Look at each fact of an id but those of features, as `evaluate` does."""
    decided = [fact for fact in facts if fact.kind == DECIDED]
    found = _rows(row_id, facts, decided, spans, tally)
    found += _metric(row_id, facts, decided, spans, tally)
    found += _file("metric_log.csv", row_id, facts, decided, spans, tally, whole)
    found += _file("unmatched_log.csv", row_id, facts, decided, spans, tally, whole)
    return found


def _rows(
    row_id: str, facts: Sequence[Fact], decided: Sequence[Fact], spans: Mapping[int, Span], tally: Tally
) -> list[Problem]:
    """Hold the id's rows in Kafka against its verdicts."""
    of_side: tuple[list[float], list[float]] = ([], [])
    for fact in facts:
        if fact.kind in (TRUE, PRED):
            of_side[fact.kind].append(fact.a)
    past = [fact for fact in decided if fact.offset <= spans[fact.partition].end]
    began = [fact for fact in facts if fact.kind == WAITING and fact.offset <= spans[fact.partition].end]
    stayed = [
        fact for fact in began if not spans[fact.partition].placings.has_left(fact.id, fact.partition, fact.offset)
    ]
    ended = {fact.partition: fact.offset for fact in sorted(past, key=lambda fact: fact.offset)}
    waits = any(fact.offset >= ended.get(fact.partition, -1) for fact in stayed)
    tally.n_waiting += waits
    n_rows = len(of_side[TRUE]) + len(of_side[PRED])
    if n_rows and not past and not waits:
        return [Problem("rows", row_id, f"{_times(n_rows, 'row')} came in, but it has no verdict and does not wait")]
    apart: dict[int, set[int]] = {}
    for fact in past:
        apart.setdefault(spans[fact.partition].placings.at(fact.offset), set()).add(fact.partition)
    for some in apart.values():
        if len(some) > 1:
            said = f"it has {len(past)} verdicts, in the partitions {', '.join(map(str, sorted(some)))}: one alone is right"
            return [Problem("rows", row_id, said)]
    if not past or not spans[past[0].partition].whole:
        return []
    n_used = sum(2 if fact.verdict == MATCHED else 1 for fact in past) + waits
    if n_rows < n_used:
        return [Problem("rows", row_id, f"its verdicts account for {n_used} rows, but {n_rows} came in")]
    return [
        Problem("rows", row_id, f"its verdict {_shown(fact)} holds a value that none of its rows has")
        for fact in past
        if not _is_of_rows(fact, of_side)
    ]


def _is_of_rows(fact: Fact, of_side: tuple[list[float], list[float]]) -> bool:
    if fact.verdict == MATCHED:
        return fact.a in of_side[TRUE] and fact.b in of_side[PRED]
    return fact.a in of_side[TRUE if fact.verdict == "unmatched_true" else PRED]


def _metric(
    row_id: str, facts: Sequence[Fact], decided: Sequence[Fact], spans: Mapping[int, Span], tally: Tally
) -> list[Problem]:
    """Hold the topic `metric` against the decision log."""
    sent = Counter(
        _value(fact) for fact in facts if fact.kind == SENT and fact.offset >= spans[fact.partition].log_from
    )
    due = Counter(_value(fact) for fact in decided if _must_be_sent(fact, spans[fact.partition]))
    known = Counter(_value(fact) for fact in decided)
    tally.n_confirmed += due.total()
    tally.n_sent += (due & sent).total()
    missing = [Problem("metric", row_id, f"its verdict {_text(v)} is not in the topic") for v in due - sent]
    return missing + [Problem("metric", row_id, f"{_text(v)} was never decided, but is there") for v in sent - known]


def _must_be_sent(fact: Fact, span: Span) -> bool:
    return max(span.start + 1, span.metric_from) <= fact.offset <= min(span.confirmed, span.end)


def _file(
    line: Line,
    row_id: str,
    facts: Sequence[Fact],
    decided: Sequence[Fact],
    spans: Mapping[int, Span],
    tally: Tally,
    whole: bool,
) -> list[Problem]:
    """Hold one CSV file against the decision log. What was decided after `written` may be in it already."""
    is_mine = (line == "metric_log.csv").__eq__
    mine = [fact for fact in decided if fact.in_files and is_mine(fact.verdict == MATCHED)]
    written = Counter(_value(fact) for fact in facts if fact.kind == WRITTEN and is_mine(fact.verdict == MATCHED))
    due = Counter(_value(f) for f in mine if spans[f.partition].start < f.offset <= _last_due(spans[f.partition]))
    known = Counter(_value(fact) for fact in mine)
    missing, extra = list((due - written).elements()), list((written - known).elements())
    n_edited = min(len(missing), len(extra))
    found = [
        Problem(line, row_id, f"the row says {_text(there)}, the verdict was {_text(was)}")
        for was, there in zip(missing[:n_edited], extra[:n_edited], strict=True)
    ]
    found += [Problem(line, row_id, f"the row of its verdict {_text(v)} is not there") for v in missing[n_edited:]]
    strange = extra[n_edited:]
    n_older = 0
    for value in strange:
        if value in known:
            found.append(Problem(line, row_id, f"the row {_text(value)} is there {written[value]} times"))
        elif whole:
            found.append(Problem(line, row_id, f"the row {_text(value)} is there, but was never decided"))
        else:
            n_older += 1
    tally.due[line] += due.total()
    tally.older[line] += n_older
    tally.written[line] += (due & written).total() + len(extra) - n_older
    return found


def _last_due(span: Span) -> int:
    return min(span.written, span.end)


def _value(fact: Fact) -> Value:
    return (fact.verdict, fact.a, fact.b)


def _text(value: Value) -> str:
    verdict, a, b = value
    return f"{verdict} {a!r}, {b!r}" if verdict == MATCHED else f"{verdict} {a!r} at {b!r}"


def _shown(fact: Fact) -> str:
    return _text(_value(fact))


def _times(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")
