"""Is this the Python, and are these the packages, that the program was tested with?"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from commands.doctor.finding import Finding, note, ok, wrong

LOCK = Path(__file__).parents[2] / "requirements.lock"
OLDEST = (3, 11)
MOST_NAMED = 5
_PINNED = re.compile(r"^[A-Za-z0-9][^\\\n]*==[^\\\n]*", re.MULTILINE)


def check() -> list[Finding]:
    """Check the interpreter and what is installed in it."""
    return [_python(), packages(locked(LOCK))]


def locked(path: Path) -> dict[str, str] | None:
    """Return the version of each package that a lock file has for this machine, None if there is no such file."""
    try:
        pinned = [Requirement(text) for text in _PINNED.findall(path.read_text(encoding="utf-8"))]
    except OSError:
        return None
    return {each.name: str(each.specifier).removeprefix("==") for each in pinned if _is_for_us(each)}


def packages(wanted: Mapping[str, str] | None) -> Finding:
    """Compare the installed packages with those that were locked."""
    if wanted is None:
        return note("packages", f"there is no {LOCK.name} beside the program to compare with")
    found = {name: _installed(name) for name in wanted}
    missing = [name for name, has in found.items() if has is None]
    if missing:
        return wrong("packages", f"missing: {_few(missing)}. Run `make setup`, or install {LOCK.name} with pip.")
    other = [f"{name} {has} (locked: {wanted[name]})" for name, has in found.items() if has != wanted[name]]
    if other:
        return note("packages", f"versions other than those tested: {_few(other)}. `make setup` installs those.")
    return ok("packages", f"{len(wanted)} as locked")


def _python() -> Finding:
    if sys.version_info < OLDEST:
        return wrong("Python", f"{platform.python_version()} is too old: use {OLDEST[0]}.{OLDEST[1]} or newer")
    return ok("Python", platform.python_version())


def _is_for_us(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate()


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _few(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
