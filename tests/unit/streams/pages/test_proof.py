"""A proof opens one address of one worker, for a minute, and gives the token away to nobody."""

from __future__ import annotations

import pytest

from streams.pages.proof import MAX_SKEW_S, SCHEME, Proofs

URL, TARGET, NOW = "http://worker-1:6066", "/peer/pairs?sort=id", 1_700_000_000.0
PROOFS = Proofs("sesame")


def test_who_knows_the_token_is_believed():
    assert Proofs("sesame").holds(PROOFS.proof(URL, TARGET, NOW), URL, TARGET, NOW + 1)
    assert "sesame" not in PROOFS.proof(URL, TARGET, NOW)


@pytest.mark.parametrize(
    ("url", "target", "now"),
    [
        ("http://worker-2:6066", TARGET, NOW),
        (URL, "/peer/status", NOW),
        (URL, TARGET, NOW + MAX_SKEW_S + 1),
        (URL, TARGET, NOW - MAX_SKEW_S - 1),
    ],
    ids=["another worker", "another path", "later", "earlier"],
)
def test_a_proof_is_of_no_use_elsewhere(url, target, now):
    assert not PROOFS.holds(PROOFS.proof(URL, TARGET, NOW), url, target, now)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer sesame", SCHEME, f"{SCHEME} nan:x", f"{SCHEME} {NOW}:", f"{SCHEME} {NOW}:\xe9", f"{SCHEME} x:y"],
)
def test_what_is_no_proof_is_refused(header):
    assert not PROOFS.holds(header, URL, TARGET, NOW)


def test_another_token_proves_nothing():
    assert not PROOFS.holds(Proofs("guess").proof(URL, TARGET, NOW), URL, TARGET, NOW)
