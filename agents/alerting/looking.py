"""What the rules are held against: the figures of insight.db, the references, and the health of all workers."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from agents.insight.answers import Answers
from agents.insight.database import InsightError
from agents.insight.query import Asked
from agents.insight.references import CannotCompare, References
from agents.insight.verdicts import look
from streams.alerts.readings import Compared, Health, Reading, of_health, of_labels
from streams.alerts.rules import Rule, seconds
from streams.scores.figures import Figures
from streams.scores.verdict import Verdict

logger = logging.getLogger("hindsight.alerts")
REFER_EVERY_S = 60.0
Ask = Callable[[], Awaitable[Health]]


async def nobody() -> Health:
    """Return that nothing is known."""
    return Health()


class Looking:
    """Reads what rules need, in the thread of the worker's answers; what cannot be read is a reason why nothing can be told."""

    def __init__(
        self, answers: Answers, references: References, problem: Callable[[], str], health: Ask = nobody
    ) -> None:
        """Take the answers of the worker, which remember cells for all who ask, and the references.

        `problem` says why the file is not written now; `health` how all workers and the bridge are.
        """
        self._answers, self._references = answers, references
        self.verdict: Verdict | None = None
        """On the model, as of the last look; None before the first."""
        self._problem, self._health, self._referred_mono = problem, health, float("-inf")

    async def refresh(self) -> None:
        """Make the reference of all models, once their first labels are there, and the verdict against it."""
        if time.monotonic() - self._referred_mono > REFER_EVERY_S:
            self._referred_mono = time.monotonic()
            await self._answers.do(self._refer)
        problem = self._problem()
        unknown = Verdict("cannot tell", f"Nothing can be said of the error now. {problem}")
        found = unknown if problem else await self._answers.do(lambda: look(self._answers, self._references))
        self.verdict = found

    def _refer(self) -> None:
        try:
            now = self._answers.now(time.time())
            if now is not None and not self._problem():
                self._references.first(now)
        except InsightError as exc:
            logger.info("No reference is made now: %s", exc)

    async def readings(self, rules: Sequence[Rule]) -> Mapping[str, Reading]:
        """Return what each rule is held against now, by its name."""
        health = await self._health()
        of_all = [rule for rule in rules if rule.kind.is_of_labels]
        found = await self._answers.do(lambda: self.of_labels(of_all, time.time(), health.behind))
        return found | {rule.name: of_health(rule, health) for rule in rules if not rule.kind.is_of_labels}

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
            if rule.metric == "drift":
                return Compared(evidence=self._references.watch().share)
            self._references.first(figures.now, rule.model)
            return Compared(self._references.ratio(figures.from_, figures.now, rule.model))
        except CannotCompare as exc:
            return Compared(why=str(exc))
