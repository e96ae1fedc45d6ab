"""The table of results in a Markdown file, between two marks: a line a fault, the newest that was seen of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.faults.limits import RESUMES_S, SEEN_S

BEGIN, END = "<!-- faults -->", "<!-- /faults -->"
HEAD = (
    "| fault | what happens | ids | lost | twice | wrong | rows again after | on /readyz after |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def write(path: Path, results: Sequence[dict[str, Any]], names: Iterable[str]) -> None:
    """Put results into the table of a file; `names` are the faults that there are, in the table's order."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    lines = {line.split("`")[1]: line for line in table.splitlines() if line.startswith("| `")}
    lines |= {result["fault"]: _line(result) for result in results if "what" in result}
    shown = "".join(f"{lines[name]}\n" for name in names if name in lines)
    path.write_text(f"{before}{BEGIN}\n{HEAD}{shown}{END}{after}", encoding="utf-8")


def _line(result: dict[str, Any]) -> str:
    ids = result["verdicts"]
    failed = "" if result["ok"] else " **failed** ✗"
    cells = [
        f"`{result['fault']}`{failed}",
        result["what"],
        f"{ids['attempted']:,}",
        ids["lost"],
        ids["duplicated"],
        ids["unexpected"],
        _seconds(result["resumed_s"], result["resumes_s"], RESUMES_S),
        _seconds(result["seen_s"], SEEN_S, SEEN_S),
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def _seconds(value: float | None, limit: float, usual: float) -> str:
    """Return a time: bold with a cross where it is over its limit, and with the limit where that is another one."""
    if value is None:
        return ""
    shown = f"**{value:g} s** ✗" if value > limit else f"{value:g} s"
    return shown if limit == usual else f"{shown} of {limit:g} s"
