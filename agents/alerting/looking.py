"""What the rules are held against: the figures of insight.db, the references, and the health of all workers."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from agents.insight.answers import Answers
from agents.insight.database import InsightError
from agents.insight.notes import NoFile, Notes
from agents.insight.query import Asked
from agents.insight.references import CannotCompare, HeldOut, References
from agents.insight.verdicts import look
from streams.alerts.readings import Compared, Health, Reading, of_health, of_labels
from streams.alerts.rules import Rule, seconds
from streams.scores.figures import Figures, Mark
from streams.scores.reference import MIN_IN_YARDSTICK
from streams.scores.verdict import Verdict
from streams.scores.watch import Watch

logger = logging.getLogger("hindsight.alerts")
REFER_EVERY_S = 60.0
BURST = 10
"""Records that are refused between two looks and are worth a mark; another one comes after MARKED_EVERY_S."""
MARKED_EVERY_S = 300.0
Ask = Callable[[], Awaitable[Health]]


async def nobody() -> Health:
    """Return that nothing is known."""
    return Health()


class Looking:
    """Reads what rules need, in the thread of the worker's answers; what cannot be read is a reason why nothing can be told."""

    def __init__(
        self,
        answers: Answers,
        references: References,
        notes: Notes,
        problem: Callable[[], str],
        health: Ask = nobody,
        cards: Sequence[HeldOut] = (),
    ) -> None:
        """Take the answers of the worker, which remember cells for all who ask, the references, and where marks are kept.

        `problem` says why the file is not written now; `health` how all workers and the bridge are; `cards` are
        of the models that the settings name.
        """
        self._answers, self._references, self._notes = answers, references, notes
        self._refused: int | None = None
        self._marked_mono = float("-inf")
        self.verdict: Verdict | None = None
        """On the model, as of the last look; None before the first."""
        self._problem, self._health, self._cards, self._referred_mono = problem, health, cards, float("-inf")

    async def refresh(self) -> None:
        """Make the reference of all models, once their first labels are there, and the verdict against it."""
        if time.monotonic() - self._referred_mono > REFER_EVERY_S:
            await self._answers.do(self._refer)
        problem = self._problem()
        unknown = Verdict("cannot tell", f"Nothing can be said of the error now. {problem}")
        found = unknown if problem else await self._answers.do(lambda: look(self._answers, self._references))
        self.verdict = found

    def _refer(self) -> None:
        try:
            now = self._answers.now(time.time())
            if now is not None and not self._problem():
                for card in self._cards:
                    self._references.keep_card(card)
                self._references.first(now)
                self._referred_mono = time.monotonic()
        except NoFile:
            pass  # no row has come yet
        except InsightError as exc:
            self._referred_mono = time.monotonic()
            logger.info("No reference is made now: %s", exc)

    async def readings(self, rules: Sequence[Rule]) -> Mapping[str, Reading]:
        """Return what each rule is held against now, by its name."""
        health = await self._health()
        await self._mark_burst(health.quarantined)
        of_all = [rule for rule in rules if rule.kind.is_of_labels]
        found = await self._answers.do(lambda: self.of_labels(of_all, time.time(), health.behind))
        return found | {rule.name: of_health(rule, health) for rule in rules if not rule.kind.is_of_labels}

    async def _mark_burst(self, refused: int | None) -> None:
        """Mark that many rows were refused since the last look, once in a while at the most."""
        before = self._refused
        self._refused = before if refused is None else refused
        n = 0 if before is None or refused is None else refused - before
        if n < BURST or time.monotonic() - self._marked_mono < MARKED_EVERY_S:
            return
        self._marked_mono = time.monotonic()
        mark = Mark(time.time(), "quarantine", f"{n:,} records came within seconds that cannot be read.")
        try:
            await self._answers.do(lambda: self._notes.mark(mark))
        except InsightError as exc:
            logger.info("A burst of refused rows is not marked: %s", exc)

    def of_labels(self, rules: Sequence[Rule], now: float, behind: str = "") -> dict[str, Reading]:
        """Return what rules of labels are held against; it waits for the disk.

        Args:
            now: UTC epoch seconds; `behind`: why the figures do not hold yet what has come.
        """
        figures: dict[tuple[str, str], Figures] = {}
        found = {}
        for rule in rules:
            try:
                if problem := self._problem() or behind:
                    raise InsightError(problem)
                key = (rule.model, rule.over)
                if key not in figures:
                    figures[key] = self._figures(rule, now)
                found[rule.name] = of_labels(rule, figures[key], self._compared(rule, figures[key]))
            except InsightError as exc:
                found[rule.name] = Reading.cannot_tell(str(exc).rstrip("."))
        return found

    def _figures(self, rule: Rule, wall_now: float) -> Figures:
        """Return the figures of a rule's span, up to now by the clock that delays are read from."""
        now = self._answers.now(wall_now) or wall_now
        return self._answers.look(Asked(start=max(0.0, now - seconds(rule.over)), end=now, model=rule.model))

    def _compared(self, rule: Rule, figures: Figures) -> Compared:
        if rule.metric not in ("ratio", "drift") or figures.now is None:
            return Compared()
        try:
            self._references.first(figures.now, rule.model)
            if rule.metric == "drift":
                return _evidence(self._references.watch(rule.model), rule.by)
            return Compared(self._references.ratio(figures.from_, figures.now, rule.model))
        except CannotCompare as exc:
            return Compared(why=str(exc))


def _evidence(watch: Watch, by: str) -> Compared:
    """Return the evidence of a watch, or that of its segments by a key."""
    if not by:
        return Compared(evidence=watch.share)
    found = watch.share_of(by)
    if found is None:
        why = f"no segment by {by} had {MIN_IN_YARDSTICK} mature labels when the reference was made: set it again"
        return Compared(why=why)
    return Compared(evidence=found[0], mostly=found[1])
