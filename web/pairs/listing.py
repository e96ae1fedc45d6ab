"""The rows of the join window as markup, a cell a column."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from web.pairs.cells import AsOf, plain
from web.pairs.columns import ON_PAGE, Column
from web.pairs.pair_view import PairView


def body(rows: Iterable[PairView], as_of: AsOf) -> Markup:
    """Return a `tr` for each row; the first cell is its heading."""
    return Markup("\n".join(_row(pair, as_of) for pair in rows))  # noqa: S704  made of numbers and escaped words only


def _row(pair: PairView, as_of: AsOf) -> str:
    first, *others = ON_PAGE
    kind = "waits" if pair.waits else "done"
    cells = "".join(_td(column, pair, as_of) for column in others)
    return f'<tr class="{kind}"><th scope="row">{_inside(first, pair, as_of)}</th>{cells}</tr>'


def _td(column: Column, pair: PairView, as_of: AsOf) -> str:
    label = f' data-k="{column.on_phones}"' if column.on_phones else ""
    if column.hover and (said := column.hover(pair, as_of)):
        label += f' title="{escape(said)}"'
    return f'<td class="{column.css}"{label}>{_inside(column, pair, as_of)}</td>'


def _inside(column: Column, pair: PairView, as_of: AsOf) -> str:
    return column.cell(pair, as_of) if column.cell else plain(column.read(pair, as_of))
