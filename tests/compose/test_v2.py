"""`docker compose up --build` by Compose v2. The tests share one project and follow each other, as a day of it would."""

from __future__ import annotations

import json

import pika
import pytest
from pika.exceptions import ProbableAuthenticationError

from tests.compose.conftest import V2, MakeStack
from tests.compose.load import Load
from tests.compose.stack import BROKERS, JOBS, OURS, Stack
from tests.waiting import wait_until

PNG = b"\x89PNG\r\n\x1a\n"
EFFECT_S = 60.0
ERASE_LINE = "\x1b[2K"
LARGEST_IMAGE_BYTES = 700_000_000


@pytest.fixture(scope="module")
def stack(make_stack: MakeStack) -> Stack:
    """The project, started as the README says, with pictures drawn more often."""
    stack = make_stack(V2, "hindsight-v2")
    stack.environ["HINDSIGHT_PLOT_EVERY_S"] = "1"
    stack.up("--build")
    return stack


def test_rows_and_a_picture_reach_the_bind_mount_and_the_page_answers(stack: Stack) -> None:
    wait_until(lambda: stack.n_rows() >= 20, EFFECT_S, "rows of the data driver are in logs/")
    ids = [row["id"] for row in stack.rows()]
    assert len(ids) == len(set(ids))
    picture = stack.logs / "error_distribution.png"
    wait_until(picture.exists, EFFECT_S, "the picture is drawn")
    assert picture.read_bytes()[:8] == PNG
    code, page = stack.get("/")
    assert code == 200
    assert b"<html" in page
    wait_until(lambda: b"<b>Bridge</b>" in stack.get("/")[1], EFFECT_S, "the bridge of its own container is a stage")
    assert stack.get("/error_distribution.png")[1][:8] == PNG
    assert {stack.inspect(job)["State"]["ExitCode"] for job in JOBS} == {0}


def test_the_image_is_small_and_holds_no_installer_and_no_compiler(stack: Stack) -> None:
    (image,) = json.loads(stack.engine.docker("image", "inspect", "hindsight:local").stdout)
    assert image["Size"] < LARGEST_IMAGE_BYTES
    assert image["Config"]["User"] == "1000:1000"
    assert image["Config"]["Labels"]["org.opencontainers.image.title"] == "Hindsight"
    assert image["Config"]["Healthcheck"]["Test"] == ["CMD", "python", "-m", "container.healthy"]
    for program in ("pip", "pip3", "gcc", "cc", "uv"):
        assert stack.execute("worker", "sh", "-c", f"command -v {program} || echo none").strip() == "none"
    assert "No module named pip" in stack.execute("worker", "python", "-m", "pip", check=False)


@pytest.mark.parametrize("service", [*OURS, *BROKERS])
def test_a_container_may_only_do_what_it_must(stack: Stack, service: str) -> None:
    found = stack.inspect(service)
    host = found["HostConfig"]
    assert found["Config"]["User"] not in ("", "0", "0:0", "root")
    assert stack.execute(service, "id", "-u").strip() != "0"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert host["Init"] is True
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    published = [place for places in host["PortBindings"].values() for place in places]
    assert {place["HostIp"] for place in published} <= {"127.0.0.1"}
    assert "Read-only file system" in stack.execute(service, "touch", "/usr/mine", check=False)


def test_the_doctor_runs_in_a_container_of_its_own_and_finds_nothing_wrong(stack: Stack) -> None:
    doctor = stack.compose("run", "--rm", "--no-deps", "-T", "worker", "faust", "-A", "streams", "doctor", check=False)
    assert doctor.returncode == 0, doctor.stdout
    assert "Nothing to put right." in doctor.stdout


def test_rabbitmq_knows_no_guest_and_its_password_is_nowhere_to_be_seen(stack: Stack) -> None:
    guest = pika.ConnectionParameters("127.0.0.1", stack.amqp_port, credentials=pika.PlainCredentials("guest", "guest"))
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(guest)
    assert len(stack.password) >= 32
    for service in (*OURS, *BROKERS, *JOBS):
        assert stack.password not in json.dumps(stack.inspect(service))
        assert stack.password not in stack.log(service)
    assert stack.password not in stack.compose("config").stdout


def test_every_id_is_written_once_whoever_is_killed_under_load(stack: Stack) -> None:
    stack.up("--scale", "features=0")
    load = Load(stack)
    load.start()
    for service in ("worker", "bridge", "kafka", "rabbitmq"):
        stack.wait_for_more_rows(200, f"rows flow before {service} is killed")
        (container,) = stack.containers(service)
        stack.engine.docker("kill", container)
        stack.engine.docker("start", container)
    stack.wait_for_more_rows(200, "rows flow again")
    load.end()
    load.check_all_written_once()
    stack.wait_healthy()


def test_a_worker_that_dies_by_itself_is_started_again(stack: Stack) -> None:
    load = Load(stack)
    load.start()
    (container,) = stack.containers("worker")
    stack.engine.kill_from_outside(container)
    wait_until(lambda: stack.inspect("worker")["RestartCount"] == 1, EFFECT_S, "the engine starts it again")
    stack.wait_for_more_rows(200, "rows flow again")
    load.end()
    load.check_all_written_once()


def test_three_workers_and_two_bridges_write_one_log_and_each_id_once(stack: Stack) -> None:
    stack.up("--scale", "features=0", "--scale", "worker=3", "--scale", "bridge=2")
    load = Load(stack)
    load.start()
    wait_until(lambda: len(workers(stack)) == 3, EFFECT_S, "all three workers have partitions")
    stack.wait_for_more_rows(200, "rows flow")
    stack.engine.docker("kill", stack.containers("worker")[0])
    wait_until(lambda: len(workers(stack)) == 2, EFFECT_S, "the other two take over")
    stack.wait_for_more_rows(200, "rows flow")
    load.end()
    load.check_all_written_once()
    assert stack.get("/")[0] == 200
    assert not any(stack.inspect(service)["State"]["OOMKilled"] for service in ("bridge", "worker", *BROKERS))


def workers(stack: Stack) -> set[str]:
    """Return the workers that have partitions, by their addresses."""
    return {partition["worker"] for partition in stack.status().get("partitions", []) if partition["state"] == "ready"}


def test_down_ends_all_in_order_and_up_goes_on(stack: Stack) -> None:
    stack.up("--scale", "worker=1", "--scale", "bridge=1")
    stack.wait_for_more_rows(20, "the data driver is back")
    codes = stack.down()
    assert codes == {service: {0} for service in (*OURS, *BROKERS)}
    before = [row["id"] for row in stack.rows()]

    stack.up()
    stack.wait_for_more_rows(20, "rows flow after down and up")
    ids = [row["id"] for row in stack.rows()]
    assert ids[: len(before)] == before
    assert len(ids) == len(set(ids))


def test_logs_name_their_service_and_hold_no_traceback(stack: Stack) -> None:
    stack.up()
    stack.wait_for_more_rows(1, "all services work")
    said = stack.compose("logs", "--no-color").stdout.replace(ERASE_LINE, "")
    named = {line.split("|")[0].split("-")[0].strip() for line in said.splitlines() if "|" in line}
    assert named == {*OURS, *BROKERS, *JOBS}
    for service in (*OURS, *JOBS):
        said = stack.log(service)
        assert "Traceback" not in said
        assert " ERROR " not in said
        assert "[ERROR]" not in said


def test_a_logs_directory_that_cannot_be_written_is_a_sentence(stack: Stack) -> None:
    (stack.directory / "read-only.yaml").write_text("services: {prepare: {volumes: ['./logs:/app/logs:ro']}}\n")
    files = ("-f", "compose.yaml", "-f", "read-only.yaml")
    refused = stack.compose(*files, "run", "--rm", "-T", "prepare", check=False)
    assert refused.returncode == 1
    assert "logs/ is on a read-only file system: the metric log cannot be written there." in refused.stdout
    assert "Traceback" not in refused.stdout
