"""Output on terminals that know ASCII alone."""

from __future__ import annotations

import io
import sys

import pytest

from streams.process.plain_output import spell_out


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("ascii", b"+ ready x R^2 \\xe9 \\U0001f600 \\udc80"),
        ("latin-1", b"+ ready x R\xb2 \xe9 \\U0001f600 \\udc80"),
        ("utf-8", "✓ ready ✗ R² é 😀 \\udc80".encode()),
    ],
)
def test_any_text_can_be_printed(encoding: str, printed: bytes, monkeypatch: pytest.MonkeyPatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    spell_out()
    print("✓ ready ✗ R² é 😀 \udc80", end="", flush=True)
    assert raw.getvalue() == printed


def test_what_is_no_stream_of_text_is_left(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    spell_out()
    print("✓", end="")
    assert sys.stdout.getvalue() == "✓"
