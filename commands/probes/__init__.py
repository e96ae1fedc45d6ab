"""What brokers and our own processes say when they are asked, for `status` and `doctor`. Nothing is changed.

Every failure becomes `Unavailable`, whose message names the cause and what to do.
"""

from streams.process.unavailable import Unavailable

__all__ = ["Unavailable"]
