"""Brokers are waited for as long as was asked for, and then what is wrong is said."""

from __future__ import annotations

import pytest

from commands.probes import Unavailable
from commands.topology import Patience


@pytest.mark.parametrize("wait_s", [-1.0, float("nan")])
def test_a_time_that_is_over_or_none_is_not_waited_for(wait_s: float) -> None:
    with pytest.raises(Unavailable, match="it is away"):
        Patience(wait_s).bear(Unavailable("it is away"))


def test_what_is_waited_for_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    patience = Patience(1e9)
    for _ in range(2):
        patience.bear(Unavailable("it is away."))
    assert capsys.readouterr().out == "it is away. Waiting for it.\n"
