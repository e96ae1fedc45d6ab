"""Which models read a row, by what was listed when: of the real decisions of a partition that is listed otherwise twice."""

from __future__ import annotations

from commands.reconcile.evaluate import Span, Tally, evaluate
from commands.reconcile.facts import DECIDED, PRED, SENT, TRUE, WAITING, WRITTEN, Fact
from commands.reconcile.listings import Listing, Listings
from streams.join.decision import Checkpoint


def listings() -> Listings:
    found, applied = Listings(), [-1, -1]
    for offset, base, listed in (
        (0, "", []),
        (1, "", []),
        (2, "a", ["a", "b"]),
        (3, "a", ["a", "b"]),
        (4, "a", ["b", "c"]),
    ):
        after = Checkpoint(input_offsets=[applied[0] + 2, applied[1] + 1], base=base, listed=listed)
        found.take(offset, applied, Listing.of(after))
        applied = after.input_offsets
    return found


def test_a_truth_is_read_by_all_that_were_listed_and_a_prediction_by_one() -> None:
    known = listings()
    assert len(known.known) == 3
    assert [known.of_truth(offset) for offset in (0, 3, 4, 7, 8, 20)] == [
        [""],
        [""],
        ["", "b"],
        ["", "b"],
        ["b", "c"],
        ["b", "c"],
    ]
    assert [known.of_prediction(offset, "b") for offset in (0, 1, 2, 3, 4)] == ["", "", "b", "b", "b"]
    assert [known.of_prediction(offset, None) for offset in (1, 2, 4)] == ["", "", "b"]
    assert [known.at_prediction(offset) for offset in (1, 2, 4)] == [(), ("a", "b"), ("b", "c")]
    assert known.of_verdict(1, "b", is_challenger=False) == ""
    assert known.of_verdict(3, "a", is_challenger=False) == ""
    assert known.of_verdict(3, "b", is_challenger=True) == "b"


SPAN = Span(-1, 99, 99, 99, 0, 0, True, listings())


def fact(
    kind: int, a: float, b: float = 0.0, model: str = "", *, verdict: str = "matched", in_files: bool = True
) -> Fact:
    return Fact("x", kind, "" if kind in (TRUE, PRED, WAITING) else verdict, a, b, 0, 3, model, in_files)


OF_BOTH = [
    fact(TRUE, 1.0),
    fact(TRUE, 1.0, model="b"),
    fact(PRED, 2.0),
    fact(PRED, 3.0, model="b"),
    fact(WAITING, 0.0)._replace(offset=2),
    fact(WAITING, 0.0, model="b")._replace(offset=2),
    fact(DECIDED, 1.0, 2.0, "a"),
    fact(DECIDED, 1.0, 3.0, "b", in_files=False),
    fact(SENT, 1.0, 2.0, "a"),
    fact(SENT, 1.0, 3.0, "b", in_files=False),
    fact(WRITTEN, 1.0, 2.0),
]


def said(*facts: Fact) -> list[str]:
    tally = Tally()
    problems = evaluate("x", sorted(facts, key=lambda one: one.kind), {0: SPAN}, tally, whole=True)
    return [f"{one.line}: {one.id}: {one.said}" for one in problems]


def test_an_id_of_two_models_is_well_with_a_verdict_for_each_and_one_row() -> None:
    tally = Tally()
    assert evaluate("x", OF_BOTH, {0: SPAN}, tally, whole=True) == []
    assert (tally.n_confirmed, tally.n_sent, tally.due["metric_log.csv"], tally.written["metric_log.csv"]) == (
        2,
        2,
        1,
        1,
    )


def test_what_is_missing_for_one_model_is_said_of_it() -> None:
    assert said(*(one for one in OF_BOTH if one != OF_BOTH[9])) == [
        "metric: x of b: its verdict matched 1.0, 3.0 is not in the topic"
    ]
    assert said(*(one for one in OF_BOTH if one != OF_BOTH[3])) == [
        "rows: x of b: its verdicts account for 2 rows, but 1 came in"
    ]
    assert said(*OF_BOTH, fact(WRITTEN, 1.0, 3.0)) == [
        "metric_log.csv: x: the row matched 1.0, 3.0 is there, but was never decided"
    ]
