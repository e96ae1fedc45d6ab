"""The table keeps the line of a fault that was not run."""

from __future__ import annotations

from pathlib import Path

from tests.faults import table


def result(name: str, n: int) -> dict[str, object]:
    verdicts = {"attempted": n, "lost": 0, "duplicated": 0, "unexpected": 0}
    return {"fault": name, "what": f"{name} happens", "verdicts": verdicts, "resumed_s": 1.5, "seen_s": None}


def test_new_lines_take_the_place_of_old_ones_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- faults -->\n<!-- /faults -->\nafter\n")

    table.write(path, [result("b", 1), result("a", 2), result("gone", 3)], ["a", "b", "gone"])
    table.write(path, [result("b", 4000)], ["a", "b"])

    assert path.read_text().splitlines() == [
        "before",
        "<!-- faults -->",
        *table.HEAD.splitlines(),
        "| `a` | a happens | 2 | 0 | 0 | 0 | 1.5 s |  |",
        "| `b` | b happens | 4,000 | 0 | 0 | 0 | 1.5 s |  |",
        "<!-- /faults -->",
        "after",
    ]
