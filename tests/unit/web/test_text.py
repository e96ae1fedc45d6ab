"""How the pages say things: changes of scores, ids, what was searched."""

from __future__ import annotations

import pytest

from tests.unit.web.tables import HOSTILE
from web import text


@pytest.mark.parametrize(
    ("score", "now", "before", "words"),
    [
        ("mae", 42.0, 41.5, "+0.5000 worse"),
        ("bias", -1.0, 2.0, "−3.000 better"),
        ("r2", 0.5, 0.25, "+0.2500 better"),
        ("rmse", 2.0, 2.0, "0"),
        ("p99", None, 2.0, "–"),
    ],
)
def test_a_change_says_whether_it_is_for_the_better(score, now, before, words):
    assert text.change(score, now, before) == words


def test_an_id_is_cut_where_it_contains_what_is_searched():
    assert text.pieces("abcab", "ab") == [(False, ""), (True, "ab"), (False, "c"), (True, "ab"), (False, "")]
    assert text.pieces("abc", "") == [(False, "abc")]


@pytest.mark.parametrize("row_id", HOSTILE, ids=ascii)
def test_a_hostile_id_is_text_in_its_link_and_on_the_page(row_id):
    assert not set(text.row_url(row_id)) & set("<>\"'\x00\u202e")
    assert not set(text.shown(row_id)) & set("\x00\u202e")
