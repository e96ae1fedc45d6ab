"""What happens to the files: full, read-only, removed, changed by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.fault import fault
from tests.faults.scene import Scene
from tests.waiting import wait_until


def rooted(*argv: str) -> list[str]:
    """Return a command that only root may run, as we may run it."""
    return [*([] if os.geteuid() == 0 else ["sudo", "-n"]), *argv]


def as_root(*argv: str) -> None:
    """Run a command that only root may run."""
    subprocess.run(rooted(*argv), check=True)


@contextmanager
def tmpfs(path: Path, size: str) -> Iterator[None]:
    """Mount a small file system over a directory that is empty."""
    as_root("mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "tmpfs", str(path))
    try:
        yield
    finally:
        as_root("umount", "-l", str(path))


@fault("the disk of logs/ is full, then has room again", chosen=True)
def logs_full(scene: Scene) -> None:
    filler = scene.pipeline.logs / "filler"
    with on_small_disk(scene, "64m"):
        fill(filler)
        scene.note("logs/ is full")
        scene.visible("worker", "metric log")
        scene.published(300)
        filler.unlink()
        scene.note("logs/ has room")
        scene.resume()
        scene.healthy()


@fault("the disk of logs/ is read-only, then is not", chosen=True)
def logs_read_only(scene: Scene) -> None:
    with on_small_disk(scene, "50m"):
        assert scene.worker.stop() == 0  # while it holds insight.db open, the kernel refuses to mount it otherwise
        remount(scene.pipeline.logs, "ro")
        scene.note("logs/ is read-only")
        scene.pipeline.start_worker()
        scene.visible("worker", "metric log")
        scene.published(300)
        remount(scene.pipeline.logs, "rw")
        scene.note("logs/ can be written")
        scene.resume()
        scene.healthy()


@contextmanager
def on_small_disk(scene: Scene, size: str) -> Iterator[None]:
    """Have the worker's logs on a small disk of their own, and put them back afterwards."""
    logs, aside = scene.pipeline.logs, scene.pipeline.logs.with_name("logs-aside")
    assert scene.worker.stop() == 0
    shutil.copytree(logs, aside)
    with tmpfs(logs, size):
        shutil.copytree(aside, logs, dirs_exist_ok=True)
        scene.pipeline.start_worker()
        scene.flow()
        yield
        assert scene.worker.stop() == 0
        shutil.rmtree(aside)
        shutil.copytree(logs, aside)
    shutil.copytree(aside, logs, dirs_exist_ok=True)
    shutil.rmtree(aside)
    scene.pipeline.start_worker()


def remount(path: Path, how: str) -> None:
    """Mount a file system another way: read-only is refused while a file in it is open for writing."""

    def mounted() -> bool:
        argv = rooted("mount", "-o", f"remount,{how}", str(path))
        return subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode == 0

    wait_until(mounted, 10, f"{path} is mounted {how}")


def fill(path: Path) -> None:
    """Take all the room there is."""
    with path.open("wb", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2


@fault("the disk of the table is full: the worker ends with a sentence; with room it goes on", alone=True)
def state_full(scene: Scene) -> None:
    state = Path(scene.world.environ["HINDSIGHT_STATE_DIR"])
    assert scene.worker.stop() == 0
    shutil.rmtree(state)
    state.mkdir()
    with tmpfs(state, "24m"):
        scene.pipeline.start_worker()
        scene.flow()
        fill(state / "filler")
        scene.note("the state directory is full")
        assert scene.ended(scene.worker) == 1
        assert "The process exits:" in scene.worker.said, scene.worker.said[-2000:]
        (state / "filler").unlink()
        scene.note("it has room")
        scene.pipeline.start_worker()
        scene.resume()
        assert scene.worker.stop() == 0
    scene.pipeline.start_worker()
    scene.resume()


@fault("the state directory is deleted while no worker runs", chosen=True)
def state_deleted(scene: Scene) -> None:
    assert scene.worker.stop() == 0
    shutil.rmtree(scene.world.environ["HINDSIGHT_STATE_DIR"])
    scene.note("the state directory is deleted")
    scene.pipeline.start_worker()
    scene.resume()


@fault("the table's database is one of another Kafka", alone=True)
def state_of_another(scene: Scene) -> None:
    """The databases of the partitions are exchanged: each is of another log."""
    assert scene.worker.stop() == 0
    (instance,) = Path(scene.world.environ["HINDSIGHT_STATE_DIR"]).glob("worker-*")
    (instance / "pairs-0").rename(instance / "x")
    (instance / "pairs-1").rename(instance / "pairs-0")
    (instance / "x").rename(instance / "pairs-1")
    scene.note("the databases of partitions 0 and 1 are exchanged")
    scene.pipeline.start_worker()
    scene.resume()
    assert len(list(instance.glob("pairs-*.set-aside-*"))) == 2


@fault("the metric log's state file is deleted while no worker runs", chosen=True)
def log_state_deleted(scene: Scene) -> None:
    assert scene.worker.stop() == 0
    (scene.pipeline.logs / "metric_log.state.json").unlink()
    scene.note("metric_log.state.json is deleted")
    scene.pipeline.start_worker()
    scene.resume()


@fault("logs/ is removed while the worker runs: rows from then on are written", alone=True)
def logs_removed(scene: Scene) -> None:
    scene.settle_inputs()
    scene.keep_logged()
    shutil.rmtree(scene.pipeline.logs)
    scene.note("logs/ is removed")
    scene.load.go_on()
    scene.resume()
    scene.healthy()


@fault("the metric log is truncated by hand: it is set aside, a new one begins", alone=True)
def csv_truncated(scene: Scene) -> None:
    scene.settle_inputs()
    scene.keep_logged()
    path = scene.pipeline.logs / "metric_log.csv"
    path.write_bytes(path.read_bytes()[:-100])
    scene.note("the last 100 bytes of metric_log.csv are cut off")
    scene.load.go_on()
    scene.resume()
    assert len(list(scene.pipeline.logs.glob("metric_log.csv.damaged-*"))) == 1


@fault("the metric log is edited by hand: rows are added at its end", alone=True)
def csv_edited(scene: Scene) -> None:
    scene.settle_inputs()
    with (scene.pipeline.logs / "metric_log.csv").open("a") as file:
        file.write("mine,1.0,2.0,1.0\n")
    scene.note("a row is added by hand")
    scene.load.go_on()
    scene.resume()


@fault("the picture cannot be written; the join goes on", chosen=True)
def picture_unwritable(scene: Scene) -> None:
    path = scene.pipeline.logs / "error_distribution.png"
    scene.until(path.exists, "a picture is drawn")
    path.unlink()
    path.mkdir()
    (path / "in-the-way").touch()
    scene.note("a directory stands where the picture goes")
    scene.visible("worker", "picture")
    scene.flow()
    shutil.rmtree(path)
    scene.note("it is gone")
    scene.until(path.is_file, "the picture is drawn again")
    scene.resume()
    scene.healthy()
