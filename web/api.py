"""What the API answers with. `web.openapi` describes it from these structs, and those that they hold."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from streams.scores import metrics
from streams.scores.figures import EXPECTED_NAMES
from streams.scores.rank import Rank
from web.one_id.features import Features
from web.one_id.payloads import Payload
from web.pairs.columns import COLUMNS, IN_FILES, Column

Row = Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/Row"})]
"""The value of each column of the table, by its name."""


class Alive(msgspec.Struct, frozen=True):
    """The event loop turns."""

    alive: bool = True


class Index(msgspec.Struct, frozen=True):
    """What each address answers with; `openapi` describes them in full."""

    addresses: dict[str, str]
    openapi: str = "/api/openapi.json"


class Check(msgspec.Struct, frozen=True):
    """How one part of a worker stands."""

    name: str
    ok: bool
    sentence: str


class Ready(msgspec.Struct, frozen=True):
    """Whether all parts of a worker work, and each of them; `notes` are of the bridge, whose absence stops no worker."""

    ready: bool
    checks: list[Check]
    notes: list[str]


class Page(msgspec.Struct, frozen=True):
    """A page of the table.

    `next` is the address of the next page, `is_whole` whether all ids that can match were looked at, `counts` are the ids
    among those looked at, by state. With n=0 no rows are given, but all ids are counted: `facets` are those of the
    state asked for, by model and by partition. `silent` says of each worker that did not answer how.
    """

    rows: list[Row]
    next: str | None
    n_looked_at: int
    is_whole: bool
    counts: dict[str, int]
    facets: dict[str, dict[str, int]]
    silent: dict[str, str]


class One(msgspec.Struct, frozen=True):
    """One id, why it is not joined, and its rows as they lie in Kafka: of y_pred, of y_true, and one that changed nothing.

    `rank` says how its error stands among those of its day, `features` what it was predicted from, as far as is known.
    `challengers`: how the id stands for each further model, where several are joined.
    """

    id: str
    row: Row | None
    why: str
    silent: dict[str, str]
    payloads: list[Payload]
    rank: Rank | None = None
    features: Features | None = None
    challengers: list[Row] = []


class Export(msgspec.Struct, frozen=True):
    """The filtered set; `capped` says so if rows are missing."""

    rows: list[Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/Exported"})]]
    capped: str | None


def _struct(name: str, columns: tuple[Column, ...]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        name, [(each.name, Annotated[each.type, Meta(description=each.about or None)]) for each in columns]
    )


SO_FAR = msgspec.defstruct(
    "SoFar",
    [*((name, float | None) for name in (*(score.name for score in metrics.SCORES), *metrics.QUANTILES)), ("n", int)],
)
EXPECTED = msgspec.defstruct("Expected", [(name, float | None) for name in EXPECTED_NAMES])
BY_NAME = (_struct("Row", COLUMNS), _struct("Exported", IN_FILES), SO_FAR, EXPECTED)
"""What is sent as a dictionary, made from a registry."""
