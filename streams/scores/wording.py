"""The figures in words, the same in `status` and in the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from streams.scores.figures import Figures
from streams.scores.metrics import QUANTILES, SCORES, Score
from streams.scores.numbers import number, tick


def scores(values: Mapping[str, float | None], shown: Sequence[Score] = SCORES) -> str:
    """Return scores that are there with their titles, and with their intervals where these are known."""
    return ", ".join(f"{score.title} {_one(values, score)}" for score in shown if values.get(score.name) is not None)


def _one(values: Mapping[str, float | None], score: Score) -> str:
    low, high = values.get(f"{score.name}_low"), values.get(f"{score.name}_high")
    text = number(values[score.name], signed=score.better == "nearer 0")
    unit = " %" if score.unit == "%" else ""
    return f"{text}{unit}" if low is None or high is None else f"{text} ± {_short((high - low) / 2)}{unit}"


def quantiles(figures: Figures) -> str:
    """Return the quantiles of the absolute error that are there."""
    return ", ".join(f"{name} {quantile(figures, name)}" for name in QUANTILES if figures.so_far[name] is not None)


def quantile(figures: Figures, name: str) -> str:
    """Return a quantile of the absolute error, with ≈ and two digits where it is not exact."""
    value = figures.so_far[name]
    return number(value) if figures.quantiles_exact or value is None else f"≈ {_short(value)}"


def expected(figures: Figures, shown: Sequence[Score] = SCORES) -> str:
    """Return what is expected of all predictions and how far that reaches, or why nothing is."""
    if figures.expected is None or figures.horizon_s is None:
        return f"not known: {figures.why}"
    return f"{scores(figures.expected, shown)}, of labels within {length(figures.horizon_s)}"


def labelled(figures: Figures) -> str:
    """Return how many of the predictions have a label, and how many will, as far as that can be told."""
    coverage = figures.coverage
    if coverage.so_far is None:
        return f"{figures.n_labelled:,} labels"
    final = ""
    if coverage.final is not None and figures.expected is not None:
        within = "" if figures.reaches_deadline else f" one within {length(figures.horizon_s or 0.0)}"
        final = f", {coverage.final:.0%} will have{within}"
    return f"{coverage.so_far:.0%} of {figures.n_predictions:,} predictions have a label{final}"


def reference(figures: Figures) -> str:
    """Return what the scores are held against, and where that comes from; empty where nothing is known."""
    found = figures.reference
    if found is None:
        return ""
    return f"{scores(found.scores)}, of {chosen(figures)}"


def chosen(figures: Figures) -> str:
    """Return where the reference comes from: `the first 2,034 labels`, `89 held-out rows, by the model's card`."""
    found = figures.reference
    if found is None:
        return ""
    if found.chosen == "card":
        return f"{found.n:,} held-out rows, by the model's card"
    return (
        f"the first {found.n:,} labels" if found.chosen == "first" else f"{found.n:,} labels of a span that was chosen"
    )


def delays(figures: Figures) -> str:
    """Return how long labels take."""
    found = figures.label_delay
    if found is None:
        return "no label yet"
    return f"half come within {length(found.p50)}, 90% within {length(found.p90)}, 99% within {length(found.p99)}"


def length(seconds: float) -> str:
    """Return a length of time in its largest unit, to two digits: `45 s`, `37 min`, `3 h`, `12 d`."""
    for unit, name in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit:
            return f"{_short(seconds / unit)} {name}"
    return f"{_short(seconds)} s"


def _short(value: float) -> str:
    """Return a number to two digits, without needless zeros."""
    return tick(float(f"{value:.2g}"))


def warnings(figures: Figures) -> Iterator[str]:
    """Yield sentences on what the figures must not be read without."""
    titles = {score.name: score.title for score in SCORES}
    if figures.n_left_out:
        yield f"Too large to score: {figures.n_left_out:,} of {figures.n_labelled:,} labels."
    for one in figures.dominated:
        yield f"One id carries {one.share:.2%} of this {titles[one.score]}: {one.id}."
    for gap in figures.gaps:
        yield f"Rows are missing: {gap.why}."
    if figures.change is not None:
        yield "The span holds a change of the model: its figures mix what was before and after."
