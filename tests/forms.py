"""Forms of messages that other people's services send, and what becomes of each: docs/compatibility.md is written from it.

python -m tests.forms
"""

from __future__ import annotations

import gzip
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from streams.fields import Fields
from streams.kinds import Kind
from streams.wire.decoder import Decoder

PAGE = Path(__file__).parents[1] / "docs" / "compatibility.md"
BEGIN, END = "<!-- messages: written by `python -m tests.forms` -->", "<!-- end of messages -->"
Source = Literal["course", "JSON", "in an envelope", "Kafka", "other formats"]


class Form(NamedTuple):
    """One form: who sends it, its bytes, what came beside them, names that are set; `gives`: rows, or how a sentence begins."""

    source: Source
    what: str
    kind: Kind
    body: bytes
    gives: str
    beside: Mapping[str, str] = {}
    fields: Fields = Fields()  # noqa: RUF012  immutable


def _true(what: str, body: bytes, gives: str, **more: Any) -> Form:
    return Form(more.pop("source", "JSON"), what, "y_true", body, gives, **more)


def _pred(what: str, body: bytes, gives: str, **more: Any) -> Form:
    return Form(more.pop("source", "JSON"), what, "y_pred", body, gives, **more)


FORMS: tuple[Form, ...] = (
    _true("a number as id, `body`", b'{"id": 1669147134.19, "body": 151.5}', "1669147134.19 = 151.5", source="course"),
    Form("course", "a list as `body`", "features", b'{"id": 1.5, "body": [0.038, -0.044]}', "1.5 = [0.038, -0.044]"),
    _pred("`model.predict(x).tolist()`", b'{"id": 2.5, "body": [206.1]}', "2.5 = 206.1", source="course"),
    _true("the documented form", b'{"id": "o-1", "ts": 1700000000, "y_true": 8}', "o-1 = 8.0"),
    _true("many rows in a list", b'[{"id": "o-1", "y_true": 8}, {"id": "o-2", "y_true": 9}]', "o-1 = 8.0, o-2 = 9.0"),
    _true("JSON lines", b'{"id": "o-1", "y_true": 8}\n{"id": "o-2", "y_true": 9}\n', "o-1 = 8.0, o-2 = 9.0"),
    *(
        _true(f"the value as `{name}`", f'{{"id": "n", "{name}": 3.25}}'.encode(), "n = 3.25")
        for name in ("y", "value", "val", "data", "target", "label", "actual", "truth", "ground_truth", "groundTruth")
    ),
    *(
        _pred(f"the value as `{name}`", f'{{"id": "n", "{name}": 3.25}}'.encode(), "n = 3.25")
        for name in ("y", "value", "prediction", "predictions", "predicted", "yhat")
    ),
    *(
        _pred(f"the id as `{name}`", f'{{"{name}": "r-7", "y_pred": 3.25}}'.encode(), "r-7 = 3.25")
        for name in ("request_id", "requestId", "message_id", "prediction_id", "event_id", "correlation_id")
    ),
    _pred(
        "two fields that could be the value", b'{"id": "n", "value": 1, "prediction": 2}', "`value` and `prediction`"
    ),
    _pred(
        "the same, with the setting",
        b'{"id": "n", "value": 1, "prediction": 2}',
        "n = 2.0",
        fields=Fields(y_pred=("prediction", "value")),
    ),
    _true(
        "a name that nobody knows", b'{"id": "n", "price_eur": 12}', "no field `y_true`; it has `id`, `price_eur`: set"
    ),
    _true(
        "the same, with the setting", b'{"id": "n", "price_eur": 12}', "n = 12.0", fields=Fields(y_true=("price_eur",))
    ),
    _true(
        "a slip of the keyboard", b'{"id": "n", "y_ture": 12}', "no field `y_true`; it has `id`, `y_ture`: is `y_ture`"
    ),
    _true("a number as text", b'{"id": "n", "y_true": "88.5"}', "n = 88.5"),
    _true("a decimal comma", b'{"id": "n", "y_true": "88,5"}', "`y_true` has a comma"),
    _true("NaN, as Python writes it", b'{"id": "n", "y_true": NaN}', "`y_true` is NaN: NaN is not a value"),
    _true("null", b'{"id": "n", "y_true": null}', "`y_true` is null: send nothing until the truth is known"),
    _true("true", b'{"id": "n", "y_true": true}', "`y_true` is true or false"),
    _pred("two values for one id", b'{"id": "n", "y_pred": [1, 2]}', "`y_pred` holds a list of 2"),
    _pred("a number as the model", b'{"id": "n", "y_pred": 1, "model": 4}', "n = 1.0 by 4"),
    _pred("an object as the model", b'{"id": "n", "y_pred": 1, "model": {"a": 1}}', "n = 1.0"),
    _true("a time in milliseconds", b'{"id": "n", "ts": 1700000000123, "y_true": 1}', "n = 1.0 at 1700000000.123"),
    _true("a time in ISO 8601", b'{"id": "n", "ts": "2023-11-14T22:13:20Z", "y_true": 1}', "n = 1.0 at 1700000000"),
    _true("`timestamp`, no zone", b'{"id": "n", "timestamp": "2023-11-14 22:13:20", "y": 1}', "n = 1.0 at 1700000000"),
    _true("a word as time", b'{"id": "n", "ts": "yesterday", "y_true": 1}', "`ts` is no time"),
    Form(
        "JSON", "features by name", "features", b'{"id": "n", "features": {"bmi": 2, "city": null}}', "n = {'bmi': 2.0,"
    ),
    _true("a byte order mark", b'\xef\xbb\xbf{"id": "n", "y_true": 1}', "n = 1.0"),
    _true("the value alone, `message_id`", b"88.5", "m-1 = 88.5", beside={"message_id": "m-1"}),
    _true("the value alone, `correlation_id`", b"88.5", "c-1 = 88.5", beside={"correlation_id": "c-1"}),
    _true("the value alone", b"88.5", "no id: the body is a value alone"),
    Form("JSON", "features alone, `message_id`", "features", b"[0.5, 2]", "m-1 = [0.5, 2.0]", {"message_id": "m-1"}),
    Form("JSON", "a list of numbers alone", "features", b"[0.5, 2]", "no id"),
    _true("the id in the key", b'{"y_true": 8}', "k-1 = 8.0", source="Kafka", beside={"key": "k-1"}),
    _true("a tombstone", b"", "an empty body", source="Kafka", beside={"key": "k-1"}),
    _true(
        "CloudEvents",
        b'{"specversion": "1.0", "id": "e", "source": "/s", "type": "t", "data": {"order": "o-1", "y_true": 8}}',
        "no field `y_true`; it has `specversion`, `id`, `source`, `type`, `data`: set HINDSIGHT_FIELD_Y_TRUE=data.y_true",
        source="in an envelope",
    ),
    _true(
        "CloudEvents, with settings",
        b'{"specversion": "1.0", "id": "e", "source": "/s", "type": "t", "data": {"order": "o-1", "y_true": 8}}',
        "o-1 = 8.0",
        source="in an envelope",
        fields=Fields(id=("data.order",), y_true=("data.y_true",)),
    ),
    _true(
        "SageMaker's ground truth, with settings",
        b'{"groundTruthData": {"data": "8.5", "encoding": "CSV"}, "eventMetadata": {"eventId": "sm-2"}}',
        "sm-2 = 8.5",
        source="in an envelope",
        fields=Fields(id=("eventMetadata.eventId",), y_true=("groundTruthData.data",)),
    ),
    _pred(
        "KServe v2, with settings",
        b'{"id": "kv-1", "outputs": [{"name": "y", "shape": [1, 1], "datatype": "FP64", "data": [8.5]}]}',
        "kv-1 = 8.5",
        source="in an envelope",
        fields=Fields(y_pred=("outputs.0.data",)),
    ),
    _true(
        "Debezium, with settings",
        b'{"payload": {"after": {"order_id": 17, "price": 8.5}}}',
        "17 = 8.5",
        source="in an envelope",
        fields=Fields(id=("payload.after.order_id",), y_true=("payload.after.price",)),
    ),
    _true("CSV", b"id,y_true\nn,88.5\n", "CSV", source="other formats"),
    _true("`str()` of a Python dict", b"{'id': 'n', 'y_true': 1}", "Python or JavaScript text", source="other formats"),
    _true("XML", b"<row><id>n</id></row>", "XML or HTML", source="other formats"),
    _true("pickle", pickle.dumps({"id": "n", "y_true": 1.0}), "a pickle: send JSON", source="other formats"),
    _true(
        "MessagePack",
        msgspec.msgpack.encode({"id": "n", "y_true": 1}),
        "MessagePack: send JSON",
        source="other formats",
    ),
    _true("Avro of a registry", b"\0\0\0\0\7\2n\0\0", "Avro or Protobuf of a schema registry", source="other formats"),
    _true("UTF-16", '{"id": "n", "y_true": 1}'.encode("utf-16"), "UTF-16 or UTF-32", source="other formats"),
    _true(
        "gzip, unsaid",
        gzip.compress(b'{"id": "n"}', mtime=0),
        "gzip: say so in content_encoding",
        source="other formats",
    ),
    _true("JSON that is cut off", b'{"id": "n", "y_tr', "JSON that is cut off", source="other formats"),
)


def outcome(form: Form) -> str:
    """Return what becomes of a form: its rows, or the sentence of its refusal."""
    rows, refused = Decoder(form.kind, form.fields, ids_of=lambda beside: beside).body(
        form.body, 0.0, beside=form.beside
    )
    return (
        "; ".join([", ".join(map(_shown, rows)), *(one.detail for one in refused)])
        .removeprefix("; ")
        .removesuffix("; ")
    )


def _shown(row: Any) -> str:
    value = next(getattr(row, name) for name in ("y_true", "y_pred", "features") if hasattr(row, name))
    model = f" by {row.model}" if getattr(row, "model", None) else ""
    return f"{row.id} = {value}{model}" + (f" at {row.ts:.3f}".rstrip("0").rstrip(".") if row.ts else "")


def table() -> str:
    """Return the part of the page that is written from the forms."""
    return "\n".join([BEGIN, *_lines(), END])


def _lines() -> Iterator[str]:
    yield from ("| who | what | body | becomes |", "|---|---|---|---|")
    for form in sorted(FORMS, key=lambda form: form.source):
        rows, _ = Decoder(form.kind, form.fields, ids_of=lambda beside: beside).body(form.body, 0.0, beside=form.beside)
        beside = "".join(f", {name} {value}" for name, value in form.beside.items())
        names = "".join(
            f", FIELD_{name.upper()}={','.join(names)}" for name, names in form.fields._asdict().items() if names
        )
        said = f"{'row' if rows else 'refused:'} {outcome(form)}"
        yield f"| {form.source} | {form.what} | `{_escaped(form.body)}`{beside}{names} | {said.replace('|', chr(92) + '|')} |"


def _escaped(body: bytes) -> str:
    text = body.decode("ascii", "backslashreplace").replace("\n", "\\n").replace("|", "\\|")
    return re.sub(r"[^ -~]", lambda found: f"\\x{ord(found[0]):02x}", text)[:110] or " "


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page[: page.index(BEGIN)] + table() + page[page.index(END) + len(END) :], encoding="utf-8")
