"""The alarm over what is counted: kept with it, whatever dies, and begun anew with another reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.insight.answers import Answers
from agents.insight.counting import Counting
from agents.insight.query import Asked
from agents.insight.references import CannotCompare, References
from streams.scores.figures import Mark
from streams.scores.watch import Watch
from streams.wire.verdicts import Arrivals, Report, Verdict, VerdictRecord
from tests.unit.agents.insight.worlds import FRAME, NOON, WINDOW_S

MARK = Mark(NOON, "opened", "Worker 1 counts from here.")
N_ROWS = 20


def records(
    rng: np.random.Generator, start: float, n_slices: int, factor: float, first: int, other: float | None = None
) -> list[VerdictRecord]:
    """Return a decision a slice, of labels that come ten minutes after their predictions.

    Args:
        factor: by which errors are larger; `other`: of a second model, None if there is none.
    """
    made = []
    for i in range(n_slices):
        at = start + i * FRAME.slice_s + 5.0
        rows, arrivals = [], []
        for model, by in (("ridge", factor), ("forest", other)):
            if by is not None:
                error = by * rng.lognormal(0, 0.8, N_ROWS)
                rows += [
                    Verdict(f"{at}-{n}{model}", "matched", at, 10.0, 10.0 + e, at, at - 600, model)
                    for n, e in enumerate(error.tolist())
                ]
                arrivals.append(Arrivals(model, [int(at - 600)], [N_ROWS], [0]))
        report = Report(at, at, 0, arrivals)
        made.append(VerdictRecord("log", 0, first + i, first + i - 1, rows, report))
    return made


def counted(directory: Path, batch: list[VerdictRecord]) -> None:
    """Count records in a process of its own, as it were."""
    made = Counting.open(directory, FRAME, MARK)
    assert made.count(batch, batch[-1].offset + 1)
    made.close()


def with_reference(directory: Path, rng: np.random.Generator) -> int:
    """Count two hours, make them the reference, and return the offset that follows."""
    n = int(2 * WINDOW_S / FRAME.slice_s)
    counted(directory, records(rng, NOON, n, 1.0, 0))
    References(directory).choose(NOON - 600, NOON + 2 * WINDOW_S, NOON + 4 * WINDOW_S)
    return n


def watch_of(directory: Path) -> Watch:
    return References(directory).watch()


LATER = NOON + 2.5 * WINDOW_S


@pytest.mark.parametrize(("factor", "is_alarm"), [(1.0, False), (1.5, True)])
def test_a_rise_is_an_alarm_and_none_is_not(tmp_path: Path, factor: float, is_alarm: bool):
    rng = np.random.default_rng(1)
    first = with_reference(tmp_path, rng)
    counted(tmp_path, records(rng, LATER, 40, factor, first))
    watch = watch_of(tmp_path)
    assert watch.n_active == 39, "the last slice is still being filled"
    assert (watch.share >= 1) is is_alarm


def test_restarts_and_records_that_come_twice_change_nothing(tmp_path: Path):
    rng = np.random.default_rng(2)
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    first = with_reference(tmp_path / "one", np.random.default_rng(3))
    with_reference(tmp_path / "many", np.random.default_rng(3))
    whole = records(rng, LATER, 40, 1.2, first)
    counted(tmp_path / "one", whole)
    for i in range(0, 40, 7):
        counted(tmp_path / "many", whole[max(0, i - 3) : i + 7])
    one, many = watch_of(tmp_path / "one"), watch_of(tmp_path / "many")
    assert one.evidence == pytest.approx(many.evidence, rel=1e-9)
    assert one.n_active == many.n_active


def test_with_another_reference_it_begins_anew(tmp_path: Path):
    rng = np.random.default_rng(4)
    first = with_reference(tmp_path, rng)
    counted(tmp_path, records(rng, LATER, 40, 1.5, first))
    assert watch_of(tmp_path).share > 1
    References(tmp_path).choose(NOON, NOON + WINDOW_S, NOON + 4 * WINDOW_S)
    with pytest.raises(CannotCompare, match="since the reference was made"):
        watch_of(tmp_path)
    counted(tmp_path, records(rng, LATER + 2400, 40, 1.0, first + 40))
    assert watch_of(tmp_path).share < 1


def test_without_a_reference_nothing_is_held_against_anything(tmp_path: Path):
    rng = np.random.default_rng(5)
    counted(tmp_path, records(rng, NOON, 40, 1.0, 0))
    with pytest.raises(CannotCompare, match="there is no reference of labels yet"):
        watch_of(tmp_path)


def test_each_model_with_a_reference_is_watched_by_itself_and_all_share_one_budget(tmp_path: Path):
    rng, references = np.random.default_rng(6), References(tmp_path)
    n = int(2 * WINDOW_S / FRAME.slice_s)
    counted(tmp_path, records(rng, NOON, 1, 1.0, 0))
    counted(tmp_path, records(rng, NOON, n, 1.0, 1, other=1.0))
    marks = Answers(tmp_path, WINDOW_S).look(Asked(start=NOON, end=NOON + 3 * WINDOW_S)).marks
    assert [(mark.kind, mark.text) for mark in marks if mark.kind == "model"] == [
        ("model", "First predictions of the model forest.")
    ]
    for model in ("", "ridge", "forest"):
        references.choose(NOON - 600, NOON + 2 * WINDOW_S, NOON + 4 * WINDOW_S, model)
    counted(tmp_path, records(rng, LATER, 60, 1.0, n + 1, other=1.5))
    of_all, ridge, forest = (references.watch(model) for model in ("", "ridge", "forest"))
    assert ridge.share < 1 <= forest.share
    assert {watch.n_active for watch in (of_all, ridge, forest)} == {59}
    assert {watch.needed for watch in (of_all, ridge, forest)} == {3 * 30 * 86_400 / FRAME.slice_s}
    references.clear("ridge")
    counted(tmp_path, records(rng, LATER + 3600, 2, 1.0, n + 61, other=1.5))
    assert references.watch("forest").needed == 2 * 30 * 86_400 / FRAME.slice_s
    with pytest.raises(CannotCompare, match="there is no reference of labels yet"):
        references.watch("ridge")
