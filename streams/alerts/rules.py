"""The rules that people write: when an alert fires, when it resolves, and to whom it is sent."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import msgspec

Basis = Literal["expected", "so_far"]
Severity = Literal["info", "warning", "critical"]
Metric = Literal[
    "mae", "rmse", "bias", "p90", "ratio", "drift", "coverage", "delay_p90", "quarantined", "ledger", "bridge"
]
Cause = Literal["error", "labels", "quarantine", "ledger", "bridge"]
"""What is behind an alert, as far as its metric tells: rules of one cause are told of together."""
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")]
SPAN_PATTERN = r"^\d{1,6}(\.\d{1,3})?[smhd]\Z"
Span = Annotated[str, msgspec.Meta(pattern=SPAN_PATTERN)]
Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/?#]+\S*\Z")]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Kind(NamedTuple):
    """What a metric is.

    `unit` is for people: `y`, `s`, `share`, `×`, `rows`. `bases` it can be read on, none where there is one way only.
    `limit` is what it must not be above where no rule says so; None where a rule must. `is_of_labels`: pairs are counted
    first. `has_span`: it is taken over a span; `needs_window`: over one that is longer than the join window.
    """

    title: str
    unit: str
    bases: tuple[Basis, ...] = ()
    limit: float | None = None
    is_of_labels: bool = True
    has_span: bool = True
    needs_window: bool = False
    cause: Cause = "error"


BOTH: tuple[Basis, ...] = ("expected", "so_far")
KINDS: dict[Metric, Kind] = {
    "mae": Kind("MAE", "y", BOTH),
    "rmse": Kind("RMSE", "y", BOTH),
    "bias": Kind("bias", "y", BOTH),
    "p90": Kind("p90 of |error|", "y", ("so_far",)),
    "ratio": Kind("MAE by the reference, at equal delays", "×"),
    "drift": Kind("evidence that the error has risen, by what an alarm takes", "evidence", limit=1.0, has_span=False),
    "coverage": Kind("share of predictions that get a label", "share", needs_window=True, cause="labels"),
    "delay_p90": Kind("p90 of the label delay", "s", needs_window=True, cause="labels"),
    "quarantined": Kind("rows in quarantine", "rows", is_of_labels=False, has_span=False, cause="quarantine"),
    "ledger": Kind("rows unaccounted for", "rows", limit=0.0, is_of_labels=False, has_span=False, cause="ledger"),
    "bridge": Kind("queues that nobody reads", "queues", limit=0.0, is_of_labels=False, has_span=False, cause="bridge"),
}


def seconds(span: Span) -> float:
    """Return how long a span such as `90s`, `10m`, `1h` or `7d` is."""
    return float(span[:-1]) * _SECONDS[span[-1]]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[rule]]`: it fires once its metric has been beyond its limit at every look for as long as `for` says.

    It resolves once the metric has been clear of `clear` (of the limit, where that is not given) for as long as `keep`.
    `by` is a key of tags: the segments by it are watched, and one alarm is for all of them.
    """

    name: Name
    metric: Metric
    basis: Basis | None = None
    over: Span = "1h"
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    for_: Span = msgspec.field(default="0s", name="for")
    keep: Span = "0s"
    min_pairs: Annotated[int, msgspec.Meta(ge=1)] = 30
    min_coverage: Share = 0.0
    model: str = ""
    by: str = ""
    severity: Severity = "warning"
    summary: str = ""
    runbook: str = ""

    @property
    def kind(self) -> Kind:
        """What its metric is."""
        return KINDS[self.metric]

    @property
    def read_on(self) -> Basis:
        """The basis that its metric is read on: that of all labels to be expected, where nothing else is said."""
        return self.basis or (self.kind.bases[0] if self.kind.bases else "expected")

    @property
    def limit(self) -> float:
        """What its metric must not pass."""
        if self.below is not None:
            return self.below
        return self.above if self.above is not None else self.kind.limit or 0.0

    def is_beyond(self, value: float) -> bool:
        """Tell whether a value is past the limit."""
        return value < self.limit if self.below is not None else value > self.limit

    def is_clear(self, value: float) -> bool:
        """Tell whether a value is back where an alert resolves."""
        clear = self.limit if self.clear is None else self.clear
        return value >= clear if self.below is not None else value <= clear


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[webhook]]`: where events are posted as JSON. A token is read from a file or an environment variable."""

    url: Url = ""
    url_file: str = ""
    url_env: str = ""
    token_file: str = ""
    token_env: str = ""


class Alertmanager(Webhook, frozen=True, kw_only=True):
    """One `[[alertmanager]]`: the address of an Alertmanager, without `/api/v2`."""


class Alerts(msgspec.Struct, frozen=True):
    """All that a file says."""

    rules: tuple[Rule, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    alertmanagers: tuple[Alertmanager, ...] = ()
