"""The oracle tells each of Jepsen's classes from the others. No sockets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.faults import ledger
from tests.faults.checker import Seen, Verdict, check
from tests.faults.ledger import Intent, Ledger, Message

TRUE = Intent("y_true", [("a", 1.0, 0.0)], [], acknowledged=True)
PRED = Intent("y_pred", [("a", 1.0, 0.5)], [], acknowledged=True)
LONE = Intent("y_true", [("lone", 1.0, 3.0)], ["{bad"], acknowledged=True)
UNSURE = Intent("y_pred", [("unsure", 1.0, 4.0)], [], acknowledged=False)
MATCHED = Verdict("matched", 0.0, 0.5)
UNMATCHED = Verdict("unmatched_true", 3.0, None)


def seen_well() -> Seen:
    verdicts = {"a": [MATCHED], "lone": [UNMATCHED]}
    return Seen(
        rows=Counter([("y_true", "a"), ("y_pred", "a"), ("y_true", "lone")]),
        quarantined=Counter(["{bad"]),
        logged={row_id: list(found) for row_id, found in verdicts.items()},
        sent={row_id: list(found) for row_id, found in verdicts.items()},
        counts={"difference": 0, "conflicts": 0, "late": 0, "rows_in": 3, "duplicates": 0, "quarantined": 1},
    )


def test_all_is_well() -> None:
    report = check([TRUE, PRED, LONE, UNSURE], seen_well(), over=True)

    assert report.problems == []
    assert (report.rows.attempted, report.rows.acknowledged, report.rows.ok, report.rows.recovered) == (4, 3, 3, 0)
    assert (report.verdicts.attempted, report.verdicts.ok, report.unreadable.ok) == (3, 2, 1)


def test_what_was_never_confirmed_may_be_there() -> None:
    seen = seen_well()
    seen.rows["y_pred", "unsure"] = 1
    seen.logged["unsure"] = seen.sent["unsure"] = [Verdict("unmatched_pred", None, 4.0)]
    seen.counts["rows_in"] = 4

    report = check([TRUE, PRED, LONE, UNSURE], seen, over=True)

    assert report.problems == []
    assert (report.rows.recovered, report.verdicts.recovered) == (1, 1)


def test_an_id_with_one_side_may_wait_until_all_is_over() -> None:
    seen = seen_well()
    del seen.logged["lone"], seen.sent["lone"]

    assert check([TRUE, PRED, LONE], seen, over=False).problems == []
    assert check([TRUE, PRED, LONE], seen, over=False).waiting == 1
    assert "verdicts: lost 1" in check([TRUE, PRED, LONE], seen, over=True).problems[0]


def lose_a_row(seen: Seen) -> None:
    del seen.rows["y_pred", "a"]


def repeat_a_row_uncounted(seen: Seen) -> None:
    seen.rows["y_pred", "a"] += 1


def invent_a_row(seen: Seen) -> None:
    seen.rows["y_true", "nobody's"] += 1


def lose_bytes(seen: Seen) -> None:
    seen.quarantined.clear()


def change_bytes(seen: Seen) -> None:
    seen.quarantined = Counter(["{bae"])


def lose_a_verdict(seen: Seen) -> None:
    del seen.logged["a"]


def repeat_a_verdict(seen: Seen) -> None:
    seen.logged["a"] *= 2


def give_two_verdicts(seen: Seen) -> None:
    seen.logged["lone"].append(Verdict("matched", 3.0, 4.0))


def give_the_wrong_verdict(seen: Seen) -> None:
    seen.logged["a"] = [Verdict("unmatched_true", 0.0, None)]


def change_a_value(seen: Seen) -> None:
    seen.logged["a"] = [Verdict("matched", 0.0, 0.25)]


def break_the_invariant(seen: Seen) -> None:
    seen.counts["difference"] = 1


def send_what_is_not_written(seen: Seen) -> None:
    seen.sent["b"] = [MATCHED]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lose_a_row, "rows: lost 1"),
        (repeat_a_row_uncounted, "the live counter duplicates is 0, but Kafka's topics say 1"),
        (invent_a_row, "rows: unexpected 1"),
        (lose_bytes, "unreadable: lost 1"),
        (change_bytes, "unreadable: unexpected 1"),
        (lose_a_verdict, "verdicts: lost 1"),
        (repeat_a_verdict, "verdicts: duplicated 1"),
        (give_two_verdicts, "verdicts: unexpected 1"),
        (give_the_wrong_verdict, "verdicts: unexpected 1"),
        (change_a_value, "verdicts: unexpected 1"),
        (break_the_invariant, "the live counter difference is 1"),
        (send_what_is_not_written, "only in the topic metric"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_wrong_is_named(spoil, problem) -> None:
    seen = seen_well()
    spoil(seen)

    problems = check([TRUE, PRED, LONE], seen, over=True).problems

    assert any(problem in said for said in problems), problems


def test_the_ledger_has_a_message_before_it_is_published_and_its_confirmation_after(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    book = Ledger(path)
    numbers = book.intend([Message("y_true", b"", [("a", 1.0, 0.0)], []), Message("y_pred", b"", [], ["{bad"])])
    before = list(ledger.read(path))
    book.confirm(numbers[1])
    book.close()

    assert [intent.acknowledged for intent in before] == [False, False]
    assert list(ledger.read(path)) == [
        Intent("y_true", [("a", 1.0, 0.0)], [], acknowledged=False),
        Intent("y_pred", [], ["{bad"], acknowledged=True),
    ]
