"""An installation of version 1, as its own code has written it: see `tests/fixtures/installation_7372deb/make.py`."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import msgspec

HERE = Path(__file__).parent / "fixtures" / "installation_7372deb"
START = 1_700_000_000.0
"""When its worker died."""
TOPICS: dict[str, list[Any]] = msgspec.msgpack.decode((HERE / "topics.msgpack").read_bytes())
"""Values of the topics `log` (of decisions) and `metric`; keys and values of `resolved`."""
EXPECTED: dict[str, Any] = json.loads((HERE / "expected.json").read_bytes())
"""What that version itself read back."""


def unpack_files(directory: Path) -> None:
    """Put its files into a directory: `pairs-0` and `logs`."""
    with tarfile.open(HERE / "files.tar.gz") as files:
        files.extractall(directory, filter="data")
