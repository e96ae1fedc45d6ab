"""The alarm over what is counted: kept with it, whatever dies, and begun anew with another reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from agents.alerting.looking import Looking
from agents.insight.answers import Answers
from agents.insight.counting import Counting
from agents.insight.database import NAME
from agents.insight.notes import Notes
from agents.insight.query import Asked
from agents.insight.references import CannotCompare, References
from streams.alerts import words
from streams.alerts.rules import Rule
from streams.scores.figures import Mark
from streams.scores.watch import Watch
from streams.wire.verdicts import Arrivals, Report, Verdict, VerdictRecord
from tests.unit.agents.insight.worlds import FRAME, NOON, WINDOW_S

MARK = Mark(NOON, "opened", "Worker 1 counts from here.")
N_ROWS = 20


def records(
    rng: np.random.Generator,
    start: float,
    n_slices: int,
    factor: float,
    first: int,
    other: float | None = None,
    countries: Mapping[str, float] | None = None,
) -> list[VerdictRecord]:
    """Return a decision a slice, of labels that come ten minutes after their predictions.

    Args:
        factor: by which errors are larger; `other`: of a second model, None if there is none.
        countries: tags of the rows, in turn, and by which errors there are larger still.
    """
    tags = [f'{{"country":"{name}"}}' for name in countries or ()] or [None]
    times = np.resize(list((countries or {"": 1.0}).values()), N_ROWS)
    made = []
    for i in range(n_slices):
        at = start + i * FRAME.slice_s + 5.0
        rows, arrivals = [], []
        for model, by in (("ridge", factor), ("forest", other)):
            if by is not None:
                error = by * times * rng.lognormal(0, 0.8, N_ROWS)
                rows += [
                    Verdict(f"{at}-{n}{model}", "matched", at, 10.0, 10.0 + e, at, at - 600, model, tags[n % len(tags)])
                    for n, e in enumerate(error.tolist())
                ]
                n_each = N_ROWS // len(tags)
                arrivals += [Arrivals(model, [int(at - 600)], [n_each], [0], of) for of in tags]
        report = Report(at, at, 0, arrivals)
        made.append(VerdictRecord("log", 0, first + i, first + i - 1, rows, report))
    return made


def counted(directory: Path, batch: list[VerdictRecord], keys: Sequence[str] = (), watched: Sequence[str] = ()) -> None:
    """Count records in a process of its own, as it were."""
    made = Counting.open(directory, FRAME, MARK, keys, (), watched)
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


LIKE = {"DE": 1.0, "FR": 3.0, "NL": 0.5, "IT": 1.0}
"""How large errors usually are in each country."""
BY_COUNTRY = (("country", "tier"), ("country",))


def with_countries(directory: Path, rng: np.random.Generator) -> int:
    """As `with_reference`, of rows that have a country."""
    n = int(2 * WINDOW_S / FRAME.slice_s)
    counted(directory, records(rng, NOON, n, 1.0, 0, countries=LIKE), *BY_COUNTRY)
    References(directory).choose(NOON - 600, NOON + 2 * WINDOW_S, NOON + 4 * WINDOW_S)
    return n


def test_a_rise_in_one_segment_is_an_alarm_of_its_key_and_none_is_not(tmp_path: Path):
    rng = np.random.default_rng(7)
    first = with_countries(tmp_path, rng)
    counted(tmp_path, records(rng, LATER, 60, 1.0, first, countries=LIKE), *BY_COUNTRY)
    calm = watch_of(tmp_path)
    assert calm.segments == ("country:DE", "country:FR", "country:IT", "country:NL")
    assert calm.needed == 2 * 30 * 86_400 / FRAME.slice_s, "all models, and all countries together"
    assert calm.share_of("tier") is None
    assert calm.share_of("country")[0] < 1e-2
    counted(tmp_path, records(rng, LATER + 1800, 90, 1.0, first + 60, countries=LIKE | {"NL": 1.0}), *BY_COUNTRY)
    risen = watch_of(tmp_path)
    assert risen.share < 1, "in all labels together the errors of a small segment do not show"
    share, name = risen.share_of("country")
    assert share >= 1
    assert name == "country:NL"


def test_evidence_of_segments_does_not_depend_on_batches_and_restarts(tmp_path: Path):
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    first = with_countries(tmp_path / "one", np.random.default_rng(8))
    with_countries(tmp_path / "many", np.random.default_rng(8))
    whole = records(np.random.default_rng(9), LATER, 40, 1.2, first, countries=LIKE)
    counted(tmp_path / "one", whole, *BY_COUNTRY)
    for i in range(0, 40, 7):
        counted(tmp_path / "many", whole[max(0, i - 3) : i + 7], *BY_COUNTRY)
    assert watch_of(tmp_path / "one").evidence == pytest.approx(watch_of(tmp_path / "many").evidence, rel=1e-9)


def test_what_was_known_of_all_is_kept_once_segments_are_watched_and_no_longer_are(tmp_path: Path):
    rng = np.random.default_rng(10)
    first = with_countries(tmp_path, rng)
    counted(tmp_path, records(rng, LATER, 60, 1.5, first, countries=LIKE), ("country",))
    before = watch_of(tmp_path)
    assert before.segments == ()
    counted(tmp_path, records(rng, LATER + 1800, 2, 1.5, first + 60, countries=LIKE), *BY_COUNTRY)
    with_segments = watch_of(tmp_path)
    assert with_segments.n_active == before.n_active + 2
    assert len(with_segments.evidence) == 5 * len(before.evidence)
    assert min(before.detector.level, with_segments.detector.level) > 1000
    counted(tmp_path, records(rng, LATER + 1860, 1, 1.5, first + 62, countries=LIKE), ("country",))
    assert len(watch_of(tmp_path).evidence) == len(before.evidence)


def test_a_rule_by_country_reads_it_and_names_the_segment(tmp_path: Path):
    rng = np.random.default_rng(11)
    first = with_countries(tmp_path, rng)
    counted(tmp_path, records(rng, LATER, 90, 1.0, first, countries=LIKE | {"NL": 1.0}), *BY_COUNTRY)
    rules = [Rule(name=by, metric="drift", by=by) for by in ("country", "tier")]
    looking = Looking(Answers(tmp_path, WINDOW_S), References(tmp_path), Notes(tmp_path / NAME), lambda: "")
    found = looking.of_labels(rules, LATER + 90 * FRAME.slice_s)
    assert found["country"].value == watch_of(tmp_path).share_of("country")[0]
    assert "most of it of country:NL" in words.value(rules[0], found["country"])
    assert words.what(rules[0]).endswith("by what an alarm takes, by country")
    assert found["tier"].why.startswith("no segment by tier had 200 mature labels when the reference was made")
