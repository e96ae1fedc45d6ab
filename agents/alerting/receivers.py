"""Where notices are posted to: addresses and tokens, read again each time, since files of secrets are rotated."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from streams.alerts.rules import Webhook

NOT_TRIED_AGAIN = frozenset(range(400, 500)) - {401, 403, 404, 408, 425, 429}
"""What an answer of these says of a body will not change; the others may be cured at the receiver."""


class Unsendable(Exception):
    """An address or a token cannot be read; the message is a sentence."""


class Target(NamedTuple):
    """An address to post to, with the headers that it asks for."""

    url: str
    headers: dict[str, str]


def target(receiver: Webhook, environ: Mapping[str, str] = os.environ) -> Target:
    """Return where to post to, as it is now.

    Raises:
        Unsendable: a file cannot be read, a variable is not set, or what it holds is no address.
    """
    url = receiver.url or _secret("url", receiver.url_file, receiver.url_env, environ)
    if not url.startswith(("http://", "https://")):
        raise Unsendable(f"The address of {named(receiver)} does not begin with http:// or https://.")
    if not _has_host(url):
        raise Unsendable(f"The address of {named(receiver)} cannot be used: its host or its port is none.")
    token = _secret("token", receiver.token_file, receiver.token_env, environ)
    return Target(url, {"Authorization": f"Bearer {token}"} if token else {})


def _has_host(url: str) -> bool:
    try:
        found = urlsplit(url)
        return bool(found.hostname) and found.port != 0  # a port that is none is raised
    except ValueError:
        return False


def _secret(what: str, file: str, variable: str, environ: Mapping[str, str]) -> str:
    if variable:
        if not environ.get(variable):
            raise Unsendable(f"{what}_env names {variable}, which is not set.")
        return environ[variable].strip()
    if not file:
        return ""
    try:
        found = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise Unsendable(f"{what}_file names {file!r}, which cannot be read: {exc}.") from None
    if not found or not found.isprintable():
        raise Unsendable(f"{what}_file names {file!r}, which does not hold one line.")
    return found


def named(receiver: Webhook) -> str:
    """Return what people call a receiver: its host, since the rest of an address may be a secret, or where it comes from."""
    if receiver.url:
        return re.split("[/?#]", receiver.url)[2].rpartition("@")[2]
    return f"the one of {receiver.url_file or receiver.url_env}"


def key(receiver: Webhook) -> str:
    """Return what a receiver is known by over restarts: where its address comes from."""
    return f"{receiver.url}|{receiver.url_file}|{receiver.url_env}"
