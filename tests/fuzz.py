"""Foreign records: real ones that were changed a little, and some at random."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

N_FUZZED = int(os.environ.get("N_FUZZED", "3000"))
"""How many each reader of foreign records is given; `N_FUZZED=1000000` for a night."""
PIECES = [b"[" * 2000, b'{"x":' * 500, b"\xff", b"\xc1hs\x09", b"\xdd\xff\xff\xff\xff", b"NaN", b"1e999", b"-1", b'"']
"""What is put into records."""


def changed(seeds: list[bytes], chance: random.Random) -> bytes:
    """Return a record that was changed a little."""
    raw = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(6):
            case 0:
                raw[at : at + 1] = chance.randbytes(1)
            case 1:
                del raw[at : at + chance.randrange(9)]
            case 2:
                raw[at:at] = chance.choice(PIECES)
            case 3:
                raw = raw[:at]
            case 4:
                raw[at : at + 8] = chance.randbytes(8)
            case 5:
                other = chance.choice(seeds)
                raw[at:] = other[chance.randrange(len(other) + 1) :]
    return bytes(raw)


def fuzzed(seeds: list[bytes], n: int, chance: random.Random) -> Iterator[bytes | None]:
    """Yield foreign records: some at random, some without a value, most real ones that were changed a little."""
    for _ in range(n):
        raw = changed(seeds, chance)
        yield chance.choice((raw, raw, raw, chance.randbytes(chance.randrange(40)), None))
