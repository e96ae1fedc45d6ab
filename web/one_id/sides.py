"""The rows of one id side by side: its prediction, its truth, and the last one that changed nothing. Pure."""

from __future__ import annotations

from typing import NamedTuple

from streams.wire.tags import parsed
from streams.wire.values import difference
from web.pairs.pair_view import Kind, Other, PairView, Side

TITLES: dict[Kind, str] = {"y_pred": "prediction", "y_true": "truth"}


class Row(NamedTuple):
    """One row of an id, of either kind; `is_again` if it is one that changed nothing. None: it never came."""

    title: str
    kind: Kind
    came: Side | Other | None
    is_again: bool = False

    @property
    def redelivered(self) -> bool | None:
        """Whether RabbitMQ had delivered it before; None where that is not kept."""
        return self.came.redelivered if isinstance(self.came, Side) else None


def rows(pair: PairView) -> list[Row]:
    """Return the rows of an id: its prediction, its truth, and one more if that is kept and both others came."""
    found = [Row(title, kind, pair.side(kind)) for kind, title in TITLES.items()]
    beside = pair.other
    if beside is None:
        return found
    came = pair.side(beside.side) is not None
    what = "another value" if came and pair.conflict else "too late"
    other = Row(f"{TITLES[beside.side]}, {what}", beside.side, beside, is_again=came)
    return [*found, other] if came else [other if row.kind == beside.side else row for row in found]


def carried(pair: PairView) -> list[tuple[str, str]]:
    """Return what the rows of an id carry besides, in words: its model and tags, as far as there are any."""
    given = pair.carried
    found = [
        ("model", given.model or ""),
        ("tags", _listed(given.tags)),
        ("tags of the truth", _listed(given.true_tags)),
    ]
    return [(words, said) for words, said in found if said]


def _listed(tags: str | None) -> str:
    """Return tags as people read them: `country: DE, tier: gold`."""
    return ", ".join(f"{key}: {value}" for key, value in parsed(tags or "").items())


def had_it_joined(found: list[Row]) -> float | None:
    """Return the error, y_pred − y_true, of a prediction and a truth that both came, joined or not."""
    pred, true = _first(found, "y_pred"), _first(found, "y_true")
    return None if pred is None or true is None else difference(pred.y, true.y)


def delay(found: list[Row]) -> float | None:
    """Return by how many seconds the truth happened after the prediction."""
    pred, true = _first(found, "y_pred"), _first(found, "y_true")
    return None if pred is None or true is None else true.ts - pred.ts


def _first(found: list[Row], kind: Kind) -> Side | Other | None:
    return next(row.came for row in found if row.kind == kind)
