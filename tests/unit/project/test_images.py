"""Images of others are pinned: what was tried is what runs, whatever the tag names by then."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PINNED = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")


def test_compose_names_each_image_of_others_with_its_digest() -> None:
    images = re.findall(r"^ +image: (.+)$", (ROOT / "compose.yaml").read_text(), re.MULTILINE)
    others = [image for image in images if not image.startswith("hindsight:")]
    assert len(others) >= 2
    for image in others:
        default = re.fullmatch(r'"\$\{\w+_IMAGE:-(.+)\}"', image)
        assert default is not None, image
        assert PINNED.fullmatch(default[1]), image


def test_the_dockerfile_builds_on_one_image_with_its_digest() -> None:
    text = (ROOT / "Dockerfile").read_text()
    [default] = re.findall(r"^ARG PYTHON_IMAGE=(.+)$", text, re.MULTILINE)
    assert PINNED.fullmatch(default)
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", text, re.MULTILINE)
    names = {name for _, name in stages}
    assert {base for base, _ in stages} - names == {"${PYTHON_IMAGE}"}
