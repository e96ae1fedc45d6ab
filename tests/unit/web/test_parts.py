"""Parts of the pages that are hard to bring about: what they say, from given numbers."""

from __future__ import annotations

from web import answers
from web.state.status import Partition

READY = Partition(0, "ready")


def notices(*partitions: Partition, unreadable: tuple[str, ...] = ()) -> str:
    status = {"silent": {}, "problems": [], "notices": [], "partitions": list(partitions), "unreadable": unreadable}
    template = answers._templates.from_string('{% import "parts.html" as parts %}{{ parts.notices(status) }}')
    return template.render(status=status)


def test_a_table_that_is_being_restored_says_how_far_it_is():
    said = notices(READY, Partition(1, "restoring", restored=0.2), Partition(3, "restoring", restored=0.4))
    assert "<b>Restoring, 30 %.</b> Partitions 1, 3 read their state from the decision log" in said
    assert 'rect width="30.0"' in said
    assert "<b>Restoring, 50 %.</b> Partition 2 reads its state" in notices(Partition(2, "restoring", restored=0.5))


def test_a_table_that_is_whole_says_nothing():
    assert notices(READY).strip() == ""


def test_rows_that_cannot_be_read_are_a_notice_with_the_way_to_them():
    said = notices(READY, unreadable=("120 rows of y_true cannot be read, newest: no field `<b>`.",))
    assert "120 rows of y_true cannot be read, newest: no field `&lt;b&gt;`." in said
    assert 'href="/quarantine"' in said
