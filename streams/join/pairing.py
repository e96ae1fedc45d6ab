"""Ids that several models have predicted: how wrong each was of the same truth, so that two can be compared. Pure.

A pair is of the reference and another model. It is counted in the decision in which the later of its two verdicts is made,
with the truth or with a prediction that came after it. So it is counted once, as decisions are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from streams.join import carried
from streams.join.state import MATCHED, State
from streams.scores.losses import LARGEST
from streams.wire.verdicts import Pairs

_BySecond = dict[int, list[float]]


def pairs(
    ids: Sequence[str], ended: Collection[tuple[str, str | None]], states: Mapping[str, Sequence[State | None]]
) -> list[Pairs]:
    """Return what the pairs of a decision add up to, by the other model, the tags, and the second of the prediction.

    Tags and second are those of the reference's prediction. A pair with a value beyond `LARGEST` is left out, as it is of
    every score.

    Args:
        ids: those of which a verdict of the decision is a match.
        ended: the id and the model of each such verdict.
        states: by model, the reference first, how each of the ids stands after the decision; None: it is not known.
    """
    (reference, mine_of), *others = states.items()
    found = []
    for other, theirs_of in others:
        by_carried: dict[bytes, _BySecond] = {}
        for row_id, mine, theirs in zip(ids, mine_of, theirs_of, strict=True):
            if not mine or not theirs or mine[0] != MATCHED or theirs[0] != MATCHED:
                continue
            if (row_id, reference) in ended or (row_id, other) in ended:
                _add(by_carried, mine, theirs)
        found += [_pairs(reference, other, packed, by_second) for packed, by_second in by_carried.items()]
    return found


def _add(by_carried: dict[bytes, _BySecond], mine: State, theirs: State) -> None:
    """Add one id, by what its rows carry: the absolute and the squared error of both."""
    true, pred, other_true, other_pred = mine[3], mine[4], theirs[3], theirs[4]
    if max(abs(true), abs(pred), abs(other_true), abs(other_pred)) > LARGEST:
        return
    first, second = abs(pred - true), abs(other_pred - other_true)
    packed = mine[-1]
    by_second = by_carried.get(packed)
    if by_second is None:
        by_second = by_carried[packed] = {}
    sums = by_second.setdefault(int(mine[6]), [0, 0.0, 0.0, 0.0, 0.0])
    sums[0] += 1
    sums[1] += first
    sums[2] += second
    sums[3] += first * first
    sums[4] += second * second


def _pairs(reference: str, model: str, packed: bytes, by_second: _BySecond) -> Pairs:
    seconds, rows = sorted(by_second), carried.unpack(packed)
    n, absolute, absolute_of_other, squared, squared_of_other = (
        [by_second[second][i] for second in seconds] for i in range(5)
    )
    return Pairs(
        reference,
        model,
        seconds,
        n,  # type: ignore[arg-type]
        absolute,
        absolute_of_other,
        squared,
        squared_of_other,
        rows.tags,
        rows.true_tags,
    )
