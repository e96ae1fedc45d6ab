"""The page that compares two models: what is asked, what is drawn, what is said."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from streams.scores.compared_segments import compare_segments
from streams.scores.comparison import Counted, Kept, compare, nothing
from streams.scores.pair_slices import PairSlices
from tests.unit.web.frames import in_frame
from web.compare.drawing import WIDEST, drawn
from web.compare.page import RefusedBy, ids_url, links
from web.pairs.query import BadQuery
from web.state.comparison import Asked, query_string, read

MODELS = ("champion", "challenger", "third")


def slices_of(difference, n_slices=200):
    rng = np.random.default_rng(1)
    start, n = 60.0 * np.arange(n_slices), np.full(n_slices, 50)
    first = np.full((n_slices, 2), 200.0)
    second = first - rng.normal(50 * difference, 20, (n_slices, 2))
    return PairSlices(start, np.full(n_slices, 60.0), n, first, second)


def found(n_slices=200, difference=0.3, mature_to=1e9):
    slices = slices_of(difference, n_slices)
    counted = Counted(50 * n_slices + 40, 50 * n_slices + 7), Counted(50 * n_slices, 50 * n_slices)
    return compare(
        Kept("champion", "challenger", list(MODELS[:2]), slices, 60.0 * n_slices + 3600, mature_to, counted, [])
    )


def page(comparison, asked=None, problem="", models=MODELS, refused=()):
    asked = asked or Asked("champion", "challenger")
    return in_frame(
        "compare.html",
        "compare",
        asked=asked,
        found=comparison,
        problem=problem,
        links=links(asked, models, comparison),
        charts=drawn(comparison) if comparison else [],
        segment_url=lambda name: f"/?segment={name}",
        min_slices=60,
        ids_url=ids_url,
        refused=refused,
    )


def test_the_first_two_models_are_compared_if_none_are_named():
    assert read({}, MODELS) == Asked("champion", "challenger", "all")
    assert read({"first": "challenger"}, MODELS) == Asked("challenger", "champion")
    assert read({"second": "x", "last": "24h"}, ()) == Asked("", "x", "24h")
    assert query_string(Asked("a b", "c"), last="7d") == "?first=a+b&second=c&last=7d"
    assert read({}, MODELS, ("country", "tier")).key == "country"
    assert read({"key": "tier"}, MODELS, ("country", "tier")).key == "tier"
    assert query_string(Asked("a", "c", key="tier")) == "?first=a&second=c&key=tier"
    assert query_string(Asked("a", "c")) == "?first=a&second=c"


@pytest.mark.parametrize(
    "given", [{"third": "x"}, {"last": "soon"}, {"first": "x" * 5000}], ids=["name", "span", "long"]
)
def test_what_cannot_be_asked_is_said(given):
    with pytest.raises(BadQuery):
        read(given, MODELS)


def test_the_page_says_the_verdict_its_evidence_and_which_ids_count():
    shown = page(found())
    assert "<b>Better:</b> challenger errs 0." in shown
    assert "faust -A streams compare champion challenger" in shown
    assert "Ids that one of them lacks are left out of the difference: 7." in shown
    assert shown.count('<svg class="chart') == 2
    assert "?first=third&amp;second=challenger" in shown


def test_ids_that_one_of_them_lacks_are_counted_by_model_and_lead_to_the_list():
    shown = page(found(), refused=[RefusedBy("challenger", 12, "/quarantine?group=0123456789")])
    assert '<a href="/table/pairs/?state=unmatched_true&amp;model=challenger">7</a>' in shown
    assert "state=unmatched_true&amp;model=champion" not in shown, "the champion lacks none"
    assert '<a href="/table/pairs/?state=unmatched_pred&amp;model=champion">33</a>' in shown
    assert "refused by <bdi>challenger</bdi>, in quarantine" in shown
    assert '<a href="/quarantine?group=0123456789">12</a>' in shown


def test_each_segment_is_a_row_the_worst_first_and_the_key_can_be_chosen():
    by = compare_segments(
        {"country:DE": slices_of(0.3), "country:": slices_of(-0.3)}, "country", ["country", "tier"], since=60.0
    )
    shown = page(msgspec.structs.replace(found(), by_segment=by), Asked("champion", "challenger", key="country"))
    assert "By country: worse for no country; better for DE." in shown
    assert shown.index("<bdi>no country</bdi>") < shown.index("<bdi>DE</bdi>")
    assert 'href="/?segment=country:DE"' in shown
    assert "key=tier" in shown
    assert "One budget for all" in shown
    assert "HINDSIGHT_SEGMENTS" not in shown
    assert "HINDSIGHT_SEGMENTS=country" in page(found())
    assert "no slice of time is mature yet" in page(
        msgspec.structs.replace(found(), by_segment=compare_segments({}, "country", ["country"], 0.0))
    )


def test_while_it_is_open_it_says_how_long_it_takes():
    assert "At this traffic that takes " in page(found(difference=0.01))


def test_while_nothing_is_known_it_says_why_and_what_to_do():
    assert "Nothing can be drawn before two slices of time are mature." in page(found(mature_to=0.0))
    assert "no prediction of champion or challenger is known" in page(nothing("champion", "challenger"))
    assert "No worker answers." in page(None, problem="No worker answers.")
    assert "HINDSIGHT_MODELS=champion,challenger" in page(None, Asked("", ""), models=())


def test_a_name_cannot_be_markup():
    shown = page(nothing("<b>x", "challenger"), Asked("<b>x", "challenger"), models=("<b>x", "challenger"))
    assert "<b>x" not in shown


def test_the_first_intervals_leave_room_for_the_others():
    comparison = found()
    wide, _ = drawn(comparison)
    widths = [look.high - look.low for look in comparison.looks if None not in (look.low, look.high)]
    assert max(widths) > WIDEST * widths[-1]
    assert wide.count('class="hit"') < len(comparison.looks)
    assert "url(#hatch)" in wide
