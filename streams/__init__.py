"""The join and its vocabulary. `faust -A streams ...` finds the Faust app here.

The app is imported when it is asked for, so that the bridge can use the rooms beside it without Faust.
"""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    if name == "app":
        return importlib.import_module("streams.faust_app").app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
