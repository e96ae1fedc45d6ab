"""Debian packages: which are asked for, how, and that no service of theirs starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dev import DevError, home, packages


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all of PATH; its `calls` is what was run, in order."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "SYSTEMD", tmp_path / "systemd")
    return tmp_path


def test_apt_runs_with_sudo_when_we_are_not_root(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _programs(machine, "apt-get", "sudo")
    packages.install(["maven"])
    assert capsys.readouterr().out == "Installing maven with apt and sudo ...\n"
    update, install = _calls(machine)
    assert update == "sudo apt-get update -qq"
    assert install.startswith("sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y")
    assert install.endswith(" maven")


def test_no_service_starts_on_a_machine_with_systemd(machine: Path) -> None:
    _programs(machine, "apt-get", "sudo", "systemctl")
    (machine / "systemd").mkdir()
    packages.install(["rabbitmq-server"])
    units = (
        "--quiet rabbitmq-server.service epmd.socket epmd.service prometheus.service prometheus-alertmanager.service"
    )
    mask, _, _, unmask, disable = _calls(machine)
    assert [mask, unmask, disable] == [f"sudo systemctl {verb} {units}" for verb in ("mask", "unmask", "disable")]


def test_services_are_unmasked_when_apt_fails(machine: Path) -> None:
    _programs(machine, "apt-get", "sudo", "systemctl")
    (machine / "sudo").write_text((machine / "sudo").read_text() + '[ "$2" != update ] || { echo no net; exit 100; }\n')
    (machine / "systemd").mkdir()
    with pytest.raises(DevError, match=r"(?s)`sudo apt-get update -qq` failed; its last lines:\n    no net"):
        packages.install(["rabbitmq-server"])
    assert [call.split()[2] for call in _calls(machine)] == ["mask", "update", "unmask", "disable"]


def test_a_machine_without_apt_is_told_what_to_install(machine: Path) -> None:
    with pytest.raises(
        DevError, match=r"no apt-get: install the equivalents of Debian's rabbitmq-server maven, or use `docker"
    ):
        packages.install(["rabbitmq-server", "maven"])


def test_a_user_without_sudo_is_told_what_to_run(machine: Path) -> None:
    _programs(machine, "apt-get")
    with pytest.raises(DevError, match=r"Run `apt-get install maven` as root \(there is no sudo here\)"):
        packages.install(["maven"])


def test_a_disk_that_is_nearly_full_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "LEAST_FREE_BYTES", 1 << 60)
    with pytest.raises(DevError, match=rf"^The disk of {tmp_path} has \d+ MB left and the brokers need .*: free some"):
        home.require_room(tmp_path)


def test_a_compiler_for_java_is_asked_for_only_where_there_is_none(machine: Path) -> None:
    assert packages.missing("java") == ["default-jdk-headless"]
    _programs(machine, "javac")
    assert packages.missing("java") == []


def test_a_compiler_for_c_is_asked_for_only_where_there_is_none(machine: Path) -> None:
    assert "gcc" in packages.missing("c")
    _programs(machine, "gcc")
    assert "gcc" not in packages.missing("c")


def _programs(machine: Path, *names: str) -> None:
    for name in names:
        (machine / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{machine}/calls\n')
        (machine / name).chmod(0o755)


def _calls(machine: Path) -> list[str]:
    return (machine / "calls").read_text().splitlines()
