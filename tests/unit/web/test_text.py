"""How the pages say things: changes of scores, ids, what was searched."""

from __future__ import annotations

import pytest

from tests.unit.web.tables import HOSTILE
from web import text


def test_an_id_is_cut_where_it_contains_what_is_searched():
    assert text.pieces("abcab", "ab") == [(False, ""), (True, "ab"), (False, "c"), (True, "ab"), (False, "")]
    assert text.pieces("abc", "") == [(False, "abc")]


@pytest.mark.parametrize("row_id", HOSTILE, ids=ascii)
def test_a_hostile_id_is_text_in_its_link_and_on_the_page(row_id):
    assert not set(text.row_url(row_id)) & set("<>\"'\x00\u202e")
    assert not set(text.shown(row_id)) & set("\x00\u202e")
