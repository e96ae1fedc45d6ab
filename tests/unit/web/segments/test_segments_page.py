"""The page of segments, from a real insight.db to its markup, and what its addresses ask for."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec
import numpy as np
import pytest

from agents.insight.answers import Answers
from agents.insight.counting import Counting
from agents.insight.query import Asked, AskedSegments
from streams.scores.figures import Mark
from streams.wire.verdicts import Arrivals, Report, Verdict, VerdictRecord
from tests.unit.agents.insight.worlds import FRAME, WINDOW_S
from tests.unit.web.frames import in_frame
from web.pairs.query import BadQuery
from web.segments.said import MOST_PARTS, said
from web.state import segments


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Two hours of three countries, one of which makes most of the loss; one has a name that is markup."""
    now, rng = time.time(), np.random.default_rng(1)
    counting = Counting.open(tmp_path, FRAME, Mark(now, "opened", "It counts."), ("country",))
    sizes = {"DE": 50.0, "<b>FR": 10.0, None: 5.0}
    rows, came = [], []
    for country, size in sizes.items():
        tags = msgspec.json.encode({"country": country}).decode() if country else None
        ts = np.sort(now - rng.uniform(10, 7200, 1000)).tolist()
        came.append(Arrivals("ridge", [int(at) for at in ts], [1] * len(ts), [0] * len(ts), tags))
        rows += [
            Verdict(f"{country}-{i}", "matched", at + 5, 0.0, float(rng.uniform(0, 2 * size)), at, at, "ridge", tags)
            for i, at in enumerate(ts)
        ]
    records = [VerdictRecord("log", 0, i, i - 1, [row], Report(row.at)) for i, row in enumerate(rows, 1)]
    first = VerdictRecord("log", 0, 0, -1, [], Report(now - 7200, arrivals=came))
    counting.count([first, *[msgspec.structs.replace(each, previous=each.offset - 1) for each in records]], 1)
    counting.close()
    return tmp_path


def shown(directory: Path, asked: AskedSegments) -> str:
    found = Answers(directory, WINDOW_S).look_at_segments(asked)
    assert found is not None
    return in_frame(
        "segments.html",
        "segments",
        asked=asked,
        found=found,
        problem="",
        said=said(found, asked),
        links=segments.links(asked, found),
    )


def test_the_segment_with_most_of_the_loss_stands_first_and_leads_to_its_dashboard(directory: Path):
    page = shown(directory, AskedSegments(Asked("all")))
    first = re.search(r"<b>DE makes ([\d.]+).?% of the predictions and ([\d.]+).?% of the loss.</b>", page)
    assert first is not None, page[page.index("finding") :][:400]
    assert (float(first[1]), float(first[2])) == (pytest.approx(33, abs=1), pytest.approx(77, abs=3))
    assert page.index(">DE<") < page.index("&lt;b&gt;FR") < page.index(">no country<")
    assert 'href="/?segment=country%3ADE&amp;last=all"' in page
    assert "<b>FR" not in page


def test_by_size_nothing_is_expected_and_the_page_says_why(directory: Path):
    page = shown(directory, AskedSegments(Asked("all"), "y_pred"))
    assert "Nothing is expected here: by size, predictions count when they end" in page


def test_a_change_is_drawn_within_its_frame_and_the_rest_is_added_up(directory: Path):
    asked = AskedSegments(Asked("1h"))
    found = Answers(directory, WINDOW_S).look_at_segments(asked)
    parts = [msgspec.structs.replace(found.change.parts[0], name=f"country:{i}", mix=i - 9.0) for i in range(20)]
    found = msgspec.structs.replace(found, change=msgspec.structs.replace(found.change, parts=parts))
    bars = said(found, asked).bars
    assert len(bars) == MOST_PARTS + 1
    assert bars[-1].name == "8 others"
    for bar in bars:
        for x, width in ((bar.model_x, bar.model_width), (bar.mix_x, bar.mix_width)):
            assert -0.1 <= x <= x + width <= 100.1


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"key": "tier", "last": "24h"},
        {"key": "a&b", "model": "ridge", "from": "100.5", "to": "200"},
        {"last": "7d", "before_from": "10", "before_to": "20"},
    ],
    ids=str,
)
def test_an_address_asks_what_it_was_made_of(given: dict[str, str]):
    asked = segments.read(given)
    assert segments.read(dict(parse_qsl(segments.query_string(asked).removeprefix("?")))) == asked


@pytest.mark.parametrize(
    "given",
    [
        {"ky": "tier"},
        {"last": "soon"},
        {"before_from": "10"},
        {"before_from": "20", "before_to": "10"},
        {"key": "x" * 999},
    ],
    ids=str,
)
def test_what_cannot_be_used_is_said(given: dict[str, str]):
    with pytest.raises(BadQuery):
        segments.read(given)


def test_before_the_bins_of_size_are_known_the_page_says_how_many_labels_are_in(tmp_path: Path):
    counting, now = Counting.open(tmp_path, FRAME, Mark(0.0, "opened", "It counts.")), time.time() - 60
    rows = [Verdict(f"a{i}", "matched", now, 1.0, 2.0, now, now) for i in range(123)]
    counting.count([VerdictRecord("log", 0, 0, -1, rows, Report(now))], 1)
    counting.close()
    page = shown(tmp_path, AskedSegments(Asked(), "y_pred"))
    assert "Segments by y_pred begin with 500 labels; 123 are in." in page
    assert "Nothing was counted" not in page


def test_a_tag_that_no_row_has_is_said_to_be_that(tmp_path: Path):
    counting, now = Counting.open(tmp_path, FRAME, Mark(0.0, "opened", "It counts."), ("country",)), time.time() - 60
    rows = [Verdict(f"a{i}", "matched", now, 1.0, 2.0, now, now) for i in range(3)]
    counting.count(
        [VerdictRecord("log", 0, 0, -1, rows, Report(now, arrivals=[Arrivals(None, [int(now)], [3], [0])]))], 1
    )
    counting.close()
    page = shown(tmp_path, AskedSegments(Asked(), "country"))
    assert "No row of this time has the tag country." in page
    assert "makes" not in page
