"""What cannot be read goes to quarantine whole, and never stops what can be."""

from __future__ import annotations

import gzip
import json
import struct
import time
import zlib
from collections.abc import Callable

import pika
import pytest

from tests.contract.bridging import MOVED_S, Bridging, Found, peak_mb
from tests.contract.conftest import MakeBridging
from tests.waiting import wait_until

MEGABYTE = 1 << 20
BAD = {
    "words": b"not json",
    "empty": b"",
    "no utf-8": b'{"id": "\xff\xfe", "y_true": 1}',
    "nan": b'{"id": "x", "y_true": NaN}',
    "infinite": b'{"id": "x", "y_true": 1e999}',
    "true": b'{"id": "x", "y_true": true}',
    "text": b'{"id": "x", "y_true": "one"}',
    "surrogate": b'{"id": "\\ud800", "y_true": 1}',
    "deep": b'{"id": "x", "y_true": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep array": b"[" * 100_000,
    "oversize": b'{"id": "x", "y_true": 1, "note": "' + b"x" * MEGABYTE + b'"}',
}


def quarantined(bridging: Bridging, mark: str) -> list[Found]:
    """Return the records of one message, known by a header of it, in order; none while some are missing."""
    found = bridging.records("quarantine")
    first = next((r for r in found if f'"{mark}"'.encode() in r.headers.get("properties", b"")), None)
    if first is None:
        return []
    letter = first.headers.get("letter")
    records = [r for r in found if r is first or (letter and r.headers.get("letter") == letter)]
    return records if len(records) == int(first.headers["part"].split(b"/")[1]) else []


@pytest.mark.parametrize(("mark", "raw"), BAD.items(), ids=BAD.keys())
def test_it_goes_to_quarantine_whole_and_the_next_good_row_comes_through(
    bridging: Bridging, mark: str, raw: bytes
) -> None:
    before = time.time()

    bridging.publish("y_true", raw, headers={"mark": mark}, content_type="text/plain")
    bridging.publish("y_true", {"id": f"after {mark}", "y_true": 1.0})

    bridging.wait_ids("y_true", [f"after {mark}"])
    records = wait_until(lambda: quarantined(bridging, mark), MOVED_S, f"{mark} is in quarantine")
    assert b"".join(record.value for record in records) == raw
    headers = records[0].headers
    assert headers["source"] == b"queue y_true"
    assert headers["reason"] in (b"not_json", b"bad_row", b"oversize")
    assert headers["detail"]
    assert before <= float(headers["at"]) <= time.time()
    properties = json.loads(headers["properties"])
    assert (properties["headers"], properties["content_type"]) == ({"mark": mark}, "text/plain")


def test_the_good_rows_of_an_array_come_through(bridging: Bridging) -> None:
    bridging.publish(
        "y_pred",
        b'[{"id":"good-1","y_pred":1},{"id":"bad-1","y_pred":NaN},{"id":"good-2","y_pred":2},7]',
        headers={"mark": "mixed"},
    )

    bridging.wait_ids("y_pred", ["good-1", "good-2"])
    (record,) = wait_until(lambda: quarantined(bridging, "mixed"), MOVED_S, "the bad ones are in quarantine")
    assert record.value == b'[{"id":"bad-1","y_pred":NaN},7]'
    assert record.headers["rows"] == b"2"


MANY = {
    "numbers": (b"[" + b",".join([b"5"] * 524_287) + b"]", 1),
    "objects": (b"[" + b",".join([b"{}"] * 349_000) + b"]", 349_000),
    "mixed": (b'[{"id":"among","y_true":1},' + b",".join([b"5"] * 500_000) + b"]", 500_000),
}


@pytest.mark.parametrize("mark", MANY)
def test_a_body_of_very_many_bad_rows_is_kept_once_and_what_came_with_it_once(
    make_bridging: MakeBridging, mark: str
) -> None:
    body, n_bad = MANY[mark]
    bridging = make_bridging(queues="y_true")
    bridging.start()
    before = peak_mb(bridging.bridge.process.pid)

    bridging.publish("y_true", *([body] * 3), headers={"note": "x" * 100_000})

    n_good = body.count(b"id")
    wait_until(lambda: bridging.metric("acked_messages_total") == 3, MOVED_S, "all is acknowledged")
    assert bridging.metric("quarantined_rows_total") == 3 * n_bad
    assert bridging.metric("rows_delivered_total") == 3 * (n_bad + n_good)
    records = bridging.records("quarantine")
    values = [record.value for record in records]
    cost = sum(map(len, values)) + sum(len(value) for r in records for value in r.headers.values())
    assert cost < 3 * (len(body) + 120_000)
    assert b"".join(values) == 3 * (body if not n_good else b"[" + body.partition(b"},")[2])
    assert peak_mb(bridging.bridge.process.pid) < before + 150
    assert "does not confirm" not in bridging.bridge.said


ENCODED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "gzip": (gzip.compress, "gzip"),
    "deflate": (zlib.compress, "deflate"),
    "no header": (lambda body: zlib.compress(body, wbits=-15), "deflate"),
    "charset": (bytes, "utf-8"),
    "with a byte-order mark": (lambda body: gzip.compress(b"\xef\xbb\xbf" + body), "gzip"),
}


@pytest.mark.parametrize("form", ENCODED)
def test_a_body_is_read_as_its_content_encoding_says(bridging: Bridging, form: str) -> None:
    encode, encoding = ENCODED[form]

    bridging.publish("y_true", encode(b'{"id":"%s","y_true":1}' % form.encode()), content_encoding=encoding)
    bridging.publish("y_pred", encode(b'[{"id":"%s","y_pred":1},{"id":7}]' % form.encode()), content_encoding=encoding)

    bridging.wait_ids("y_true", [form])
    bridging.wait_ids("y_pred", [form])


def test_of_a_compressed_body_what_is_refused_is_kept_so_that_it_can_be_read(bridging: Bridging) -> None:
    body = b'[{"id":"fine","y_true":1},{"id":"half"},{"id":"other"}]'

    bridging.publish("y_true", gzip.compress(body), content_encoding="gzip", headers={"mark": "inflated"})

    (record,) = wait_until(lambda: quarantined(bridging, "inflated"), MOVED_S, "the bad ones are in quarantine")
    assert record.value == b'[{"id":"half"},{"id":"other"}]'
    assert "content_encoding" not in json.loads(record.headers["properties"])


WRONGLY_ENCODED = {
    "bomb": (gzip.compress(bytes(50 << 20)), "gzip", "larger than HINDSIGHT_MAX_BODY_BYTES=1048576"),
    "cut gzip": (gzip.compress(b'{"id":"x","y_true":1}')[:-4], "gzip", "it ends too early"),
    "not gzip": (b'{"id":"x","y_true":1}', "gzip", "content_encoding says gzip, which it is not"),
    "brotli": (b"\x0b\x02\x80abc\x03", "br", "content_encoding 'br' is not one that is read"),
    "gzip unsaid": (gzip.compress(b'{"id":"x","y_true":1}'), None, "say so in content_encoding"),
    "utf-16": ('{"id":"x","y_true":1}'.encode("utf-16"), None, "UTF-16"),
}


@pytest.mark.parametrize("mark", WRONGLY_ENCODED)
def test_a_body_that_is_not_what_it_says_is_kept_as_it_came_and_named(bridging: Bridging, mark: str) -> None:
    body, encoding, why = WRONGLY_ENCODED[mark]

    bridging.publish("y_true", body, content_encoding=encoding, headers={"mark": mark})

    records = wait_until(lambda: quarantined(bridging, mark), MOVED_S, f"{mark} is in quarantine")
    assert b"".join(record.value for record in records) == body
    assert why in records[0].headers["detail"].decode()
    assert json.loads(records[0].headers["properties"]).get("content_encoding") == encoding


class Undecodable(pika.BasicProperties):  # type: ignore[misc]
    """Properties with a header that RabbitMQ lets pass and pika cannot read: a timestamp in milliseconds."""

    def encode(self) -> list[bytes]:
        table = b"\x01hT" + struct.pack(">Q", 1_700_000_000_000)
        return [struct.pack(">HL", self.FLAG_HEADERS, len(table)), table]


def test_headers_that_pika_cannot_read_stop_nothing(bridging: Bridging) -> None:
    lost_before = bridging.metric("links_lost_total")
    with bridging.connection() as connection:
        channel = connection.channel()
        channel.basic_publish("", "y_true", b'{"id":"odd","y_true":1}', Undecodable())
        channel.basic_publish("", "y_true", b"odd", Undecodable())

    bridging.wait_ids("y_true", ["odd"])
    wait_until(lambda: b"odd" in [r.value for r in bridging.records("quarantine")], MOVED_S, "it is in quarantine")
    assert bridging.metric("links_lost_total") == lost_before


def test_a_good_row_is_through_right_behind_bad_ones(bridging: Bridging) -> None:
    """The bad ones are the slowest to refuse. How long it takes is the benchmark's to say."""
    expected = bridging.metric("rows_total", queue="features") + 5
    for i in range(5):
        bridging.publish("features", BAD["deep"], BAD["oversize"], {"id": f"quick-{i}", "features": [1.0]})

    wait_until(lambda: bridging.metric("rows_total", queue="features") >= expected, MOVED_S, "they are through")
