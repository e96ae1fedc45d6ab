"""A card is read by whoever joins, without the libraries of the model beside it."""

from __future__ import annotations

import subprocess
import sys


def test_a_card_is_read_without_scikit_learn() -> None:
    """Workers that only join read the cards of the models for their scores; the library would cost them 150 MB."""
    told = "import sys, models.card; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
