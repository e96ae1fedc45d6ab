"""Bodies and properties of anybody, in each queue: rows that Kafka's packets hold, or what quarantine keeps; nothing is raised.

`N_FUZZED=1000000 python -m pytest tests/unit/bridge/test_fuzzed_messages.py` gives each queue a million.
"""

from __future__ import annotations

import gzip
import random
import zlib

import msgspec
import pytest

from bridge.batch import Batch, decoder
from streams.amqp import properties
from streams.kinds import KINDS, Kind
from streams.settings import Settings
from streams.wire import dead_letters
from streams.wire.rows import encode_packet, type_of_kind
from tests.fuzz import N_FUZZED, changed

ROWS = [
    b'{"id":"a","ts":1700000000.5,"y_true":1.5,"y_pred":2,"features":[1,null,"x",true]}',
    b'{"id":7,"body":2.5}',
    b'[{"id":"a","y_true":1.5},{"id":"b","y_true":NaN},{"id":"c","y_pred":"1,5"}]',
    b'{"requestId":"a","timestamp":"2024-01-01T00:00:00Z","value":[[1.5]],"data":{"x":[1,2]}}',
    b'{"message_id":"a","features":{"age":1,"city":"x"},"time":1700000000000}\n{"message_id":"b","prediction":1e300}',
    '\ufeff{"id":"é","y_true":1}'.encode(),
]
BODIES = [*ROWS, gzip.compress(ROWS[0]), zlib.compress(ROWS[2]), b"\x80\x04}", ROWS[0].decode().encode("utf-16")]
PROPERTIES = [
    b"".join(properties.persistent(**given).encode())
    for given in (
        {},
        {"content_encoding": "gzip"},
        {"content_encoding": "deflate", "content_type": "application/json", "timestamp": 1700000000},
        {"headers": {"a": [1, {"b": b"\xff"}], "c": "d" * 300}, "message_id": "a", "correlation_id": "b"},
        {"timestamp": 1 << 63, "message_id": "x" * 200, "priority": 9},
    )
]
MAX_BODY_BYTES = 4000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_whatever_comes_in_a_message_is_a_row_or_is_kept(kind: Kind) -> None:
    chance, read = random.Random(f"messages {kind}"), decoder(kind, Settings(max_body_bytes=MAX_BODY_BYTES))
    rows_of = msgspec.json.Decoder(list[type_of_kind[kind]]).decode  # type: ignore[valid-type]
    n_rows = n_refused = 0
    for n in range(N_FUZZED):
        raw = chance.choice((changed(PROPERTIES, chance), chance.choice(PROPERTIES)))
        body = chance.choice((changed(BODIES, chance), chance.choice(BODIES), chance.randbytes(chance.randrange(40))))
        batch = Batch(read, MAX_BODY_BYTES)
        batch.add((n, chance.random() < 0.1, raw, body, 1.7e9))
        assert batch.n_rows > 0 or body.strip() in (b"", b"[]"), body
        if batch.rows:
            assert len(rows_of(encode_packet(batch.rows))) == len(batch.rows)
        for unreadable, beside in batch.refused:
            kept = list(dead_letters.records(unreadable, source="queue", at=1.7e9, properties=properties.shown(beside)))
            assert b"".join(record.value for record in kept) == unreadable.raw
        n_rows, n_refused = n_rows + len(batch.rows), n_refused + len(batch.refused)
    assert n_rows > N_FUZZED / 100
    assert n_refused > N_FUZZED / 100
