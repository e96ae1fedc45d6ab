"""What the URL of the table asks for: filters, order and place. Pure: no table here."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, get_args
from urllib.parse import quote_plus

import msgspec

from streams.scores.delay import Clock
from web.pairs.columns import ORDERS
from web.pairs.pair_view import FLAGS, PairView, Place
from web.pairs.segment import belongs, is_known

State = Literal[
    "all",
    "waiting",
    "waiting_for_pred",
    "waiting_for_true",
    "matched",
    "unmatched",
    "unmatched_true",
    "unmatched_pred",
    "late",
    "duplicate",
    "conflict",
]
STATES: tuple[State, ...] = get_args(State)
PARTS: dict[str, tuple[State, ...]] = {
    "waiting": ("waiting", "waiting_for_pred", "waiting_for_true"),
    "unmatched": ("unmatched", "unmatched_true", "unmatched_pred"),
}
"""States that come in two kinds, by which side is missing."""
EVERYWHERE = ("theme", "paused")
"""Parameters that every page takes."""
By = Literal["changed", "predicted"]
"""Which time of an id `from` and `to` are of: when it last changed, or when its prediction happened."""
RANGES: dict[str, tuple[str, Callable[[PairView, Clock], float | None]]] = {
    "error": ("|error|", lambda pair, _: None if pair.error is None else abs(pair.error)),
    "signed": ("error", lambda pair, _: pair.error),
    "delay": ("label after", lambda pair, clock: pair.label_delay(clock)),
}
"""Numbers of an id that `min_` and `max_` of their names limit, both included: how people read it, and how it is found."""
LIMITS = tuple(f"{end}_{name}" for name in RANGES for end in ("min", "max"))
FILTERS = ("q", "partition", "worker", "model", "segment", "min_age", "max_age", "from_", "to", *LIMITS)
PLACES = ("after", "before")
PAGE_SIZES = (25, 50, 100, 250)
MAX_TEXT_CHARS = 512
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?(s|m|min|h|d)?")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


class BadQuery(ValueError):
    """The URL asks for what there is not; the message is a sentence, which `web.guard` answers with, and a 400."""


class Query(NamedTuple):
    """One question to the table. Ages and delays in seconds; `error` is an absolute value, `signed` is with its sign.

    `clock` is that of `delay`, as `streams.scores.delay` has it.

    `after` is the place of the last row that was shown; with `before`, the rows before a place are asked for, the nearest
    one first.

    `from_` (`from` in an address) and `to`, which is not included, are UTC epoch seconds, of the time that `by` names.
    """

    state: State = "all"
    q: str = ""
    partition: int | None = None
    worker: str = ""
    model: str = ""
    segment: str = ""
    min_age: float | None = None
    max_age: float | None = None
    from_: float | None = None
    to: float | None = None
    by: By = "changed"
    min_error: float | None = None
    max_error: float | None = None
    min_signed: float | None = None
    max_signed: float | None = None
    min_delay: float | None = None
    max_delay: float | None = None
    clock: Clock = "arrival"
    sort: str = "newest"
    n: int = 50
    after: Place | None = None
    before: Place | None = None
    paused: str = ""

    @property
    def is_filtered(self) -> bool:
        """Whether anything but the state is asked for."""
        return any(getattr(self, name) != Query._field_defaults[name] for name in FILTERS)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is asked for beyond the state, a text in the id and a model."""
        return any(getattr(self, name) != Query._field_defaults[name] for name in FILTERS if name not in ("q", "model"))

    def url(self, **changes: Any) -> str:
        """Return the query string of this question with changes; what is at its default is left out."""
        asked = self._replace(**changes)
        parts = {name: value for name, value in asked._asdict().items() if value != Query._field_defaults[name]}
        parts |= {name: encode_place(parts[name]) for name in PLACES if name in parts}
        return "?" + "&".join(f"{name.rstrip('_')}={_spelled(value)}" for name, value in parts.items())


NAMES = {name.rstrip("_"): name for name in Query._fields}
"""The field of a question by its name in an address."""


def read(given: Mapping[str, str], *, most: int = PAGE_SIZES[-1], beside: Iterable[str] = ()) -> Query:
    """Return the question that a query string asks.

    Args:
        beside: further names that its address takes.

    Raises:
        BadQuery: a value cannot be used, or there is no such name.
    """
    refuse_unknown(given, (*NAMES, *beside))
    known = {name: text for name, text in given.items() if name in NAMES and text != ""}
    refuse_long(known, known.keys() - PLACES)
    places: dict[str, Any] = {name: decode_place(known.pop(name)) for name in PLACES if name in known}
    values: dict[str, Any] = {
        NAMES[name]: _READERS.get(name, lambda _, text: text)(name, text) for name, text in known.items()
    }
    query = Query(**values)
    if query.by not in get_args(By):
        raise BadQuery(f"by is one of {', '.join(get_args(By))}.")
    if query.segment and not is_known(query.segment):
        raise BadQuery("segment is one such as country:DE or y_pred:80 to 110; of key:other no ids can be told.")
    if query.clock not in get_args(Clock):
        raise BadQuery(f"clock is one of {', '.join(get_args(Clock))}.")
    if query.from_ is not None and query.to is not None and query.from_ >= query.to:
        raise BadQuery("from must lie before to.")
    if query.state not in STATES:
        raise BadQuery(f"state is one of {', '.join(STATES)}.")
    if query.sort not in ORDERS:
        raise BadQuery(f"sort is one of {', '.join(ORDERS)}.")
    for name, place in places.items():
        if not fits(place, query.sort):
            raise BadQuery(f"{name} is no place in this order; start at its first page.")
    return query._replace(n=max(0, min(query.n, most)), **places)


def refuse_unknown(given: Iterable[str], names: Iterable[str]) -> None:
    """Refuse a name that a page does not know: left out, it would show more than was asked for.

    Raises:
        BadQuery: it names the nearest one.
    """
    known = {*names, *EVERYWHERE}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(known))}."
            raise BadQuery(f"There is no parameter {name[:40]!a} here. {meant}")


def refuse_long(given: Mapping[str, str], names: Iterable[str]) -> None:
    """Refuse a text that is longer than any that can be meant.

    Raises:
        BadQuery: it says which one.
    """
    for name in names:
        if len(given.get(name, "")) > MAX_TEXT_CHARS:
            raise BadQuery(f"{name} has more than {MAX_TEXT_CHARS} characters.")


def fits(place: Place, sort: str) -> bool:
    """Tell whether a place is one of this order's."""
    if sort == "newest":
        return len(place) == 6 and all(isinstance(part, int) and abs(part) < 1 << 62 for part in place)
    value, tie = place if len(place) == 2 else (None, None)
    if sort == "id":
        return isinstance(value, str) and isinstance(tie, int)
    return isinstance(value, int | float) and isinstance(tie, str)


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadQuery(f"{name} is a whole number.")
    return int(text)


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadQuery(f"{name} is a finite number.")
    return number


def _seconds(name: str, text: str) -> float:
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise BadQuery(f"{name} is a length of time, such as 90, 90s, 5m, 2h or 1d.")
    return float(found[1]) * _UNITS[found[2] or "s"]


def time_of(text: str) -> float | None:
    """Return a time in UTC epoch seconds, given as that or in ISO 8601; UTC where it names no zone. None: empty.

    Raises:
        BadQuery: it is none.
    """
    if not text:
        return None
    try:
        found = float(text)
    except ValueError:
        found = _iso(text)
    if not 0 <= found <= 1e11:
        raise BadQuery("from and to are times: UTC epoch seconds, or ISO 8601 such as 2026-01-31T12:00:00Z.")
    return found


def _iso(text: str) -> float:
    try:
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan


_READERS = {
    "partition": _whole,
    "n": _whole,
    "from": lambda name, text: time_of(text),
    "to": lambda name, text: time_of(text),
    "min_age": _seconds,
    "max_age": _seconds,
    **dict.fromkeys(LIMITS, _number),
}


def _spelled(value: float | str) -> str:
    return quote_plus(value) if isinstance(value, str) else spelled_number(value)


def spelled_number(value: float) -> str:
    """Return a number as it stands in an address."""
    return f"{value!r}".removesuffix(".0").replace("+", "%2B")


def encode_place(place: Place) -> str:
    """Return a place as text for a URL."""
    return msgspec.msgpack.encode(place).hex()


def decode_place(text: str) -> Place:
    """Return the place that a URL names.

    Raises:
        BadQuery: it is not one of ours.
    """
    try:
        return msgspec.msgpack.decode(bytes.fromhex(text[:2048]), type=Place)
    except (ValueError, msgspec.MsgspecError):
        raise BadQuery("after is no place in this table; start at its first page.") from None


def matches(query: Query, pair: PairView, now: float) -> bool:
    """Tell whether an id is asked for, its state apart."""
    if query.q and query.q not in pair.id:
        return False
    if query.model and query.model != pair.carried.model:
        return False
    if query.segment and not belongs(pair, query.segment):
        return False
    if not _is_of_time(query, pair):
        return False
    age = now - pair.last_event
    if (query.min_age is not None and age < query.min_age) or (query.max_age is not None and age > query.max_age):
        return False
    return all(_is_within(query, pair, name) for name in RANGES)


def _is_within(query: Query, pair: PairView, name: str) -> bool:
    least, most = getattr(query, f"min_{name}"), getattr(query, f"max_{name}")
    if least is None and most is None:
        return True
    value = RANGES[name][1](pair, query.clock)
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


def _is_of_time(query: Query, pair: PairView) -> bool:
    if query.from_ is None and query.to is None:
        return True
    if query.by == "changed":
        at = pair.last_event
    elif pair.pred is None:
        return False
    else:
        at = pair.pred.ts
    return (query.from_ is None or at >= query.from_) and (query.to is None or at < query.to)


def states_of(pair: PairView) -> set[State]:
    """Return every state that an id counts under."""
    found: set[State] = {"all", pair.kind}
    if pair.state != "matched":
        found.add(pair.state)
    for flag in FLAGS:
        if getattr(pair, flag):
            found.add(flag)
    return found
