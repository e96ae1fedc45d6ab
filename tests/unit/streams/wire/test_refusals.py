"""What was refused is summed up by kind, and the newest speaks for the others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.wire.refusals import Refused, headline, summed_up

refused = st.builds(
    Refused,
    st.sampled_from(("features", "y_true", "y_pred")),
    st.integers(1, 9),
    st.floats(0, 100),
    st.text(max_size=3),
)


@given(st.lists(refused))
def test_every_row_is_counted_and_the_newest_of_each_kind_speaks(some: list[Refused]) -> None:
    found = summed_up(some)

    assert sum(one.n_rows for one in found) == sum(one.n_rows for one in some)
    assert {one.kind for one in found} == {one.kind for one in some}
    for one in found:
        of_kind = [each for each in some if each.kind == one.kind]
        assert one.at == max(each.at for each in of_kind)
        assert one.newest in [each.detail for each in of_kind if each.at == one.at]
    assert [one.n_rows for one in found] == sorted((one.n_rows for one in found), reverse=True)


def test_it_is_one_sentence() -> None:
    detail = "no field `y_true`; it has `price`: set HINDSIGHT_FIELD_Y_TRUE=price if that is the value"
    (one,) = summed_up([Refused("y_true", 119, 1.0, "older"), Refused("y_true", 1, 2.0, detail)])

    assert one.sentence() == f"120 rows of y_true cannot be read, newest: {detail}"
    assert headline(detail) == "no field `y_true`; it has `price`"
