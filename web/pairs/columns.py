"""The columns of the table of ids. One entry here is all that a new one needs.

The page, the files, the API and its description are made of `COLUMNS`, in this order; so are the orders that the table
can be sorted in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, get_args

import msgspec

from streams.wire.verdicts import Carried
from web.pairs import cells
from web.pairs.cells import AsOf
from web.pairs.pair_view import Other, PairView, State
from web.text import moment, span

Key = Callable[[PairView], float | None]


class Order(NamedTuple):
    """An order of the table. `key` is what it sorts by, of ids that have it; None: the table itself is in this order.

    A key does not change with the clock: the next page begins behind the last one's.
    """

    name: str
    words: str
    key: Key | None = None
    sign: int = 1


class Column(NamedTuple):
    """One column: how it is read, what it is, and how it is shown.

    Args:
        type: of what `read` returns, for the description of the API.
        heading: in the page's table; a column without one is not in it.
        cell: its markup there; None: what was read, as text.
        hover: what is said of it where it is pointed at: what the cell leaves out. Empty: nothing.
        css: classes of its cells there; those that are `aux` are only on wide screens.
        on_phones: the name before it where a row is two lines; a column without one is left out there.
        orders: by its heading: ascending, then descending.
        in_files: whether the CSV, JSON and NDJSON files have it; the API has all columns.
    """

    name: str
    type: Any
    about: str
    read: Callable[[PairView, AsOf], Any]
    heading: str = ""
    cell: Callable[[PairView, AsOf], str] | None = None
    hover: Callable[[PairView, AsOf], str] | None = None
    css: str = "num aux"
    on_phones: str = ""
    orders: tuple[Order, ...] = ()
    in_files: bool = True


def _by(name: str, key: Key, up: str = "", down: str = "") -> tuple[Order, Order]:
    return (
        Order(name, up or f"smallest {name} first", key),
        Order(f"-{name}", down or f"largest {name} first", key, -1),
    )


def _of(kind: str, name: str) -> Callable[[PairView, AsOf], Any]:
    """Return what reads a field of one side; None where that has not come."""
    return lambda pair, as_of: getattr(pair.side(kind), name, None)


def _carried(name: str) -> Callable[[PairView, AsOf], Any]:
    return lambda pair, as_of: getattr(pair.carried, name)


def _redelivered(kind: str) -> Callable[[PairView, AsOf], bool]:
    return lambda pair, as_of: getattr(pair.side(kind), "redelivered", False)


def _both(kind: str) -> Callable[[PairView, AsOf], str]:
    return lambda pair, as_of: cells.both_values(pair, kind)


def _exactly(number: float | None) -> str:
    """Return a number with all its digits."""
    return "" if number is None else repr(number).removesuffix(".0")


def _value_of(kind: str) -> Callable[[PairView, AsOf], str]:
    def said(pair: PairView, as_of: AsOf) -> str:
        side = pair.side(kind)
        return f"{_exactly(side.y)}, happened {moment(side.ts)}" if side is not None else ""

    return said


def _size(error: float | None) -> float | None:
    return None if error is None else abs(error)


def _until(pair: PairView) -> float | None:
    return pair.last_event if pair.waits else None


_AGE = (Order("newest", "newest first"), Order("oldest", "oldest first", lambda pair: pair.last_event))
_LEFT = (Order("left", "least time left first", _until), Order("-left", "most time left first", _until, -1))
_STATES = get_args(State)

COLUMNS = (
    Column("id", str, "", lambda pair, _: pair.id, "id", cells.row_id, css="id", orders=(Order("id", "id"),)),
    Column(
        "state",
        State,
        "how it stands",
        lambda pair, _: pair.state,
        "state",
        cells.states,
        css="state",
        orders=_by("state", lambda pair: _STATES.index(pair.state), "waiting first", "unmatched first"),
    ),
    Column(
        "y_true",
        float | None,
        "the truth",
        _of("y_true", "y"),
        heading="y_true",
        cell=_both("y_true"),
        hover=_value_of("y_true"),
        css="num",
        on_phones="true",
        orders=_by("y_true", lambda pair: pair.true.y if pair.true else None),
    ),
    Column(
        "y_pred",
        float | None,
        "the prediction",
        _of("y_pred", "y"),
        heading="y_pred",
        cell=_both("y_pred"),
        hover=_value_of("y_pred"),
        css="num",
        on_phones="pred",
        orders=_by("y_pred", lambda pair: pair.pred.y if pair.pred else None),
    ),
    Column(
        "error",
        float | None,
        "y_pred - y_true, where both were joined",
        lambda pair, _: pair.error,
        heading="error",
        cell=lambda pair, _: cells.signed(pair.error),
        hover=lambda pair, _: _exactly(pair.error),
        css="num",
        on_phones="error",
        orders=_by("error", lambda pair: _size(pair.error)),
    ),
    Column(
        "age_s",
        float,
        "seconds since the id last changed",
        lambda pair, as_of: round(as_of.now - pair.last_event, 3),
        heading="age",
        cell=lambda pair, as_of: span(as_of.now - pair.last_event),
        hover=lambda pair, _: moment(pair.last_event),
        css="num",
        on_phones="age",
        orders=_AGE,
    ),
    Column(
        "left_s",
        float | None,
        "seconds that it still waits at the longest",
        lambda pair, as_of: pair.left_s(as_of.rules, as_of.now),
        heading="time left",
        cell=cells.time_left,
        hover=lambda pair, as_of: f"until {moment(pair.deadline_at(as_of.rules))} at the latest" if pair.waits else "",
        css="num",
        on_phones="left",
        orders=_LEFT,
    ),
    Column(
        "partition",
        int,
        "",
        lambda pair, _: pair.partition,
        heading="partition",
        orders=_by("partition", lambda pair: pair.partition),
    ),
    Column(
        "worker",
        str,
        "the address of who holds it",
        lambda pair, _: pair.worker,
        heading="worker",
        cell=lambda pair, _: cells.plain(pair.worker.partition("//")[2]),
        css="aux",
    ),
    Column("ts_true", float | None, "when the truth happened", _of("y_true", "ts")),
    Column("ts_pred", float | None, "when the prediction happened", _of("y_pred", "ts")),
    Column("at_true", float | None, "when the truth came", _of("y_true", "at")),
    Column("at_pred", float | None, "when the prediction came", _of("y_pred", "at")),
    Column("decided_at", float | None, "when its verdict was given", lambda pair, _: pair.decided_at),
    Column(
        "deadline_at",
        float,
        "until when it waits at the longest, or waited",
        lambda pair, as_of: pair.deadline_at(as_of.rules),
    ),
    Column("offset_true", int | None, "where the truth lies in its topic", _of("y_true", "offset")),
    Column("offset_pred", int | None, "where the prediction lies in its topic", _of("y_pred", "offset")),
    Column("redelivered_true", bool, "whether RabbitMQ delivered the truth again", _redelivered("y_true")),
    Column("redelivered_pred", bool, "whether RabbitMQ delivered the prediction again", _redelivered("y_pred")),
    Column("duplicate", bool, "whether a row came again with the same value", lambda pair, _: pair.duplicate),
    Column("conflict", bool, "whether a row came again with another value", lambda pair, _: pair.conflict),
    Column("late", bool, "whether a row came too late", lambda pair, _: pair.late),
    Column("n_repeats", int, "rows beyond the first truth and prediction", lambda pair, _: pair.n_repeats),
    *(Column(field.name, field.type, "", _carried(field.name)) for field in msgspec.structs.fields(Carried)),
    Column(
        "other",
        Other | None,
        "the last row of the id that conflicted or came late",
        lambda pair, _: pair.other,
        in_files=False,
    ),
)
IN_FILES = tuple(column for column in COLUMNS if column.in_files)
ON_PAGE = tuple(column for column in COLUMNS if column.heading)
ORDERS = {order.name: order for order in (*_AGE, *(order for column in COLUMNS for order in column.orders))}
"""By name; the newest first is what is shown where nothing is asked for."""


def as_row(pair: PairView, as_of: AsOf, columns: Iterable[Column] = COLUMNS) -> dict[str, Any]:
    """Return an id as the API and the files have it: the value of each column by its name."""
    return {column.name: column.read(pair, as_of) for column in columns}
