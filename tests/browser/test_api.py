"""What /api/openapi.json promises, held against the running server by schemathesis."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.browser.conftest import View

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def test_the_server_answers_as_the_description_says(view: View, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            SCHEMATHESIS,
            "run",
            f"{view.url}/api/openapi.json",
            "--url",
            view.url,
            "--checks",
            "all",
            "--exclude-checks",
            "positive_data_acceptance",  # `after` is text that only a page before can name
            "--exclude-path",
            "/events",  # it never ends
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "20",
            "--seed",
            "1",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    with urllib.request.urlopen(f"{view.url}/api/openapi.json", timeout=10) as answer:
        n_addresses = len(json.load(answer)["paths"])
    assert f"Tested: {n_addresses - 1}" in done.stdout
    assert "Traceback" not in view.pipeline.worker.said


def test_a_metric_is_exported_under_its_former_name_too(view: View) -> None:
    with urllib.request.urlopen(f"{view.url}/metrics", timeout=10) as answer:
        samples = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
    evicted = sorted(line.removeprefix("hindsight_evicted_") for line in samples if "evicted_ids_total" in line)
    hurried = sorted(line.removeprefix("hindsight_hurried_") for line in samples if "hurried_ids_total" in line)
    assert evicted == hurried != []
