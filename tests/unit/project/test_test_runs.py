"""How a run of the tests ends: with the flaky ones named, and whatever hangs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FAILS_AT_FIRST = """
from pathlib import Path

def test_that_fails_at_first():
    tried = Path(__file__).with_name("tried")
    if not tried.exists():
        tried.touch()
        raise ValueError("only the first time")
"""
FAILS_AND_PASSES = """
from pathlib import Path

def test_that_fails():
    tried = Path(__file__).with_name("tried before")
    if not tried.exists():
        tried.touch()
        raise ValueError("what was wrong at first")
    raise ValueError("what was wrong then")

def test_that_passes():
    pass
"""
HANGS = """
import threading, time

def waits_for_ever():
    threading.Event().wait()

def test_that_hangs():
    threading.Thread(target=waits_for_ever, daemon=True).start()
    time.sleep(60)
"""
HANGS_DEAF_TO_SIGNALS = """
import signal, time

def test_that_hangs():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    time.sleep(60)
"""

both_ways = pytest.mark.parametrize("workers", [(), ("--numprocesses=2",)], ids=["one process", "xdist"])


def run(directory: Path, options: tuple[str, ...], **files: str) -> tuple[int, str]:
    """Run pytest as the Makefile does over some files; return its exit code and what it said."""
    for name, text in files.items():
        (directory / f"{name}.py").write_text(text)
    ours = ["-c", ROOT / "pyproject.toml", "-p", "tests.run_hooks"]
    quick = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    argv = [sys.executable, "-m", "pytest", "--reruns=1", *ours, *quick, *options, directory]
    ran = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return ran.returncode, ran.stdout


@both_ways
@pytest.mark.slow
def test_a_test_that_passes_when_it_runs_once_more_is_named_in_the_last_lines(tmp_path: Path, workers: tuple[str, ...]):
    code, said = run(tmp_path, workers, test_one=FAILS_AT_FIRST)

    *_, flaky, totals = filter(None, said.splitlines())
    assert code == 0
    assert flaky.startswith("FLAKY ")
    assert flaky.endswith("test_one.py::test_that_fails_at_first (call)")
    assert "1 passed, 1 rerun" in totals
    assert "ValueError: only the first time" in said


@both_ways
@pytest.mark.slow
def test_a_test_that_fails_twice_has_failed_and_both_failures_are_shown(tmp_path: Path, workers: tuple[str, ...]):
    code, said = run(tmp_path, workers, test_one=FAILS_AND_PASSES)

    assert code == 1
    assert "1 failed, 1 passed, 1 rerun" in said.splitlines()[-1]
    assert "FLAKY" not in said
    errors = [line.removeprefix("E").strip() for line in said.splitlines() if line.startswith("E ")]
    assert {"ValueError: what was wrong at first", "ValueError: what was wrong then"} <= set(errors)


@pytest.mark.slow
@both_ways
def test_a_test_that_hangs_fails_with_the_stacks_of_all_threads_and_the_others_run(
    tmp_path: Path, workers: tuple[str, ...]
):
    code, said = run(tmp_path, (*workers, "--timeout=1"), test_one=HANGS, test_two=FAILS_AT_FIRST)

    assert code == 1
    assert "1 failed, 1 passed, 2 rerun" in said.splitlines()[-1]
    assert "time.sleep(60)" in said
    assert "in waits_for_ever" in said


@pytest.mark.slow
def test_a_process_that_hangs_deaf_to_signals_ends_with_its_stack_and_the_others_run(tmp_path: Path):
    options = ("--numprocesses=2", "--timeout=1", "--override-ini=faulthandler_timeout=2")
    code, said = run(tmp_path, options, test_one=HANGS_DEAF_TO_SIGNALS, test_two=FAILS_AT_FIRST)

    assert code == 1
    assert "1 failed, 1 passed, 2 rerun" in said.splitlines()[-1]
    assert "in test_that_hangs" in said
