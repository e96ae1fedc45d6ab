"""What a rule is held against, read from the figures; or why nothing can be told, which neither fires nor resolves."""

from __future__ import annotations

from typing import NamedTuple

from streams.alerts.rules import Rule, seconds
from streams.scores.equal_delays import Ratio
from streams.scores.figures import Figures
from streams.scores.verdict import is_away


class Reading(NamedTuple):
    """A rule's value now, the ends of its 95% interval where they are known; else None, and `why` says why.

    `mostly` is the segment that most of it is of, empty for a rule that is not by segment.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""
    n_pairs: int | None = None
    mostly: str = ""

    def nearest(self, rule: Rule) -> float:
        """Return the end of the interval that is nearest to where all is well; the value itself, if there is none."""
        end = self.high if rule.below is not None else self.low
        return (self.value or 0.0) if end is None else end

    @classmethod
    def cannot_tell(cls, why: str, n_pairs: int | None = None) -> Reading:
        """Return a reading that says nothing but why."""
        return cls(None, why=why, n_pairs=n_pairs)


class Compared(NamedTuple):
    """A model held against its reference at equal delays: the ratio of MAE; and the alarm's evidence, by what it takes.

    None for what cannot be told, and `why` says why. `mostly` is the segment that most of the evidence is of.
    """

    ratio: Ratio | None = None
    evidence: float | None = None
    mostly: str = ""
    why: str = "there is no reference of labels yet"


class Health(NamedTuple):
    """What is not of labels: counts, None where unknown, and `why` says why.

    `behind` says why the figures do not hold yet what has come, such as rows that are not joined; empty if they do.
    """

    quarantined: int | None = None
    ledger: int | None = None
    bridge: int | None = None
    why: str = "the worker's state is not known yet"
    behind: str = "the worker's state is not known yet"


def of_health(rule: Rule, health: Health) -> Reading:
    """Return what a rule about rows and brokers is held against."""
    found: int | None = getattr(health, rule.metric)
    return Reading.cannot_tell(health.why) if found is None else Reading(float(abs(found)))


def of_labels(rule: Rule, figures: Figures, compared: Compared) -> Reading:
    """Return what a rule about labels is held against.

    Args:
        figures: of the rule's model and span, by prediction time; `compared`: likewise.
    """
    why = _too_few(rule, figures) or _labels_away(figures)
    reading = Reading.cannot_tell(why) if why else _read(rule, figures, compared)
    return reading._replace(n_pairs=figures.n_labelled)


def _too_few(rule: Rule, figures: Figures) -> str:
    if figures.n_labelled < rule.min_pairs:
        return f"{_labels(figures.n_labelled)}, {rule.min_pairs:,} are needed"
    coverage = figures.coverage.so_far
    if rule.min_coverage and (coverage is None or coverage < rule.min_coverage):
        has = "no prediction has" if not coverage else f"{coverage:.0%} of predictions have"
        return f"{has} a label, {rule.min_coverage:.0%} are needed"
    return ""


def _labels_away(figures: Figures) -> str:
    """Say that no label comes while predictions do, or that what it held back is in only now."""
    if is_away(figures):
        length_s = figures.outages[-1].end - figures.outages[-1].start
        return f"no label came for {length_s / 60:.0f} min while predictions did: nothing is concluded"
    return ""


def _labels(n: int) -> str:
    return "1 label" if n == 1 else f"{n:,} labels"


def _read(rule: Rule, figures: Figures, compared: Compared) -> Reading:
    if rule.metric == "ratio":
        return _ratio(rule, compared)
    if rule.metric == "drift":
        why = "" if compared.evidence is not None else compared.why
        return Reading(compared.evidence, why=why, mostly=compared.mostly)
    if rule.metric in ("coverage", "delay_p90"):
        return _of_delays(rule, figures)
    if rule.read_on == "so_far":
        return Reading(figures.so_far.get(rule.metric))
    why = figures.why if figures.expected is None else _immature(figures, _half(rule, figures))
    if why or figures.expected is None:
        return Reading.cannot_tell(why)
    value, low, high = (figures.expected[f"{rule.metric}{end}"] for end in ("", "_low", "_high"))
    return _with_interval(value, low, high)


def _ratio(rule: Rule, compared: Compared) -> Reading:
    if compared.ratio is None:
        return Reading.cannot_tell(compared.why)
    if compared.ratio.n < rule.min_pairs:
        return Reading.cannot_tell(
            f"{_labels(compared.ratio.n)} of delays that can be compared, {rule.min_pairs:,} are needed"
        )
    return _with_interval(*compared.ratio.estimate)


def _with_interval(value: float | None, low: float | None, high: float | None) -> Reading:
    if value is None or low is None or high is None:
        return Reading.cannot_tell("too few labels or slices to say how sure it is")
    return Reading(value, low, high)


def _half(rule: Rule, figures: Figures) -> float:
    """Return up to which delay labels must be known before their mean says something of all."""
    return min(seconds(rule.over), figures.window_s) / 2


def _immature(figures: Figures, needed_s: float) -> str:
    if (figures.horizon_s or 0) >= needed_s:
        return ""
    known = f"nothing is known of labels that take longer than {_span(figures.horizon_s or 0)}"
    return f"{known}; {_span(needed_s)} are needed"


def _of_delays(rule: Rule, figures: Figures) -> Reading:
    """Read the share that gets a label, or the delay that 9 of 10 of them do not exceed: known once all can be there."""
    coverage = figures.coverage
    if why := _immature(figures, figures.window_s * (1 - 1e-9)):
        return Reading.cannot_tell(why)
    if coverage.final is None or not coverage.final:
        return Reading.cannot_tell(figures.why or "no label has come")
    if rule.metric == "coverage":
        return _with_interval(coverage.final, coverage.low, coverage.high)
    return Reading(None if figures.label_delay is None else figures.label_delay.p90)


def _span(span_s: float) -> str:
    return f"{span_s / 60:.0f} min" if span_s >= 90 else f"{span_s:.0f} s"
