"""Our commands start with what they need, and no more."""

from __future__ import annotations

import subprocess
import sys

import pytest

from commands import commands
from commands.commands import PlainCommand
from tests.brokers import CHECKOUT, bare_environ

OWN = {name for name, found in vars(commands).items() if isinstance(found, type) and found.__mro__[1] is PlainCommand}
AGENTS = ("agents.metric", "agents.model", "agents.plot", "web.view")
SHOW = f"""
import sys
sys.argv = ["faust", "-A", "streams", *sys.argv[1:]]
from faust.cli.base import cli
try:
    cli()
except SystemExit:
    pass
print([name for name in {AGENTS!r} if name in sys.modules])
"""


def imported_by(*arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", SHOW, *arguments],
        cwd=CHECKOUT,
        env=bare_environ(),
        text=True,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return ran.stdout.splitlines()[-1]


@pytest.mark.parametrize("command", sorted(OWN))
@pytest.mark.slow
def test_a_command_of_ours_imports_no_agent(command):
    assert imported_by(command, "--help") == "[]"


@pytest.mark.slow
def test_the_worker_imports_every_agent():
    assert imported_by("-l", "info", "worker", "--help") == str(list(AGENTS))


@pytest.mark.slow
def test_a_file_named_like_a_command_does_not_take_the_agents_from_the_worker():
    assert imported_by("worker", "--help", "--logfile", "status") == str(list(AGENTS))
