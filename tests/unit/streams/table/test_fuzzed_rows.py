"""Records of anybody in the row topics, with keys and headers: rows of this or other partitions, or what quarantine keeps.

`N_FUZZED=1000000 python -m pytest tests/unit/streams/table/test_fuzzed_rows.py` gives each topic a million.
"""

from __future__ import annotations

import random

import pytest

from streams.kinds import KINDS, Kind
from streams.table.inputs import KINDS as JOINED
from streams.table.reading import read
from streams.wire import dead_letters, forwarding
from streams.wire.dead_letters import of_kafka
from streams.wire.decoder import Decoder
from streams.wire.forwarding import Origin
from streams.wire.partition import partitions_of
from streams.wire.rows import PredRow, TrueRow, encode_packet
from tests.fake_record import FakeRecord
from tests.fuzz import N_FUZZED, changed, fuzzed

N_PARTITIONS = 4
VALUES = [
    encode_packet([TrueRow(str(i), 1.7e9, 1.0) for i in range(5)]),
    encode_packet([PredRow(str(i), 1.7e9, 1.0, "model", "1") for i in range(5)]),
    encode_packet(TrueRow("a", 1.7e9, 1.0)),
    encode_packet(PredRow("a", 1.7e9, 1.0)),
    b'{"id":"a","features":[1,2,null]}',
    b'[{"id":"a","features":{"x":1}},{"id":"b","features":[NaN]}]',
    b'{"requestId":"a","value":"1.5","timestamp":1700000000000}',
    b'{"y_true":1.5}',
]
HEADERS = [
    (name, value) for name, value in (forwarding.packed_for(4), forwarding.forwarded_by(Origin("log", 3)), ("x", b"y"))
]


def record(offset: int, value: bytes | None, chance: random.Random) -> FakeRecord:
    headers = None
    if chance.random() < 0.5:
        name, given = chance.choice(HEADERS)
        headers = [(name, chance.choice((given, changed([given], chance), None)))]
    key = chance.choice((None, b"", b"a", chance.randbytes(5)))
    return FakeRecord(offset, value, key, headers, chance.choice((-1, 0, 1_700_000_000_000, 1 << 62)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_whatever_lies_in_a_row_topic_is_a_row_or_is_kept(kind: Kind) -> None:
    chance, decoder = random.Random(f"records {kind}"), Decoder(kind)
    n_rows = n_refused = 0
    values = fuzzed(VALUES, N_FUZZED, chance)
    for start in range(0, N_FUZZED, 9):
        records = [record(start + i, value, chance) for i, value in zip(range(9), values, strict=False)]
        if kind in JOINED:
            found = read(decoder, 1, N_PARTITIONS, records)  # type: ignore[arg-type]
            refused = [(row, one.properties) for one in found.refused for row in one.rows]
            for given in found.inputs:
                if given.origin is None and not given.offsets:
                    homes = {
                        p: partitions_of([row.id for row in rows], N_PARTITIONS) for p, rows in given.foreign.items()
                    }
                    assert all(set(each) == {p} for p, each in homes.items())
            n_rows += sum(len(given.rows) + sum(map(len, given.foreign.values())) for given in found.inputs)
        else:
            each = [decoder.record(one.value() or b"", one.timestamp()[1] / 1e3, one.key()) for one in records]
            n_rows += sum(len(rows) for rows, _ in each)
            refused = [
                (row, of_kafka(one.key(), one.headers()))
                for one, (_, some) in zip(records, each, strict=True)
                for row in some
            ]
        for unreadable, properties in refused:
            kept = list(dead_letters.records(unreadable, source="topic", at=1.7e9, properties=properties))
            assert b"".join(part.value for part in kept) == unreadable.raw
        n_refused += len(refused)
    assert n_rows > N_FUZZED / 100
    assert n_refused > N_FUZZED / 100
