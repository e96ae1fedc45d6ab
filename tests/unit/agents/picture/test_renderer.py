import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from agents.picture import renderer as module
from agents.picture.renderer import CannotDraw, Renderer
from tests.unit.agents.picture.shapes import figures_of

FIGURES = figures_of(np.arange(100.0) * 0.1)


@pytest.fixture(scope="module")
def shared():
    renderer = Renderer()
    yield renderer
    renderer.close()


def is_png(path):
    with Image.open(path) as image:
        image.load()
        return image.format == "PNG"


@pytest.mark.slow
def test_one_process_draws_one_picture_after_another(shared, tmp_path):
    shared.draw(FIGURES, tmp_path / "a.png", now=1e9)
    process = shared._process
    shared.draw(figures_of([]), tmp_path / "b.png", now=1e9)
    assert shared._process is process
    assert is_png(tmp_path / "a.png")
    assert is_png(tmp_path / "b.png")


def test_a_path_is_that_of_the_worker_not_of_the_process(shared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shared.draw(FIGURES, (tmp_path / "c.png").relative_to(tmp_path), now=1e9)
    assert is_png(tmp_path / "c.png")


def test_what_cannot_be_written_is_one_sentence_and_the_next_picture_is_drawn(shared, tmp_path):
    with pytest.raises(CannotDraw, match=r"gone/a\.png was not drawn: No such file or directory\.$"):
        shared.draw(FIGURES, tmp_path / "gone" / "a.png", now=1e9)
    shared.draw(FIGURES, tmp_path / "a.png", now=1e9)


@pytest.mark.slow
def test_a_process_that_died_is_one_sentence_and_another_one_takes_its_place(shared, tmp_path):
    shared.draw(FIGURES, tmp_path / "a.png", now=1e9)
    os.kill(shared._process.pid, signal.SIGKILL)
    with pytest.raises(CannotDraw, match="the drawing process died"):
        shared.draw(FIGURES, tmp_path / "a.png", now=1e9)
    shared.draw(FIGURES, tmp_path / "b.png", now=1e9)
    assert is_png(tmp_path / "b.png")


def test_a_process_that_hangs_is_given_up(shared, tmp_path, monkeypatch):
    shared.draw(FIGURES, tmp_path / "a.png", now=1e9)
    hanging = shared._process
    os.kill(hanging.pid, signal.SIGSTOP)
    monkeypatch.setattr(module, "PATIENCE_S", 0.1)
    with pytest.raises(CannotDraw, match="took 0 s"):
        shared.draw(FIGURES, tmp_path / "a.png", now=1e9)
    assert hanging.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_it_ends_when_the_worker_is_gone(tmp_path):
    renderer = Renderer()
    renderer.draw(FIGURES, tmp_path / "a.png", now=1e9)
    process = renderer._process
    process.stdin.close()  # as the kernel does for a worker that was killed
    assert process.wait(timeout=10) == 0
    process.stdout.close()


@pytest.mark.slow
def test_it_ends_without_a_word_when_the_worker_dies_during_a_draw(tmp_path):
    program = [sys.executable, "-m", "agents.picture.renderer"]
    with subprocess.Popen(program, stdin=-1, stdout=-1, stderr=-1, cwd=module._ROOT) as process:
        process.stdout.close()
        order = module._Order(FIGURES, str(tmp_path / "a.png"), 1e9, "")
        process.stdin.write(module.msgspec.json.encode(order) + b"\n")
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
    assert is_png(tmp_path / "a.png")


def test_closing_during_a_draw_ends_it(tmp_path, monkeypatch):
    renderer = Renderer()
    renderer.draw(FIGURES, tmp_path / "a.png", now=1e9)
    os.kill(renderer._process.pid, signal.SIGSTOP)
    is_readable, waits = module._is_readable, threading.Event()
    monkeypatch.setattr(module, "_is_readable", lambda file: waits.set() or is_readable(file))
    with ThreadPoolExecutor(1) as pool:
        drawing = pool.submit(renderer.draw, FIGURES, tmp_path / "b.png", now=1e9)
        assert waits.wait(10)
        renderer.close()
        with pytest.raises(CannotDraw):
            drawing.result(timeout=10)
    renderer.close()


def test_it_draws_in_a_process_with_thousands_of_open_files(tmp_path):
    renderer = Renderer()
    fillers = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        renderer.draw(FIGURES, tmp_path / "a.png", now=1e9)
        assert renderer._process.stdout.fileno() > 1023
    finally:
        renderer.close()
        for filler in fillers:
            os.close(filler)
    assert is_png(tmp_path / "a.png")


def test_closing_twice_or_before_the_first_picture_is_nothing():
    renderer = Renderer()
    renderer.close()
    renderer.close()
