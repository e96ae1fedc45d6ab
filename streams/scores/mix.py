"""Why a mean loss changed: other rows, or another model on the same rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.scores.histogram import Floats


class Split(NamedTuple):
    """A change of a mean loss, by segment, shape (S,). All of it adds up exactly to the change of the whole mean.

    `mix`: the segment's share of the predictions changed. `model`: its own loss changed.
    """

    mix: Floats
    model: Floats


def split(weight_before: Floats, loss_before: Floats, weight: Floats, loss: Floats) -> Split:
    """Split a change into mix and model (Kitagawa: Components of a Difference Between Two Rates, 1955).

    A segment that one side lacks changed nothing but the mix.

    Args:
        weight_before: predictions of each segment before, in any unit; `weight`: now. Neither is 0 in all.
        loss_before: mean loss of each segment before; `loss`: now. NaN where a segment has none.
    """
    share_before, share = weight_before / weight_before.sum(), weight / weight.sum()
    before, now = np.where(np.isnan(loss_before), loss, loss_before), np.where(np.isnan(loss), loss_before, loss)
    before, now = np.nan_to_num(before), np.nan_to_num(now)
    return Split((share - share_before) * (before + now) / 2, (now - before) * (share + share_before) / 2)
