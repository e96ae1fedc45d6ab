"""Old slices become hours and then days; not a label is lost or counted twice, also of those that come later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.insight.series import Series
from agents.insight.store import Frame, Store
from streams.scores.cells import Cells
from streams.scores.figures import Gap
from streams.scores.labels import Labels
from tests.unit.agents.insight.worlds import DAY_S, FRAME, MODEL, NOON, assert_same, cells_of, labels, opened

ALWAYS = (0.0, 1e12)
MIDNIGHT = NOON // DAY_S * DAY_S


def days(n: int) -> Labels:
    """Return two labels an hour over some days until NOON."""
    return labels(np.random.default_rng(1), 48 * n, NOON - n * DAY_S, n * DAY_S)


def kept(store: Store, series: Series = MODEL) -> Cells:
    return store.reader.cells(series, *ALWAYS, details=True)


def test_two_days_stay_as_they_are_and_the_hours_before_become_one_cell_each(tmp_path: Path):
    store = opened(tmp_path)
    store.add([cells_of(days(4))])
    store.roll_up(NOON)
    found = kept(store)
    assert set(found.width[found.start < NOON - 2 * DAY_S]) == {3600}
    assert set(found.width[found.start >= NOON - 2 * DAY_S]) == {30}
    hours = cells_of(days(4), width_s=3600.0)
    assert_same(found.take(found.width == 3600), hours.take(hours.start < NOON - 2 * DAY_S))


@pytest.mark.slow
def test_after_sixty_days_hours_become_days(tmp_path: Path):
    store = opened(tmp_path)
    store.add([cells_of(days(64))])
    store.roll_up(NOON)
    found = kept(store)
    first_hour = MIDNIGHT - 60 * DAY_S
    assert set(found.width[found.start < first_hour]) == {DAY_S}
    assert set(found.width[(found.start >= first_hour) & (found.start < NOON - 2 * DAY_S)]) == {3600}
    assert_same(
        Cells.merge([found._replace(start=found.start // DAY_S * DAY_S, width=np.full(len(found.start), DAY_S))]),
        cells_of(days(64), width_s=DAY_S),
    )


@pytest.mark.slow
def test_what_comes_late_is_added_to_the_hour_that_its_slice_is_part_of(tmp_path: Path):
    store = opened(tmp_path)
    store.roll_up(NOON)
    everything, parts = days(64), []
    for i in range(8):
        parts.append(everything.take(np.arange(i, len(everything.ids), 8)))
        store.add([cells_of(parts[-1])])
    store.roll_up(NOON + 1)
    at_once = opened(tmp_path / "at once")
    at_once.add([cells_of(part) for part in parts])
    at_once.roll_up(NOON)
    assert_same(kept(store), kept(at_once))


def test_rolling_up_hour_by_hour_is_rolling_up_at_once(tmp_path: Path):
    store = opened(tmp_path)
    store.add([cells_of(days(4))])
    for hour in range(-40, 1):
        store.roll_up(NOON + hour * 3600)
    at_once = opened(tmp_path / "at once")
    at_once.add([cells_of(days(4))])
    at_once.roll_up(NOON)
    assert_same(kept(store), kept(at_once))


def test_segments_keep_their_slices_for_a_day(tmp_path: Path):
    store = opened(tmp_path)
    segment = Series("ridge", "country:DE")
    store.add([cells_of(days(4), store.number(segment), bins=FRAME.bins.coarse(), width_s=300.0)])
    store.roll_up(NOON)
    found = kept(store, segment)
    assert set(found.width[found.start < NOON - DAY_S]) == {3600}
    assert set(found.width[found.start >= NOON - DAY_S]) == {300}
    assert found.n.sum() == len(days(4).ids)


def test_a_clock_that_goes_back_undoes_nothing(tmp_path: Path):
    store = opened(tmp_path)
    store.add([cells_of(days(4))])
    store.roll_up(NOON)
    before = kept(store)
    store.roll_up(NOON - DAY_S)
    assert_same(kept(store), before)


@pytest.mark.parametrize(
    "frame",
    [
        FRAME._replace(window_s=7200.0, slice_s=60.0, closed_s=7260.0),
        FRAME._replace(slice_s=20.0),
        FRAME._replace(window_s=60.0, slice_s=1.0, closed_s=61.0),
        FRAME._replace(window_s=30 * DAY_S, slice_s=21600.0, closed_s=31 * DAY_S),
    ],
    ids=lambda frame: f"{frame.window_s:.0f} s",
)
def test_with_another_window_nothing_is_lost_and_what_comes_is_added(tmp_path: Path, frame: Frame, caplog):
    store = opened(tmp_path)
    segment = Series("ridge", "country:DE")
    number = store.number(segment)
    store.add([cells_of(days(4)), cells_of(days(4), number, bins=FRAME.bins.coarse(), width_s=300.0)])
    store.roll_up(NOON)
    store.close()
    again = opened(tmp_path, frame)
    assert "was made for a window of 3600 s" in caplog.text
    later = labels(np.random.default_rng(2), 500, NOON - 3600, 3 * 3600)
    again.add([cells_of(later, bins=frame.bins, width_s=frame.slice_s)])
    again.add([cells_of(later, number, bins=frame.bins.coarse(), width_s=frame.width("segment"))])
    again.roll_up(NOON + 30 * DAY_S)
    for series in (MODEL, segment):
        found = kept(again, series)
        assert found.n.sum() == len(days(4).ids) + len(later.ids)
        assert found.n.shape[1] == len(series.bins(frame.bins).ends)
        both = np.concatenate([part.y_pred - part.y_true for part in (days(4), later)])
        assert found.sum_of("absolute").sum() == pytest.approx(np.abs(both).sum(), rel=1e-9)
        assert found.errors.n.sum() == len(both)
        assert np.all(found.start[1:] >= found.start[:-1] + found.width[:-1])
    again.close()
    caplog.clear()
    opened(tmp_path, frame)
    assert caplog.text == ""


def test_a_loss_that_was_not_kept_before_is_not_a_number_and_the_rest_stays(tmp_path: Path, monkeypatch):
    store = opened(tmp_path)
    store.add([cells_of(days(4))])
    before = kept(store)
    assert store.reader.meta("sums")[1] == "squared"
    store._connection.execute("UPDATE meta SET value = json_replace(value, '$[1]', 'forgotten') WHERE name = 'sums'")
    store.close()
    found = kept(opened(tmp_path))
    assert np.isnan(found.sum_of("squared")).all()
    assert found.sum_of("absolute").sum() == pytest.approx(before.sum_of("absolute").sum())


def test_gaps_of_one_reason_become_one_once_their_cells_are_rolled_up(tmp_path: Path):
    store = opened(tmp_path)
    store.add([cells_of(days(80))])
    often = [Gap(NOON - 80 * DAY_S + i * 600, NOON - 80 * DAY_S + i * 600 + 30, "crashed") for i in range(11_000)]
    store.add([], gaps=[*often, Gap(MIDNIGHT - 70 * DAY_S, MIDNIGHT - 70 * DAY_S + 1, "moved")])
    store.roll_up(NOON)
    found = store.reader.gaps(*ALWAYS)
    assert sorted(gap.why for gap in found) == ["crashed", "moved"]
    crashed, moved = sorted(found, key=lambda gap: gap.why)
    assert (
        often[0].start - DAY_S < crashed.start <= often[0].start < often[-1].end <= crashed.end < often[-1].end + 3600
    )
    assert moved.end - moved.start <= 3600
