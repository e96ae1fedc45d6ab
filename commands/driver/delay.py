"""How much later than its features the driver sends a truth: always the same, or by chance."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

SIGMA = 1.0
"""Of the log-normal law: one label in six takes longer than 2.7 medians, one in fifty longer than 8."""


class LabelDelay(NamedTuple):
    """A delay in seconds: its median, and whether all are that long or they are log-normal."""

    median_s: float
    is_lognormal: bool = False

    @classmethod
    def parse(cls, words: str) -> LabelDelay:
        """Read `15` or `lognormal:15`.

        Raises:
            ValueError: it is neither, or no number of seconds from 0 on.
        """
        law, _, number = words.rpartition(":")
        try:
            median_s = float(number)
        except ValueError:
            median_s = math.nan
        if law not in ("", "lognormal") or not 0 <= median_s < math.inf:
            raise ValueError(
                f"The label delay is {words}: it must be a number of seconds, 0 or more, or lognormal:SECONDS, whose "
                "half are shorter than that."
            )
        return cls(median_s, law == "lognormal")

    def draw(self, rng: random.Random) -> float:
        """Return a delay in seconds."""
        return self.median_s * rng.lognormvariate(0, SIGMA) if self.is_lognormal else self.median_s


NONE = LabelDelay(0.0)
