"""What is taken from a queue at once: its readable rows, what is refused, its last tag. No sockets here."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.kafka import RECORD_BYTES
from bridge.queues import Delivery
from streams.amqp import encodings, properties
from streams.kinds import Kind
from streams.settings import Settings
from streams.wire.dead_letters import PROPERTIES_BYTES
from streams.wire.decoder import Decoder
from streams.wire.rows import Row, Unreadable, encode_packet

Refused = tuple[Unreadable, bytes]
"""What cannot be used of one message, and its undecoded properties."""
NO_PROPERTIES = b"\0\0"
_GROWTH = 4
"""A row is written longer than it was read, `1.0` for `1`; but never more than so many times."""
_PROPERTIES_GROWTH = 6
"""The same for properties: as JSON, a NUL takes six characters."""


def decoder(kind: Kind, settings: Settings) -> Decoder:
    """Return a decoder for the bodies of a queue."""
    return Decoder(kind, settings.fields, ids_of=properties.ids, max_body_bytes=settings.max_body_bytes)


class Batch:
    """Rows of some messages of one queue. `tag` acknowledges them all; what is refused keeps its message's properties.

    `n_bytes`: what it may cost in memory on its way to Kafka, properties and quarantine included.
    """

    def __init__(self, decoder: Decoder, max_body_bytes: int) -> None:
        self.rows: list[Row] = []
        self.refused: list[Refused] = []
        self.tag = self.n_messages = self.n_bytes = 0
        self._decoder, self._max_body_bytes = decoder, max_body_bytes

    def add(self, delivery: Delivery) -> None:
        """Decode one message."""
        self.tag, redelivered, raw, body, arrived = delivery
        self.n_messages += 1
        encoding = properties.content_encoding(raw)
        if encoding in encodings.COMPRESSED:
            plain = encodings.plain(body, encoding, self._max_body_bytes)
            if isinstance(plain, Unreadable):
                self._refuse([plain], raw)
                return
            body, raw = plain, properties.without_encoding(raw)
        rows, refused = self._decoder.body(body, properties.timestamp(raw) or arrived, redelivered, raw)
        if len(body) > RECORD_BYTES // _GROWTH:
            rows, too_large = _without_giants(rows, body)
            refused += too_large
        self.rows += rows
        self.n_bytes += len(body)
        if refused:
            self._refuse([encodings.named(one, encoding) for one in refused], raw)

    def _refuse(self, refused: Sequence[Unreadable], raw: bytes) -> None:
        for one in refused:
            self.refused.append((one, raw))
            self.n_bytes += len(one.raw) + min(len(raw) * _PROPERTIES_GROWTH, PROPERTIES_BYTES)

    @property
    def n_rows(self) -> int:
        """How many rows the messages held, refused ones included."""
        return len(self.rows) + sum(one.n_rows for one, _ in self.refused)


def _without_giants(rows: list[Row], body: bytes) -> tuple[list[Row], list[Unreadable]]:
    """Part the rows that fit into a packet from those that are too large alone."""
    fitting: list[Row] = []
    giants: list[Unreadable] = []
    for row in rows:
        value = encode_packet([row])
        if len(value) <= RECORD_BYTES:
            fitting.append(row)
        else:
            giants.append(giant(row, body if len(rows) == 1 else value))
    return fitting, giants


def giant(row: Row, raw: bytes) -> Unreadable:
    """Return the refusal of a row that is larger than a Kafka record may be."""
    return Unreadable(raw, "oversize", f"the row of id {row.id!r} is larger than a Kafka record may be")
