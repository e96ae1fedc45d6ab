"""/api/openapi.json: the addresses, and the answers as their structs say. Written by `python -m dev docs`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec

from streams.scores.breakdown import Breakdown
from streams.scores.comparison import Comparison
from streams.scores.delay import Clock
from streams.scores.figures import SPANS, Axis, Figures
from streams.version import version
from web import answers, api
from web.alerts.data import Alerts
from web.features.state import FeatureErrors
from web.pairs.columns import ORDERS
from web.pairs.export import MOST_WITH_FEATURES
from web.pairs.query import MAX_TEXT_CHARS, PAGE_SIZES, STATES, By
from web.quarantine.records import Found
from web.state.status import Status

PAGE = Path(__file__).parent / "static" / "openapi.json"
HEAD = {
    "openapi": "3.1.0",
    "info": {
        "title": "Hindsight",
        "version": version(),
        "description": "What the join holds, why an id is not joined, and how wrong the model is. Only GET and HEAD. Times "
        "are UTC epoch seconds.",
    },
    "security": [{"bearer": []}, {"basic": []}, {}],
}
REF = "#/components/schemas/{name}"
_TEXT = {"type": "string", "maxLength": MAX_TEXT_CHARS}
_AGE = {"type": "string", "pattern": "^([0-9]{1,9}(\\.[0-9]{1,6})?(s|m|min|h|d)?)?$", "examples": ["90", "5m"]}
_WHOLE = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
_NUMBER = {"type": "number"}
PARAMETERS: dict[str, tuple[str, dict[str, Any]]] = {
    "state": ("how the id stands", {"enum": list(STATES)}),
    "q": ("the id, or the quarantined bytes, contain this", _TEXT),
    "partition": ("only this partition", _WHOLE),
    "worker": ("only the partitions of the worker with this address", _TEXT),
    "min_age": ("time since the id last changed, at least", _AGE),
    "max_age": ("time since the id last changed, at most", _AGE),
    "min_error": ("|y_pred - y_true|, at least", _NUMBER),
    "max_error": ("|y_pred - y_true|, at most", _NUMBER),
    "min_signed": ("y_pred - y_true, at least", _NUMBER),
    "max_signed": ("y_pred - y_true, at most", _NUMBER),
    "min_delay": ("seconds from the prediction to its label, at least", _NUMBER),
    "max_delay": ("seconds from the prediction to its label, at most", _NUMBER),
    "clock": ("until when a delay lasts: the join, or the truth's own ts", {"enum": list(get_args(Clock))}),
    "sort": ("the order", {"enum": list(ORDERS)}),
    "n": (f"rows a page; {PAGE_SIZES[-1]} at most are given", _WHOLE),
    "after": (
        "the place that the page before named in `next`; a place of another order is refused",
        {"type": "string", "maxLength": 2048},
    ),
    "before": (
        "a place as of `after`: the rows before it, the nearest one first",
        {"type": "string", "maxLength": 2048},
    ),
    "by": (
        "which time from and to are of: when the id last changed, or when its prediction happened",
        {"enum": list(get_args(By))},
    ),
    "features": (
        f"1: the first {MOST_WITH_FEATURES} rows alone, each with `features`, what it was predicted from, by name",
        {"enum": ["", "1"]},
    ),
    "group": ("only rows of the group with this key", {"type": "string", "pattern": "^([0-9a-f]{10})?$"}),
    "resolved": ("1: with the rows that were requeued or dropped", {"enum": ["", "1"]}),
    "last": (
        "the span up to now; 1h if neither it nor from or to is given",
        {"type": "string", "pattern": "^(all|[1-9][0-9]{0,5}[smhd])?$", "examples": list(SPANS)},
    ),
    "from": ("begin of the span: UTC epoch seconds, or ISO 8601", _TEXT),
    "to": ("end of the span, not included", _TEXT),
    "axis": ("by when they were predicted, or when their label came", {"enum": list(get_args(Axis))}),
    "model": ("of this model; all together if empty", _TEXT),
    "segment": ("of this segment, such as country:DE; all together if empty", _TEXT),
    "first": ("the model that the other one is held against; empty: the first of HINDSIGHT_MODELS", _TEXT),
    "second": ("the model that is better or worse; empty: the next of HINDSIGHT_MODELS", _TEXT),
    "key": ("the key of tags, or y_pred or y_true; the first one if empty", _TEXT),
    "before_from": ("begin of the span that is compared with; the one just before if empty", _TEXT),
    "before_to": ("end of that span, not included", _TEXT),
    "id": ("the id, percent-encoded", {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARS}),
}
FILTERS = (
    "state q partition worker model segment min_age max_age from to by min_error max_error min_signed max_signed "
    "min_delay max_delay clock sort"
)
"""The names that the files of the table take; its pages take `n` and `after` too."""


class Answer(NamedTuple):
    """What an address answers with: a struct as JSON, or text of some type; and what that is."""

    about: str
    kind: type[msgspec.Struct] | str


class Address(NamedTuple):
    """One address: what it is, its parameters, and its answers by status."""

    about: str
    answers: Mapping[int, Answer]
    parameters: str = ""
    is_open: bool = False


_LEFT_OUT = ("default", "title", "properties", "required")
_EXTREMES = (sys.float_info.max, -sys.float_info.max, 1e150, -1e150, 1e11, (1 << 63) - 1)
"""The limits of `streams.wire.checked`, which say nothing to a reader."""
_WRONG = Answer("One sentence that says what is wrong", answers.Error)
_NO_TOKEN = Answer("A token is asked for", answers.Error)
_UNKNOWN = "Nobody can tell now: its partition is being moved or restored, or its worker does not answer"
ADDRESSES = {
    "/livez": Address("The event loop turns", {200: Answer("It does", api.Alive)}, is_open=True),
    "/readyz": Address(
        "Each part of this worker",
        {200: Answer("All parts work", api.Ready), 503: Answer("A part does not; its sentence says why", api.Ready)},
    ),
    "/metrics": Address("Prometheus metrics of this worker", {200: Answer("Text", "text/plain")}),
    "/error_distribution.png": Address(
        "The picture of all errors; its Description holds the scores",
        {200: Answer("A picture", "image/png"), 404: _WRONG},
    ),
    "/events": Address(
        "Server-sent events: a `figures` event a second, with the object of /api/status",
        {200: Answer("A stream without end", "text/event-stream"), 503: _WRONG},
    ),
    "/api/": Address("Every address, and what it answers with", {200: Answer("The addresses", api.Index)}),
    "/api/status": Address("Counts, rates and partitions of all workers", {200: Answer("One flat object", Status)}),
    "/api/scores": Address(
        "How wrong the model is, of the predictions of one span: so far, and as expected of all once their labels are there",
        {
            200: Answer("Figures", Figures),
            400: _WRONG,
            503: Answer("No worker knows; the sentence says why", answers.Error),
        },
        "last from to axis model segment",
    ),
    "/api/segments": Address(
        "The segments of one key, those with the largest share of the loss first, and why the error changed",
        {
            200: Answer("Segments", Breakdown),
            400: _WRONG,
            503: Answer("No worker knows; the sentence says why", answers.Error),
        },
        "last from to model key before_from before_to",
    ),
    "/api/features": Address(
        "Where in the features of the newest matched ids the error is: by quantile of each feature, and in the tails",
        {200: Answer("Errors by feature", FeatureErrors), 400: _WRONG, 503: _WRONG},
        "model",
    ),
    "/api/compare": Address(
        "Two models on the ids that both predicted: is the second better, and how sure is that",
        {
            200: Answer("The comparison", Comparison),
            400: _WRONG,
            503: Answer("No worker knows; the sentence says why", answers.Error),
        },
        "first second last key",
    ),
    "/api/pairs": Address(
        "A page of the table",
        {200: Answer("Rows and the next page", api.Page), 400: _WRONG},
        f"{FILTERS} n after before",
    ),
    "/api/pairs/{id}": Address(
        "One id, and why it is not joined",
        {
            200: Answer("The id", api.One),
            404: Answer("No worker holds it; `why` says what is known", api.One),
            503: Answer(_UNKNOWN, api.One),
        },
        "id",
    ),
    "/api/quarantine": Address(
        "The newest rows that could not be read",
        {200: Answer("Rows", Found), 400: _WRONG, 503: _WRONG},
        "q group resolved",
    ),
    "/api/alerts": Address(
        "The alerts: how each rule stands, what happened, and who is told", {200: Answer("Alerts", Alerts)}
    ),
    "/table/pairs.json": Address(
        "The filtered set as JSON", {200: Answer("Streamed", api.Export), 400: _WRONG}, f"{FILTERS} features"
    ),
    "/table/pairs.csv": Address(
        "The filtered set as CSV; a last line that begins with # says so if rows are missing",
        {200: Answer("Streamed", "text/csv"), 400: _WRONG},
        f"{FILTERS} features",
    ),
    "/table/pairs.ndjson": Address(
        'The filtered set, a JSON object a line; a last {"capped": ...} says so if rows are missing',
        {200: Answer("Streamed", "application/x-ndjson"), 400: _WRONG},
        f"{FILTERS} features",
    ),
}


def document() -> dict[str, Any]:
    """Return the description."""
    kinds = [a.kind for each in ADDRESSES.values() for a in each.answers.values() if not isinstance(a.kind, str)]
    _, schemas = msgspec.json.schema_components([*kinds, *api.BY_NAME], ref_template=REF)
    return {
        **HEAD,
        "paths": {path: {"get": _operation(address)} for path, address in ADDRESSES.items()},
        "components": {
            "securitySchemes": {name: {"type": "http", "scheme": name} for name in ("bearer", "basic")},
            "parameters": {name: _parameter(name) for name in PARAMETERS},
            "schemas": {name: _tidied(schema) for name, schema in sorted(schemas.items())},
        },
    }


def text() -> str:
    """Return the file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _operation(address: Address) -> dict[str, Any]:
    said = address.answers if address.is_open else {**address.answers, 401: _NO_TOKEN}
    found = {
        "summary": address.about,
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in address.parameters.split()],
        "responses": {str(code): _response(answer) for code, answer in said.items()},
    }
    return found | ({"security": []} if address.is_open else {})


def _response(answer: Answer) -> dict[str, Any]:
    if isinstance(answer.kind, str):
        content: dict[str, Any] = {answer.kind: {"schema": {"type": "string"}}}
    else:
        content = {"application/json": {"schema": {"$ref": REF.format(name=answer.kind.__name__)}}}
    return {"description": answer.about, "content": content}


def _parameter(name: str) -> dict[str, Any]:
    about, schema = PARAMETERS[name]
    found = {"name": name, "in": "path" if name == "id" else "query", "description": about, "schema": schema}
    return found | ({"required": True} if name == "id" else {})


def _tidied(schema: Any) -> Any:
    """Return a schema as we mean it: an answer has every field of its struct, and no others; every float is finite."""
    if isinstance(schema, list):
        return [_tidied(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    found = {name: _tidied(each) for name, each in schema.items() if name not in _LEFT_OUT and each not in _EXTREMES}
    if "description" in found:
        found["description"] = " ".join(found["description"].split())
    either = found.get("anyOf", [])
    if either and all([*each] == ["type"] for each in either):
        found["type"] = [each["type"] for each in found.pop("anyOf")]
    if "properties" in schema:
        found["properties"] = {name: _tidied(each) for name, each in schema["properties"].items()}
        found |= {"required": list(schema["properties"]), "additionalProperties": False}
    return found
