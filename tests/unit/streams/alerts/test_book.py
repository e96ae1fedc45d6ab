"""The book of alerts: each notice once, whatever happens in between."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.book import MOST_EVENTS, TOLD_FOR_S, Book, Notice
from streams.alerts.readings import Reading
from streams.alerts.rules import Rule

MAE = Rule(name="mae", metric="mae", above=10.0, clear=8.0, severity="critical", runbook="https://wiki/mae")
BIAS = Rule(name="bias", metric="bias", below=-5.0)


def look(book: Book, now: float, mae: float | None, bias: float | None = 0.0, rules=(MAE, BIAS)) -> Book:
    readings = {"mae": Reading(mae, why="31 labels, 50 are needed"), "bias": Reading(bias)}
    return book.looked(rules, readings, now, receivers=["a", "b"])


def sent(book: Book) -> list[tuple[str, str, str]]:
    return [(each.receiver, each.notice.rule, each.notice.status) for each in book.undelivered]


def test_each_receiver_is_sent_what_fires_and_what_is_resolved():
    book = look(look(look(Book(), 100, 5), 110, 12), 120, 7)
    assert sent(book) == [
        ("a", "mae", "firing"),
        ("b", "mae", "firing"),
        ("a", "mae", "resolved"),
        ("b", "mae", "resolved"),
    ]
    assert [each.notice.key for each in book.undelivered][::2] == [
        "hindsight/mae/110.000/firing",
        "hindsight/mae/110.000/resolved",
    ]
    assert book.undelivered[0].notice.sentence == "MAE, expected of all, over 1h: 12.00, above 10.00."


VALUES = st.sampled_from([None, 5.0, 9.0, 12.0])
COVERAGE = Rule(name="coverage", metric="coverage", below=0.5, severity="info")


def looked(book: Book, now: float, mae: float | None, bias: float | None, coverage: float | None = 1.0) -> Book:
    readings = {"mae": Reading(mae), "bias": Reading(bias), "coverage": Reading(coverage)}
    return book.looked((BIAS, MAE, COVERAGE), readings, now, receivers=["a"])


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=40), st.data())
def test_a_cause_is_told_when_it_begins_and_when_it_is_over_and_no_key_twice_over_restarts(values, data):
    book, notices = Book(), []
    for n, (mae, bias, coverage) in enumerate(values):
        book = looked(
            book, 10.0 * n, mae, None if bias is None else -bias, None if coverage is None else coverage / 12 - 0.5
        )
        notices += [each.notice for each in book.undelivered]
        firing = {MAE.name, BIAS.name} & {name for name, state in book.states.items() if state.is_active}
        open_ = {each.key.rpartition("/")[0] for each in notices if each.status == "firing" and each.cause == "error"}
        open_ -= {each.key.rpartition("/")[0] for each in notices if each.status == "resolved"}
        assert bool(open_) == bool(firing), "somebody knows, exactly while something fires"
        assert len(open_) <= 2
        while book.undelivered:
            book = book.without(book.undelivered[0])
        if data.draw(st.booleans()):
            book = msgspec.json.decode(msgspec.json.encode(book), type=Book)
    assert len({notice.key for notice in notices}) == len(notices)


def test_what_fires_at_once_of_one_cause_is_one_notice_of_the_most_severe():
    fired = looked(Book(), 0, 12, -9, 0.1)
    assert sent(fired) == [("a", "mae", "firing"), ("a", "coverage", "firing")]
    assert fired.undelivered[0].notice.also == ("bias: bias, expected of all, over 1h: −9.000, below −5.000.",)
    over = looked(looked(fired, 10, 5, -9, 0.1), 20, 5, 0, 0.1)
    assert sent(over)[2:] == [("a", "mae", "resolved")], "only once nothing of its cause fires"
    assert over.undelivered[-1].notice.sentence.startswith("bias, the last of the same cause: bias, expected of all")


def test_what_fires_later_of_one_cause_is_told_only_if_it_is_more_severe():
    less = looked(looked(Book(), 0, 12, 0), 10, 12, -9)
    assert sent(less) == [("a", "mae", "firing")]
    more = looked(looked(Book(), 0, 5, -9), 10, 12, -9)
    assert sent(more) == [("a", "bias", "firing"), ("a", "mae", "firing")]
    assert sent(looked(more, 20, 5, 0))[2:] == [("a", "bias", "resolved"), ("a", "mae", "resolved")]


def test_a_book_of_before_causes_were_told_of_together_ends_what_it_sent():
    fired = msgspec.to_builtins(look(Book(), 0, 12))
    del fired["standing"]
    fired["undelivered"] = []
    for notice in fired["latest"].values():
        del notice["cause"], notice["also"]
    assert sent(look(msgspec.convert(fired, Book), 10, 5)) == [("a", "mae", "resolved"), ("b", "mae", "resolved")]


def test_an_alertmanager_is_told_what_fires_and_for_five_minutes_what_is_resolved():
    book = look(look(Book(), 0, 12, -9), 10, 12, 0)
    assert [(notice.rule, notice.status) for notice in book.told(20)] == [("mae", "firing"), ("bias", "resolved")]
    assert [notice.rule for notice in book.told(10 + TOLD_FOR_S + 1)] == ["mae"]


def test_a_rule_that_is_removed_while_it_fires_is_resolved_with_the_labels_it_had():
    fired = look(Book(), 0, 12)
    gone = look(fired, 10, None, rules=(BIAS,))
    notice = gone.undelivered[-1].notice
    assert (notice.rule, notice.status, notice.severity) == ("mae", "resolved", "critical")
    assert gone.events[-1].sentence == "The rule was removed from the file."
    assert look(gone, 20, None, rules=(BIAS,)).undelivered == gone.undelivered
    assert "mae" not in look(gone, 11 + TOLD_FOR_S, None, rules=(BIAS,)).latest


def test_what_cannot_be_told_is_an_event_and_no_notice():
    fired = look(Book(), 0, 12)
    unknown = look(fired, 10, None)
    assert unknown.undelivered == fired.undelivered
    assert unknown.events[-1].name == "cannot tell"
    assert unknown.events[-1].sentence == (
        "MAE, expected of all, over 1h: 31 labels, 50 are needed. It stays firing until something can be told."
    )
    assert unknown.states["mae"].is_active


def test_the_last_events_are_kept():
    book = Book()
    for n in range(MOST_EVENTS + 10):
        book = look(book, 10.0 * n, 12 if n % 2 else 5)
        book = msgspec.structs.replace(book, undelivered=[])
    assert len(book.events) == MOST_EVENTS
    assert book.events[-1].at == 10.0 * (MOST_EVENTS + 9)


def test_a_notice_says_all_that_its_rule_says():
    notice = look(Book(), 0, 12).latest["mae"]
    assert isinstance(notice, Notice)
    assert (notice.value, notice.limit, notice.runbook, notice.summary) == (12, 10, "https://wiki/mae", "mae")
