"""The verdict on the model, from insight.db: what the pages and `status` say first."""

from __future__ import annotations

from agents.insight.answers import Answers
from agents.insight.database import InsightError
from agents.insight.query import Asked
from agents.insight.references import CannotCompare, References
from streams.scores.equal_delays import Ratio
from streams.scores.verdict import Verdict, verdict
from streams.scores.watch import Watch

OVER = "1h"


def look(answers: Answers, references: References) -> Verdict:
    """Return the verdict on the predictions of the last hour; it waits for the disk."""
    try:
        figures = answers.look(Asked(last=OVER))
        if figures.now is None or not figures.n_labelled:
            return verdict(figures, None, None, "")
        ratio, why = _ratio(references, figures.from_, figures.now)
        return verdict(figures, ratio, _watch(references), why)
    except InsightError as exc:
        return Verdict("cannot tell", f"Nothing can be said of the error now. {exc}")


def _ratio(references: References, start: float, now: float) -> tuple[Ratio | None, str]:
    try:
        return references.ratio(start, now), ""
    except CannotCompare as exc:
        return None, str(exc)


def _watch(references: References) -> Watch | None:
    try:
        return references.watch()
    except CannotCompare:
        return None
