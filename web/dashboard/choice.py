"""What the dashboard shows, as its address says: which figures, and how their histogram looks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args
from urllib.parse import urlencode

from agents.insight.query import Asked
from streams.scores.figures import SPANS, Axis
from web.pairs.query import BadQuery, refuse_unknown
from web.state import scores
from web.text import clock

ERRORS, SCALES = ("absolute", "signed"), ("linear", "log")
OWN = ("error", "y", "paused")


class Choice(NamedTuple):
    """The address of a dashboard."""

    asked: Asked = Asked()
    error: str = "absolute"
    y: str = "linear"
    paused: str = ""

    def url(self, **changes: str) -> str:
        """Return the query string of this choice with changes; what is as it always is does not stand in it."""
        asked = self.asked._replace(**{k: v for k, v in changes.items() if k not in OWN})  # type: ignore[arg-type]
        looks = self._asdict() | {k: v for k, v in changes.items() if k in OWN}
        said = {name: looks[name] for name in OWN if looks[name] != self._field_defaults[name]}
        said |= {"from": spelled(asked.start), "to": spelled(asked.end)}
        for name in ("axis", "model", "segment", *(("last",) if self.is_up_to_now else ())):
            if (value := getattr(asked, name)) != Asked._field_defaults[name]:
                said[name] = value
        return "?" + urlencode({name: value for name, value in said.items() if value})

    def of_last(self, last: str) -> str:
        """Return the address of another span up to now."""
        return self._replace(asked=self.asked._replace(start=None, end=None)).url(last=last)

    def cut(self, start: float | None, end: float | None) -> str:
        """Return the address of a span from one time to another, UTC epoch seconds; None: open."""
        return self._replace(asked=self.asked._replace(start=start, end=end)).url()

    @property
    def is_up_to_now(self) -> bool:
        """Whether it is one of the spans with a name."""
        return self.asked.start is None and self.asked.end is None

    @property
    def last(self) -> str:
        """The name of the span, if it has one."""
        return self.asked.last if self.is_up_to_now else ""

    @property
    def words(self) -> str:
        """The span in words."""
        if self.is_up_to_now:
            return "all" if self.last == "all" else f"last {self.last}"
        start, end = (clock(at) if at is not None else "" for at in (self.asked.start, self.asked.end))
        return f"{start or 'the first'} to {end or 'now'}"


def spelled(at: float | None) -> str:
    """Return a time as addresses and a browser's field for times have it, in UTC; empty for None."""
    return "" if at is None else time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)).removesuffix(":00")


def read(given: Mapping[str, str]) -> Choice:
    """Return what a query string chooses.

    Raises:
        BadQuery: there is no such name, span, time, axis, error or scale.
    """
    refuse_unknown(given, (*scores.NAMES, *OWN))
    asked = scores.read({name: value for name, value in given.items() if name in scores.NAMES})
    error, y = (given.get(name) or Choice._field_defaults[name] for name in ("error", "y"))
    if error not in ERRORS or y not in SCALES:
        raise BadQuery("error is absolute or signed, y is linear or log.")
    return Choice(asked, error, y, "1" if given.get("paused") else "")


def links(choice: Choice, *, models: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the links to all other choices; those of models are empty where there is only one.

    Of a segment they lead back to all, and not to decisions: segments are counted by prediction time. `/segments` has them all.
    """
    return {
        "last": {last: choice.of_last(last) for last in SPANS},
        "axis": {} if choice.asked.segment else {axis: choice.url(axis=axis) for axis in get_args(Axis)},
        "error": {error: choice.url(error=error) for error in ERRORS},
        "y": {y: choice.url(y=y) for y in SCALES},
        "model": {name: choice.url(model=name) for name in ("", *models)} if len(models) > 1 else {},
        "segment": {"": choice.url(segment=""), choice.asked.segment: choice.url()} if choice.asked.segment else {},
    }
