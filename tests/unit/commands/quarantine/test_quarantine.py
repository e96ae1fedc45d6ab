"""Rows in quarantine, put together from their parts, chosen and read again. No brokers."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.probes import Unavailable
from commands.quarantine import actions, selection
from commands.quarantine.actions import Plan, Trial, plan, properties
from commands.quarantine.command import _stays
from commands.quarantine.selection import Filter, Row, kind_named
from models.errors import ModelError
from streams.settings import ModelFile, Settings
from streams.wire import dead_letters
from streams.wire.dead_letters import PART_BYTES
from streams.wire.kept import Assembler, Kept
from streams.wire.refusals import kind_of
from streams.wire.resolutions import Resolution, encode_resolution
from streams.wire.rows import Unreadable
from tests.unit.commands.reconcile.world import SUMMING, Reading


def kept(raw: bytes = b"{}", **changes: object) -> Kept:
    return Kept(7, raw, "bad_row", "why", "queue y_true", 100.0, b"{}")._replace(**changes)


def planned(row: Row, settings: Settings) -> Plan:
    return plan(row, settings, Trial(settings))


def assembled(*records: tuple[bytes, list[tuple[str, bytes]]]) -> list[Kept]:
    assembling = Assembler()
    found = [row for n, (value, headers) in enumerate(records) for row in assembling.add(n, value, headers)]
    return [*found, *assembling.rest()]


@given(st.lists(st.integers(0, 3 * PART_BYTES), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_rows_survive_exactly_however_the_parts_of_several_bridges_mix(sizes, chance):
    bodies = [bytes([i]) * size for i, size in enumerate(sizes)]
    streams = [
        list(dead_letters.records(Unreadable(b, "oversize", ""), source=f"queue {i}", at=float(i), properties={}))
        for i, b in enumerate(bodies)
    ]
    mixed = []
    while any(streams):
        mixed.append(chance.choice([stream for stream in streams if stream]).pop(0))
    found = assembled(*mixed)
    assert {row.source: row.raw for row in found} == {f"queue {i}": body for i, body in enumerate(bodies)}
    assert all(row.whole for row in found)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_row_that_lacks_a_part_says_so(lost):
    parts = list(
        dead_letters.records(Unreadable(b"x" * (3 * PART_BYTES), "oversize", ""), source="s", at=1, properties={})
    )
    assert [row.whole for row in assembled(*parts[:lost], *parts[lost + 1 :])] == [False]


@given(
    st.binary(), st.lists(st.tuples(st.sampled_from(["part", "at", "source", "reason", "x"]), st.binary(max_size=9)))
)
def test_records_of_anybody_are_rows_and_never_an_error(value, headers):
    assert all(isinstance(row, Kept) for row in assembled((value, headers), (value, headers)))


def marks_read(*records: tuple[bytes | None, bytes | None]) -> dict[int, Resolution]:
    kafka = Reading()
    for key, value in records:
        kafka.put("resolved", 0, value)
        kafka.topics["resolved", 0][-1] = kafka.topics["resolved", 0][-1]._replace(key=key)
    return asyncio.run(selection.resolutions(kafka, "resolved"))


def test_the_last_resolution_counts_and_strange_ones_do_not():
    one, two = Resolution("requeued", 1.0, 5.0), Resolution("dropped", 2.0, 5.0)
    written = [(b"7", encode_resolution(each)) for each in (one, two)]
    deep = encode_resolution(one)[:-1] + b',"x":' + b"[" * 100_000
    strange = [b"no json", b"", None, deep, b"\xff", b'{"what":"dropped","at":1,"row_at":1,"n_records":-5}']
    foreign = [(b"x", written[0][1]), (None, written[0][1]), *((b"8", value) for value in strange)]
    assert marks_read(*written, *foreign) == {7: two}


def test_a_mark_of_a_newer_version_is_no_mark_and_what_to_do_is_said():
    with pytest.raises(Unavailable, match=r"^the topic quarantine-resolved is of version 2, .* Start that version"):
        marks_read((b"7", b'{"what":"undone","version":2}'))


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("queue y_true", "y_true"),
        ("topic y_pred/3@17", "y_pred"),
        ("topic team.features/1", "features"),
        ("queue other", None),
        ("", None),
    ],
)
def test_a_source_names_its_queue(source, kind):
    assert kind_of(source, "team.") == kind


def test_filters_take_what_fits_them_all():
    row = Row(kept(), "y_true", None)
    assert Filter().takes(row)
    assert Filter((7,), "bad_row", "y_true", 100.0, 101.0).takes(row)
    for other in (Filter((8,)), Filter(reason="x"), Filter(queue="y_pred"), Filter(start=100.1), Filter(end=100.0)):
        assert not other.takes(row)
    done = row._replace(resolution=Resolution("dropped", 1.0, 100.0))
    assert (Filter().takes(done), Filter(resolved=True).takes(done)) == (False, True)


def test_rows_that_the_model_would_refuse_are_no_rows_that_can_be_sent_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(actions, "load_model", lambda settings, file: SUMMING)
    some = Row(kept(b'[{"id":"a","features":[1,2]},{"id":"b","features":[1,2,3]}]'), "features", None)
    none = Row(kept(b'{"id":"b","features":[1,2,3]}'), "features", None)
    assert planned(some, Settings()) == (1, "")
    n_rows, refusal = planned(none, Settings())
    assert n_rows == 0
    assert refusal.startswith("the model would refuse it again (")
    assert planned(none, Settings(agents=("metric", "plot"))) == (1, ""), "another service predicts"


def test_a_model_that_cannot_be_loaded_is_said_and_refuses_nothing(monkeypatch: pytest.MonkeyPatch):
    def fail(settings: Settings, file: ModelFile) -> None:
        raise ModelError("It is not there.")

    monkeypatch.setattr(actions, "load_model", fail)
    trial = Trial(Settings())
    assert plan(Row(kept(b'{"id":"b","features":[1,2,3]}'), "features", None), Settings(), trial) == (1, "")
    assert trial.problem == "It is not there."


def test_the_plan_reads_as_the_bridge_does():
    good = b'[{"id":"a","y_true":1},{"id":"b","y_true":2}]'
    assert planned(Row(kept(good), "y_true", None), Settings()) == (2, "")
    assert "no field `y_pred`" in planned(Row(kept(good), "y_pred", None), Settings()).refusal
    assert "HINDSIGHT_MAX_BODY_BYTES" in planned(Row(kept(good), "y_true", None), Settings(max_body_bytes=9)).refusal
    assert "names no queue" in planned(Row(kept(good, source="queue x"), None, None), Settings()).refusal
    assert planned(Row(kept(b'[{"id":"a","y_true":1},{"id":"b"}]'), "y_true", None), Settings()) == (1, "")
    assert "parts" in planned(Row(kept(good, whole=False), "y_true", None), Settings()).refusal


@pytest.mark.parametrize(
    ("came_with", "timestamp", "content_type"),
    [
        (b'{"timestamp":55,"content_type":"a/b"}', 55, "a/b"),
        (b"{}", 100, None),
        (b"no json", 100, None),
        (b'{"timestamp":"x","content_type":7}', 100, None),
        (b"[]", 100, None),
        (b'{"timestamp":-1,"content_type":"%s"}' % (b"x" * 300), 100, None),
        (b'{"timestamp":1e300}', 100, None),
        (b"[" * 100_000, 100, None),
    ],
)
def test_a_row_sent_again_keeps_its_first_time(came_with, timestamp, content_type):
    made = properties(Row(kept(properties=came_with), "y_true", None))
    assert (made.timestamp, made.content_type, made.delivery_mode) == (timestamp, content_type, 2)


@pytest.mark.parametrize(
    ("came_with", "message_id", "correlation_id"),
    [
        (b'{"message_id":"m","correlation_id":"c"}', "m", "c"),
        (b'{"key":"k"}', "k", None),
        (b'{"message_id":"%s"}' % (b"x" * 300), None, None),
        (b'{"message_id":7}', None, None),
    ],
)
def test_a_row_sent_again_keeps_what_may_be_its_id(came_with, message_id, correlation_id):
    row = Row(kept(b"295.0", properties=came_with), "y_true", None)
    made = properties(row)
    assert (made.message_id, made.correlation_id) == (message_id, correlation_id)
    assert planned(row, Settings(field_id=("@message_id",))).n_rows == (message_id is not None)


def test_rows_are_asked_for_by_kind_queue_or_topic():
    settings = Settings(queue_y_true="Labels", topic_y_pred="team.pred")
    assert [kind_named(name, settings) for name in ("Labels", "team.pred", "features")] == [
        "y_true",
        "y_pred",
        "features",
    ]
    assert kind_named("labels", settings) == "labels"


def test_a_body_that_is_still_compressed_is_sent_again_as_what_it_is():
    squeezed = gzip.compress(b'{"id":"a","y_true":%d}' % 10**4)
    row = Row(kept(squeezed, properties=b'{"content_encoding":"gzip"}'), "y_true", None)
    assert properties(row).content_encoding == "gzip"
    assert planned(row, Settings()) == (1, "")
    assert "without its compression" in planned(row, Settings(max_body_bytes=9)).refusal


def test_rows_that_stay_for_one_reason_are_one_line():
    refusal = "the bridge would refuse it again (no id)"
    assert _stays(refusal, [7]) == f"  7 stays: {refusal}"
    assert _stays(refusal, range(12)) == f"  12 stay (0, 1, 2, 3, 4, 5, 6, 7, ...): {refusal}"
