"""An alarm with a promise: given the reference, not more than one false alarm in A active slices, on average.

An e-detector (Shin, Ramdas, Rinaldo: E-detectors, 2022). Each label bets against "a loss is on average at most 1 + δ
times what the reference has at that delay"; if that holds, no bet gains on average, whatever the losses' distribution
and however they depend on what came before. The sum over all starts of what was gained since exceeds A at most once in
A slices. Logarithms of bets add over batches and partitions.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from streams.scores.delay import Ints
from streams.scores.histogram import Floats

DELTA = 0.1
"""A rise up to this share is not to be found: nobody is woken for it, and the reference may be off by as much."""
STAKES = np.array([0.01, 0.03, 0.1, 0.3])
"""What is staked of each bet: small stakes find small rises, large ones find large rises fast."""
SHARES = np.array([0.1, 0.2, 0.3, 0.4])
"""How much each stake counts. A rise that is small enough for the smallest stakes gives them time to make up for less."""
_MOST = 20.0
"""The logarithm of evidence that is as good as any: past every level that is asked for, so no alarm comes later for it.

More would only have to be lost again once all is well: an alarm of a long rise would stay for longer than the rise did.
"""


def log_bets(
    losses: Floats, usual: Floats, cap: float | Floats, group: Ints, n_groups: int, delta: float = DELTA
) -> Floats:
    """Return what bets on these labels gain, as logarithms, summed by group; shape (n_groups, len(STAKES)).

    Args:
        losses: one of each label; `usual`: what the reference's yardstick has at its delay, not NaN.
        cap: the largest loss that counts, as of the reference: a single huge error is no change.
        group: which sum each label adds to: its slice of time, or its series and slice.
    """
    rise = np.minimum(losses, cap) / usual - 1 - delta
    logs = np.log1p(np.outer(STAKES / (1 + delta), rise))
    return np.stack([np.bincount(group, row, minlength=n_groups) for row in logs], axis=-1)


class Detector(NamedTuple):
    """The evidence of one or many series, shape (..., len(STAKES)). It is to be kept, and stepped once a closed slice.

    `gain` and `since` are of the best start of each stake: what was gained since it, as a logarithm, and when it was.
    """

    evidence: Floats
    gain: Floats
    since: Floats

    @classmethod
    def new(cls, *shape: int) -> Self:
        """Return a detector that has seen nothing."""
        return cls(*(np.zeros((*shape, len(STAKES))) for _ in range(3)))

    def step(self, bets: Floats, start: float) -> Self:
        """Return the detector after one more slice that had labels; `bets` are its sums, `start` is when it began."""
        evidence = np.exp(np.minimum(np.log1p(self.evidence) + bets, _MOST))
        is_new = self.gain <= 0
        gain = np.minimum(np.where(is_new, 0, self.gain) + bets, _MOST)
        return type(self)(evidence, gain, np.where(is_new, start, self.since))

    @property
    def level(self) -> Floats:
        """What is to be held against A: the mean over the stakes by SHARES, shape (...).

        The mean over series is such a level too: one budget for all of them. A new series counts from zero, and one
        that has ended stays in the mean.
        """
        level: Floats = self.evidence @ SHARES
        return level

    @property
    def onset(self) -> Floats:
        """When the rise most likely began, of the stake that gained most; shape (...)."""
        best = np.argmax(self.gain, axis=-1, keepdims=True)
        onset: Floats = np.take_along_axis(self.since, best, axis=-1)[..., 0]
        return onset
