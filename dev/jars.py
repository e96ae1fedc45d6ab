"""Kafka's jars: fetched once per checkout by Maven, pinned in pom.xml. Standard library only: runs before `.venv`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from dev import DevError

POM = Path(__file__).with_name("pom.xml")
JARS = POM.parents[1] / ".run" / "kafka-jars"
"""Always in the checkout, whatever HINDSIGHT_DEV_DIR is: all instances share them."""
FETCHED = JARS / "pom.xml"
"""Copy of the pom that the jars were fetched by, written last."""


def have_jars() -> bool:
    """Return whether the jars that the pom names are there."""
    return FETCHED.exists() and FETCHED.read_bytes() == POM.read_bytes()


def fetch() -> None:
    """Fetch the jars if they are missing.

    Raises:
        DevError: Maven is missing, or it failed.
    """
    if have_jars():
        return
    if shutil.which("mvn") is None:
        raise DevError("Maven fetches Kafka, and there is no `mvn`: run `make setup`, or use `docker compose up`.")
    print(f"Fetching Kafka with Maven into {JARS} ...", flush=True)
    shutil.rmtree(JARS, ignore_errors=True)
    argv = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={JARS}"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise DevError(f"Maven could not fetch Kafka; its last lines:\n{_last_lines(done.stdout)}")
    shutil.copyfile(POM, FETCHED)


def _last_lines(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines()[-8:])


if __name__ == "__main__":
    try:
        fetch()
    except DevError as exc:
        sys.exit(str(exc))
