"""Faust's command line as it is offered here: real processes, without brokers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from commands.faust_cli import INSTEAD
from streams.version import version
from tests.brokers import CHECKOUT, bare_environ

FAUST = Path(sys.executable).with_name("faust")


def run(*arguments: str, **environ: str) -> tuple[int, str]:
    """Run `faust -A streams ...`; return its exit code and all that it printed."""
    ran = subprocess.run(
        [str(FAUST), "-A", "streams", *arguments],
        cwd=CHECKOUT,
        env=bare_environ() | environ,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = ran.stdout + ran.stderr
    assert "Traceback" not in said
    return ran.returncode, said


def script(*arguments: str, cwd: Path = CHECKOUT) -> tuple[int, str]:
    """Run what the Makefile and the Dockerfile put in the place of Faust's own script."""
    command = [sys.executable, str(CHECKOUT / "commands" / "faust_script.py"), *arguments]
    ran = subprocess.run(command, cwd=cwd, env=bare_environ(), text=True, capture_output=True, timeout=60, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def test_a_misspelt_app_is_one_sentence(tmp_path: Path) -> None:
    assert script("-A", "stream", "status") == (
        2,
        f"Error: There is no app 'stream' in {CHECKOUT}. Did you mean -A streams?\n",
    )
    assert script("--app=other.app:x", "status") == (
        2,
        f"Error: There is no app 'other.app:x' in {CHECKOUT}. The app of Hindsight is 'streams'.\n",
    )
    assert script("-A", "streams", "status", cwd=tmp_path) == (
        2,
        f"Error: There is no app 'streams' in {tmp_path}. Call it from the directory of Hindsight, where README.md is.\n",
    )


def test_a_command_without_the_app_is_answered_with_the_whole_call() -> None:
    assert script("quarantine", "list", "--from", "2h") == (
        2,
        "Error: No app is named: call it as `faust -A streams quarantine list --from 2h`.\n",
    )


def test_an_error_names_the_help_that_is_ours() -> None:
    code, said = script("-A", "streams", "statsu")
    assert code == 2
    assert "Try 'faust -A streams --help' for help." in said
    assert said.endswith("Error: No such command 'statsu'. Did you mean 'status'?\n")


def test_before_any_command_h_is_help_and_the_version_is_ours() -> None:
    code, said = script("-A", "streams", "-h")
    assert (code, said.index("Commands:") < said.index("Examples:")) == (0, True)
    assert script("-A", "streams", "--version")[1].startswith(f"Hindsight {version()}; ")


def test_the_help_names_our_commands_first_and_shows_examples() -> None:
    code, said = run("--help", COLUMNS="120")
    assert code == 0
    order = [
        "Commands:",
        "worker ",
        "bridge ",
        "quarantine ",
        "Commands of Faust:",
        "\n  agents ",
        "Examples:",
        "Options:",
    ]
    places = [said.index(word) for word in order]
    assert places == sorted(places)
    assert "faust -A streams status --watch" in said
    assert not [name for name in INSTEAD if f"  {name} " in said]


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_a_command_has_help_with_examples(option: str) -> None:
    code, said = run("quarantine", option)
    assert code == 0
    assert "Examples:\n  faust -A streams quarantine list --from 2h" in said


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_a_command_of_faust_that_would_lie_is_not_offered_and_says_what_to_do(name: str) -> None:
    code, said = run(name)
    assert code == 2
    assert said.endswith(f"Error: Faust's command {name!r} is not offered here: {INSTEAD[name]}.\n")


@pytest.mark.parametrize(
    ("name", "said"),
    [("statsu", "Did you mean 'status'?"), ("reconsile", "Did you mean 'reconcile'?"), ("xyz", "command 'xyz'.\n")],
)
@pytest.mark.slow
def test_a_command_that_does_not_exist_is_named_with_the_nearest(name: str, said: str) -> None:
    code, printed = run(name)
    assert code == 2
    assert said in printed


@pytest.mark.slow
def test_agents_and_tables_are_listed_with_their_topics() -> None:
    code, said = run("agents")
    assert code == 0
    rows = [line.split("  ")[0] for line in said.splitlines()]
    assert rows == ["metric", "model", "plot"]
    assert "y_true, y_pred  Join y_true and y_pred" in said
    code, said = run("tables")
    assert (code, said.split("  ")[:2]) == (0, ["pairs", "hindsight-pairs-changelog"])


@pytest.mark.parametrize(
    ("option", "instead"),
    [
        (["-p", "80"], "HINDSIGHT_WEB_PORT"),
        (["--web-port", "80"], "HINDSIGHT_WEB_PORT"),
        (["-b", "0.0.0.0"], "HINDSIGHT_WEB_BIND"),
        (["--web-host", "a"], "HINDSIGHT_WEB_HOSTS"),
        (["--web-transport", "tcp:"], "HINDSIGHT_WEB_BIND"),
        (["--without-web"], "every worker has its web view"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
@pytest.mark.slow
def test_an_option_of_faust_that_would_do_nothing_says_which_setting_does(option: list[str], instead: str) -> None:
    code, said = run("worker", *option)
    assert code == 2
    assert "has no effect" in said
    assert instead in said


@pytest.mark.slow
def test_the_help_of_the_worker_offers_none_of_them() -> None:
    code, said = run("worker", "-h")
    assert code == 0
    assert "--loglevel" in said
    assert "web" not in said.replace("the web view", "")


@pytest.mark.parametrize("command", [["check", "--max-mae", "50"], ["reconcile"], ["status"]])
@pytest.mark.slow
def test_a_setting_that_cannot_be_used_exits_as_a_wrong_option_does_and_not_with_an_answer(command: list[str]) -> None:
    code, said = run(*command, HINDSIGHT_CLOCK="nonsense")
    assert code == 2
    assert said == "hindsight: HINDSIGHT_CLOCK is 'nonsense': input should be 'arrival' or 'event'.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_no_answer() -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [str(FAUST), "-A", "streams", "version"],
            cwd=CHECKOUT,
            env=bare_environ(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (2, "The output cannot be written: No space left on device.\n")
