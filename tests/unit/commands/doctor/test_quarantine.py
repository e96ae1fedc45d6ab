"""Rows that cannot be read are nothing that is well."""

from __future__ import annotations

from commands.doctor.check_quarantine import findings
from streams.wire.refusals import RECENT_S, Refusals

NOW = 1_700_000_000.0
REFUSED = Refusals("y_true", 120, NOW - 5, "no field `y_true`; it has `price`: set HINDSIGHT_FIELD_Y_TRUE=price")


def test_rows_that_are_refused_now_are_wrong_with_the_setting_that_cures_it() -> None:
    (found,) = findings([REFUSED], NOW)
    assert found.level == "wrong"
    assert found.said.startswith(
        "120 rows of y_true cannot be read, newest: no field `y_true`; it has `price`: set HIND"
    )
    assert "quarantine requeue" in found.said


def test_old_ones_are_worth_knowing_and_none_is_well() -> None:
    assert [one.level for one in findings([REFUSED], NOW + RECENT_S)] == ["note"]
    assert [one.level for one in findings([], NOW)] == ["ok"]
