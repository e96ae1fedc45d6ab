"""How a worker shows another, or the bridge, that it knows the token, without sending it to whoever answers there.

A proof is an HMAC over whom it is for, what is asked, and when: whoever gets one can use it nowhere else, and not for long.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

SCHEME = "Hindsight-Peer"
MAX_SKEW_S = 60.0
"""So far may the clocks of two workers differ."""


class Proofs:
    """Makes and checks proofs; the key is slow to derive, so that a proof does not give a short token away."""

    def __init__(self, token: str):
        self._key = _key(token)

    def proof(self, url: str, target: str, now: float) -> str:
        """Return the header `Authorization` for asking the worker at `url` for a path with its query."""
        at = f"{now:.3f}"
        return f"{SCHEME} {at}:{self._mac(url, target, at)}"

    def holds(self, authorization: str, url: str, target: str, now: float) -> bool:
        """Tell whether a header proves that the token is known, to the worker at `url`, for this path, about now."""
        scheme, _, rest = authorization.partition(" ")
        at, _, mac = rest.partition(":")
        try:
            is_fresh = abs(now - float(at)) <= MAX_SKEW_S
        except ValueError:
            return False
        is_known = hmac.compare_digest(mac.encode(errors="replace"), self._mac(url, target, at).encode())
        return scheme == SCHEME and is_fresh and is_known

    def _mac(self, url: str, target: str, at: str) -> str:
        said = "\n".join((url, target, at)).encode(errors="replace")
        return hmac.new(self._key, said, "sha256").hexdigest()


@lru_cache(maxsize=2)
def _key(token: str) -> bytes:
    return hashlib.scrypt(token.encode(), salt=b"hindsight peers", n=1 << 14, r=8, p=1)
