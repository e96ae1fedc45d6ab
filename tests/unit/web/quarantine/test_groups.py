"""What could not be read, grouped by cause, place and publisher: every row once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fields import FIELDS, NO_FIELDS, Fields
from streams.kinds import KINDS, Kind
from streams.settings import Settings
from streams.wire.decoder import Decoder
from web.quarantine.forms import form_of
from web.quarantine.groups import grouped, key_of, place_of, properties_of, publisher_of
from web.quarantine.records import Refused


def refused(
    detail: str = "`y_true` is NaN: x", *, offset: int = 0, at: float = 5.0, n_rows: int = 1, **more: str
) -> Refused:
    given = {"source": "queue y_true", "part": "1/1", "place": "queue y_true", "publisher": ""} | more
    return Refused(
        offset,
        at,
        "bad_row",
        detail,
        given["source"],
        given["part"],
        "",
        n_rows,
        2,
        "{}",
        False,
        place=given["place"],
        publisher=given["publisher"],
    )


some = st.lists(
    st.builds(
        refused,
        st.sampled_from(("no id: x", "no id: y", "3 features, not 10: x", "4 features, not 10: x", "")),
        at=st.floats(0, 100),
        n_rows=st.integers(1, 5),
        place=st.sampled_from(("queue y_true", "topic y_true")),
        publisher=st.sampled_from(("", "labels-de 2.8.0")),
    )
)


@given(some)
def test_every_row_is_in_one_group_and_in_one_bar(rows: list[Refused]) -> None:
    groups = grouped(rows)

    assert sum(group.n_rows for group in groups) == sum(row.n_rows for row in rows)
    assert len({group.key for group in groups}) == len(groups)
    for group in groups:
        members = [row for row in rows if key_of(row) == group.key]
        assert (group.n_records, sum(group.bars)) == (len(members), group.n_rows)
        assert {(row.place, row.publisher) for row in members} == {(group.place, group.publisher)}
        assert (group.first, group.last) == (min(row.at for row in members), max(row.at for row in members))
        assert group.newest == members[0].offset
    assert [group.n_rows for group in groups] == sorted((group.n_rows for group in groups), reverse=True)


def test_numbers_and_ids_make_no_causes_of_their_own() -> None:
    alike = [refused("3 features, where 10 are: x"), refused("4 features, where 10 are: x")]
    assert len(grouped(alike)) == 1
    assert len(grouped([refused("the row of id 'a' is larger"), refused("the row of id 'b' is larger")])) == 1
    assert len(grouped([refused("no field `y`"), refused("no field `z`")])) == 2


def test_a_body_in_parts_counts_once_and_bars_go_with_the_time() -> None:
    (group,) = grouped([refused(n_rows=4, part="2/2"), refused(n_rows=4, part="1/2")])
    assert (group.n_rows, group.n_records) == (4, 2)
    (spread,) = grouped([refused(at=12.0), refused(at=6.0, n_rows=3), refused(at=0.0)])
    assert spread.bars == [1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("queue y_true", "queue Labels"),
        ("topic y_pred/3@17", "topic team.pred"),
        ("topic features/1", "topic ns.features"),
        ("queue other", "queue other"),
        ("", "unknown"),
    ],
)
def test_a_place_has_its_own_name(source: str, place: str) -> None:
    assert place_of(source, Settings(queue_y_true="Labels", topic_y_pred="team.pred", namespace="ns.")) == place


def test_a_publisher_is_who_it_says_it_is_and_foreign_bytes_are_nobody() -> None:
    assert publisher_of(properties_of('{"app_id": "labels-de 2.8.0", "user_id": "guest"}')) == "labels-de 2.8.0"
    assert publisher_of(properties_of('{"app_id": 5, "user_id": "guest"}')) == "guest"
    for foreign in ("", "{", "[1]", "{}", "[" * 5000):
        assert publisher_of(properties_of(foreign)) == ""


NAMED = {
    "our own": NO_FIELDS,
    "of one's own": Fields(**{field: (f"{field}_of_mine", "other") for field in FIELDS}),
    "nested": Fields(**{field: (f"data.{field}",) for field in FIELDS}),
    "in a list": Fields(id=("meta.id",), y_pred=("outputs.0.data",)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMED)
def test_the_form_that_is_shown_can_be_read(kind: Kind, name: str) -> None:
    form = form_of(kind, NAMED[name])
    rows, unreadable = Decoder(kind, NAMED[name]).record(form.example.encode(), 1.0, None)
    assert unreadable == []
    assert [(row.id, row.ts) for row in rows] == [("order-17", 1764331200.0)]
    assert len(form.needs) == 3


def test_an_id_that_comes_beside_the_body_is_not_shown_in_it() -> None:
    form = form_of("y_true", Fields(id=("@key",)))
    assert json.loads(form.example).keys() == {"ts", "y_true"}
    assert form.needs[0][0] == "@key"
