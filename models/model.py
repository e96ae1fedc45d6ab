"""A model that predicts: every row of features becomes one finite number, or one sentence that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from models.columns import Column, category
from models.errors import printable, said
from models.told import Features, Value

MAX_NAMED = 8
"""A sentence names no more features or categories than this."""
MAX_INTEGER = 1 << 1023
Table = Any
"""Rows as a NumPy array or as a pandas DataFrame."""


class Refused(NamedTuple):
    """Why a row has no prediction; `was_asked`: the model itself failed, else the row does not fit the model."""

    sentence: str
    was_asked: bool = False


class _WrongShape(Exception):
    """A model did not answer one number for each row."""


class Model:
    """A regressor by `name` and `version`.

    `columns` says what it takes, in its order, and `names` how they are called; None: nobody knows. `takes_null` says of each
    column whether a missing value is predicted. `remarks` are sentences about its file that a person should read;
    `unit` is that of what it predicts, if its card names one.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        name: str,
        version: str,
        columns: Sequence[Column],
        names: Sequence[str] | None = None,
        by_frame: bool = False,
    ) -> None:
        """Take a fitted estimator; `by_frame`: it was trained on the names itself, and gets a DataFrame with them."""
        self.name = name
        self.version = version
        self.columns = tuple(columns)
        self.names = tuple(names) if names is not None else None
        self.takes_null = (True,) * len(self.columns)
        self.remarks: tuple[str, ...] = ()
        self.unit = ""
        self._predict = estimator.predict
        self._frame_names = pd.Index(self.names, dtype=object) if by_frame and self.names is not None else None
        self._has_categories = any(column.kind in ("text", "category", "code") for column in self.columns)
        self._in_order = itemgetter(*self.names) if self.names is not None and len(self.names) > 1 else None

    @property
    def label(self) -> str:
        """Name and version, as people read them."""
        return f"{self.name} {self.version}"

    def predict(self, rows: Sequence[Features]) -> list[float | Refused]:
        """Predict all rows in one call, each a list in the model's order or a dict by name (further names are ignored).

        A call that fails is halved: a few bad rows among n cost about 2 log2(n) calls each, not n. Never raises.
        """
        if set(map(type, rows)) == {list} and set(map(len, rows)) == {len(self.columns)}:  # the fast way for plain rows
            table = self._numbers(rows)
            if table is not None:
                return self._halving(table)
        answers: list[Any] = [self._arranged(row) for row in rows]
        table = self._numbers([row for row in answers if type(row) is list])
        if table is None:
            answers = [row if type(row) is Refused else self._unfit(row) or row for row in answers]
            table = self._mixed([row for row in answers if type(row) is list])
        predicted = iter(self._halving(table))
        return [answer if type(answer) is Refused else next(predicted) for answer in answers]

    def _arranged(self, row: Features) -> list[Value] | Refused:
        """Return the values of a row in the model's order."""
        if isinstance(row, list):
            if len(row) == len(self.columns):
                return row
            return Refused(f"{_count(len(row), 'feature')}, but {self.label} takes {len(self.columns)}")
        if self.names is None:
            return Refused(
                f"features by name, but {self.label} knows no names: send a list of {_count(len(self.columns), 'number')}"
            )
        try:
            return list(self._in_order(row)) if self._in_order else [row[name] for name in self.names]
        except KeyError:
            return Refused(self._misnamed(row, self.names))

    def _misnamed(self, row: dict[str, Value], names: tuple[str, ...]) -> str:
        missing = [name for name in names if name not in row]
        unknown = [name for name in row if name not in names]
        others = f"; it has {_named(unknown)}, which {self.label} does not know" if unknown else ""
        return f"no feature {_named(missing)}{others}"

    def _numbers(self, rows: Sequence[Features]) -> Table | None:
        """Return the rows as a table of float64; None unless all are numbers, and numbers are all that the model takes."""
        if self._has_categories:
            return None
        table = np.array(rows)
        if table.dtype.kind not in "fiub":
            return None
        table = table.astype(np.float64, copy=False)
        return table if self._frame_names is None or not rows else pd.DataFrame(table, columns=self._frame_names)

    def _unfit(self, row: list[Value]) -> Refused | None:
        """Return why the model cannot take the values of a row; None if it may."""
        for i, (value, column) in enumerate(zip(row, self.columns, strict=True)):
            if value is None:
                if not self.takes_null[i]:
                    return Refused(f"{self._called(i)} is null, and {self.label} takes no missing value there")
            elif type(value) is str and column.kind == "number":
                return Refused(f"{self._called(i)} is {_quoted(value)}, but {self.label} takes a number there")
            elif column.kind == "code" and column.code(value) is None:
                known = ", ".join(_quoted(one) for one in column.categories[:MAX_NAMED])
                more = ", …" if len(column.categories) > MAX_NAMED else ""
                return Refused(
                    f"{self._called(i)} is {_quoted(value)}, which {self.label} was not trained on: it knows {known}{more}"
                )
            elif type(value) is int and abs(value) > MAX_INTEGER:
                return Refused(f"{self._called(i)} is an integer that is too large for a float")
        return None

    def _called(self, i: int) -> str:
        return f"features[{i}]" if self.names is None else _named([self.names[i]])

    def _mixed(self, rows: list[list[Value]]) -> Table:
        """Return the rows as a table whose columns have types of their own."""
        if not rows:
            return np.empty((0, len(self.columns)))
        columns = zip(self.columns, zip(*rows, strict=True), strict=True)
        frame = pd.DataFrame({i: _series(column, values) for i, (column, values) in enumerate(columns)})
        if self._frame_names is None:
            return frame.to_numpy()
        frame.columns = self._frame_names
        return frame

    def _halving(self, table: Table) -> list[float | Refused]:
        if not len(table):
            return []
        try:
            return self._ask(table)
        except BaseException as exc:  # a model raises whatever it likes, SystemExit too
            if len(table) == 1:
                sentence = str(exc) if isinstance(exc, _WrongShape) else f"{self.label} failed: {said(exc)}"
                return [Refused(printable(sentence), was_asked=True)]
        middle = len(table) // 2
        return self._halving(_part(table, 0, middle)) + self._halving(_part(table, middle, len(table)))

    def _ask(self, table: Table) -> list[float | Refused]:
        with np.errstate(all="ignore"):  # what overflows is refused below
            answers = np.asarray(self._predict(table), dtype=np.float64)
        if answers.shape not in ((len(table),), (len(table), 1)):
            answered, asked = _count(answers.size, "number"), _count(len(table), "row")
            raise _WrongShape(f"{self.label} answered {answered} in the shape {answers.shape} for {asked}")
        values: list[Any] = answers.reshape(len(table)).tolist()
        if np.isfinite(answers).all():
            return values
        refused = Refused(f"{self.label} answered NaN or an infinity", was_asked=True)
        return [value if np.isfinite(value) else refused for value in values]


def _part(table: Table, start: int, end: int) -> Table:
    return table.iloc[start:end] if isinstance(table, pd.DataFrame) else table[start:end]


def _series(column: Column, values: Sequence[Value]) -> Any:
    if column.kind == "code":
        return np.array([None if value is None else column.code(value) for value in values], dtype=np.float64)
    if column.kind == "category":
        known = {*column.categories}
        as_known = [value if (value := category(given)) in known else None for given in values]  # as LightGBM does
        return pd.Categorical(as_known, categories=list(column.categories))
    if column.kind == "text" or any(type(value) is str for value in values):
        return pd.Series([np.nan if value is None else category(value) for value in values], dtype=object)
    return np.array(values, dtype=np.float64)  # null becomes NaN


def _named(names: Sequence[str]) -> str:
    shown = [f"`{printable(name, 40)}`" for name in names[:MAX_NAMED]]
    more = [f"{len(names) - MAX_NAMED} more"] if len(names) > MAX_NAMED else []
    *most, last = shown + more
    return f"{', '.join(most)} and {last}" if most else last


def _quoted(value: Any) -> str:
    return f'"{printable(value, 40)}"' if isinstance(value, str) else printable(str(value), 40)


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"
