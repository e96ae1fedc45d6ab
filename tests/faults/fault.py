"""What a fault is: a sentence, a function that does it to a running pipeline, and what it needs."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.limits import RESUMES_S
from tests.faults.scene import Scene
from tests.faults.traffic import Mix

USUAL = Mix()
PATIENT = {"join_window_s": 90.0}
"""For a fault that holds one side of an id up for almost as long as an id usually waits, or longer."""
KINDS = Path(__file__).with_name("kinds")


@dataclass(frozen=True)
class Fault:
    """One fault. `settings` and `alone` give it a pipeline of its own; `chosen` ones run in `make test`.

    `outlasts_window`: an outage takes longer than an id waits, so that none may have one side in Kafka and the other in a queue
    through which it comes late: nobody else writes to Kafka.
    `resumes_s`: within how long rows must flow again; another limit than the usual one has its reason in `because`.
    """

    name: str
    what: str
    strike: Callable[[Scene], None]
    chosen: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    alone: bool = False
    own_brokers: bool = False
    mix: Mix = USUAL
    ids_per_s: float = 200.0
    outlasts_window: bool = False
    resumes_s: float = RESUMES_S
    because: str = ""

    @property
    def shares(self) -> bool:
        """Whether it can run on a pipeline that others used before."""
        return not (self.alone or self.own_brokers or self.settings)


FAULTS: dict[str, Fault] = {}


def fault(what: str, **options: Any) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Register a function as a fault; its name is the fault's. `options` are fields of `Fault`."""

    def register(strike: Callable[[Scene], None]) -> Callable[[Scene], None]:
        name = strike.__name__
        assert name not in FAULTS, f"two faults are called {name}"
        made = Fault(name, what, strike, **options)
        assert (made.resumes_s == RESUMES_S) == (not made.because), f"{name} does not say why its limit is another"
        FAULTS[name] = made
        return strike

    return register


def all_faults() -> dict[str, Fault]:
    """Return every fault of `kinds/`, by name."""
    for module in pkgutil.iter_modules([str(KINDS)]):
        importlib.import_module(f"tests.faults.kinds.{module.name}")
    return FAULTS
