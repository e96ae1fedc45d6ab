"""The version of Hindsight. It is said in pyproject.toml, and read from there."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


@lru_cache(maxsize=1)
def version() -> str:
    """Return the version of this program."""
    return str(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["version"])
