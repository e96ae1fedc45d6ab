"""The service `prepare` of compose.yaml: its files, its rights, and the sentence where it cannot help."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from container import prepare
from container.prepare import NotPrepared, RunAs

SERVICES = RunAs(4321, 4322)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("text", ["", "1000", "1000:", ":1000", "me:me", "-1:5", "1:2:3"])
def test_who_the_services_run_as_is_two_numbers(text: str) -> None:
    with pytest.raises(NotPrepared, match=r"RUN_AS is .*: give the numbers of a user and a group"):
        RunAs.parse(text)


def test_the_password_is_made_once_and_differs_from_installation_to_installation(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    password = prepare.make_password(here, SERVICES)
    assert len(password) == 2 * prepare.PASSWORD_BYTES
    assert prepare.make_password(here, SERVICES) == password
    assert prepare.make_password(there, SERVICES) != password
    assert mode(here / "amqp_password") == 0o440
    assert (here / "amqp_password").stat().st_gid == SERVICES.gid


def test_rabbitmq_gets_its_user_and_password(tmp_path: Path) -> None:
    prepare.configure_rabbitmq(tmp_path, "abc")
    assert (tmp_path / "10-user.conf").read_text() == "default_user = hindsight\ndefault_pass = abc\n"
    assert mode(tmp_path / "10-user.conf") == 0o444


def test_a_logs_directory_of_somebody_else_stays_theirs_and_opens_for_the_services(tmp_path: Path) -> None:
    file = tmp_path / "metric_log.csv"
    file.write_text("id\n")
    os.chown(tmp_path, 1001, 1001)
    tmp_path.chmod(0o755)
    assert prepare.open_logs(tmp_path, SERVICES) is True
    for path, wanted in ((tmp_path, 0o775), (file, 0o664)):
        assert path.stat().st_gid == SERVICES.gid
        assert mode(path) == wanted
    assert tmp_path.stat().st_uid == 1001
    assert prepare.open_logs(tmp_path, SERVICES) is False, "a second time changes nothing"


@pytest.mark.parametrize("owner", [(4321, 0), (0, 4322)], ids=["its user", "its group"])
def test_a_logs_directory_that_the_services_can_write_is_left_as_it_is(tmp_path: Path, owner: tuple[int, int]) -> None:
    os.chown(tmp_path, *owner)
    tmp_path.chmod(0o770)
    assert prepare.open_logs(tmp_path, SERVICES) is False
    assert (tmp_path.stat().st_uid, tmp_path.stat().st_gid) == owner


def test_what_is_no_directory_is_a_sentence(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.write_text("")
    with pytest.raises(NotPrepared, match=r"logs/ cannot be made writable .* \(Not a directory\)"):
        prepare.open_logs(logs, SERVICES)


def test_a_link_in_logs_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "link").symlink_to(outside)
    before = outside.stat()
    prepare.open_logs(logs, SERVICES)
    assert (outside.stat().st_gid, mode(outside)) == (before.st_gid, stat.S_IMODE(before.st_mode))


def test_the_command_prepares_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = {name: tmp_path / name for name in ("logs", "state", "secrets", "rabbitmq")}
    for path in places.values():
        path.mkdir()
    (places["state"] / "worker-1").mkdir()
    options = [word for name, path in places.items() for word in (f"--{name}", str(path))]
    assert prepare.main(["--run-as", "4321:4322", *options]) == 0
    assert (places["state"] / "worker-1").stat().st_uid == SERVICES.uid
    password = (places["secrets"] / "amqp_password").read_text()
    assert password in (places["rabbitmq"] / "10-user.conf").read_text()
    said = capsys.readouterr()
    assert password not in said.out + said.err
    assert prepare.main(["--run-as", "nobody", *options]) == 1
