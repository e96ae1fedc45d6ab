"""The table keeps the line of a fault that was not run."""

from __future__ import annotations

from pathlib import Path

from tests.faults import table


def result(name: str, n: int, **other: float | None) -> dict[str, object]:
    verdicts = {"attempted": n, "lost": 0, "duplicated": 0, "unexpected": 0}
    usual = {"ok": True, "resumed_s": 1.5, "resumes_s": 20.0, "seen_s": None}
    return {"fault": name, "what": f"{name} happens", "verdicts": verdicts} | usual | other


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


def test_a_time_over_its_limit_is_marked_and_another_limit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(table.BEGIN + table.END)

    table.write(
        path, [result("a", 2, resumed_s=20.5, seen_s=5.1), result("b", 2, resumed_s=20.5, resumes_s=30.0)], "ab"
    )

    assert "| **20.5 s** ✗ | **5.1 s** ✗ |" in path.read_text()
    assert "| 20.5 s of 30 s |  |" in path.read_text()


def test_a_fault_that_failed_is_marked_whatever_its_numbers_are_until_it_passes(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(table.BEGIN + table.END)

    table.write(path, [result("a", 2, ok=False)], "a")
    assert "| `a` **failed** ✗ | a happens | 2 | 0 | 0 | 0 | 1.5 s |  |" in path.read_text()

    table.write(path, [result("a", 2)], "a")
    assert "failed" not in path.read_text()
