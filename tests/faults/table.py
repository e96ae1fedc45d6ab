"""The table of results in a Markdown file, between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- faults -->", "<!-- /faults -->"
HEAD = (
    "| fault | what happens | ids | lost | twice | wrong | rows again after | on /readyz after |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def write(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """Replace what stands between the marks of a file."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = "".join(_line(result) for result in results if "what" in result)
    path.write_text(f"{before}{BEGIN}\n{HEAD}{lines}{END}{after}", encoding="utf-8")


def _line(result: dict[str, Any]) -> str:
    ids = result["verdicts"]
    cells = [
        f"`{result['fault']}`", result["what"], f"{ids['attempted']:,}", ids["lost"], ids["duplicated"],
        ids["unexpected"], _seconds(result["resumed_s"]), _seconds(result["seen_s"]),
    ]  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |\n"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:g} s"
