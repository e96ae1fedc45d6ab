"""Every decoder of what our own topics and files hold, given what anybody may have written there: none ever raises.

`N_FUZZED=1000000 python -m pytest tests/unit/streams/wire/test_decoders.py` gives each decoder a million records.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.metric_log import state as log_state
from agents.metric_log.state import LogState
from streams.join import decision, state
from streams.join.deadlines import INDEX, index_entries
from streams.join.decide import decide
from streams.join.decision import Checkpoint, Decision, checkpoint_after
from streams.join.keys import id_of
from streams.wire import verdicts
from streams.wire.kept import Assembler, Kept
from streams.wire.resolutions import Resolution, decode_resolution
from streams.wire.verdicts import Tag, VerdictRecord, decode_tag, record_bytes
from streams.wire.versions import Newer
from tests.fuzz import N_FUZZED, fuzzed
from tests.older import TOPICS
from web.pairs import pair_view


def resolution(raw: bytes | None) -> object:
    found = decode_resolution(b"7", raw)
    return found[1] if isinstance(found, tuple) and not isinstance(found, Newer) else found


def kept(raw: bytes | None) -> object:
    """Read foreign bytes as a value, as a header's, and as a header that is null."""
    assembler, found = Assembler(), []
    for headers in ([("at", raw)], [("part", raw), ("reason", None)], [("properties", raw)]):
        found += assembler.add(7, raw or b"", headers)
    return next((one for one in [*found, *assembler.rest()] if not isinstance(one, Kept)), found[0])


def applied(raw: bytes | None) -> object:
    """Read a decision, and do with it what its readers do."""
    found = decision.decode(raw)
    if isinstance(found, Decision):
        checkpoint = checkpoint_after(found, found.base + 1)
        index_entries(found.waiting, found.done, found.rules, checkpoint.timer_cursors, checkpoint.offset)
        for key, packed in (found.waiting | found.done | found.updated).items():
            state.other(packed) if key[:1] == b"o" else pair_view.view(id_of(key), packed, 0)
        held = Held(found)
        decided = decide(checkpoint, [], held, found.rules, now=found.at, idle=(True, True), max_waiting=0)
        decision.encode(decided.record if decided else decision.empty(checkpoint, "w", found.at, found.rules))
        assert decision.decode_checkpoint(decision.encode_checkpoint(checkpoint)) == checkpoint
        decode_tag(record_bytes(Tag(checkpoint.log, 0, checkpoint.offset, checkpoint.verdicts_at), found.verdicts))
    return found


class Held:
    """What a decision put, all of it due."""

    def __init__(self, record: Decision):
        self.put = record.waiting | record.done

    def states(self, keys: list[bytes]) -> list[bytes | None]:
        """See `join.View`."""
        return [self.put.get(key) for key in keys]

    def due(self, start: bytes, last_bucket: int, max_keys: int) -> list[tuple[bytes, list[bytes]]]:
        """See `join.View`."""
        return [(INDEX.pack(start[:1], 1, 1, 0), list(self.put))]


DECODERS: dict[str, tuple[Callable[[bytes | None], object], type, list[bytes]]] = {
    "decision": (applied, Decision, [*TOPICS["log"], *map(decision.encode, map(decision.decode, TOPICS["log"]))]),
    "checkpoint": (
        lambda raw: decision.decode_checkpoint(raw or b""),
        Checkpoint,
        [decision.encode_checkpoint(decision.decode(value).checkpoint) for value in TOPICS["log"]],
    ),
    "tag": (verdicts.decode_tag, Tag, TOPICS["metric"]),
    "verdicts": (verdicts.decode, VerdictRecord, TOPICS["metric"]),
    "rows": (
        lambda raw: verdicts.decode_rows(raw or b""),
        list,
        [decision.decode(value).verdicts for value in TOPICS["log"]],
    ),
    "resolution": (resolution, Resolution, [value for _, value in TOPICS["resolved"]]),
    "quarantine": (kept, Kept, [b"1/3", b"1700000000.5", b'{"timestamp":1}']),
    "state file": (
        lambda raw: log_state.decode(raw or b""),
        LogState,
        [log_state.encode(LogState("w", {"metric_log.csv": 100}, {"log": {0: 7}}))],
    ),
}


@pytest.mark.parametrize("name", DECODERS)
def test_a_changed_record_is_read_or_named_and_nothing_is_raised(name):
    decode, kind, seeds = DECODERS[name]
    found = [type(decode(raw)) for raw in fuzzed(seeds, N_FUZZED, random.Random(7))]
    assert set(found) <= {kind, Newer, type(None)}
    assert found.count(kind) > N_FUZZED / 100, "some changes do no harm, or nothing was tried"


@pytest.mark.parametrize("name", DECODERS)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_named_and_nothing_is_raised(name, raw):
    decode, kind, _ = DECODERS[name]
    assert isinstance(decode(raw), kind | Newer | None)
