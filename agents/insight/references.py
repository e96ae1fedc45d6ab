"""References: how wrong a model was when it was known to be good, kept in insight.db; and a span held against them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np

from agents.insight.database import NAME, InsightError
from agents.insight.notes import NoFile, Notes
from agents.insight.reader import Reader
from agents.insight.series import Series
from streams.scores.cells import Cells
from streams.scores.cohorts import Cohorts
from streams.scores.equal_delays import Ratio, ratio
from streams.scores.figures import Figures, Referred
from streams.scores.hours import MIN_DAYS, MIN_IN_HOUR
from streams.scores.metrics import SCORES
from streams.scores.reference import Reference, Yardstick
from streams.scores.watch import Watch
from streams.settings import SIZES
from streams.wire.checked import Natural

logger = logging.getLogger("hindsight.insight")
NO_REFERENCE = "there is no reference of labels yet; the first 2,000 mature ones, over a join window at least, make one"
NO_ERROR = "the reference holds no error, so that no error is a multiple of it: set one of a span that holds some"
NO_HOURS = (
    f"That span does not tell hours of the day apart: an hour takes {MIN_IN_HOUR} mature labels, over {MIN_DAYS} days or more, "
    "in slices of an hour at most, as they are kept for 60 days. Name a longer or a later span, or leave out --by-hour."
)
WATCH: Final = "watch"
"""Under which name the evidence of all models is kept."""
N_FIRST = 2000
"""Mature labels that a reference is made of by itself."""


class Kept(msgspec.Struct, frozen=True):
    """A reference, and who chose it: a person, or nobody, and then it is of the first mature labels."""

    chosen: Literal["first", "span"]
    reference: Reference


class HeldOut(msgspec.Struct, frozen=True):
    """What a model's card says of it: scores on `n` rows that it never saw."""

    model: str
    n: Natural
    scores: dict[str, float | None]


def decode(kept: bytes | None) -> Kept | None:
    """Return a reference from what is kept in the file, None if there is none, or none that can be read."""
    try:
        return None if kept is None else msgspec.json.decode(kept, type=Kept)
    except msgspec.MsgspecError as exc:
        logger.warning("A reference cannot be read, and counts as none: %s", exc)
        return None


def decode_watch(kept: bytes | None) -> Watch | None:
    """Return what is kept, None if nothing is, or nothing that can be read."""
    try:
        return None if kept is None else msgspec.json.decode(kept, type=Watch)
    except msgspec.MsgspecError as exc:
        logger.warning("The evidence of the alarm cannot be read, and begins anew: %s", exc)
        return None


class CannotCompare(InsightError):
    """There is nothing to hold a span against; the message says why."""


class References:
    """The references of one insight.db, by model; an empty name is of all models together. It waits for the disk."""

    def __init__(self, directory: Path) -> None:
        """Take the directory of the file, which need not be there yet."""
        self._path = directory / NAME
        self._notes = Notes(self._path)

    def get(self, model: str = "") -> Kept | None:
        """Return the reference of a model, None if there is none.

        Raises:
            InsightError: the file cannot be read.
        """
        return decode(self._notes.read(name_of(model)))

    def clear(self, model: str = "") -> None:
        """Forget the reference of a model: the next one is made of its first mature labels.

        Raises:
            InsightError: the file cannot be written.
        """
        self._notes.write(name_of(model), None)

    def keep_card(self, card: HeldOut) -> None:
        """Keep what a model's card says: it is what its scores are held against until labels make a reference.

        Raises:
            InsightError: the file cannot be written.
        """
        if self._notes.read(card_of(card.model)) != (encoded := msgspec.json.encode(card)):
            self._notes.write(card_of(card.model), encoded)

    def choose(self, start: float, end: float, now: float, model: str = "", *, by_hour: bool = False) -> Kept:
        """Make the labels of a span the reference of a model.

        Args:
            start: UTC epoch seconds; `end`: likewise, not included. `now`: by the clock of the delays.
            by_hour: hold each error against the same hour of the day.

        Raises:
            CannotCompare: no label of the span is mature, or too few to tell hours of the day apart.
            InsightError: the file cannot be read or written.
        """
        with _Open(self._path) as opened:
            cells = opened.cells(model, start, end, details=True)
            cells = cells.take((cells.start >= start) & (cells.start + cells.width <= end))
            found = opened.reference(cells, now, model)
        if found is None:
            raise CannotCompare("No label of that span is mature: none came, or others may still be on their way.")
        if by_hour and (found := found.by_hour(cells)) is None:
            raise CannotCompare(NO_HOURS)
        return self._put(Kept("span", found), model)

    def first(self, now: float, model: str = "") -> Kept | None:
        """Return the reference of a model; made of its first mature labels, over a window at least, once they are there.

        Raises:
            InsightError: the file cannot be read or written.
        """
        if (kept := self.get(model)) is not None:
            return kept
        with _Open(self._path) as opened:
            end = opened.end_of_first(model, now)
            found = None if end is None else opened.reference(opened.cells(model, 0.0, end, details=True), now, model)
        return None if found is None else self._put(Kept("first", found), model)

    def ratio(self, start: float, now: float, model: str = "") -> Ratio:
        """Hold the span from `start` until now against the reference, at equal delays.

        Raises:
            CannotCompare: there is no reference, or none of the same delays.
            InsightError: the file cannot be read.
        """
        kept = self.get(model)
        if kept is None:
            raise CannotCompare(NO_REFERENCE)
        if kept.reference.is_without_error:
            raise CannotCompare(NO_ERROR)
        with _Open(self._path) as opened:
            if kept.reference.ends != opened.bins.ends.tolist():
                raise CannotCompare("the reference is of another join window: set it again, or clear it")
            cohorts = Cohorts.of(opened.cells(model, max(start, kept.reference.end), now), opened.bins)
        reference = kept.reference
        found = ratio(cohorts, reference.cohort(), now, hours=reference.hours) if len(cohorts.start) else None
        if found is None:
            has = "a delay" if reference.hours is None else "a delay and an hour of the day"
            raise CannotCompare(f"no label has come yet of {has} that the reference has")
        return found

    def watch(self, model: str = "") -> Watch:
        """Return the evidence of a model against its reference, as far as labels were counted.

        Raises:
            CannotCompare: there is no reference, or nothing was held against it yet.
            InsightError: the file cannot be read.
        """
        kept, watch = self.get(model), decode_watch(self._notes.read(watch_of(model)))
        if kept is None:
            raise CannotCompare(NO_REFERENCE)
        if kept.reference.is_without_error:
            raise CannotCompare(NO_ERROR)
        if watch is None or not watch.is_of(kept.reference, watch.slice_s) or not watch.n_active:
            raise CannotCompare("no label has come yet since the reference was made")
        return watch

    def _put(self, kept: Kept, model: str) -> Kept:
        self._notes.write(name_of(model), msgspec.json.encode(kept))
        return kept


class _Open:
    """The file, opened to read cells of one model or of all."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise NoFile(NoFile.__doc__)
        self._reader = Reader.of_file(path)
        self.bins = self._reader.bins

    def __enter__(self) -> _Open:
        return self

    def __exit__(self, *exc: object) -> None:
        self._reader.close()

    def cells(self, model: str, start: float, end: float, *, details: bool = False) -> Cells:
        """Return the cells by prediction time; if no model is named, of the reference, or of all added up."""
        wanted = [one for one in self._series(model) if not one.segment]
        parts = [self._reader.cells(one, start, end, details=details) for one in wanted]
        return Cells.together(parts, len(self.bins.ends))

    def reference(self, cells: Cells, now: float, model: str) -> Reference | None:
        """Return the reference that cells of a model make, with the yardsticks of its segments; None if no label is mature."""
        found = Reference.of(cells, self.bins, now)
        if found is None:
            return None
        return msgspec.structs.replace(found, segments=self._yardsticks(model, found.start, found.end, now))

    def _yardsticks(self, model: str, start: float, end: float, now: float) -> dict[str, Yardstick]:
        """Return those of the segments by tags of which enough labels of a span are mature."""
        by_name: dict[str, list[Series]] = {}
        for one in self._series(model):
            if one.segment and one.key not in SIZES:
                by_name.setdefault(one.segment, []).append(one)
        found, bins = {}, self.bins.coarse()
        for name, series in sorted(by_name.items()):
            cells = Cells.together(
                [self._reader.cells(one, start, end, details=True) for one in series], len(bins.ends)
            )
            cells = cells.take((cells.start >= start) & (cells.start + cells.width <= end))
            reference = Reference.of(cells, bins, now)
            if reference is not None and (yardstick := reference.as_segment()) is not None:
                found[name] = yardstick
        return found

    def _series(self, model: str) -> list[Series]:
        listed = self._reader.listed()
        return [one for one in self._reader.series() if one.axis == "predicted" and one.is_of(model, listed)]

    def end_of_first(self, model: str, now: float) -> float | None:
        """Return until when the first labels go that make a reference: enough of them, over a window, all mature."""
        window_s = float(self.bins.ends[-1])
        cells = self.cells(model, 0.0, now - window_s)
        end = cells.start + cells.width
        enough = np.cumsum(cells.n.sum(axis=1)) >= N_FIRST
        long = end - cells.start.min(initial=np.inf) >= window_s
        mature = now - end >= window_s
        found = np.flatnonzero(enough & long)
        return float(end[found[0]]) if len(found) and mature[found[0]] else None


def referred(state: Callable[[str], bytes | None], figures: Figures) -> Referred | None:
    """Return what the scores of some figures are held against: the reference of their model, else its card; None if neither.

    Args:
        state: returns what is kept under a name.
    """
    if figures.segment:
        return None
    if (kept := decode(state(name_of(figures.model)))) is not None:
        reference = kept.reference
        scores = reference.scores(figures.horizon_s or reference.ends[-1])
        return Referred(kept.chosen, reference.start, reference.end, sum(reference.n), scores)
    models = [figures.model] if figures.model else figures.models
    try:
        raw = state(card_of(models[0])) if len(models) == 1 else None
        card = None if raw is None else msgspec.json.decode(raw, type=HeldOut)
        if card is None:
            return None
        return Referred("card", None, None, card.n, {score.name: card.scores.get(score.name) for score in SCORES})
    except (msgspec.MsgspecError, ValueError) as exc:
        logger.warning("What is kept of a model's card cannot be read, and counts as none: %s", exc)
        return None


def card_of(model: str) -> str:
    """Return under which name the held-out scores of a model are kept."""
    return f"card/{model}"


def watch_of(model: str = "") -> str:
    """Return under which name the evidence of a model is kept."""
    return f"{WATCH}/{model}" if model else WATCH


def name_of(model: str = "") -> str:
    """Return under which name the reference of a model is kept."""
    return f"reference/{model}" if model else "reference"
