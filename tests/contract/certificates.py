"""A CA of the tests' own, and what it signs. Made with openssl; nothing of it leaves the test's directory."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

DAYS = "2"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Certificate(NamedTuple):
    """PEM files: the certificate, its key, and both in one file."""

    cert: Path
    key: Path
    both: Path


class Authority:
    """A CA. `ca` is the PEM file that clients trust."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory / name
        self._directory.mkdir(parents=True)
        self.ca, self._key = self._directory / "ca.pem", self._directory / "ca.key"
        _openssl("req", "-x509", *CURVE, "-keyout", self._key, "-out", self.ca, "-days", DAYS, "-subj", f"/CN={name}")

    def sign(self, name: str, host: str) -> Certificate:
        """Return a new certificate for one DNS name."""
        key, asked, cert, both = (self._directory / f"{name}.{end}" for end in ("key", "csr", "pem", "both.pem"))
        extension = self._directory / f"{name}.ext"
        extension.write_text(f"subjectAltName=DNS:{host}\n")
        _openssl("req", "-new", *CURVE, "-keyout", key, "-out", asked, "-subj", f"/CN={host}")
        signing = ("-CA", self.ca, "-CAkey", self._key, "-CAcreateserial", "-days", DAYS, "-extfile", extension)
        _openssl("x509", "-req", "-in", asked, *signing, "-out", cert)
        both.write_text(key.read_text() + cert.read_text())
        return Certificate(cert, key, both)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
