"""Write what is made from the code: docs/configuration.md from the settings, the API's description from its structs.

`python -m dev docs` writes them; a test holds the files against the code.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from streams.settings import FORMER_NAMES, PREFIX, Settings
from web import openapi

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
HEADINGS = {
    "amqp_url": "RabbitMQ",
    "kafka": "Kafka",
    "field_id": "The fields of a row",
    "linger_s": "The bridge",
    "join_window_s": "The join, the model and the picture",
    "alerts": "Alerts",
    "web_bind": "The web view",
    "dev_dir": "Places and embedded brokers",
}
"""The heading that comes before a setting."""
HEAD = f"""\
# Settings

Every setting is an environment variable. Each has a default that runs on one laptop; an empty variable counts as not set
(but for `{PREFIX}QUEUES`). A `{PREFIX}` name that is not in this list is an error that names the nearest one. Lists are
separated by commas, switches are `true` or `false`, times are seconds.

A secret (marked so) can also come from a file: `{PREFIX}AMQP_PASSWORD_FILE=/run/secrets/amqp` reads it from there. No
command and no log prints a secret.

All processes of one installation (workers, bridges, the data driver) must have the same `{PREFIX}NAMESPACE`,
`{PREFIX}PARTITIONS`, `{PREFIX}JOIN_WINDOW_S`, `{PREFIX}MAX_OUT_OF_ORDERNESS_S` and `{PREFIX}DEDUPE_HORIZON_S`.
`faust -A streams doctor` says which settings are set and whether they fit together.

This page is written by `python -m dev docs` from `streams/settings.py`.
"""


def configuration() -> str:
    """Return the page."""
    return HEAD + "".join(_lines())


def _lines() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if name in HEADINGS:
            yield f"\n## {HEADINGS[name]}\n\n| setting | default | what it is |\n|---|---|---|\n"
        secret = " *(secret)*" if field.annotation is SecretStr else ""
        yield f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {_described(name, field)}{secret} |\n"


def _default(value: Any) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return f"`{value}`".lower()
    if isinstance(value, tuple):
        value = ",".join(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{value}`" if value not in (None, "") else ""


def _described(name: str, field: FieldInfo) -> str:
    said = (field.description or "").replace("|", "\\|") + _formerly(name)
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return said if all(choice in said for choice in choices) else f"{said}: {', '.join(choices)}"


def _formerly(name: str) -> str:
    old = [former for former, current in FORMER_NAMES.items() if current == name]
    return f" (formerly `{PREFIX}{old[0].upper()}`, which still works)" if old else ""


def write() -> None:
    """Write the files."""
    PAGE.write_text(configuration(), encoding="utf-8")
    openapi.PAGE.write_text(openapi.text(), encoding="utf-8")
