"""Whatever another worker answers, it is decoded into what the pages can show, or it is no answer."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.join.deadlines import Rules
from web import answers
from web.dashboard import summaries
from web.dashboard.data import Bins, Dashboard
from web.one_id import sides
from web.one_id.timeline import timeline
from web.one_id.why import why
from web.pairs import listing
from web.pairs.cells import AsOf
from web.pairs.columns import as_row
from web.pairs.pair_view import Other, PairView, Side
from web.state.status import OwnStatus, Partition, Status

RULES = Rules(window_s=60.0, max_out_of_orderness_s=5.0, horizon_s=90.0)
NOW = 1_700_000_000.0
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | st.just("<script>alert(1)</script>")
FLOATS = st.floats(allow_nan=True, allow_infinity=True)
WHOLE = st.integers(-(1 << 63), (1 << 63) - 1)


def built(kind, **parts):
    """Return a strategy of what anybody may send as one of `kind`: the right names, with any numbers and texts."""
    return st.fixed_dictionaries(parts).map(lambda found: found | {"from another version": 1})


SIDES = built(Side, y=FLOATS, ts=FLOATS, at=FLOATS, offset=WHOLE, redelivered=st.booleans())
OTHERS = built(Other, side=st.sampled_from(["y_true", "y_pred"]), y=FLOATS, ts=FLOATS, at=FLOATS, offset=WHOLE)
PAIRS = built(
    PairView,
    id=TEXTS,
    state=st.sampled_from(["waiting_for_pred", "waiting_for_true", "matched", "unmatched_true", "unmatched_pred", "x"]),
    true=st.none() | SIDES,
    pred=st.none() | SIDES,
    decided_at=st.none() | FLOATS,
    duplicate=st.booleans(),
    conflict=st.booleans(),
    late=st.booleans(),
    n_repeats=WHOLE,
    partition=WHOLE,
    place=st.lists(WHOLE | FLOATS | TEXTS, max_size=6),
    other=st.none() | OTHERS,
    worker=TEXTS,
)
BINS = built(
    Bins,
    edges=st.lists(FLOATS, max_size=4).map(sorted) | st.lists(FLOATS, max_size=4),
    counts=st.lists(st.integers(0, 1 << 62), max_size=3),
    previous=st.lists(FLOATS, max_size=3),
    n_previous=WHOLE,
    n_below=WHOLE,
    n_beyond=WHOLE,
    is_log=st.booleans(),
)
SCORES = st.fixed_dictionaries(
    {name: st.none() | FLOATS for name in ("mae", "rmse", "bias", "r2", "p50", "p90", "p99", "n", "n_left_out")}
)
DELAYS = st.none() | st.fixed_dictionaries(dict.fromkeys(("p10", "p50", "p90", "p99", "max"), FLOATS))
ENDS = st.fixed_dictionaries(dict.fromkeys(("matched", "unmatched_true", "unmatched_pred", "n"), WHOLE))
DASHBOARDS = built(
    Dashboard,
    is_writer=st.booleans(),
    last=st.sampled_from(["1m", "all"]),
    at=FLOATS,
    drawn_at=st.none() | FLOATS,
    drawn=st.none() | SCORES,
    scores=SCORES,
    previous=SCORES,
    histogram=st.none() | BINS,
    signed=st.none() | BINS,
    series=st.lists(st.tuples(FLOATS, FLOATS, FLOATS, FLOATS, WHOLE), max_size=3),
    points=st.lists(st.tuples(FLOATS, FLOATS), max_size=4),
    worst=st.lists(
        st.fixed_dictionaries({"absolute_error": FLOATS, "id": TEXTS, "y_true": FLOATS, "y_pred": FLOATS}), max_size=2
    ),
    delay=DELAYS,
    delay_before=DELAYS,
    coverage=st.lists(st.tuples(FLOATS, FLOATS), max_size=3),
    ended=ENDS,
    ended_before=ENDS,
    n_truth_first=WHOLE,
)


def decoded(sent, kind):
    """Return what another worker sent as one of `kind`; None where it is none."""
    try:
        return msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=kind)
    except msgspec.MsgspecError:
        return None


@pytest.mark.slow
@settings(max_examples=500)
@given(PAIRS)
def test_an_id_of_another_worker_can_be_shown_or_is_none(sent):
    pair = decoded(sent, PairView)
    if pair is None:
        return
    as_of = AsOf(RULES, NOW, "a")
    body = str(listing.body([pair], as_of))
    assert "<script" not in body
    row = msgspec.json.decode(msgspec.json.encode(as_row(pair, as_of)))
    assert row["id"] == pair.id
    assert timeline(pair, RULES, NOW).events
    assert why(pair, RULES, NOW).short
    assert sides.rows(pair)


@pytest.mark.slow
@settings(max_examples=500)
@given(DASHBOARDS, st.sampled_from(["absolute", "signed"]), st.sampled_from(["linear", "log"]))
def test_a_dashboard_of_another_worker_can_be_drawn_or_is_none(sent, error, y):
    data = decoded(sent, Dashboard)
    if data is None:
        return
    choice = summaries.Choice(data.last, error, y)
    page = answers._templates.get_template("dashboard.html").render(
        **{
            "theme": "auto",
            "theme_links": {},
            "here": "",
            "status": STATUS,
            "settings": SETTINGS,
            "worker": "",
            "now": NOW,
        },
        **{"data": data, "choice": choice, "drawn": summaries.drawn(data, choice), "links": summaries.links(choice)},
        stages=[],
    )
    assert "<script>alert" not in page


class SETTINGS:
    join_window_s = 60.0


STATUS = Status(*[0] * 21, [], [Partition(0, "ready")], worker="", workers=[], silent={}, bridge=None, notices=[])


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x91" * 100_000, b"\x81\xa1\xff\x01", msgspec.msgpack.encode([1])])
def test_rubbish_is_no_answer(raw):
    with pytest.raises((msgspec.MsgspecError, ValueError, RecursionError)):
        msgspec.msgpack.decode(raw, type=OwnStatus)
