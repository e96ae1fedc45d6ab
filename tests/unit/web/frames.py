"""A page as it is shown, from a test's own values: all that stands around them on any page is there."""

from __future__ import annotations

import time
from typing import Any

from streams.settings import Settings
from web import answers
from web.state.status import Partition, Status

STATUS = Status(*[0] * 21, [], [Partition(0, "ready")], worker="", workers=[""], silent={}, bridge=None, notices=[])


def in_frame(template: str, here: str, **values: Any) -> str:
    """Return a template filled in; `here` is the page's name in the navigation, empty for a page without one."""
    around: dict[str, Any] = {
        "theme": "auto",
        "theme_links": {},
        "here": here,
        "status": STATUS,
        "settings": Settings(),
        "worker": "http://127.0.0.1:6066",
        "now": time.time(),
    }
    return answers.html(template, **around | values)
