"""The cells of the join window as markup. A template takes three times as long for a hundred rows of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from markupsafe import escape

from streams.join.deadlines import Rules, wait_s
from web.pairs.pair_view import PairView
from web.text import pieces, row_url, shown, span, value

LONG_ID, TAIL = 16, 8
"""An id of more characters is cut in its middle where it does not fit: so many at its end always show."""
NOTHING = '<span class="muted">–</span>'


class AsOf(NamedTuple):
    """What a row is shown by: the join's rules, the clock, what is searched in the ids, and where an id leads."""

    rules: Rules
    now: float
    q: str = ""
    href: Callable[[PairView], str] = lambda pair: row_url(pair.id)


def plain(read: Any) -> str:
    """Return any value as text."""
    return NOTHING if read is None else escape(shown(str(read)))


def number(read: float | None) -> str:
    """Return a value of a row's own size."""
    return value(read)


def signed(read: float | None) -> str:
    """Return an error: with its sign."""
    return ("+" if read is not None and read > 0 else "") + value(read)


def row_id(pair: PairView, as_of: AsOf) -> str:
    """Return the id as a link to its page, with what is searched marked; a long one gives way in its middle."""
    whole, href = shown(pair.id), escape(as_of.href(pair))
    if len(whole) > LONG_ID and not as_of.q:
        head, tail = escape(whole[:-TAIL]), escape(whole[-TAIL:])
        words = f'<span class="head">{head}</span><span class="tail">{tail}</span>'
        return (
            f'<a class="id" href="{href}" title="{escape(whole)}" aria-label="{escape(whole)}"><bdi>{words}</bdi></a>'
        )
    found = pieces(pair.id, as_of.q)
    words = "".join(f"<mark>{escape(shown(text))}</mark>" if hit else escape(shown(text)) for hit, text in found)
    return f'<a class="id" href="{href}" title="{escape(whole)}"><bdi>{words}</bdi></a>'


def states(pair: PairView, as_of: AsOf) -> str:
    """Return its states, each with its icon."""
    return " ".join(
        f'<span class="st"><svg class="i c-{icon}" aria-hidden="true"><use href="#i-{icon}"/></svg><span>{icon}'
        f'<span class="more">{words.removeprefix(icon)}</span></span></span>'
        for icon, words in pair.states()
    )


def both_values(pair: PairView, kind: str) -> str:
    """Return the value of one side, and beside it the one of a row that conflicted or came late."""
    own, beside = pair.side(kind), pair.other
    if beside is None or beside.side != kind:
        return value(own.y if own else None)
    if own is None:
        return f'<span class="muted">{value(beside.y)} late</span>'
    return f'{value(own.y)} <span class="c-conflict">≠</span> {value(beside.y)}'


def time_left(pair: PairView, as_of: AsOf) -> str:
    """Return how long an id still waits, beside a bar that shrinks."""
    left_s, waits_s = pair.left_s(as_of.rules, as_of.now), wait_s(as_of.rules)
    if left_s is None:
        return NOTHING
    kind = "f-conflict" if left_s < 0.1 * waits_s else "f-waiting"
    width = 64 * min(1.0, left_s / waits_s)
    return (
        '<span class="cellbar"><svg class="tiny" viewBox="0 0 64 6" aria-hidden="true"><rect width="64" height="6" '
        f'class="f-sunk"/><rect width="{width:.1f}" height="6" class="{kind}"/></svg><span>{span(left_s)}</span></span>'
    )
