"""TLS: the context that the settings ask for, what a failed handshake means, and which setting cures it."""

from __future__ import annotations

import ssl
from pathlib import Path

from streams.settings import SettingsError

HOST_MISMATCH, IP_MISMATCH = 62, 64
EXPIRED = 10


def tls_problem(exc: ssl.SSLError, broker: str, host: str) -> str:
    """Return the cause of a failed handshake with `broker` (AMQP or KAFKA, as its settings are named)."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        if exc.verify_code in (HOST_MISMATCH, IP_MISMATCH):
            return f"its certificate is not valid for the name {host!r}: use a name that is in the certificate"
        if exc.verify_code == EXPIRED:
            return "its certificate has expired: renew it"
        return (
            f"its certificate is not signed by a CA that is trusted here ({exc.verify_message}): "
            f"set HINDSIGHT_{broker}_TLS_CA to the PEM file of the CA that signed it"
        )
    if exc.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
        return "it does not speak TLS at this port: use its TLS port, or a connection without TLS"
    return f"TLS failed ({exc.reason or exc}): {certificate_hint(broker)}"


def certificate_hint(broker: str) -> str:
    """Return what to try where TLS stands and the broker still hangs up: TLS 1.3 tells a missing certificate so late."""
    return f"if it requires a client certificate, set HINDSIGHT_{broker}_TLS_CERT and HINDSIGHT_{broker}_TLS_KEY"


def tls_context(broker: str, ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return a context that verifies peer and host name; `broker` is AMQP or KAFKA, as its settings are named.

    Raises:
        SettingsError: a certificate's file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
        if cert is not None:
            context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as exc:
        raise SettingsError(f"HINDSIGHT_{broker}_TLS_*: a certificate's file cannot be used: {exc}.") from None
    return context
