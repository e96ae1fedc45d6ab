"""Ids that several models have predicted: how wrong each was of the same truth, so that two can be compared. Pure.

A pair is of the reference and another model. It is counted in the decision in which the later of its two verdicts is made,
with the truth or with a prediction that came after it. So it is counted once, as decisions are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from streams.join.state import MATCHED, State
from streams.scores.losses import LARGEST
from streams.wire.verdicts import Pairs

_Sums = tuple[float, float, float, float]
_N_LOSSES = 4


def pairs(
    models: Sequence[str], ended: Collection[tuple[str, str]], state_of: Callable[[str, str], State | None]
) -> list[Pairs]:
    """Return what the pairs of a decision add up to, by the other model and the second of the reference's prediction.

    A pair with a value beyond `LARGEST` is left out, as it is of every score.

    Args:
        models: those that are joined, the reference first.
        ended: the id and the model of each verdict of the decision that is a match.
        state_of: returns how an id stands after the decision, of a model; None: it is not known.
    """
    reference, *others = models
    sums: dict[str, dict[int, tuple[int, _Sums]]] = defaultdict(dict)
    for row_id in dict.fromkeys(row_id for row_id, _ in ended):
        mine = state_of(row_id, reference)
        if mine is None or mine[0] != MATCHED:
            continue
        for other in others:
            if (row_id, reference) not in ended and (row_id, other) not in ended:
                continue
            theirs = state_of(row_id, other)
            if theirs is not None and theirs[0] == MATCHED and (found := _losses(mine, theirs)) is not None:
                second = int(mine[6])
                n, so_far = sums[other].get(second, (0, (0.0,) * _N_LOSSES))
                sums[other][second] = n + 1, tuple(a + b for a, b in zip(so_far, found, strict=True))  # type: ignore[assignment]
    return [_pairs(reference, other, by_second) for other, by_second in sums.items()]


def _losses(mine: State, theirs: State) -> _Sums | None:
    """Return the absolute and the squared error of both; None where no score can hold them."""
    if max(map(abs, (mine[3], mine[4], theirs[3], theirs[4]))) > LARGEST:
        return None
    of_mine, of_theirs = abs(mine[4] - mine[3]), abs(theirs[4] - theirs[3])
    return of_mine, of_theirs, of_mine * of_mine, of_theirs * of_theirs


def _pairs(reference: str, model: str, by_second: dict[int, tuple[int, _Sums]]) -> Pairs:
    seconds = sorted(by_second)
    columns = [[by_second[second][1][i] for second in seconds] for i in range(_N_LOSSES)]
    return Pairs(reference, model, seconds, [by_second[second][0] for second in seconds], *columns)
