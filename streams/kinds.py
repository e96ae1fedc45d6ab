"""The three kinds of rows: what a model predicts from, the truth, and the prediction."""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["features", "y_true", "y_pred"]
KINDS: tuple[Kind, ...] = get_args(Kind)
