"""Whatever another worker answers, it is decoded into what the pages can show, or it is no answer."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.join.deadlines import Rules
from streams.scores.figures import (
    EXPECTED_NAMES,
    Bars,
    Changed,
    Coverage,
    Dominated,
    Figures,
    Gap,
    LabelDelay,
    LabelOutage,
    Mark,
    Slice,
    Tails,
    Triangle,
)
from streams.scores.metrics import QUANTILES, SCORES
from tests.unit.web.frames import in_frame
from web.dashboard.choice import Choice
from web.dashboard.view import view
from web.one_id import sides
from web.one_id.timeline import timeline
from web.one_id.why import why
from web.pairs import listing
from web.pairs.cells import AsOf
from web.pairs.columns import as_row
from web.pairs.pair_view import Other, PairView, Side
from web.state.status import OwnStatus

RULES = Rules(window_s=60.0, max_out_of_orderness_s=5.0, horizon_s=90.0)
NOW = 1_700_000_000.0
LETTERS = st.text(st.characters(codec="utf-8"), max_size=20)
TEXTS = LETTERS.filter(lambda text: not re.search("nan|inf", text)) | st.just("<script>alert(1)</script>")
"""A word that somebody sends may be `inf`, and then it is shown: what is looked for below are numbers of ours."""
FLOATS = st.floats(allow_nan=True, allow_infinity=True)
WHOLE = st.integers(-(1 << 63), (1 << 63) - 1)


def built(_kind, /, **parts):
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
TIMES = st.floats(0, 1e11)
SIZES = st.floats(-1e150, 1e150)
RISING = st.lists(TIMES, max_size=4, unique=True).map(sorted)
NATURAL = st.integers(0, 1 << 62)
BARS = st.lists(SIZES, min_size=2, max_size=5, unique=True).flatmap(
    lambda edges: built(
        Bars,
        edges=st.just(sorted(edges)),
        counts=st.lists(NATURAL, min_size=len(edges) - 1, max_size=len(edges) - 1),
        n_below=NATURAL,
        n_beyond=NATURAL,
        is_log=st.just(min(edges) > 0 and 1.001 * min(edges) < max(edges)),
    )
)
SO_FAR = st.fixed_dictionaries(
    {name: st.none() | SIZES for name in (*(score.name for score in SCORES), *QUANTILES, "n")}
)
SLICES = RISING.flatmap(
    lambda starts: st.tuples(
        *[
            built(
                Slice,
                start=st.just(start),
                width_s=TIMES,
                n_predictions=NATURAL,
                n_labelled=NATURAL,
                **dict.fromkeys(
                    ("mae_so_far", "mae_expected", "mae_low", "mae_high", "bias", "mean_true", "mean_pred"),
                    st.none() | SIZES,
                ),
                is_mature=st.booleans(),
                complete=st.booleans(),
                why=TEXTS,
            )
            for start in starts
        ]
    )
)


def tables(values, n_rows, n_columns):
    """Return a strategy of tables of that many rows and columns."""
    row = st.lists(values, min_size=n_columns, max_size=n_columns)
    return st.lists(row, min_size=n_rows, max_size=n_rows)


TRIANGLES = st.tuples(RISING, RISING).flatmap(
    lambda both: built(
        Triangle,
        starts=st.just(both[0]),
        width_s=TIMES,
        ends=st.just(both[1]),
        n=tables(st.none() | NATURAL, len(both[0]), len(both[1])),
        mae=tables(st.none() | SIZES, len(both[0]), len(both[1])),
    )
)
SPANS_OF_TIME = {"start": TIMES, "end": TIMES}
COUNTS = ("n_predictions", "n_labelled", "n_left_out", "n_unmatched_pred", "n_unmatched_true", "n_late", "n_refused")
FIGURES = built(
    Figures,
    **{"from": TIMES},
    axis=st.sampled_from(["predicted", "decided"]),
    to=TIMES,
    now=st.none() | TIMES,
    clock=st.just("arrival"),
    model=TEXTS,
    segment=TEXTS,
    models=st.lists(TEXTS, max_size=3),
    segments=st.lists(TEXTS, max_size=3),
    window_s=TIMES,
    **dict.fromkeys(COUNTS, NATURAL),
    maturity=st.none() | st.floats(0, 1),
    horizon_s=st.none() | TIMES,
    so_far=SO_FAR,
    expected=st.none() | st.fixed_dictionaries({name: st.none() | SIZES for name in EXPECTED_NAMES}),
    why=TEXTS,
    coverage=built(
        Coverage,
        so_far=st.none() | st.floats(0, 1),
        final=st.none() | st.floats(0, 1),
        low=st.none() | SIZES,
        high=st.none() | SIZES,
        curve=RISING.flatmap(lambda ages: st.tuples(*[st.tuples(st.just(age), st.floats(0, 1)) for age in ages])),
    ),
    label_delay=st.none() | built(LabelDelay, p50=TIMES, p90=TIMES, p99=TIMES),
    quantiles_exact=st.booleans(),
    slices=SLICES,
    triangle=st.none() | TRIANGLES,
    histogram=st.none() | BARS,
    signed=st.none() | BARS,
    worst=st.lists(
        st.fixed_dictionaries({"absolute_error": SIZES, "id": TEXTS, "y_true": SIZES, "y_pred": SIZES}), max_size=2
    ),
    dominated=st.lists(built(Dominated, score=TEXTS, id=TEXTS, share=st.floats(0, 1)), max_size=1),
    outages=st.lists(built(LabelOutage, **SPANS_OF_TIME, n_predictions=NATURAL, n_missing=SIZES), max_size=2),
    change=st.none() | built(Changed, at=TIMES, **dict.fromkeys(("ratio", "low", "high"), st.none() | SIZES)),
    gaps=st.lists(built(Gap, **SPANS_OF_TIME, why=TEXTS), max_size=2),
    marks=st.lists(built(Mark, at=TIMES, kind=TEXTS, text=TEXTS), max_size=3),
    complete=st.booleans(),
    tails=st.none() | built(Tails, low=SIZES, high=SIZES),
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
@settings(max_examples=100, deadline=None)
@given(FIGURES, st.sampled_from(["absolute", "signed"]), st.sampled_from(["linear", "log"]))
def test_whatever_figures_another_worker_sends_they_can_be_drawn(sent, error, y):
    figures = decoded(sent, Figures)
    assert figures is not None
    page = in_frame("dashboard.html", "", now=NOW, stages=[], units={}, **view(figures, "", Choice(error=error, y=y)))
    assert "<script>alert" not in page
    assert re.findall(r"[^>]*[\"MLZ ](?:nan|-?inf)[^>]*>", page) == []


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x91" * 100_000, b"\x81\xa1\xff\x01", msgspec.msgpack.encode([1])])
def test_rubbish_is_no_answer(raw):
    with pytest.raises((msgspec.MsgspecError, ValueError, RecursionError)):
        msgspec.msgpack.decode(raw, type=OwnStatus)
