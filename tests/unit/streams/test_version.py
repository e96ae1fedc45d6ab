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
    "command", [["faust", "-A", "streams", "version"], ["bridge", "--version"]], ids=["faust", "bridge"]
)
def test_a_command_says_it_first(command: list[str]):
    argv = [sys.executable, "-m", *command]
    ran = subprocess.run(argv, cwd=CHECKOUT, env=bare_environ(), text=True, capture_output=True, timeout=60, check=True)

    assert ran.stdout.startswith(f"Hindsight {version()}")


def test_faust_is_named_beside_it():
    argv = [sys.executable, "-m", "faust", "-A", "streams", "version"]
    ran = subprocess.run(argv, cwd=CHECKOUT, env=bare_environ(), text=True, capture_output=True, timeout=60, check=True)

    assert re.search(r"Faust \d+\.\d+\.\d+", ran.stdout)


def test_the_description_of_the_api_and_the_image_have_it():
    described = json.loads((CHECKOUT / "web" / "static" / "openapi.json").read_text(encoding="utf-8"))

    assert described["info"]["version"] == version()
    assert f'org.opencontainers.image.version="{version()}"' in (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")
