"""What /api/openapi.json promises, held against the running server by schemathesis."""

from __future__ import annotations

import subprocess
import sys
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
    assert "Tested: 12" in done.stdout
    assert "Traceback" not in view.pipeline.worker.said
