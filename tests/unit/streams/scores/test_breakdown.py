"""Which segments the loss is in, and why it changed: worlds whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.scores.breakdown import Breakdown, Span, change, segments
from streams.scores.cells import Cells
from streams.scores.delay import DelayBins
from streams.scores.labels import Labels, cells_of_counts, cells_of_labels

WINDOW_S, WIDTH_S = 3600.0, 300.0
BINS = DelayBins.of_window(WINDOW_S).coarse()
NOW = 1e9


def cells(rng, n: int, error: float, start: float, span_s: float, coverage: float = 0.8) -> Cells:
    """Return the cells of so many predictions of a mean absolute error, and of those of their labels that are there by NOW."""
    made = start + rng.uniform(0, span_s, n)
    delay = rng.uniform(0, WINDOW_S, n)
    is_in = (rng.uniform(size=n) < coverage) & (made + delay <= NOW)
    nothing = np.zeros(int(is_in.sum()))
    sizes = rng.uniform(0, 2 * error, len(nothing))
    labels = Labels([""] * len(nothing), made[is_in], delay[is_in], nothing, sizes)
    one = np.ones(n, np.int64)
    predictions = cells_of_counts("n_predictions", made, one, width_s=WIDTH_S, bins=BINS)
    return Cells.merge([predictions, cells_of_labels(labels, one[is_in], width_s=WIDTH_S, bins=BINS)])


def span(rng, start: float, span_s: float, **segments_: tuple[int, float]) -> Span:
    found = {f"country:{name}": cells(rng, n, error, start, span_s) for name, (n, error) in segments_.items()}
    return Span(found, start, start + span_s)


def test_a_simpson_world_where_both_segments_are_better_and_the_whole_is_worse_is_called_mix():
    rng = np.random.default_rng(1)
    before = span(rng, NOW - 30_000, 9000, easy=(9000, 10.0), hard=(1000, 50.0))
    now = span(rng, NOW - 20_000, 9000, easy=(3000, 9.0), hard=(7000, 45.0))
    found = change(before, now, BINS, NOW, "")
    assert found.mae > found.mae_before + 15
    assert found.model < 0 < found.mix
    assert found.mix + found.model == pytest.approx(found.mae - found.mae_before, abs=1e-9)
    assert (found.says, found.basis) == ("mix", "expected")
    assert [part.name for part in found.parts] == ["country:hard", "country:easy"]


def test_a_model_that_got_worse_on_the_same_rows_is_called_model():
    rng = np.random.default_rng(2)
    before = span(rng, NOW - 30_000, 9000, a=(5000, 10.0), b=(5000, 20.0))
    now = span(rng, NOW - 20_000, 9000, a=(5000, 10.0), b=(5000, 30.0))
    found = change(before, now, BINS, NOW, "")
    assert found.says == "model"
    assert found.model == pytest.approx(5, abs=0.6)
    assert found.parts[0].name == "country:b"


def test_a_world_that_does_not_change_is_not_explained():
    rng = np.random.default_rng(3)
    before, now = (span(rng, NOW - at, 9000, a=(5000, 10.0), b=(5000, 20.0)) for at in (30_000, 20_000))
    assert change(before, now, BINS, NOW, "").says == "none"


def test_nothing_to_compare_with_is_said():
    rng = np.random.default_rng(4)
    found = change(Span({}, 0.0, 1.0), span(rng, NOW - 20_000, 9000, a=(500, 1.0)), BINS, NOW, "")
    assert (found.says, found.mix, found.parts) == ("none", None, [])
    assert "before" in found.sentence


sizes = st.dictionaries(
    st.sampled_from("abcd"), st.tuples(st.integers(1, 300), st.floats(0.1, 50)), min_size=1, max_size=4
)


@settings(max_examples=50, deadline=None)
@given(sizes, sizes, st.sampled_from(["", "nothing can be expected"]), st.integers(0, 99))
def test_the_two_parts_of_a_change_add_up_exactly_whatever_came(one, other, why, seed):
    rng = np.random.default_rng(seed)
    found = change(span(rng, NOW - 20_000, 9000, **one), span(rng, NOW - 9000, 9000, **other), BINS, NOW, why)
    if found.mae is not None:
        assert found.mix + found.model == pytest.approx(found.mae - found.mae_before, abs=1e-9)
        assert sum(part.mix + part.model for part in found.parts) == pytest.approx(found.mix + found.model, abs=1e-9)
        assert found.basis == ("so far" if why else found.basis)


def test_segments_stand_by_their_share_of_the_loss_with_what_is_expected_of_them():
    rng = np.random.default_rng(5)
    made = span(rng, NOW - 5400, 5400, small=(1000, 50.0), large=(9000, 10.0), none=(10, 1.0))
    found, total = segments(made, BINS, NOW, "")
    assert [one.value for one in found] == ["large", "small", "none"]
    assert sum(one.share_of_loss for one in found) == pytest.approx(1)
    assert sum(one.share_of_predictions for one in found) == pytest.approx(1)
    assert (sum(one.n_labelled for one in found), sum(one.n_predictions for one in found)) == (total.n_labelled, 10_010)
    large, small, few = found
    assert small.mae_low < 50 < small.mae_high
    assert large.mae_low < 10 < large.mae_high
    assert large.coverage < 0.7 < large.coverage_final < 0.9
    assert few.mae_expected is None
    assert "fewer than 50" in few.why


def test_what_cannot_be_corrected_has_its_figures_so_far_alone():
    rng = np.random.default_rng(6)
    (one,), total = segments(span(rng, NOW - 20_000, 9000, a=(500, 1.0)), BINS, NOW, "it cannot be told")
    assert (one.mae_expected, one.coverage, one.coverage_final, one.why) == (None, None, None, "it cannot be told")
    assert one.mae == total.mae == pytest.approx(1, abs=0.2)


def test_the_answer_has_the_name_that_the_api_says():
    assert "from" in Breakdown.__struct_encode_fields__
