"""A file of rules, read: what cannot be used is a sentence each, that names the file, the rule and the field."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from streams.alerts.rules import KINDS, Alertmanager, Alerts, Rule, Webhook, seconds

T = TypeVar("T", bound=msgspec.Struct)
TABLES: dict[str, type[msgspec.Struct]] = {"rule": Rule, "webhook": Webhook, "alertmanager": Alertmanager}


class Unusable(Exception):
    """A file of rules cannot be used; the message has a sentence a line."""


def parse(text: str, file: str) -> Alerts:
    """Return what a file of rules says.

    Args:
        text: TOML; `file`: its name, for the sentences.

    Raises:
        Unusable: it is no TOML, or a field in it cannot be used.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:  # a number too long, tables too deep
        raise Unusable(f"{file} is not TOML: {exc}.") from None
    faults = [f"{file}: {name!r} is not a table: {_nearest(name, TABLES)}" for name in document if name not in TABLES]
    found: dict[str, list[Any]] = {}
    for name, kind in TABLES.items():
        found[name], problems = _tables(document.get(name, []), name, kind)
        faults += [f"{file}: {problem}" for problem in problems]
    faults += [f"{file}: {problem}" for problem in _faults_of_all(found["rule"])]
    if faults:
        raise Unusable("\n".join(faults))
    return Alerts(*(tuple(tables) for tables in found.values()))


def faults_of_window(alerts: Alerts, window_s: float) -> list[str]:
    """Return a sentence for each rule whose span is too short for a join window of so many seconds to tell anything."""
    return [
        f"rule {rule.name!r}: over = {rule.over!r} is not longer than the join window, {window_s:g} s, and {rule.metric} "
        "is known only of predictions older than that: take two windows or more."
        for rule in alerts.rules
        if rule.kind.needs_window and seconds(rule.over) <= window_s
    ]


def faults_of_segments(alerts: Alerts, keys: Sequence[str]) -> list[str]:
    """Return a sentence for each rule by a key of tags that segments are not counted by."""
    counted = f"there are {', '.join(keys)}" if keys else "there are none"
    return [
        f"rule {rule.name!r}: by = {rule.by!r} is not among the keys of HINDSIGHT_SEGMENTS: {counted}."
        for rule in alerts.rules
        if rule.by and rule.by not in keys
    ]


def _tables(listed: object, name: str, kind: type[T]) -> tuple[list[T], list[str]]:
    if not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        return [], [f"{name} must be written as [[{name}]], once for each."]
    found, faults = [], []
    for number, table in enumerate(listed, 1):
        values, problems = _fields(table, kind)
        if not problems:
            made = kind(**values)
            problems = list(_faults_of_rule(made) if isinstance(made, Rule) else _faults_of_receiver(made, name))
            found.append(made)
        called = table.get("name")
        which = f"{name} {called!r}" if isinstance(called, str) else f"{name} {number}"
        faults += [f"{which}: {problem}" for problem in problems]
    return found, faults


def _fields(table: Mapping[str, object], kind: type[msgspec.Struct]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of a table by attribute, and what is wrong with it."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values, faults = {}, []
    for name, value in table.items():
        if name not in fields:
            faults.append(f"{name!r} is not a field: {_nearest(name, fields)}")
            continue
        try:
            values[fields[name].name] = _value(value, fields[name].type)
        except msgspec.ValidationError:
            faults.append(f"{name} = {value!r} cannot be used: it must be {_FORMS.get(name, 'text')}.")
    faults += [f"{name} is missing." for name, field in fields.items() if field.required and name not in table]
    return values, faults


_FORMS = {
    "over": "a span such as 90s, 10m, 1h or 7d",
    "for": "a span such as 0s, 90s or 10m",
    "keep": "a span such as 0s, 90s or 10m",
    "name": "letters, digits, '.', '_' and '-', 64 at the most",
    "url": "an address that begins with http:// or https://",
    "metric": f"one of {', '.join(KINDS)}",
    "basis": "expected or so_far",
    "severity": "info, warning or critical",
    "min_pairs": "a whole number from 1 on",
    "min_coverage": "a share from 0 to 1",
    "above": "a number",
    "below": "a number",
    "clear": "a number",
}


def _value(value: object, kind: Any) -> object:
    found = msgspec.convert(value, kind)
    if isinstance(found, float) and not math.isfinite(found):
        raise msgspec.ValidationError
    return found


def _faults_of_rule(rule: Rule) -> Iterator[str]:
    kind = rule.kind
    bounds = [name for name in ("above", "below") if getattr(rule, name) is not None]
    if kind.limit is not None:
        if bounds or rule.clear is not None:
            yield f"{rule.metric} has a limit of its own: leave out above, below and clear."
    elif len(bounds) != 1:
        yield f"{rule.metric} needs one limit, above or below{', not both' if bounds else ''}."
    elif rule.clear is not None and rule.is_beyond(rule.clear):
        side = "above" if rule.below is not None else "below"
        yield f"clear = {rule.clear:g} is past the limit, {rule.limit:g}: it must be {side} it."
    if rule.basis is not None and rule.basis not in kind.bases:
        yield f"basis = {rule.basis!r} does not go with {rule.metric}: {' or '.join(kind.bases) or 'leave it out'}."
    unused = [] if kind.has_span else ["over"]
    unused += [] if rule.metric == "drift" else ["by"]
    unused += [] if kind.is_of_labels else ["min_pairs", "min_coverage", "model"]
    if seconds(rule.over) <= 0:
        yield f"over = {rule.over!r} holds nothing: it must be a span such as 90s, 10m, 1h or 7d."
    defaults = {field.name: field.default for field in msgspec.structs.fields(Rule)}
    for name in unused:
        if getattr(rule, name) != defaults[name]:
            yield f"{name} does not go with {rule.metric}: leave it out."


def _faults_of_receiver(receiver: msgspec.Struct, name: str) -> Iterator[str]:
    for what, least in (("url", 1), ("token", 0)):
        given = [suffix for suffix in ("", "_file", "_env") if getattr(receiver, f"{what}{suffix}", "")]
        if not least <= len(given) <= 1:
            ways = " or ".join(
                f"{what}{suffix}" for suffix in ("", "_file", "_env") if hasattr(receiver, what + suffix)
            )
            yield f"a {name} needs one of {ways}{', not several' if given else ''}."


def _faults_of_all(rules: Iterable[Rule]) -> Iterator[str]:
    for name, n in Counter(rule.name for rule in rules).items():
        if n > 1:
            yield f"rule {name!r} is there {n} times: each needs a name of its own."


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
