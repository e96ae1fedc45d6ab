"""How wrong: scores, histograms, and what becomes of them over time. Pure, with numpy."""
