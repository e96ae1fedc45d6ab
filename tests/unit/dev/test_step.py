"""A step of the set-up: Ctrl-C ends it and what it started, without a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until

STEP = str(Path(__file__).parents[3] / "dev" / "step.sh")
PARENT_OF_A_SLEEPER = """\
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
child.wait()
"""


def test_ctrl_c_ends_a_step_and_its_children_without_a_traceback(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    step = subprocess.Popen(
        [STEP, sys.executable, "-c", PARENT_OF_A_SLEEPER, str(pid_file)],
        start_new_session=True,  # the process group that a terminal would signal
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  else it is inherited ignored
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    child = wait_until(lambda: pid_file.exists() and pid_file.read_text(), 30, "the step has a child")

    os.killpg(step.pid, signal.SIGINT)

    said, _ = step.communicate(timeout=30)
    assert said == ""
    assert step.returncode == 128 + signal.SIGINT
    wait_until(lambda: not Path("/proc", child).exists(), 30, "the child ends too")


@pytest.mark.parametrize("code", [0, 3])
def test_a_step_says_how_it_ended(code: int) -> None:
    assert subprocess.run([STEP, sys.executable, "-c", f"raise SystemExit({code})"], check=False).returncode == code
