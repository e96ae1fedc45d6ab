"""The rows of the join window as markup. A template takes three times as long for a hundred of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup, escape

from streams.join.deadlines import Rules, wait_s
from web.pairs.pair_rows import state_words
from web.text import pieces, row_url, shown, span, value

_NONE = '<span class="muted">–</span>'


def body(rows: Iterable[dict[str, Any]], part: str, rules: Rules) -> Markup:
    """Return a `tr` for each row; `part` is what is searched in the ids."""
    waits_s = wait_s(rules)
    return Markup("\n".join(_row(row, part, waits_s) for row in rows))  # noqa: S704  made of numbers and escaped words only


def _row(row: dict[str, Any], part: str, waits_s: float) -> str:
    error = row["error"]
    said = ("+" if error is not None and error > 0 else "") + value(error)
    return (
        f'<tr><th scope="row"><a class="id" href="{escape(row_url(row["id"]))}"><bdi>{_id(row["id"], part)}</bdi></a></th>'
        f"<td>{_states(row)}</td>"
        f'<td class="num" data-k="true">{_side(row, "y_true")}</td><td class="num" data-k="pred">{_side(row, "y_pred")}</td>'
        f'<td class="num{"" if row["left_s"] is None else " k-open"}" data-k="error">{said}</td>'
        f'<td class="num" data-k="age">{span(row["age_s"])}</td>{_left(row["left_s"], waits_s)}'
        f'<td class="num aux">{row["partition"]}</td><td class="aux">{escape(row["worker"].partition("//")[2])}</td></tr>'
    )


def _id(row_id: str, part: str) -> str:
    if not part:
        return escape(shown(row_id))
    found = pieces(row_id, part)
    return "".join(f"<mark>{escape(shown(text))}</mark>" if hit else escape(shown(text)) for hit, text in found)


def _states(row: dict[str, Any]) -> str:
    return " ".join(
        f'<span class="st"><svg class="i c-{icon}" aria-hidden="true"><use href="#i-{icon}"/></svg><span>{icon}'
        f'<span class="more">{words.removeprefix(icon)}</span></span></span>'
        for icon, words in state_words(row)
    )


def _side(row: dict[str, Any], name: str) -> str:
    """Return a value, and beside it the one of a row that conflicted or came late."""
    own, beside = row[name], row["other"]
    if beside is None or beside["side"] != name:
        return value(own)
    if own is None:
        return f'<span class="muted">{value(beside["y"])} late</span>'
    return f'{value(own)} <span class="c-conflict">≠</span> {value(beside["y"])}'


def _left(left_s: float | None, waits_s: float) -> str:
    if left_s is None:
        return f'<td class="num k-left">{_NONE}</td>'
    kind = "f-conflict" if left_s < 0.1 * waits_s else "f-waiting"
    return (
        '<td class="num k-left" data-k="left"><span class="cellbar"><svg class="tiny" viewBox="0 0 64 6" aria-hidden="true">'
        f'<rect width="64" height="6" class="f-sunk"/><rect width="{64 * left_s / waits_s:.1f}" height="6" class="{kind}"/>'
        f"</svg><span>{span(left_s)}</span></span></td>"
    )
