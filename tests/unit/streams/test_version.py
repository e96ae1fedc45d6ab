"""One version, said in pyproject.toml, wherever it is shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from streams.version import version
from tests.brokers import CHECKOUT, bare_environ


def test_it_is_a_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", version())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["faust", "-A", "streams", "version"], rf"Hindsight {re.escape(version())} \(Faust \d+\.\d+\.\d+, .*\)"),
        (["bridge", "--version"], f"Hindsight {re.escape(version())}"),
    ],
    ids=["faust", "bridge"],
)
@pytest.mark.slow
def test_a_command_says_it_and_faust_names_its_own_beside_it(command: list[str], said: str):
    argv = [sys.executable, "-m", *command]
    ran = subprocess.run(argv, cwd=CHECKOUT, env=bare_environ(), text=True, capture_output=True, timeout=60, check=True)

    assert re.fullmatch(said, ran.stdout.strip())


def test_the_description_of_the_api_and_the_image_have_it():
    described = json.loads((CHECKOUT / "web" / "static" / "openapi.json").read_text(encoding="utf-8"))

    assert described["info"]["version"] == version()
    assert f'org.opencontainers.image.version="{version()}"' in (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")
