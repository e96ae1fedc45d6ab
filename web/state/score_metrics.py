"""/metrics of the figures: sums and histograms that only grow, whatever restarts, and gauges of what is expected.

They are read from insight.db, by the worker that writes it. How to ask Prometheus for them: docs/metrics.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

import numpy as np
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.insight.query import Total
from streams.scores.figures import Figures
from streams.scores.histogram import Histogram, keys, opening
from streams.scores.losses import LOSSES
from streams.scores.metrics import SCORES

GAUGES_OVER = "24h"
"""The span that gauges are of."""
MAX_MODELS = 20
"""So many models have series of their own, those that came first."""
_STEP = 33 / 32
"""Limits of buckets are this times powers of two: edges of bins that are kept, and no round number lies on them."""


class Grown:
    """Sums that never go back: a roll-up adds the same numbers in another order, which may be less by the last digit.

    A file that began anew does begin anew: Prometheus has to see that of sums too, as it does of counts.
    """

    def __init__(self) -> None:
        self._n_labels: dict[str, int] = {}
        self._largest: dict[tuple[str, str], float] = {}

    def counted(self, model: str, n_labels: int) -> None:
        """Note how many labels the sums of a model are of: if they are fewer than before, these are other sums."""
        if n_labels < self._n_labels.get(model, 0):
            self._largest = {key: value for key, value in self._largest.items() if key[0] != model}
        self._n_labels[model] = n_labels

    def __call__(self, model: str, name: str, value: float) -> float:
        """Return a sum, or what was returned before if that is more."""
        value = max(value, self._largest.get((model, name), value))
        self._largest[model, name] = value
        return value


class ScoreCollector(Collector):
    """What is kept of each model, and the figures of the gauges' span by model, as metrics."""

    def __init__(self, totals: Sequence[Total], figures: Mapping[str, Figures], grown: Grown) -> None:
        self._totals, self._figures, self._grown = totals, figures, grown

    def collect(self) -> Iterator[Metric]:
        """Yield one metric family after the other."""
        yield from self._counters()
        yield from self._of_all()
        yield from self._histograms()
        yield from self._gauges()

    def _counters(self) -> Iterator[Metric]:
        predictions = CounterMetricFamily("hindsight_predictions", "Predictions that came.", labels=["model"])
        labels = CounterMetricFamily(
            "hindsight_labels", "Predictions whose label came and is scored.", labels=["model"]
        )
        about = {loss.name: f"Sum of {loss.name} errors." for loss in LOSSES}
        about |= {"over": "Sum of errors above 0.", "under": "Sum of the sizes of errors below 0."}
        families = {
            name: CounterMetricFamily(f"hindsight_{name}_error", said, labels=["model"]) for name, said in about.items()
        }
        for total in self._totals:
            self._grown.counted(total.model, total.n_labels)
            predictions.add_metric([total.model], total.n_predictions)
            labels.add_metric([total.model], total.n_labels)
            size, error = total.sums["absolute"], total.sums["error"]
            for name, value in (total.sums | {"over": (size + error) / 2, "under": (size - error) / 2}).items():
                if name in families:
                    families[name].add_metric([total.model], self._grown(total.model, name, value))
        yield from (predictions, labels, *families.values())

    def _of_all(self) -> Iterator[Metric]:
        """Yield the scores of all labels that are there, whatever their model."""
        n_left_out = sum(total.n_left_out for total in self._totals)
        yield GaugeMetricFamily("hindsight_pairs_left_out", "Labels that are too large to score.", n_left_out)
        if found := of_all(self._totals):
            scores = GaugeMetricFamily("hindsight_error", "Scores of all labels that are there.", labels=["score"])
            for name, value in found.items():
                scores.add_metric([name], value)
            yield scores

    def _histograms(self) -> Iterator[Metric]:
        size = HistogramMetricFamily("hindsight_error_size", "Sizes of errors.", labels=["model"])
        delay = HistogramMetricFamily("hindsight_label_delay_seconds", "From prediction to label.", labels=["model"])
        for total in self._totals:
            whole = self._grown(total.model, "absolute", total.sums["absolute"])
            size.add_metric([total.model], buckets(total.absolute), whole)
            upto = accumulate(n for _, n in total.delays)
            by_end = [(f"{end:.6g}", n) for (end, _), n in zip(total.delays, upto, strict=True)]
            delay.add_metric([total.model], [*by_end, ("+Inf", total.n_labels)], None)
        yield from (size, delay)

    def _gauges(self) -> Iterator[Metric]:
        said = f"predictions of the last {GAUGES_OVER}"
        expected = GaugeMetricFamily(
            "hindsight_expected_error", f"Scores expected of all {said}.", labels=["model", "score"]
        )
        coverage = GaugeMetricFamily(
            "hindsight_coverage", f"Share of {said} with a label: so far, and in the end.", labels=["model", "of"]
        )
        maturity = GaugeMetricFamily(
            "hindsight_maturity", f"Share of the labels expected that are there, of {said}.", labels=["model"]
        )
        for model, figures in self._figures.items():
            for score in SCORES:
                _add(expected, [model, score.name], (figures.expected or {}).get(score.name))
            _add(coverage, [model, "so_far"], figures.coverage.so_far)
            _add(coverage, [model, "final"], figures.coverage.final)
            _add(maturity, [model], figures.maturity)
        yield from (expected, coverage, maturity)


def of_all(totals: Sequence[Total]) -> dict[str, float]:
    """Return MAE, RMSE and bias of all labels that are there, whatever their model; empty while there are none."""
    n = sum(total.n_labels for total in totals)
    if not n:
        return {}
    means = {name: sum(total.sums[name] for total in totals) / n for name in ("absolute", "squared", "error")}
    return {"mae": means["absolute"], "rmse": math.sqrt(means["squared"]), "bias": means["error"]}


def gauged(models: Sequence[str]) -> list[str]:
    """Return which models have gauges; that of no name is only asked for alone, where others are it means all together."""
    return [model for model in models if model or len(models) == 1]


def _add(family: GaugeMetricFamily, labels: list[str], value: float | None) -> None:
    if value is not None:
        family.add_metric(labels, value)


def buckets(sizes: Histogram) -> list[tuple[str, int]]:
    """Return limits at each power of two that is in use, as text, and how many sizes do not exceed them: exact counts."""
    if not sizes.n:
        return [("+Inf", 0)]
    used = np.array([key for key in sizes.counts if key] or keys(np.ones(1)).tolist(), np.int64)
    first, last = np.frexp(opening(np.array([used.min(), used.max()])))[1].tolist()
    limits = np.ldexp(_STEP, np.arange(first - 2, last + 1))
    upto = np.cumsum(sizes.rebin([0.0, *limits.tolist()])).tolist()
    return [*zip((f"{limit:.17g}" for limit in limits.tolist()), upto, strict=True), ("+Inf", sizes.n)]
