"""What somebody says of a model beyond what its estimator knows: a setting, its card, MLflow, the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Value = int | float | str | bool | None
Features = list[Value] | dict[str, Value]
"""The values of one row, in the model's order or by name. They are here so that a card is read without scikit-learn."""


class Told(NamedTuple):
    """Each field is empty where nothing is said.

    `features` are names in the model's order, `example` is a row that it takes, `libraries` the versions it was made with.
    """

    name: str = ""
    version: str = ""
    features: tuple[str, ...] = ()
    example: Features | None = None
    libraries: Mapping[str, str] = {}
    unit: str = ""

    def completed(self, other: Told) -> Told:
        """Return this, and from `other` what this does not say."""
        return Told._make(mine or theirs for mine, theirs in zip(self, other, strict=True))
