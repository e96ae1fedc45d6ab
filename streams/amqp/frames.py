"""A pika connection that hands whole deliveries over: our one override of pika's internals.

Seen in pika 1.4.4, and cured here by reading the three frames of a delivery ourselves:
- Its reader decodes the properties of every message, and dies of a header that RabbitMQ lets pass (a `timestamp` past
  the year 9999, such as one in milliseconds). The connection ends, the message is redelivered, and so on for ever.
- Its reader takes about 20 µs of Python a message, most of what a bridge costs.

Everything but deliveries goes to pika as before.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import InvalidFrameError
from pika.frame import decode_frame
from pika.spec import FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD

Sink = Callable[[int, bool, bytes, bytes], None]
"""What takes a delivery: its tag, whether it was redelivered, its undecoded properties, its body."""

_RECV_BYTES = 1 << 16
_FRAME = struct.Struct(">BHL")
_TAG = struct.Struct(">Q?")
_BODY_SIZE = struct.Struct(">Q")
_DELIVER = b"\x00\x3c\x00\x3c"


class _Assembly:
    """The delivery that is arriving on one channel."""

    __slots__ = ("missing", "parts", "properties", "redelivered", "sink", "tag")

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.tag, self.redelivered, self.properties = 0, False, b""
        self.missing = 0
        self.parts: list[bytes] = []

    def take(self, kind: int, payload: bytes) -> bool:
        """Take one frame; False if it is not part of a delivery."""
        if kind == FRAME_BODY:
            self.parts.append(payload)
            self.missing -= len(payload)
            if self.missing <= 0:
                body = payload if len(self.parts) == 1 else b"".join(self.parts)
                self.parts = []
                self.sink(self.tag, self.redelivered, self.properties, body)
        elif kind == FRAME_HEADER:
            (self.missing,) = _BODY_SIZE.unpack_from(payload, 4)
            self.properties = payload[12:]
            if self.missing == 0:
                self.sink(self.tag, self.redelivered, self.properties, b"")
        elif kind == FRAME_METHOD and payload.startswith(_DELIVER):
            self.tag, self.redelivered = _TAG.unpack_from(payload, 5 + payload[4])
        else:
            return False
        return True


class Connection(AsyncioConnection):  # type: ignore[misc]
    """An AsyncioConnection on which a channel's deliveries can be sent to a sink."""

    _frame_buffer: bytes

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._assemblies: dict[int, _Assembly] = {}
        super().__init__(*args, **kwargs)

    def deliver(self, channel_number: int, sink: Sink | None) -> None:
        """Send the deliveries of a channel to `sink`; None ends that. A consumer's own callback is not called."""
        if sink is None:
            self._assemblies.pop(channel_number, None)
        else:
            self._assemblies[channel_number] = _Assembly(sink)
            self._transport._MAX_RECV_BYTES = _RECV_BYTES

    def _on_data_available(self, data_in: bytes) -> None:
        if not self._assemblies:
            super()._on_data_available(data_in)
            return
        buffer = self._frame_buffer + data_in
        self._frame_buffer = b""
        at, n_bytes, assemblies = 0, len(buffer), self._assemblies
        while n_bytes - at > 7:
            kind, number, size = _FRAME.unpack_from(buffer, at)
            end = at + 7 + size
            if end >= n_bytes:
                break
            if buffer[end] != FRAME_END:
                raise InvalidFrameError("Invalid FRAME_END marker")
            assembly = assemblies.get(number)
            if assembly is None or not assembly.take(kind, buffer[at + 7 : end]):
                self._process_frame(decode_frame(buffer[at : end + 1])[1])
            at = end + 1
        self._frame_buffer = buffer[at:]
        self.bytes_received += at
