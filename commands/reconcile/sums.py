"""The sums that must be equal, and what breaks them, from what was gathered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from commands.reconcile.collect import Gathered
from commands.reconcile.evaluate import Problem, Span, Tally, evaluate
from commands.reconcile.facts import PRED, TRUE, Facts
from commands.reconcile.log_span import LogPart
from streams.join.decision import Counts
from streams.process.progress import Progress

MOST_PROBLEMS = 1000
FILES = ("metric_log.csv", "unmatched_log.csv")


class Sum(msgspec.Struct):
    """Two numbers that must be equal. `problems` are of single ids; the partitions that are off are in `off`."""

    name: str
    left: int
    right: int
    off: list[int] = []
    problems: list[Problem] = []
    n_problems: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return self.left == self.right and not self.off and not self.n_problems

    def add(self, problem: Problem) -> None:
        """Keep a problem; of very many, the first ones, and how many there are."""
        self.n_problems += 1
        if self.n_problems <= MOST_PROBLEMS:
            self.problems.append(problem)


class Result(msgspec.Struct):
    """What `reconcile` found. `strange`: what is wrong and no id's; `unchecked`: what could not be looked at."""

    sums: list[Sum]
    strange: list[str]
    unchecked: list[str]
    n_ids: int = 0
    notes: list[str] = []

    @property
    def code(self) -> int:
        """The exit code: 1 if anything is wrong, else 2 if anything could not be checked, else 0."""
        if self.strange or not all(each.holds for each in self.sums):
            return 1
        return 2 if self.unchecked else 0


def compute(found: Gathered, facts: Facts) -> Result:
    """Hold everything against each other."""
    spans = {part.partition: _span(part, found) for part in found.logs}
    logs = {part.end.log for part in found.logs if part.end}
    whole = all(part.first == 0 for part in found.logs) and set(found.written) <= logs
    tally, by_line = Tally(), {line: Sum(line, 0, 0) for line in ("rows", "features", "metric", *FILES)}
    n_ids = n_done = 0
    with Progress("Comparing ids", facts.count()) as progress:
        for row_id, known in facts.by_id():
            n_ids, n_done = n_ids + 1, n_done + len(known)
            progress.show(n_done)
            for problem in evaluate(row_id, known, spans, tally, whole=whole):
                by_line[problem.line].add(problem)
    sums = [*_delivered(found)]
    if found.answered:
        sums.append(_features(by_line["features"], tally))
    sums += [*_of_the_join(found.logs, by_line["rows"], tally), _metric(by_line["metric"], tally)]
    if not any("files" in said for said in found.unchecked):
        sums += [_file(by_line[name], tally) for name in FILES]
    sums.append(_quarantine(found, facts))
    return Result(sums, found.strange, found.unchecked, n_ids, list(_notes(found, tally)))


def _span(part: LogPart, found: Gathered) -> Span:
    if part.end is None:
        return Span(-1, -1, -1, -1, 0, part.first, part.is_whole)
    log = part.end.log
    return Span(
        start=part.start.offset if part.start else -1,
        end=part.end.offset,
        confirmed=part.confirmed,
        written=found.written.get(log, {}).get(part.partition, -1),
        metric_from=0 if found.metric_is_whole else found.metric_from.get((log, part.partition), part.end.offset + 1),
        log_from=part.first,
        whole=part.is_whole and part.start is None,
        listings=part.listings,
        placings=part.placings,
    )


def _of_the_join(logs: Sequence[LogPart], rows: Sum, tally: Tally) -> list[Sum]:
    rows.name, rows.left, rows.right, rows.off = _total(
        "rows in Kafka = rows counted by the join",
        ((part, sum(part.n_rows), _grown(part, "rows_true") + _grown(part, "rows_pred")) for part in logs),
    )
    sides = [
        Sum(*_total(f"{kind} in Kafka = counted", ((p, p.n_rows[side], _grown(p, f"rows_{kind[2:]}")) for p in logs)))
        for side, kind in ((TRUE, "y_true"), (PRED, "y_pred"))
    ]
    invariant = Sum(
        *_total(
            "rows in = 2 × matched + unmatched + duplicates + conflicts + late + waiting",
            ((p, p.after().rows_in, _accounted(p.after())) for p in logs),
        )
    )
    ends = [
        Sum(*_total(f"{name} verdicts in the log = counted", ((p, p.n_verdicts[name], _grown(p, name)) for p in logs)))
        for name in ("matched", "unmatched_true", "unmatched_pred")
    ]
    of_models = [
        Sum(
            *_total(
                f"rows in of {model} = 2 × matched + unmatched + duplicates + conflicts + late + waiting",
                ((p, _of_model(p, model).rows_in, _accounted(_of_model(p, model))) for p in logs),
            )
        )
        for model in sorted({name for part in logs if part.end for name in part.end.by_model})
    ]
    waiting = Sum("ids that wait by the log = counted", tally.n_waiting, sum(p.after().waiting for p in logs))
    unreadable = Sum(
        *_total("unreadable rows in Kafka = counted", ((p, p.n_unreadable, _grown(p, "unreadable")) for p in logs))
    )
    foreign = Sum(
        *_total("rows of other partitions = sent on", ((p, p.n_foreign, _grown(p, "forwarded")) for p in logs))
    )
    return [
        rows,
        *sides,
        invariant,
        *of_models,
        *ends,
        waiting,
        unreadable,
        *([foreign] if foreign.left or foreign.right else []),
    ]


def _total(name: str, parts: Iterable[tuple[LogPart, int, int]]) -> tuple[str, int, int, list[int]]:
    """Return a sum over partitions, and the partitions in which its two sides differ."""
    found = list(parts)
    off = [part.partition for part, left, right in found if left != right]
    return name, sum(left for _, left, _ in found), sum(right for _, _, right in found), off


def _grown(part: LogPart, name: str) -> int:
    grown: int = getattr(part.after(), name) - getattr(part.before(), name)
    return grown


def _of_model(part: LogPart, model: str) -> Counts:
    return part.end.by_model.get(model, Counts()) if part.end else Counts()


def _accounted(counts: Counts) -> int:
    return counts.rows_in - counts.difference()


def _delivered(found: Gathered) -> Iterable[Sum]:
    """Hold what the bridge says against Kafka, where more may be: of an earlier bridge, or of another one."""
    for kind, (n, n_there) in found.delivered.items():
        yield Sum(f"rows that the bridge took from {kind} = in Kafka or quarantine", n, min(n, n_there))


def _features(line: Sum, tally: Tally) -> Sum:
    line.name, line.left, line.right = "rows of features = predicted or refused", tally.n_features, tally.n_answered
    return line


def _metric(line: Sum, tally: Tally) -> Sum:
    line.name, line.left, line.right = "verdicts confirmed = in the topic metric", tally.n_confirmed, tally.n_sent
    return line


def _file(line: Sum, tally: Tally) -> Sum:
    name = line.name
    line.name, line.left, line.right = f"verdicts written = rows of {name}", tally.due[name], tally.written[name]
    return line


def _quarantine(found: Gathered, facts: Facts) -> Sum:
    n_expected = facts.n_expected(found.quarantine_since)
    missing = facts.not_in_quarantine(found.quarantine_since)
    line = Sum("unreadable rows of Kafka = in quarantine", n_expected, n_expected - sum(n for _, n in missing))
    for source, n in missing:
        said = f"{n} unreadable row{'s' if n > 1 else ''} of this record {'are' if n > 1 else 'is'} not in quarantine"
        line.add(Problem("rows", source, said))
    return line


def _notes(found: Gathered, tally: Tally) -> Iterable[str]:
    if found.n_quarantine_removed:
        yield (
            f"Kafka has removed the first {found.n_quarantine_removed:,} records of quarantine, by its limits or by hand: "
            "what was refused before that is not checked"
        )
    for topic, n in found.n_void.items():
        if n:
            yield f"{n:,} records of {topic} are none of ours: they are stepped over, by whoever reads them"
    for name, n in tally.older.items():
        if n:
            yield f"{n:,} rows of {name} are older than what Kafka keeps: they were not checked"
    for part in found.logs:
        if part.start is not None:
            yield (
                f"partition {part.partition}: rows are checked from offset {part.start.offset + 1} of its log on; what "
                "lies before was not asked for, or is no longer in Kafka"
            )
